"""From GuardDuty's gaps to calls, in the order that works. Pure.

Per Region: own detectors with explicit features first, so that designation switches on nothing by default; designation, one Region
after the other; auto-enable before members, because CreateMembers applies it to every account in the request; existing members'
features once they are enrolled. What acts on workloads comes after all that, in a stage of its own: the delegated account's and
the members' features, and auto-enable of these last, so that no enrolment switches them on. Where AWS has them in auto-enable
already, enrolment does, and belongs in that stage. Units depend on settings and on what AWS had before the runbook came, never on
how far it has come.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.plan import Action, Blocker, NoChange, Step, Wait
from runbook_lib.services.column import accounts_of, to_do, under_way
from runbook_lib.services.guardduty.calls import Calls
from runbook_lib.services.guardduty.inside import on_workloads
from runbook_lib.services.guardduty.spec import DESIGNATION
from runbook_lib.services.guardduty.state import State
from runbook_lib.services.guardduty.wanted import RANK
from runbook_lib.services.obstacles import explanations
from runbook_lib.services.regional import regional_steps
from runbook_lib.services.view import View


def plan(cells: Cells, state: State, view: View) -> Sequence[Step | NoChange | Blocker]:
    """Every step for the gaps in `cells`, and the reason for everything that needs none."""
    part, population = view.settings.guardduty, view.population
    if part is None:
        return explanations(cells)
    regions = [Region(cells, Calls(part, state.regions[region], population, region)) for region in population.regions]
    return [*regional_steps(DESIGNATION, cells, population, regions), *explanations(cells)]


def lowers(cell: Cell) -> bool:
    """Whether doing what the cell asks lowers protection."""
    return RANK.get(cell.observed, 0) > RANK.get(cell.desired, 0)


@dataclass(frozen=True)
class Region:
    """One Region's steps."""

    cells: Cells
    calls: Calls

    @property
    def name(self) -> str:
        return self.calls.region

    def _raising(self, *aspects: str) -> list[Cell]:
        return [cell for cell in to_do(self.cells, self.calls.region, *aspects) if not lowers(cell)]

    def _lowering(self, *aspects: str) -> list[Cell]:
        return [cell for cell in to_do(self.cells, self.calls.region, *aspects) if lowers(cell)]

    def _observed(self, aspect: str, observed: str) -> frozenset[str]:
        return accounts_of(cell for cell in self._raising(aspect) if cell.observed == observed)

    def prepare(self) -> list[Action]:
        """The delegated account's own detector."""
        return self._detector(self.calls.population.delegated, "prepare")

    def management(self) -> list[Action]:
        """The management account's own detector: without one it cannot become a member. A member is resumed as such."""
        management = self.calls.population.management
        if management in self._observed("membership", "Disabled"):
            return []
        steps = self._detector(management, "management")
        suspended = management in self._observed("detector", "suspended")
        return [*steps, self.calls.resume(management, "management", ())] if suspended else steps

    def _detector(self, account: str, stage: str) -> list[Action]:
        return [self.calls.create_detector(account, stage)] if account in self._observed("detector", "none") else []

    def delegated(self, usable: tuple[str, ...], prepared: tuple[str, ...]) -> list[Step]:
        """Everything the delegated account does as administrator."""
        organization = self._organization(usable, workloads=False)
        enrolling, wait, awaited = self._members(usable, tuple(step.id for step in organization))
        after = usable, awaited, wait
        steps = [*self._own(usable), *organization, *enrolling, *self._features(*after, workloads=False), *self._export(usable)]
        acting = [*self._own_workloads(usable, prepared), *self._features(*after, workloads=True)]
        return [*steps, *acting, *self._organization(usable, workloads=True), *self._lowered(usable)]

    def _own_lacking(self, *, workloads: bool) -> list[str]:
        """The features that the delegated account itself lacks."""
        cells = [cell for cell in self._raising("features") if self.calls.population.delegated in cell.accounts]
        return [cell.item for cell in cells if on_workloads(cell.item) == workloads]

    def _own_workloads(self, usable: tuple[str, ...], prepared: tuple[str, ...]) -> list[Action]:
        """What acts on workloads in the delegated account: a new detector has it off, so that it is decided apart."""
        lacking = self._own_lacking(workloads=True)
        return [self.calls.own_workloads(lacking, (*usable, *prepared))] if lacking else []

    def _own(self, usable: tuple[str, ...]) -> list[Step]:
        """The delegated account's existing detector: resumed, missing features, frequency. A new one has them from the start."""
        delegated = self.calls.population.delegated
        if delegated in self._observed("detector", "none"):
            return []
        steps: list[Step] = []
        lacking = self._own_lacking(workloads=False)
        if lacking or delegated in self._observed("detector", "suspended"):
            steps.append(self.calls.resume(delegated, "delegated", usable, lacking))
        if frequency := self._raising("publishing frequency"):
            steps.append(self.calls.frequency(frequency[0].observed, usable))
        return steps

    def _organization(self, after: tuple[str, ...], *, workloads: bool) -> list[Action]:
        gaps = self._raising("auto-enable")
        # Before designation what is wanted off is open too: it asks for no call beside one that switches something on.
        kinds = {on_workloads(cell.item) for cell in gaps if cell.desired != "NONE"} or {False}
        raised = [cell for cell in gaps if on_workloads(cell.item) == workloads and workloads in kinds]
        held = {cell.item for cell in self.cells if self._is_held(cell)}
        return [self.calls.organization(held, raised, after, workloads=workloads)] if raised else []

    def _is_held(self, cell: Cell) -> bool:
        """Auto-enable values that this Region's raising call must not carry: what would lower is decided apart."""
        return cell.region == self.calls.region and cell.aspect == "auto-enable" and cell.in_scope and lowers(cell)

    def _enrolment_stage(self) -> str:
        """Where accounts are enrolled: AWS applies auto-enable to them, and with it what acts on workloads, where that is on."""
        applied = [item for item, choice in self.calls.enrolment_applies().items() if choice != "NONE"]
        return "workloads" if any(map(on_workloads, applied)) else "delegated"

    def _members(self, usable: tuple[str, ...], organization: tuple[str, ...]) -> tuple[list[Step], Wait | None, frozenset[str]]:
        """The steps that enrol accounts, the wait that ends them, and whom it waits for."""
        stage = self._enrolment_stage()
        gaps = self._raising("membership")
        delegated = frozenset({self.calls.population.delegated})
        resumed = self._observed("membership", "Disabled") - delegated
        created = accounts_of(gaps) - resumed - delegated
        steps: list[Step] = [
            *self.calls.create_members(created, usable + organization, stage),
            *self.calls.start(resumed, usable, stage),
        ]
        awaited = created | resumed | accounts_of(under_way(self.cells, self.calls.region, "membership"))
        wait = self.calls.enrolled(awaited, usable + tuple(step.id for step in steps), stage) if awaited else None
        return [*steps, *([wait] if wait else [])], wait, awaited

    def _features(self, usable: tuple[str, ...], awaited: frozenset[str], wait: Wait | None, *, workloads: bool) -> list[Action]:
        """One feature set of a kind for all members that lack any of it; accounts with a governed item get it without that item."""
        cells = [cell for cell in self._raising("features") if on_workloads(cell.item) == workloads]
        lacking = accounts_of(cells) & self.calls.population.members[self.calls.region]
        sendable = {item: accounts for item, accounts in self._sendable().items() if on_workloads(item) == workloads}
        groups: dict[tuple[str, ...], set[str]] = {}
        for account in sorted(lacking):
            items = tuple(item for item, accounts in sendable.items() if account in accounts)
            groups.setdefault(items, set()).add(account)
        steps: list[Action] = []
        for items, accounts in sorted(groups.items()):
            waits = wait if wait and accounts & awaited else None
            stage = "workloads" if workloads else waits.stage if waits else "delegated"
            steps += self.calls.member_features(items, accounts, (*usable, *((waits.id,) if waits else ())), stage)
        return steps

    def _sendable(self) -> dict[str, frozenset[str]]:
        """Wanted item → accounts that may be sent it: those that have it or are to get it, not those it is blocked for."""
        wanted = [
            cell
            for cell in self.cells
            if (cell.region, cell.aspect, cell.desired) == (self.calls.region, "features", "ENABLED")
            and cell.in_scope
            and (cell.status is Status.COVERED or cell.gap is Gap.TO_DO)
        ]
        items = sorted({cell.item for cell in wanted})
        return {item: accounts_of(cell for cell in wanted if cell.item == item) for item in items}

    def _export(self, usable: tuple[str, ...]) -> list[Step]:
        pending = under_way(self.cells, self.calls.region, "export")
        if not to_do(self.cells, self.calls.region, "export"):
            return [self.calls.exporting(usable)] if pending else []
        created = self.calls.export(usable)
        return [created, self.calls.exporting((*usable, created.id))]

    def _lowered(self, usable: tuple[str, ...]) -> list[Step]:
        """What settings allow to lower, each in calls of its own, in the last stage."""
        steps: list[Step] = []
        if auto := self._lowering("auto-enable"):
            steps.append(self.calls.lower_organization(auto, usable))
        if frequency := self._lowering("publishing frequency"):
            steps.append(self.calls.frequency(frequency[0].observed, usable, lower=True))
        for cell in self._lowering("features"):
            steps += self.calls.lower_feature(cell, usable)
        return steps
