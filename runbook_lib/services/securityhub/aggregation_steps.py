"""The call that makes or changes the finding aggregator in its home Region."""

from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cells, Gap
from runbook_lib.plan import Action, BackOut, Direction, Reference
from runbook_lib.services.population import Population
from runbook_lib.services.securityhub.aggregation import ASPECT, describe, lowers, named, parameters
from runbook_lib.services.securityhub.spec import NAME
from runbook_lib.services.securityhub.state import Aggregator, State
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.securityhub import FindingAggregation

AGGREGATOR = "securityhub:finding-aggregator"
"""Kind of the Reference to the aggregator's ARN, which AWS assigns."""


def aggregation_action(
    cells: Cells, state: State, settings: Settings, population: Population, region: str, after: tuple[str, ...]
) -> Action | None:
    """The aggregator's call in its home Region; None elsewhere, or where nothing is to do."""
    want = settings.security_hub.aggregation if settings.security_hub else None
    asked = any(cell.aspect == ASPECT and cell.region == region and cell.gap is Gap.TO_DO and cell.in_scope for cell in cells)
    if want is None or not asked:
        return None
    found = state.aggregator.value if isinstance(state.aggregator, Known) else None
    return _update(population, want, found, after) if found else _create(population, want, after)


def _create(population: Population, want: FindingAggregation, after: tuple[str, ...]) -> Action:
    reference = Reference(AGGREGATOR, population.delegated, want.home_region)
    return Action(
        NAME, "CreateFindingAggregator", population.delegated, want.home_region, parameters(want.linking_mode, named(want)),
        f"Findings are to come together in {want.home_region}, and there is no finding aggregator",
        frozenset({population.delegated}), "none", describe(want.linking_mode, named(want)),
        BackOut("Ends the copying; findings copied so far stay.", "DeleteFindingAggregator", {"FindingAggregatorArn": reference}),
        "delegated", after=after, inside_accounts=f"Nothing; findings of the linked Regions are copied to {want.home_region}.",
    )  # fmt: skip


def _update(population: Population, want: FindingAggregation, found: Aggregator, after: tuple[str, ...]) -> Action:
    reference = {"FindingAggregatorArn": Reference(AGGREGATOR, population.delegated, want.home_region)}
    lowering = lowers(found, want)
    return Action(
        NAME, "UpdateFindingAggregator", population.delegated, want.home_region,
        reference | parameters(want.linking_mode, named(want)), "Mode or linked Regions differ from the settings",
        frozenset({population.delegated}), describe(found.mode, found.regions), describe(want.linking_mode, named(want)),
        BackOut(
            "Puts the former mode and Regions back.", "UpdateFindingAggregator", reference | parameters(found.mode, found.regions)
        ),
        "lowering" if lowering else "delegated", Direction.LOWERS if lowering else Direction.RAISES, after=after,
        inside_accounts=f"Nothing; findings of the linked Regions are copied to {want.home_region}.",
    )  # fmt: skip
