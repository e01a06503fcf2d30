"""The own detectors of the delegated and the management account: GuardDuty is on there.

A new detector says of every feature that AWS would switch on by itself whether it is wanted, so that no default decides; what acts
on workloads is off in it, and decided in a stage of its own.
"""

from collections.abc import Sequence

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action, BackOut, Reference
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Aspect, Place, Planned
from runbook_lib.services.column import Column, accounts_of, to_do
from runbook_lib.services.guardduty.inside import enabling, on_workloads
from runbook_lib.services.guardduty.observe import read_detector
from runbook_lib.services.guardduty.state import Detector, RegionState
from runbook_lib.services.guardduty.wanted import NEWER, existing, features, items_of, own_detector, superseding, unavailable
from runbook_lib.services.membership import MEMBERSHIP
from runbook_lib.settings.sections.guardduty import GuardDutySection

Here = Place[GuardDutySection, RegionState]
FEATURES = "features"


def detector(place: Here, account: str = "") -> Reference:
    """The detector that AWS made, of the delegated account unless another one is named."""
    return Reference("guardduty:detector", account or place.delegated, place.region)


def own_cells(column: Column, account: str, found: Observation[Detector | None]) -> Cells:
    """Whether an account's own detector is on."""
    if isinstance(found, Unknown):
        return column.unknown({account}, found.code, found.reason, found.next_step)
    if not isinstance(found, Known) or found.value is None:
        return column.to_do({account}, "the account has no detector of its own", "none")
    if not found.value.enabled:
        return column.to_do({account}, "the account's own detector is suspended", "suspended")
    return column.covered({account}, "the account's own detector is on", "on")


def frequency_parameter(section: GuardDutySection) -> dict[str, str]:
    return {"FindingPublishingFrequency": section.publishing_frequency} if section.publishing_frequency else {}


def wanted_items(place: Here, *, workloads: bool) -> dict[str, str]:
    """What the delegated account's own detector is to have on, of one kind, without what a policy governs."""
    own = place.seen.delegated.value if isinstance(place.seen.delegated, Known) else None
    governed = own.governed if own else frozenset[str]()
    items = existing(place.section)
    wanted = [item for item, on in items.items() if on and not unavailable(item, items, place.region)]
    if own and NEWER in own.on:
        wanted = [item for item in wanted if not superseding(item)]
    return dict.fromkeys((i for i in wanted if i not in governed and on_workloads(i) == workloads), "ENABLED")


def own_lacking(place: Here, cells: Cells, *, workloads: bool) -> list[str]:
    """The features that the delegated account itself lacks."""
    mine = (cell for cell in to_do(cells, place.region, FEATURES) if place.delegated in cell.accounts and cell.desired == "ENABLED")
    return [cell.item for cell in mine if on_workloads(cell.item) == workloads]


class Detectors(Aspect[GuardDutySection, RegionState]):
    name = "detector"
    calls = frozenset({"CreateDetector", "UpdateDetector"})

    def cells(self, place: Here) -> Cells:
        column = place.column(self.name, desired="on")
        own = own_cells(column, place.delegated, place.seen.delegated)
        return own if place.management not in place.members else (*own, *own_cells(column, place.management, place.seen.management))

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Action]:
        """The management account needs a detector of its own to become a member; one that is a member is resumed as such."""
        lacking, suspended = self._observed(place, cells, "none"), self._observed(place, cells, "suspended")
        if stage == "prepare" and place.delegated in lacking:
            return [self._create(place, place.delegated, stage)]
        if stage == "management" and place.management not in _suspended_members(place, cells):
            created = [self._create(place, place.management, stage)] if place.management in lacking else []
            return created or ([self._resume(place, place.management, stage, ())] if place.management in suspended else [])
        if stage == "delegated" and place.delegated not in lacking:
            without = own_lacking(place, cells, workloads=False)
            if without or place.delegated in suspended:
                return [self._resume(place, place.delegated, stage, planned.usable, without)]
        return []

    def _observed(self, place: Here, cells: Cells, observed: str) -> frozenset[str]:
        return accounts_of(cell for cell in self.raising(place, cells) if cell.observed == observed)

    def _create(self, place: Here, account: str, stage: str) -> Action:
        """An own detector whose features are said: no default of AWS decides."""
        on = [item for item, wanted in existing(place.section).items() if wanted and not on_workloads(item)]
        return place.action(
            "CreateDetector",
            {"Enable": True, "Features": own_detector(place.section, place.region), **frequency_parameter(place.section)},
            account=account,
            stage=stage,
            reason=f"account {account} has no detector in {place.region}",
            affects=frozenset({account}),
            before="no detector",
            becomes="detector on with " + (", ".join(on) or "no optional feature"),
            back_out=BackOut(
                "Deletes the detector and its findings; only possible while the account is not an administrator with members.",
                "DeleteDetector",
                {"DetectorId": detector(place, account)},
            ),
            inside_accounts=enabling(on),
        )

    def _resume(self, place: Here, account: str, stage: str, after: tuple[str, ...], lacking: Sequence[str] = ()) -> Action:
        """An existing own detector: on, with every wanted feature (the management account's features follow as a member)."""
        wanted = wanted_items(place, workloads=False) if account == place.delegated else {}
        sent = {"Features": features(wanted, "Status")} if wanted else {}
        return place.action(
            "UpdateDetector",
            {"DetectorId": detector(place, account), "Enable": True, **sent},
            account=account,
            stage=stage,
            after=after,
            affects=frozenset({account}),
            reason=f"account {account}'s own detector is suspended or lacks features" + listed(lacking),
            before="suspended, or without" + (listed(lacking) or ": nothing"),
            becomes="detector on with " + (", ".join(wanted) or "its features unchanged"),
            back_out=BackOut(
                "Switches the features off again that were off; a detector that was suspended is suspended by Enable false.",
                "UpdateDetector",
                {"DetectorId": detector(place, account), "Features": features(dict.fromkeys(lacking, "DISABLED"), "Status")},
            ),
            inside_accounts=enabling(lacking),
        )

    def effect(self, action: Action, reader: Reader) -> Progress:
        """On, with each feature as the call says, and the frequency where it says one."""
        found = read_detector(action.account, action.region, reader)
        if found is None:
            return Progress(NONE, {}, "no detector")
        wanted = items_of(action.parameters.get("Features") or (), "Status")
        differs = [item for item, status in wanted.items() if status and (item in found.on) != (status == "ENABLED")]
        if action.parameters.get("FindingPublishingFrequency", found.frequency) != found.frequency:
            differs.append("FindingPublishingFrequency")
        if action.parameters.get("Enable", found.enabled) != found.enabled:
            differs.append("Enable")
        if not differs:
            return Progress(WHOLE, {}, "the detector is as planned")
        seen = f"the detector differs in {', '.join(differs)}"
        created = action.operation == "CreateDetector"
        return Progress(NONE, {"": f"a detector exists already; {seen}; plan again"} if created else {}, seen)


def _suspended_members(place: Here, cells: Cells) -> frozenset[str]:
    return accounts_of(cell for cell in to_do(cells, place.region, MEMBERSHIP) if cell.observed == "Disabled")


def listed(items: Sequence[str]) -> str:
    return f": {', '.join(items)}" if items else ""
