"""The simulated Macie. Importing it registers its operations; `listen` subscribes it to a world's events."""

from runbook_lib.rehearsal.operations.macie2 import administration, discovery, members, membership, sessions, usage
from runbook_lib.rehearsal.operations.macie2.state import state_of
from runbook_lib.rehearsal.world import World


def listen(world: World) -> None:
    """Subscribe to the events of a world, once; whoever makes a world calls it."""
    state = state_of(world)
    if state.listening:
        return
    state.listening = True
    world.on("account joined", membership.account_joined)
    world.on("account closed", membership.account_closed)
    world.on("delegated administrator deregistered", administration.administrator_deregistered)
    world.on("member by invitation", membership.invited)


__all__ = ["administration", "discovery", "listen", "members", "membership", "sessions", "usage"]
