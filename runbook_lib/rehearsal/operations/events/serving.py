"""Amazon EventBridge's event buses, rules and targets; archives, replays, partners' sources and global endpoints are refused.

Variants (`world.variants`), each a point that AWS's documentation leaves open; the first choice is the default:
"events conditions in topic policies": never met | met
"events conditions in key policies": never met | met
"events role for topics": taken | refused
"events role with a key": fails | works
"events pattern quota": 2048 | another number
"events rules per bus": 300 | another number
"""

from runbook_lib.rehearsal.operations.events import buses, connections, courier, putting, rules, targets
from runbook_lib.rehearsal.operations.events.state import state_of
from runbook_lib.rehearsal.world import World


def install(world: World) -> None:
    """Let what comes later come. Once per world; again is harmless."""
    state = state_of(world)
    if not state.installed:
        state.installed = True
        world.on("event arrives", courier.give_out)
        world.on("delivery due", courier.again)


__all__ = ["buses", "connections", "install", "putting", "rules", "targets"]
