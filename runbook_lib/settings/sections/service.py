"""What the sections of all services have in common: the model that each extends, and what each tells about a file."""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Annotated, Protocol

from pydantic import Field

from runbook_lib.base.documents import Path, Problem
from runbook_lib.services.registry import specs
from runbook_lib.settings.checks import Tree
from runbook_lib.settings.section import Region, Regions, Section

IgnoresExclusions = Annotated[
    bool | None,
    Field(
        description=(
            "Needed where accounts or OUs are excluded and auto-enable is on, because AWS's auto-enable knows no exceptions. "
            "true: accepted that an excluded account is enrolled when it joins the organization. "
            "false: never; auto-enable must then be off."
        )
    ),
]


OWN_CHOICE = "auto_enable_ignores_exclusions"


class ServiceSection(Section):
    """One AWS service. Absent: not managed here."""

    regions: Regions
    management_account: Annotated[bool, Field(description="Whether the management account becomes a member too.")]
    auto_enable_ignores_exclusions: IgnoresExclusions = None

    @property
    def home_region(self) -> Region | None:
        """The Region in which a service gathers what it finds, where this section names one."""
        return None

    @property
    def wanted_features(self) -> frozenset[str]:
        """Features that are named here and that a Region may lack."""
        return frozenset()

    @property
    def needs_config(self) -> bool:
        """Whether what is named here is evaluated only where AWS Config records."""
        return False


class SectionChecks(Protocol):
    """What the module of a section tells about a parameters file, whose values are read but not yet settings."""

    SECTION: type[ServiceSection]

    def check(self, tree: Tree) -> Iterable[Problem]:
        """What AWS refuses, or what contradicts itself, within the section."""

    def named_regions(self, tree: Tree) -> Iterable[tuple[Path, str]]:
        """Regions that the section names besides its `regions`, and where."""

    def arns(self, tree: Tree) -> Iterable[tuple[Path, str]]:
        """ARNs that the section names, and where; they have to be in the organization's partition."""

    def auto_enable_on(self, tree: Tree) -> Path | None:
        """The key that shows that accounts which join are enrolled by themselves; None: they are not."""

    def instead_of_empty(self, tree: Tree, path: Path) -> str:
        """What to write where an empty list is meant; "" where it means nothing."""


@cache
def section_checks() -> Mapping[str, SectionChecks]:
    """Key of the section → what its module tells."""
    return MappingProxyType(
        {spec.section: _module(spec.settings or f"runbook_lib.settings.sections.{spec.name}") for spec in specs()}
    )


def _module(name: str) -> SectionChecks:
    found: SectionChecks = import_module(name)
    return found
