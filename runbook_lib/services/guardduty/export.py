"""Aspect "export": findings go to a bucket that settings name; a detector has one destination."""

from collections.abc import Sequence

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action, BackOut, Condition, Reference, Step, Wait
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Aspect, Place, Planned
from runbook_lib.services.column import BEYOND, Column
from runbook_lib.services.guardduty.detector import detector
from runbook_lib.services.guardduty.observe import detector_found, read_destinations
from runbook_lib.services.guardduty.state import Destination, RegionState
from runbook_lib.settings.sections.guardduty import ExportDestination, GuardDutySection

Here = Place[GuardDutySection, RegionState]
DEAD = {"UNABLE_TO_PUBLISH_FIX_DESTINATION_PROPERTY", "STOPPED"}


class Export(Aspect[GuardDutySection, RegionState]):
    name = "export"
    calls = frozenset({"CreatePublishingDestination"})

    def cells(self, place: Here) -> Cells:
        wanted = (place.section.export or {}).get(place.region)
        column = place.column(self.name, desired=wanted.bucket_arn if wanted else "")
        found = place.seen.destinations
        shown = ", ".join(each.bucket_arn for each in found.value) if isinstance(found, Known) else ""
        accounts = {place.delegated}
        if wanted is None:
            return column.unmanaged(accounts, shown) if shown else ()
        if not place.whole:
            return column.unmanaged(accounts, shown or "none", BEYOND)
        if isinstance(found, Unknown):
            return column.unknown(accounts, found.code, found.reason, found.next_step)
        if isinstance(found, NotYet) or not found.value:
            return column.to_do(accounts, "findings are not exported", "none")
        return _destination(column, accounts, found.value, wanted)

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Step]:
        if stage != "delegated":
            return []
        created = [self._create(place, planned.usable)] if self.raising(place, cells) else []
        if not (created or self.under_way(place, cells)):
            return []
        after = planned.usable + tuple(step.id for step in created)
        condition = Condition("export publishing", self.name)
        sentence = f"GuardDuty has verified the destination and exports findings of {place.region}"
        return [*created, place.wait("ListPublishingDestinations", condition, sentence, after, deadline=300)]

    def _create(self, place: Here, after: tuple[str, ...]) -> Action:
        """Export findings; members' findings are included."""
        wanted = (place.section.export or {})[place.region]
        return place.action(
            "CreatePublishingDestination",
            {
                "DetectorId": detector(place),
                "DestinationType": "S3",
                "DestinationProperties": {"DestinationArn": wanted.bucket_arn, "KmsKeyArn": wanted.kms_key_arn},
            },
            reason=f"findings of {place.region} are not exported",
            affects=frozenset({place.delegated}),
            after=after,
            before="no destination",
            becomes=f"findings go to {wanted.bucket_arn}",
            back_out=BackOut(
                "Ends the export; what is in the bucket stays.",
                "DeletePublishingDestination",
                {
                    "DetectorId": detector(place),
                    "DestinationId": Reference("guardduty:destination", place.delegated, place.region),
                },
            ),
        )

    def reached(self, wait: Wait, reader: Reader) -> Progress:
        found = detector_found(wait.account, wait.region, reader)
        statuses = {each.status for each in read_destinations(wait.account, wait.region, found, reader)} if found else set()
        seen = ", ".join(sorted(statuses)) or "no destination"
        refused = {"": f"the destination is {seen}"} if statuses & DEAD else {}
        return Progress(WHOLE if statuses == {"PUBLISHING"} else NONE, refused, seen)

    def effect(self, action: Action, reader: Reader) -> Progress:
        found = detector_found(action.account, action.region, reader)
        wanted = action.parameters["DestinationProperties"]
        listed = read_destinations(action.account, action.region, found, reader) if found else ()
        same = [each for each in listed if (each.bucket_arn, each.kms_key_arn) == (wanted["DestinationArn"], wanted["KmsKeyArn"])]
        if listed and not same:
            return Progress(NONE, {"": "another destination exists"}, listed[0].bucket_arn)
        return Progress(WHOLE if same else NONE, {}, same[0].status if same else "no destination")


def _destination(column: Column, accounts: set[str], found: tuple[Destination, ...], wanted: ExportDestination) -> Cells:
    same = [each for each in found if (each.bucket_arn, each.kms_key_arn) == (wanted.bucket_arn, wanted.kms_key_arn)]
    if not same:
        other = ", ".join(each.bucket_arn for each in found)
        step = "Name the existing destination in settings, or remove it deliberately; then plan again."
        return column.blocked(accounts, "findings are exported to another destination; a detector has one", step, other)
    status = same[0].status
    if status == "PUBLISHING":
        return column.covered(accounts, "findings are exported", status)
    if status == "PENDING_VERIFICATION":
        return column.in_progress(accounts, "AWS is verifying the destination", status)
    step = "Correct the bucket policy and the key policy for GuardDuty's service principal; AWS then goes on by itself."
    return column.blocked(accounts, f"the destination is {status}", step, status)
