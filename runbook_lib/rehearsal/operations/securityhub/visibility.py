"""Who sees which finding: callers in their Regions, and event buses."""

import copy
from typing import Any

from runbook_lib.rehearsal.world import World

from .state import Place, state_of


def buses(world: World, account: str, region: str) -> list[Place]:
    """Where a finding of an account and Region shows as an event: there, at the administrator, and in both home Regions [docs]."""
    state = state_of(world)
    here = [account, *filter(None, [state.administrator_of.get((account, region))])]
    places = [(each, region) for each in here]
    for each in here:
        aggregator = state.aggregators.get(each)
        if aggregator is not None and aggregator.links(region):
            places.append((each, aggregator.home))
    return places


def announce(world: World, account: str, region: str, finding: dict[str, Any]) -> None:
    """Tell of a new or changed finding, once per event bus that AWS would put it on."""
    for bus_account, bus_region in buses(world, account, region):
        world.tell("finding imported", account=bus_account, region=bus_region, finding=copy.deepcopy(finding))


def visible(world: World, account: str, region: str) -> list[dict[str, Any]]:
    """An account's own findings and its members', in this Region and, in its home Region, in the linked ones [model]."""
    state = state_of(world)
    aggregator = state.aggregators.get(account)
    regions = [region]
    if aggregator is not None and aggregator.home == region:
        regions += sorted({each for _, each in state.findings if aggregator.links(each)})
    found: list[dict[str, Any]] = []
    for each in regions:
        members = state.members_of(account, each)
        accounts = [account, *sorted(key for key, member in members.items() if member.status == "Enabled")]
        for owner in accounts:
            found += state.findings.get((owner, each), {}).values()
    return found
