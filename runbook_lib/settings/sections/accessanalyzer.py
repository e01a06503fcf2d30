"""IAM Access Analyzer in settings."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field

from runbook_lib.base.documents import Path, Problem
from runbook_lib.services.accessanalyzer.spec import NAME
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.checks.exclusions import excluded_services
from runbook_lib.settings.section import Region, Regions, Section
from runbook_lib.settings.sections.service import Fitting, ServiceSection

KEY = "access_analyzer"
HOME: Path = (KEY, "unused_access", "home_region")


class UnusedAccessSection(Section):
    """What nobody uses: paid for each IAM role and user of the organization, a month."""

    home_region: Annotated[
        Region,
        Field(description="The one Region that analyzes unused access: IAM is the same in all, and a second would be paid again."),
    ]
    age: Annotated[
        int, Field(strict=True, ge=1, le=365, description="Days without use after which a permission counts as unused, 1 to 365.")
    ]


class AccessAnalyzerSection(ServiceSection):
    """IAM Access Analyzer. Absent: not managed here."""

    regions: Annotated[
        Regions,
        Field(description="The Regions in which external access is analyzed, in every account of the organization; costs nothing."),
    ]
    unused_access: Annotated[
        UnusedAccessSection | None,
        Field(description="Analyzing unused access, without the accounts that are excluded; absent: not managed here."),
    ] = None

    @staticmethod
    def check(tree: Tree) -> Iterator[Problem]:
        """The home Region is one of the section's own, and not left out."""
        home, asked = at(tree, *HOME), at(tree, KEY, "regions")
        if home and asked and None not in asked and home not in asked:
            yield Problem(HOME, f"The home Region is not in {KEY}.regions. Add it there, or choose one of them.")
        for position, exclusion in enumerate(at(tree, "exclusions") or []):
            if home and isinstance(exclusion, dict) and exclusion.get("region") == home and NAME in excluded_services(exclusion):
                message = f"Unused access is analyzed here ({KEY}.unused_access). Choose another home Region, or keep this one in."
                yield Problem(("exclusions", position, "region"), message)

    @staticmethod
    def named_regions(tree: Tree) -> Iterator[tuple[Path, str]]:
        """The home Region."""
        if home := at(tree, *HOME):
            yield HOME, home

    @staticmethod
    def fit(section: dict[str, Any], fitting: Fitting) -> None:
        """The home Region, or the first that is left."""
        if unused := section.get("unused_access"):
            unused["home_region"] = next(iter([*fitting.kept([unused["home_region"]]), *section["regions"]]))

    @staticmethod
    def fit_everywhere(section: dict[str, Any], fitting: Fitting, regions: Sequence[str]) -> None:
        """The organization's home Region."""
        if unused := section.get("unused_access"):
            unused["home_region"] = regions[0]


SECTION = AccessAnalyzerSection
