"""The finding aggregator: one per account, its home Region fixed for good, its list of Regions replaced as a whole by an update."""

from dataclasses import dataclass
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, BackOut, Direction, Reference
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import WHOLE, Aspect, Place, Planned
from runbook_lib.services.column import SETTINGS_OWNER, lowering_allowed
from runbook_lib.services.obstacles import DELEGATED_OWNER
from runbook_lib.services.securityhub import observe
from runbook_lib.services.securityhub.findings import Finding, blocked, cells, covered, not_asked, not_managed, to_do, unknown
from runbook_lib.services.securityhub.membership import begins_after
from runbook_lib.services.securityhub.spec import NAME
from runbook_lib.services.securityhub.state import Aggregator, State
from runbook_lib.services.view import View
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.securityhub import FindingAggregation, SecurityHubSection

Here = Place[SecurityHubSection, State]
ASPECT = "aggregation"
AGGREGATOR = "securityhub:finding-aggregator"
"""Kind of the Reference to the aggregator's ARN, which AWS assigns."""


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


def home_cells(state: State, view: View, home: str) -> Cells:
    """The cell of the home Region, which may be one that the service is not asked about."""
    want = view.settings.security_hub.aggregation if view.settings.security_hub else None
    if want is None or want.home_region != home:
        return ()
    finding = _finding(state.aggregator, view.organization, view.settings, want, view.delegated)
    if not view.population.whole or home not in view.population.regions:
        finding = not_asked(finding, "reaches beyond the notebook's scope")
    return cells(home, ASPECT, {view.delegated: finding})


class Aggregation(Aspect[SecurityHubSection, State]):
    name = ASPECT
    calls = frozenset({"CreateFindingAggregator", "UpdateFindingAggregator"})

    def cells(self, place: Here) -> Cells:
        """In the home Region; where settings name none, what is there is shown in the first."""
        if place.section.aggregation is not None:
            return home_cells(place.seen, place.view, place.region)
        first = place.region == place.view.population.regions[0]
        return cells(place.region, ASPECT, {place.delegated: not_managed(_seen(place.seen.aggregator))}) if first else ()

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> list[Action]:
        want = place.section.aggregation
        if want is None or stage not in ("delegated", "lowering") or not self.raising(place, cells):
            return []
        found, after = place.seen.aggregator.value if isinstance(place.seen.aggregator, Known) else None, begins_after(planned)
        call = _update(place.delegated, want, found, after) if found else _create(place.delegated, want, after)
        return [call] if call.stage == stage else []

    def effect(self, action: Action, reader: Reader) -> Progress:
        found = observe.read_aggregator(reader, action.account, action.region)
        if found is None:
            return Progress(frozenset(), {}, "none")
        if found.home != action.region:
            return Progress(frozenset(), {"": f"the finding aggregator is in {found.home}"}, f"in {found.home}")
        wanted = action.parameters["RegionLinkingMode"], frozenset(action.parameters.get("Regions", ()))
        same = (found.mode, found.regions if "SPECIFIED" in found.mode else frozenset()) == wanted
        return Progress(WHOLE if same else frozenset(), {}, describe(found.mode, found.regions))


def _create(delegated: str, want: FindingAggregation, after: tuple[str, ...]) -> Action:
    reference = Reference(AGGREGATOR, delegated, want.home_region)
    return Action(
        NAME,
        "CreateFindingAggregator",
        delegated,
        want.home_region,
        parameters(want.linking_mode, named(want)),
        f"Findings are to come together in {want.home_region}, and there is no finding aggregator",
        frozenset({delegated}),
        "none",
        describe(want.linking_mode, named(want)),
        BackOut("Ends the copying; findings copied so far stay.", "DeleteFindingAggregator", {"FindingAggregatorArn": reference}),
        "delegated",
        after=after,
        inside_accounts=f"Nothing; findings of the linked Regions are copied to {want.home_region}.",
    )


def _update(delegated: str, want: FindingAggregation, found: Aggregator, after: tuple[str, ...]) -> Action:
    reference = {"FindingAggregatorArn": Reference(AGGREGATOR, delegated, want.home_region)}
    lowering = lowers(found, want)
    return Action(
        NAME,
        "UpdateFindingAggregator",
        delegated,
        want.home_region,
        reference | parameters(want.linking_mode, named(want)),
        "Mode or linked Regions differ from the settings",
        frozenset({delegated}),
        describe(found.mode, found.regions),
        describe(want.linking_mode, named(want)),
        BackOut(
            "Puts the former mode and Regions back.", "UpdateFindingAggregator", reference | parameters(found.mode, found.regions)
        ),
        "lowering" if lowering else "delegated",
        Direction.LOWERS if lowering else Direction.RAISES,
        after=after,
        inside_accounts=f"Nothing; findings of the linked Regions are copied to {want.home_region}.",
    )


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
            DELEGATED_OWNER,
            seen,
            desired,
        )
    if (found.mode, found.regions if "SPECIFIED" in found.mode else frozenset()) == (want.linking_mode, named(want)):
        return covered("findings are aggregated as settings want", seen)
    if lowers(found, want) and not lowering_allowed(settings, NAME, ASPECT, ""):
        return blocked(
            f"linked now: {seen}; settings want {desired}, which would unlink Regions",
            f'Correct the settings, or permit it under allow_lowering (service {NAME}, aspect "{ASPECT}").',
            SETTINGS_OWNER,
            seen,
            desired,
        )
    return to_do("mode or Regions differ from the settings", seen, desired)


def _absent(organization: Organization, want: FindingAggregation, account: str, seen: str, desired: str) -> Finding:
    opted = organization.regions.get(account)
    if isinstance(opted, Known) and opted.value.get(want.home_region) == "ENABLED":
        return blocked(
            f"{want.home_region} is an opt-in Region, and AWS makes no finding aggregator there",
            "Choose a home Region that is enabled by default.",
            SETTINGS_OWNER,
            seen,
            desired,
        )
    return to_do("there is no finding aggregator", seen, desired)


def resolve(reference: Reference, reader: Reader) -> str:
    """The ARN of the aggregator. Raises CallFailed where there is none, ValueError for a Reference of another kind."""
    if reference.kind != AGGREGATOR:
        raise ValueError(f"{NAME} resolves no {reference.kind}")
    found = observe.read_aggregator(reader, reference.account, reference.region)
    if found is None:
        raise CallFailed(
            "ResourceNotFoundException",
            "there is no finding aggregator",
            service=NAME,
            operation="ListFindingAggregators",
            account=reference.account,
            region=reference.region,
            sent=False,
        )
    return found.arn
