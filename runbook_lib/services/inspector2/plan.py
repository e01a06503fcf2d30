"""From Inspector's gaps to calls, in the order that works. Pure.

Per Region: the delegated account switched on with wanted scan types alone, so that designation finds it on; designation, one
Region after the other; members associated one by one (AWS takes one per call, and works on), then switched on in batches, the
delegated account never among them; auto-enable and scan settings. The scan types that act on workloads, auto-enable of these and
the EC2 scan mode come after all that, in a stage of their own; only where settings want no other type has the delegated account
to begin with them, because designation would switch on more in an account that is off. Units depend on settings and on what AWS
had before the runbook came, never on how far it has come.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.plan import Action, Blocker, NoChange, Step, Wait
from runbook_lib.services.column import accounts_of, to_do, under_way
from runbook_lib.services.inspector2.assess import lowers
from runbook_lib.services.inspector2.assess_scans import wanted_types
from runbook_lib.services.inspector2.calls import Calls
from runbook_lib.services.inspector2.inside import WORKLOADS
from runbook_lib.services.inspector2.spec import DESIGNATION
from runbook_lib.services.inspector2.state import State
from runbook_lib.services.obstacles import explanations
from runbook_lib.services.regional import regional_steps
from runbook_lib.services.view import View


def plan(cells: Cells, state: State, view: View) -> Sequence[Step | NoChange | Blocker]:
    """Every step for the gaps in `cells`, and the reason for everything that needs none."""
    part, population = view.settings.inspector, view.population
    if part is None:
        return explanations(cells)
    regions = [Region(cells, Calls(part, state.regions[region], population, region)) for region in population.regions]
    return [*regional_steps(DESIGNATION, cells, population, regions), *explanations(cells)]


@dataclass(frozen=True)
class Region:
    """One Region's steps."""

    cells: Cells
    calls: Calls

    @property
    def name(self) -> str:
        return self.calls.region

    def _gaps(self, *aspects: str) -> list[Cell]:
        return [c for c in to_do(self.cells, self.calls.region, *aspects) if not lowers(c.aspect, c.observed, c.desired)]

    def _lowering(self, *aspects: str) -> list[Cell]:
        return [c for c in to_do(self.cells, self.calls.region, *aspects) if lowers(c.aspect, c.observed, c.desired)]

    @property
    def _own(self) -> frozenset[str]:
        return frozenset({self.calls.population.delegated})

    def prepare(self) -> list[Action]:
        """The delegated account itself, with wanted scan types alone."""
        kinds = (False,) if self._begins_apart else (False, True)
        groups = [group for workloads in kinds for group in self._enablings(self._own, workloads=workloads)]
        return [step for types, accounts in groups for step in self.calls.enable(types, accounts, (), "prepare")]

    @property
    def _begins_apart(self) -> bool:
        """Whether the delegated account can be on without a scan type that acts on workloads."""
        return any(types for types, _ in self._grouped(self._own, workloads=False))

    def management(self) -> list[Action]:
        """Nothing: the administrator switches the management account on like any other member."""
        return []

    def delegated(self, usable: tuple[str, ...], prepared: tuple[str, ...]) -> list[Step]:
        """Everything the delegated account does as administrator."""
        associating, wait, awaited = self._members(usable)
        plain = self._scans(usable, prepared, wait, awaited, workloads=False)
        acting = self._scans(usable, prepared, wait, awaited, workloads=True)
        return [
            *associating, *plain, *self._organization(usable, workloads=False), *self._setting("ecr re-scan", usable, "delegated"),
            *self._setting("ec2 scan mode", usable, "workloads"), *acting,
            *self._organization(usable, workloads=True), *self._lowered(usable),
        ]  # fmt: skip

    def _grouped(self, accounts: frozenset[str], *, workloads: bool) -> list[tuple[tuple[str, ...], frozenset[str]]]:
        """The accounts by what may be asked for them: all wanted types of a kind without those that stand blocked for them.

        Scanning of functions' code needs that of their packages, so a list with the one names the other too.
        """
        wanted = [cell for cell in self.cells if (cell.region, cell.aspect) == (self.calls.region, "scan types")]
        wanted = [cell for cell in wanted if cell.status is Status.COVERED or cell.gap in (Gap.TO_DO, Gap.IN_PROGRESS)]
        types = [each for each in wanted_types(self.calls.part, self.calls.region) if (each in WORKLOADS) == workloads]
        if "LAMBDA_CODE" in types:
            types = sorted({*types, "LAMBDA"})
        askable = {each: accounts_of(cell for cell in wanted if cell.item == each) for each in types}
        groups: dict[tuple[str, ...], set[str]] = {}
        for account in sorted(accounts):
            groups.setdefault(tuple(each for each in types if account in askable[each]), set()).add(account)
        return [(asked, frozenset(found)) for asked, found in sorted(groups.items())]

    def _enablings(self, among: frozenset[str], *, workloads: bool) -> list[tuple[tuple[str, ...], frozenset[str]]]:
        lacking = [cell for cell in self._gaps("scan types") if (cell.item in WORKLOADS) == workloads]
        return self._grouped(accounts_of(lacking) & among, workloads=workloads)

    def _members(self, usable: tuple[str, ...]) -> tuple[list[Step], Wait | None, frozenset[str]]:
        """The steps that associate accounts, the wait that ends them, and whom it waits for."""
        members = self.calls.population.members[self.calls.region]
        apart = accounts_of(self._gaps("membership")) & members
        associations = self.calls.associate(apart, usable)
        awaited = apart | (accounts_of(self._under_way("membership")) & members)
        wait = self.calls.associated(awaited, usable + tuple(step.id for step in associations)) if awaited else None
        return [*associations, *([wait] if wait else [])], wait, awaited

    def _scans(
        self, usable: tuple[str, ...], prepared: tuple[str, ...], wait: Wait | None, awaited: frozenset[str], *, workloads: bool
    ) -> list[Step]:
        """Scan types of one kind switched on, and waited for; the delegated account apart from its members."""
        stage = "workloads" if workloads else "delegated"
        enabled: list[Action] = []
        if workloads and self._begins_apart:
            for types, accounts in self._enablings(self._own, workloads=True):
                enabled += self.calls.enable(types, accounts, (*usable, *prepared), stage)
        for types, accounts in self._enablings(self.calls.population.members[self.calls.region], workloads=workloads):
            after = usable + ((wait.id,) if wait and accounts & awaited else ())
            enabled += self.calls.enable(types, accounts, after, stage)
        cells = [*self._gaps("scan types"), *self._under_way("scan types")]
        pending = accounts_of(cell for cell in cells if (cell.item in WORKLOADS) == workloads)
        after = (*usable, *prepared, *(step.id for step in enabled))
        groups = self._grouped(pending, workloads=workloads)
        return [*enabled, *(self.calls.scanning(types, accounts, after, stage) for types, accounts in groups)]

    def _under_way(self, aspect: str) -> Sequence[Cell]:
        return under_way(self.cells, self.calls.region, aspect)

    def _organization(self, after: tuple[str, ...], *, workloads: bool) -> list[Step]:
        gaps = self._gaps("auto-enable")
        # Before designation what is wanted off is open too: it asks for no call beside one that switches something on.
        kinds = {cell.item in WORKLOADS for cell in gaps if cell.desired == "on"} or {False}
        raised = [cell for cell in gaps if (cell.item in WORKLOADS) == workloads and workloads in kinds]
        kept = {c.item for c in self.cells if c.region == self.calls.region and c.aspect == "auto-enable" and c.observed == "on"}
        if not raised:
            return []
        update = self.calls.organization(kept, raised, after, "workloads" if workloads else "delegated")
        return [update, self.calls.automatic(update)]

    def _setting(self, aspect: str, usable: tuple[str, ...], stage: str) -> list[Step]:
        changed = [self.calls.setting(cell, usable, stage) for cell in self._gaps(aspect)]
        if not (changed or self._under_way(aspect)):
            return []
        return [*changed, self.calls.applied(aspect, (*usable, *(step.id for step in changed)), stage)]

    def _lowered(self, usable: tuple[str, ...]) -> list[Step]:
        """What settings allow to lower, each in calls of its own, in the last stage."""
        steps: list[Step] = []
        if lowered := self._lowering("auto-enable"):
            update = self.calls.lower_organization(lowered, usable)
            steps += [update, self.calls.automatic(update)]
        for aspect in ("ec2 scan mode", "ecr re-scan"):
            for cell in self._lowering(aspect):
                changed = self.calls.setting(cell, usable, "lowering")
                steps += [changed, self.calls.applied(aspect, (*usable, changed.id), "lowering")]
        return steps
