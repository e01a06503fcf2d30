"""The simulated Inspector v2. Importing it registers its operations; `listen` subscribes it to a world's events."""

from runbook_lib.rehearsal.operations.inspector2 import administration, configuration, filters, members, reports, scanning
from runbook_lib.rehearsal.operations.inspector2.state import state_of
from runbook_lib.rehearsal.world import World


def governed(world: World, account: str, service: str) -> None:
    """World event "organization policy governs": Enable and Disable are refused for the account (aws-behaviour 8)."""
    if service == "inspector2":
        state_of(world).governed.add(account)


def listen(world: World) -> None:
    """Subscribe to the events of a world, once; whoever makes a world calls it."""
    state = state_of(world)
    if state.listening:
        return
    state.listening = True
    world.on("account joined", members.account_joined)
    world.on("account closed", members.account_closed)
    world.on("delegated administrator deregistered", administration.administrator_deregistered)
    world.on("organization policy governs", governed)


__all__ = ["administration", "configuration", "filters", "governed", "listen", "members", "reports", "scanning"]
