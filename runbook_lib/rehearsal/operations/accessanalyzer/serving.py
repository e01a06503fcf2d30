"""The simulated Access Analyzer. Importing it registers its operations; `listen` subscribes it to a world's events."""

from runbook_lib.rehearsal.operations.accessanalyzer import analyzers, findings
from runbook_lib.rehearsal.operations.accessanalyzer.state import state_of
from runbook_lib.rehearsal.world import World


def listen(world: World) -> None:
    """Subscribe to the events of a world, once; whoever makes a world calls it."""
    state = state_of(world)
    if state.listening:
        return
    state.listening = True
    world.on("analyzer made by a service", analyzers.made_by_service)
    world.on("account joined", analyzers.account_joined)


__all__ = ["analyzers", "findings", "listen"]
