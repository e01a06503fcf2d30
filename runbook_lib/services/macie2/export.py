"""Where results of discovery are kept: a bucket and a key that settings name and that are there. An account has one destination."""

from collections.abc import Sequence

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action, BackOut
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Aspect, Place, Planned
from runbook_lib.services.column import BEYOND, SETTINGS_OWNER
from runbook_lib.services.macie2.observe import read_destination
from runbook_lib.services.macie2.state import Destination, RegionState
from runbook_lib.settings.sections.macie2 import MacieSection

Here = Place[MacieSection, RegionState]
OPERATION = "PutClassificationExportConfiguration"


def _wanted(place: Here) -> Destination | None:
    named = (place.section.export or {}).get(place.region)
    return Destination(named.bucket_name, named.key_prefix or "", named.kms_key_arn) if named else None


def _parameters(wanted: Destination) -> dict[str, dict[str, dict[str, str]]]:
    prefix = {"keyPrefix": wanted.key_prefix} if wanted.key_prefix else {}
    return {"configuration": {"s3Destination": {"bucketName": wanted.bucket_name, **prefix, "kmsKeyArn": wanted.kms_key_arn}}}


class Export(Aspect[MacieSection, RegionState]):
    name = "export"
    calls = frozenset({OPERATION})

    def cells(self, place: Here) -> Cells:
        wanted, found, accounts = _wanted(place), place.seen.destination, {place.delegated}
        column = place.column(self.name, desired=wanted.words if wanted else "")
        shown = found.value.words if isinstance(found, Known) and found.value else ""
        if wanted is None:
            return column.unmanaged(accounts, shown) if shown else ()
        if not place.whole:
            return column.unmanaged(accounts, shown or "none", BEYOND)
        if isinstance(found, Unknown):
            return column.unknown(accounts, found.code, found.reason, found.next_step)
        if not isinstance(found, Known) or found.value is None:
            return column.to_do(accounts, "results of discovery are kept for 90 days only", "none")
        if found.value == wanted:
            return column.covered(accounts, "results of discovery are exported", shown)
        step = "Name the existing bucket, prefix and key in settings, or change the destination deliberately; then plan again."
        return column.blocked(accounts, "results are exported to another place; an account has one", step, shown, SETTINGS_OWNER)

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Action]:
        wanted = _wanted(place)
        if stage != "delegated" or wanted is None or not self.raising(place, cells):
            return []
        return [
            place.action(
                OPERATION,
                _parameters(wanted),
                affects=frozenset({place.delegated}),
                before="no destination",
                after=(*planned.usable, *planned.ids("session", "prepare")),
                becomes=f"results go to {wanted.words}",
                reason=f"results of discovery in {place.region} are not exported",
                back_out=BackOut("Not by a call: AWS changes a destination, and takes none back. What is in the bucket stays."),
            )
        ]

    def effect(self, action: Action, reader: Reader) -> Progress:
        found = read_destination(action.account, action.region, reader)
        if found is not None and _parameters(found) != _plain(action):
            return Progress(NONE, {"": "another destination exists"}, found.words)
        return Progress(WHOLE if found else NONE, {}, found.words if found else "no destination")


def _plain(action: Action) -> dict[str, dict[str, dict[str, str]]]:
    return {"configuration": {"s3Destination": dict(action.parameters["configuration"]["s3Destination"])}}
