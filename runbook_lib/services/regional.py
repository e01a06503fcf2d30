"""What GuardDuty and Inspector do alike: they read, compare and plan Region by Region, each Region complete in itself.

The service brings what to read of a Region, which cells to make of it and which steps; what is barred, set aside, designated and
awaited is the same for both.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action, Step
from runbook_lib.services.column import Column
from runbook_lib.services.designation import Administrators, designated, designation_steps, read_administrators
from runbook_lib.services.obstacles import bar_cells, bars
from runbook_lib.services.population import Population, aside_cells
from runbook_lib.services.spec import Designation
from runbook_lib.services.view import View


class Administered(Protocol):
    """One Region as a service saw it."""

    @property
    def administrators(self) -> Observation[Mapping[str, str]]:
        """Account id → status, as the service lists its administrators there."""


R = TypeVar("R", bound=Administered)
ReadRegion = Callable[[Population, str, Observation[Mapping[str, str]], bool, Reader], R]
"""Reads one Region, given its administrator list and whether the delegated account is designated there."""


@dataclass(frozen=True)
class RegionalState(Generic[R]):
    """Asked-for Regions in full; of the other Regions the administrator list (account → status)."""

    regions: Mapping[str, R]
    others: Administrators

    @property
    def administrators(self) -> Administrators:
        """Region → administrator list, of all Regions."""
        return {**self.others, **{region: seen.administrators for region, seen in self.regions.items()}}


def observe_regions(spec: Designation, view: View, reader: Reader, read: ReadRegion[R]) -> RegionalState[R]:
    """Administrator lists as the management account, then the asked Regions side by side."""
    population = view.population
    administrators = read_administrators(spec, view.organization, (*population.regions, *population.other_regions), reader)
    jobs = [
        partial(read, population, region, administrators[region], designated(administrators, region, population.delegated), reader)
        for region in population.regions
    ]
    regions = dict(zip(population.regions, reader.parallel(jobs), strict=True))
    return RegionalState(regions, {region: administrators[region] for region in population.other_regions})


def regional_cells(
    spec: Designation, state: RegionalState[R], view: View,
    aspects: Sequence[str], named: Iterable[str], cells_of: Callable[[str], Cells],
) -> Cells:  # fmt: skip
    """The accounts set aside, for these aspects in every Region that settings name; and the cells of every asked Region, barred."""
    population = view.population
    barred = bars(spec, view, state.administrators)
    aside = [aside_cells(spec.service, aspect, population, region) for region in sorted(named) for aspect in aspects]
    own = [bar_cells(cells_of(region), barred) for region in population.regions]
    return tuple(cell for cells in (*aside, *own) for cell in cells)


def not_enrolled(
    spec: Designation, column: Column, status: str, accounts: Iterable[str], full: bool, stuck: Mapping[str, str]
) -> Cells:
    """Accounts that are no members, status "none" where they are not listed; `stuck`: statuses that no call ends → next step."""
    if status in stuck:
        return column.blocked(accounts, f"{spec.title} says {status}", stuck[status], status, "the owner of the account")
    if full:
        step = "Ask AWS for a higher limit of member accounts, then plan again."
        return column.blocked(accounts, "the administrator has reached its limit of member accounts", step, status)
    known = "not a member account" if status == "none" else f"no longer a member account ({status})"
    return column.to_do(accounts, known, status)


def missing_administrators(spec: Designation, administrators: Administrators, population: Population) -> list[str]:
    """What is not there of the service's foundation: its administrator, per Region."""
    return [
        f"{spec.title}'s delegated administrator is not {population.delegated} in {region}"
        for region in population.regions
        if not _is_administrator(administrators.get(region), population.delegated)
    ]


def _is_administrator(listed: Observation[Mapping[str, str]] | None, account: str) -> bool:
    return isinstance(listed, Known) and listed.value.get(account, "").upper() == "ENABLED"


class RegionSteps(Protocol):
    """What a service plans in one Region, stage by stage."""

    @property
    def name(self) -> str:
        """The Region."""

    def prepare(self) -> list[Action]:
        """Before the designation, in the delegated account."""

    def management(self) -> list[Action]:
        """In the management account, beside the designation."""

    def delegated(self, usable: tuple[str, ...], prepared: tuple[str, ...]) -> list[Step]:
        """As the administrator: after the Wait `usable` (none where it is usable already) and the ids of what `prepare` planned."""


def regional_steps(spec: Designation, cells: Cells, population: Population, regions: Sequence[RegionSteps]) -> list[Step]:
    """The steps of all Regions in the order that works: all that is prepared, the designations, then Region after Region."""
    prepared = {region.name: region.prepare() for region in regions}
    before = {name: tuple(step.id for step in steps) for name, steps in prepared.items()}
    actions, waits = designation_steps(spec, cells, population, before)
    management = [step for region in regions for step in region.management()]
    steps: list[Step] = [*(step for own in prepared.values() for step in own), *management, *actions]
    for region in regions:
        usable = [waits[region.name]] if region.name in waits else []
        steps += [*usable, *region.delegated(tuple(wait.id for wait in usable), before[region.name])]
    return steps
