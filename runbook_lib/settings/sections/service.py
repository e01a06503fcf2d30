"""What the sections of all services have in common: the model that each extends, and what each tells about a file."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Annotated, Any, Protocol

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


class Fitting(Protocol):
    """What fitting a section to an organization needs to know, and to tell."""

    home: str
    """The Region in which the simulated organization has its findings."""
    changes: list[str]
    """What of the settings is not as the file says, a line each."""

    def kept(self, regions: Iterable[str]) -> list[str]:
        """The Regions with those replaced that the organization lacks, or left out where nothing is left to replace them."""


class ServiceSection(Section):
    """One AWS service. Absent: not managed here."""

    regions: Regions

    @property
    def asks_management(self) -> bool:
        """Whether the management account is asked about too."""
        return True

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

    # What the section tells about a file whose values are read but not yet settings.

    @staticmethod
    def check(tree: Tree) -> Iterable[Problem]:
        """What AWS refuses, or what contradicts itself, within the section."""
        return ()

    @staticmethod
    def named_regions(tree: Tree) -> Iterable[tuple[Path, str]]:
        """Regions that the section names besides its `regions`, and where."""
        return ()

    @staticmethod
    def arns(tree: Tree) -> Iterable[tuple[Path, str]]:
        """ARNs that the section names, and where; they have to be in the organization's partition."""
        return ()

    @staticmethod
    def stores(tree: Tree) -> Iterable[tuple[str, str]]:
        """Buckets, by name, and the ARNs of keys that the service writes with: both have to be there, and let it in."""
        return ()

    @staticmethod
    def auto_enable_on(tree: Tree) -> Path | None:
        """The key that shows that accounts which join are enrolled by themselves; None: they are not."""
        return None

    @staticmethod
    def instead_of_empty(tree: Tree, path: Path) -> str:
        """What to write where an empty list is meant; "" where it means nothing."""
        return ""

    # How a file's section is made to fit a simulated organization, whose Regions are not those of the file.

    @staticmethod
    def fit(section: dict[str, Any], fitting: Fitting) -> None:
        """Replace Regions that the section names besides its `regions`, which fit already."""

    @staticmethod
    def fit_everywhere(section: dict[str, Any], fitting: Fitting, regions: Sequence[str]) -> None:
        """Make the section be about all of these Regions, the home Region first; its `regions` are so already."""


class MembersSection(ServiceSection):
    """A service whose administrator has members: each account is one or is not, those that join later too."""

    management_account: Annotated[bool, Field(description="Whether the management account becomes a member too.")]
    auto_enable_ignores_exclusions: IgnoresExclusions = None

    @property
    def asks_management(self) -> bool:
        return self.management_account


@cache
def section_types() -> Mapping[str, type[ServiceSection]]:
    """Key of the section → its model."""
    names = {spec.section: spec.settings or f"runbook_lib.settings.sections.{spec.name}" for spec in specs()}
    return MappingProxyType({key: import_module(name).SECTION for key, name in names.items()})
