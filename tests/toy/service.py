"""X-Ray as a service of the runbook: read, and one aspect."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action, BackOut, Condition, Step, Wait
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Aspect, Place, Planned
from runbook_lib.services.designation import Administrators
from runbook_lib.services.enabling import Enabling
from runbook_lib.services.offers import offered
from runbook_lib.services.protocol import Service
from runbook_lib.services.view import View
from toy.section import XRaySection
from toy.spec import NAME, SPEC

Config = tuple[str, str]
"""Key ("" for AWS's own), status."""


@dataclass(frozen=True)
class State:
    regions: Mapping[str, Observation[Config]]
    administrators: Administrators = field(default_factory=dict)


def read(account: str, region: str, reader: Reader) -> Config:
    answer = reader.read(NAME, "GetEncryptionConfig", account, region)["EncryptionConfig"]
    return answer.get("KeyId", ""), answer["Status"]


def observed(account: str, region: str, reader: Reader) -> Observation[Config]:
    try:
        return Known(read(account, region, reader))
    except CallFailed as error:
        return unread(error)


Here = Place[XRaySection, Observation[Config]]


class Encryption(Aspect[XRaySection, Observation[Config]]):
    name = "encryption"
    calls = frozenset({"PutEncryptionConfig"})

    def cells(self, place: Here) -> Cells:
        column, seen, us = place.column(self.name, desired=place.section.key), place.seen, {place.delegated}
        if not offered(NAME, "KMS", place.region):
            return column.not_applicable(us, "not offered in this Region")
        if isinstance(seen, Unknown):
            return column.unknown(us, seen.code, seen.reason, seen.next_step)
        key, status = seen.value if isinstance(seen, Known) else ("", "")
        if key != place.section.key:
            return column.to_do(us, f"traces are encrypted by {key or 'a key of AWS'}", key)
        return column.in_progress(us, "AWS changes the key", key) if status == "UPDATING" else column.covered(us, "encrypted", key)

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> list[Step]:
        if stage != "delegated":
            return []
        calls = [
            place.action(
                "PutEncryptionConfig", {"Type": "KMS", "KeyId": cell.desired}, affects=cell.accounts, reason=cell.reason,
                before=cell.observed or "a key of AWS", becomes=cell.desired,
                back_out=BackOut("Encrypts by AWS's key again.", "PutEncryptionConfig", {"Type": "NONE"}),
            )
            for cell in self.raising(place, cells)
        ]  # fmt: skip
        if not (calls or self.under_way(place, cells)):
            return []
        condition = Condition(f"encryption active: {place.section.key}", self.name, (place.section.key,))
        after = tuple(call.id for call in calls)
        return [*calls, place.wait("GetEncryptionConfig", condition, f"the key is in use in {place.region}", after)]

    def reached(self, wait: Wait, reader: Reader) -> Progress:
        key, status = read(wait.account, wait.region, reader)
        return Progress(WHOLE if ((key,), status) == (wait.condition.wanted, "ACTIVE") else NONE, {}, f"{key} {status}")

    def effect(self, action: Action, reader: Reader) -> Progress:
        key, status = read(action.account, action.region, reader)
        return Progress(WHOLE if key == action.parameters["KeyId"] else NONE, {}, f"{key} {status}")


class XRay(Enabling[State, XRaySection, Observation[Config]]):
    spec = SPEC
    aspects = (Encryption(),)
    reading = frozenset({"GetEncryptionConfig"})

    def observe(self, view: View, reader: Reader) -> State:
        regions = view.population.regions
        jobs = [partial(observed, view.delegated, region, reader) for region in regions]
        return State(dict(zip(regions, reader.parallel(jobs), strict=True)))

    def seen(self, state: State, region: str) -> Observation[Config]:
        return state.regions[region]


SERVICE: Service = XRay()
