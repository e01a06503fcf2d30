"""The simulated Inspector v2. Importing it registers its operations; `listen` subscribes it to a world's events."""

from runbook_lib.rehearsal.operations.inspector2 import administration, configuration, members, reports, scanning
from runbook_lib.rehearsal.operations.inspector2.state import state_of
from runbook_lib.rehearsal.world import World


def listen(world: World) -> None:
    """Subscribe to the events of a world, once; whoever makes a world calls it."""
    state = state_of(world)
    if state.listening:
        return
    state.listening = True
    world.on("account joined", members.account_joined)
    world.on("delegated administrator deregistered", administration.administrator_deregistered)


__all__ = ["administration", "configuration", "listen", "members", "reports", "scanning"]
