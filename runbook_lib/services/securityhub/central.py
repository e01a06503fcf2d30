"""Where Security Hub itself closes a Region, and what central configuration or an Organizations policy decides. Pure."""

from runbook_lib.base.observation import Known, NotYet
from runbook_lib.coverage import Cells
from runbook_lib.services.obstacles import DELEGATED_OWNER, Bar, bar_cells
from runbook_lib.services.population import Population
from runbook_lib.services.securityhub import aggregation, membership, new_accounts, standards
from runbook_lib.services.securityhub.state import CENTRAL, CENTRAL_STATUS, State
from runbook_lib.services.spec import EVALUATING

CENTRALLY_HELD = frozenset({new_accounts.ASPECT, membership.MEMBERSHIP, standards.ASPECT, aggregation.ASPECT, EVALUATING})


def central_elsewhere(state: State, population: Population) -> dict[str, Bar]:
    """Regions without an administrator yet, while central configuration is on in another one: it would reach them at once."""
    central = sorted(
        region for region, found in state.configurations.items() if isinstance(found, Known) and found.value.kind == CENTRAL
    )
    if not central:
        return {}
    bar = Bar(
        f"central configuration is in charge of Security Hub in {', '.join(central)}, and would be here too",
        "Link the Region in the central configuration, or take it out of the settings; this runbook never leaves central "
        "configuration.",
        DELEGATED_OWNER,
    )
    return {region: bar for region in population.regions if isinstance(state.configurations.get(region), NotYet)}


def hold_central(found: Cells, state: State) -> Cells:
    """Block what central configuration, or an Organizations policy, decides; aggregation where any Region is so governed."""
    held = {region: bar for region in state.configurations if (bar := _central_bar(state, region))}
    kept: Cells = ()
    for cell in found:
        where = held if cell.aspect != aggregation.ASPECT or not held else {cell.region: held[min(held)]}
        kept += bar_cells([cell], where) if cell.aspect in CENTRALLY_HELD else (cell,)
    return kept


def _central_bar(state: State, region: str) -> Bar | None:
    observation = state.configurations[region]
    if not isinstance(observation, Known) or not observation.value.central:
        return None
    if observation.value.status == CENTRAL_STATUS:
        return Bar(
            f"an Organizations policy governs Security Hub in {region} and overrides calls of the administrator",
            "Make the change in that policy, or detach it deliberately, then plan again.",
        )
    return Bar(
        f"central configuration is in charge of Security Hub in {region}",
        "Make the change in a configuration policy, or take this out of the settings; this runbook never leaves "
        "central configuration.",
        DELEGATED_OWNER,
    )
