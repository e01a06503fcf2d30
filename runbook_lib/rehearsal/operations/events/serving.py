"""Amazon EventBridge's event buses, rules and targets; archives, replays, partners' sources and global endpoints are refused.

Variants (`world.variants`), each a point that AWS's documentation leaves open; the first choice is the default:
"events conditions in topic policies": never met | met
"events conditions in key policies": never met | met
"events role for topics": taken | refused
"events role with a key": fails | works
"events pattern quota": 2048 | another number
"events rules per bus": 300 | another number
"""

from dataclasses import asdict

from runbook_lib.rehearsal.operations.events import buses, connections, courier, putting, rules, schedules, targets
from runbook_lib.rehearsal.operations.events.state import DEFAULT, Disturbance, buses_of, state_of
from runbook_lib.rehearsal.world import World


def install(world: World) -> None:
    """Let what comes later come. Once per world; again is harmless."""
    state = state_of(world)
    if not state.installed:
        state.installed = True
        world.on("event arrives", courier.give_out)
        world.on("delivery due", courier.again)
        world.on("scheduled rule due", schedules.come)


def disturb(world: World, kind: str, source: str = "*", target: str = "*", seconds: str = "600", times: str = "1") -> None:
    """Let the next events come twice or late, or a target be throttled."""
    if kind not in ("twice", "late", "throttled"):
        raise ValueError(f"kind: {kind}: twice, late or throttled is expected")
    state_of(world).disturbances.append(Disturbance(kind, source, target, float(seconds), int(times)))


def manage_rule(world: World, account: str, region: str, name: str, by: str) -> None:
    """Let a rule of the default bus be one that an AWS service manages."""
    buses_of(world, account, region)[DEFAULT].rules[name].managed_by = by


PAGES = {
    ("GET", "deliveries"): lambda world: [asdict(each) for each in state_of(world).deliveries],
    ("GET", "invocations"): lambda world: [asdict(each) for each in state_of(world).invocations],
    ("POST", "disturb"): disturb,
    ("POST", "manage-rule"): manage_rule,
}
"""Pages of the control: what became of events, what recorded targets were given, and what a test lets happen to them."""
__all__ = ["buses", "connections", "install", "putting", "rules", "targets"]
