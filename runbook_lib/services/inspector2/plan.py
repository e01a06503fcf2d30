"""From Inspector's gaps to calls, in the order that works. Pure.

Per Region: the delegated account switched on with exactly the wanted scan types, so that designation finds it on; designation, one
Region after the other; members associated one by one (AWS takes one per call, and works on), then switched on in batches, the
delegated account never among them; auto-enable and scan settings. Units depend on settings and on what AWS had before the runbook
came, never on how far it has come.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Blocker, NoChange, Step, Wait
from runbook_lib.scope import Population
from runbook_lib.services.column import accounts_of, to_do, under_way
from runbook_lib.services.inspector2.assess import lowers
from runbook_lib.services.inspector2.assess_scans import wanted_types
from runbook_lib.services.inspector2.calls import Calls
from runbook_lib.services.inspector2.observe import DESIGNATION
from runbook_lib.services.inspector2.state import State
from runbook_lib.services.obstacles import explanations
from runbook_lib.services.regional import regional_steps
from runbook_lib.settings import Settings


def plan(
    cells: Cells, state: State, organization: Organization, settings: Settings, population: Population
) -> Sequence[Step | NoChange | Blocker]:
    """Every step for the gaps in `cells`, and the reason for everything that needs none."""
    part = settings.inspector
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

    def prepare(self) -> list[Action]:
        """The delegated account itself, with exactly the wanted scan types."""
        own = frozenset({self.calls.population.delegated})
        groups = self._enablings(own)
        return [step for types, accounts in groups for step in self.calls.enable(types, accounts, (), "prepare")]

    def management(self) -> list[Action]:
        """Nothing: the administrator switches the management account on like any other member."""
        return []

    def delegated(self, usable: tuple[str, ...], prepared: tuple[str, ...]) -> list[Step]:
        """Everything the delegated account does as administrator."""
        return [*self._members(usable, prepared), *self._organization(usable), *self._settings(usable), *self._lowered(usable)]

    def _grouped(self, accounts: frozenset[str]) -> list[tuple[tuple[str, ...], frozenset[str]]]:
        """The accounts by what may be asked for them: the full list of wanted types without those that stand blocked for them."""
        wanted = [cell for cell in self.cells if (cell.region, cell.aspect) == (self.calls.region, "scan types")]
        wanted = [cell for cell in wanted if cell.status is Status.COVERED or cell.gap in (Gap.TO_DO, Gap.IN_PROGRESS)]
        types = wanted_types(self.calls.part, self.calls.region)
        askable = {each: accounts_of(cell for cell in wanted if cell.item == each) for each in types}
        groups: dict[tuple[str, ...], set[str]] = {}
        for account in sorted(accounts):
            groups.setdefault(tuple(each for each in types if account in askable[each]), set()).add(account)
        return [(asked, frozenset(found)) for asked, found in sorted(groups.items())]

    def _enablings(self, among: frozenset[str]) -> list[tuple[tuple[str, ...], frozenset[str]]]:
        return self._grouped(accounts_of(self._gaps("scan types")) & among)

    def _members(self, usable: tuple[str, ...], prepared: tuple[str, ...]) -> list[Step]:
        members = self.calls.population.members[self.calls.region]
        apart = accounts_of(self._gaps("membership")) & members
        associations = self.calls.associate(apart, usable)
        awaited = apart | (accounts_of(self._under_way("membership")) & members)
        steps: list[Step] = [*associations]
        wait = self.calls.associated(awaited, usable + tuple(step.id for step in associations)) if awaited else None
        steps += [wait] if wait else []
        enabled: list[Action] = []
        for types, accounts in self._enablings(members):
            after = usable + ((wait.id,) if wait and accounts & awaited else ())
            enabled += self.calls.enable(types, accounts, after, "delegated")
        return [*steps, *enabled, *self._scanning((*usable, *prepared, *(step.id for step in enabled)))]

    def _scanning(self, after: tuple[str, ...]) -> list[Wait]:
        pending = accounts_of([*self._gaps("scan types"), *self._under_way("scan types")])
        return [self.calls.scanning(types, accounts, after) for types, accounts in self._grouped(pending)]

    def _under_way(self, aspect: str) -> Sequence[Cell]:
        return under_way(self.cells, self.calls.region, aspect)

    def _organization(self, usable: tuple[str, ...]) -> list[Step]:
        raised = self._gaps("auto-enable")
        kept = {c.item for c in self.cells if c.region == self.calls.region and c.aspect == "auto-enable" and c.observed == "on"}
        if not raised:
            return []
        update = self.calls.organization(kept, raised, usable)
        return [update, self.calls.automatic(update)]

    def _settings(self, usable: tuple[str, ...]) -> list[Step]:
        steps: list[Step] = []
        for aspect in ("ec2 scan mode", "ecr re-scan"):
            changed = [self.calls.setting(cell, usable) for cell in self._gaps(aspect)]
            steps += changed
            if changed or self._under_way(aspect):
                steps.append(self.calls.applied(aspect, (*usable, *(step.id for step in changed))))
        return steps

    def _lowered(self, usable: tuple[str, ...]) -> list[Step]:
        """What settings allow to lower, each in calls of its own, in the last stage."""
        steps: list[Step] = []
        if lowered := self._lowering("auto-enable"):
            update = self.calls.lower_organization(lowered, usable)
            steps += [update, self.calls.automatic(update)]
        for aspect in ("ec2 scan mode", "ecr re-scan"):
            for cell in self._lowering(aspect):
                changed = self.calls.setting(cell, usable, lower=True)
                steps += [changed, self.calls.applied(aspect, (*usable, changed.id), "lowering")]
        return steps
