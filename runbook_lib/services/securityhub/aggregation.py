"""The finding aggregator: one per account, its home Region fixed for good, its list of Regions replaced as a whole by an update."""

from dataclasses import dataclass
from typing import Any

from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.organization import Organization
from runbook_lib.services.column import SETTINGS_OWNER, lowering_allowed
from runbook_lib.services.obstacles import DELEGATED_OWNER
from runbook_lib.services.population import Population
from runbook_lib.services.securityhub.findings import (
    Finding,
    blocked,
    cells,
    covered,
    not_asked,
    not_managed,
    to_do,
    unknown,
)  # fmt: skip
from runbook_lib.services.securityhub.spec import NAME
from runbook_lib.services.securityhub.state import Aggregator, State
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.securityhub import FindingAggregation

ASPECT = "aggregation"


@dataclass(frozen=True)
class Links:
    """Which Regions send findings: those named, or, with `all_but`, all that are not named, future Regions included."""

    regions: frozenset[str]
    all_but: bool = False

    def within(self, other: "Links") -> bool:
        """Whether every Region linked here is linked by `other` too."""
        if self.all_but:
            return other.all_but and other.regions <= self.regions
        return not self.regions & other.regions if other.all_but else self.regions <= other.regions


def links(mode: str, regions: frozenset[str]) -> Links:
    """The linked Regions of a mode."""
    if mode == "SPECIFIED_REGIONS":
        return Links(regions)
    return Links(regions, all_but=True) if mode == "ALL_REGIONS_EXCEPT_SPECIFIED" else Links(frozenset(), mode == "ALL_REGIONS")


def lowers(now: Aggregator, want: FindingAggregation) -> bool:
    """Whether a Region that sends its findings now would no longer do so."""
    return not links(now.mode, now.regions).within(links(want.linking_mode, named(want)))


def named(want: FindingAggregation) -> frozenset[str]:
    """The Regions that the mode names; none for the modes that take none."""
    return frozenset(want.regions or ()) if "SPECIFIED" in want.linking_mode else frozenset()


def parameters(mode: str, regions: frozenset[str]) -> dict[str, Any]:
    """Mode and Regions as the API takes them: `Regions` is forbidden where the mode names none."""
    return {"RegionLinkingMode": mode, **({"Regions": sorted(regions)} if "SPECIFIED" in mode else {})}


def describe(mode: str, regions: frozenset[str]) -> str:
    """A linking mode with its Regions, as tables and waits show it."""
    return f"{mode} {', '.join(sorted(regions))}".strip()


def assess(state: State, organization: Organization, settings: Settings, population: Population) -> Cells:
    """The cell of aspect "aggregation", in the home Region."""
    want = settings.security_hub.aggregation if settings.security_hub else None
    if want is None:
        at = next(iter(population.regions), "")
        return cells(at, ASPECT, {population.delegated: not_managed(_seen(state.aggregator))}) if at else ()
    finding = _finding(state.aggregator, organization, settings, want, population.delegated)
    if not population.whole or want.home_region not in population.regions:
        finding = not_asked(finding, "reaches beyond the notebook's scope")
    return cells(want.home_region, ASPECT, {population.delegated: finding})


def _seen(observation: Observation[Aggregator | None]) -> str:
    if not isinstance(observation, Known):
        return "not read"
    found = observation.value
    return f"{describe(found.mode, found.regions)} in {found.home}" if found else "none"


def _finding(
    observation: Observation[Aggregator | None],
    organization: Organization,
    settings: Settings,
    want: FindingAggregation,
    account: str,
) -> Finding:
    if isinstance(observation, Unknown):
        return unknown(observation)
    seen, desired = _seen(observation), f"{describe(want.linking_mode, named(want))} in {want.home_region}"
    found = observation.value if isinstance(observation, Known) else None
    if found is None:
        return _absent(organization, want, account, seen, desired)
    if found.home != want.home_region:
        return blocked(
            f"the finding aggregator is in {found.home}, settings want {want.home_region}; a home Region cannot be moved",
            "Name the present home Region in the settings, or delete the aggregator deliberately (copied findings stay, new ones "
            "are no longer copied), then plan again.",
            DELEGATED_OWNER, seen, desired,
        )  # fmt: skip
    if (found.mode, found.regions if "SPECIFIED" in found.mode else frozenset()) == (want.linking_mode, named(want)):
        return covered("findings are aggregated as settings want", seen)
    if lowers(found, want) and not lowering_allowed(settings, NAME, ASPECT, ""):
        return blocked(
            f"linked now: {seen}; settings want {desired}, which would unlink Regions",
            f'Correct the settings, or permit it under allow_lowering (service {NAME}, aspect "{ASPECT}").',
            SETTINGS_OWNER, seen, desired,
        )  # fmt: skip
    return to_do("mode or Regions differ from the settings", seen, desired)


def _absent(organization: Organization, want: FindingAggregation, account: str, seen: str, desired: str) -> Finding:
    opted = organization.regions.get(account)
    if isinstance(opted, Known) and opted.value.get(want.home_region) == "ENABLED":
        return blocked(
            f"{want.home_region} is an opt-in Region, and AWS makes no finding aggregator there",
            "Choose a home Region that is enabled by default.", SETTINGS_OWNER, seen, desired,
        )  # fmt: skip
    return to_do("there is no finding aggregator", seen, desired)
