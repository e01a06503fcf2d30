"""What accounts have of Access Analyzer in a simulated world: each fact as a set of (account, Region)."""

from runbook_lib.rehearsal.operations.accessanalyzer.state import state_of, status_of
from runbook_lib.rehearsal.world import World


def facts(world: World) -> dict[str, set[tuple[str, str]]]:
    state = state_of(world)
    whole = [each for listed in state.analyzers.values() for each in listed.values() if each.of_organization]
    return {
        "analyzers": {(each.account, each.region) for each in whole},
        "on": {(each.account, each.region) for each in whole if status_of(world, each, poll=False)[0] == "ACTIVE"},
    }
