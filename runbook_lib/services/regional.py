"""Reading Region by Region, each complete in itself, after the administrator lists of all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation
from runbook_lib.services.designation import Administrators, designated, read_administrators
from runbook_lib.services.population import Population
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


def missing_administrators(spec: Designation, administrators: Administrators, population: Population) -> list[str]:
    """What is not there of the service's foundation: its administrator, per Region."""
    return [
        f"{spec.title}'s delegated administrator is not {population.delegated} in {region}"
        for region in population.regions
        if not _is_administrator(administrators.get(region), population.delegated)
    ]


def _is_administrator(listed: Observation[Mapping[str, str]] | None, account: str) -> bool:
    return isinstance(listed, Known) and listed.value.get(account, "").upper() == "ENABLED"
