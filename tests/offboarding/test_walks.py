"""Whatever somebody does, in whatever order: nobody is left unwatched who was not named and typed, and the levels in order end."""

import random
from collections.abc import Callable

import pytest
from leaving import REGIONS, SERVICES, Out, enabled_routes
from losses import facts, lost

from runbook_lib.plan import Plan
from runbook_lib.services.departure import HAND_OVER, OFF
from runbook_lib.services.registry import RESPONSE, by_name, ways_out

Service = Callable[[str], Out]
Places = set[tuple[str, str]]
SEEDS = range(12)
WATCHING = ("watched", "on")
"""Facts whose loss leaves an account without anybody who is told, or without anything that looks."""


def typed(plan: Plan) -> Places:
    """Where somebody typed that something is lost: (account, Region)."""
    return {(account, region) for loss in plan.losses if loss.typed for account in loss.accounts for region in loss.regions}


def step(leaving: Out, level: str, regions: tuple[str, ...]) -> Places:
    """One level through the guard, and what was typed for it; a plan that calls nothing changes nothing."""
    plan = leaving.plan(level, regions)
    assert all(each.next_step and each.who for each in plan.blockers), level
    before = facts(leaving.world, leaving.service)
    leaving.apply(level, plan)
    if not plan.actions:
        assert facts(leaving.world, leaving.service) == before, level
    gone = lost(before, facts(leaving.world, leaving.service))
    assert not gone or plan.losses, level
    return typed(plan)


@pytest.mark.parametrize(
    ("service", "seed"),
    [
        pytest.param(service, seed, marks=[pytest.mark.soak] * ((service, seed) != (SERVICES[2], 1)))
        for service in SERVICES for seed in SEEDS
    ],
)  # fmt: skip
def test_no_order_of_levels_leaves_a_member_unwatched_that_was_not_typed(out: Service, service: str, seed: int) -> None:
    chance = random.Random(f"{service} {seed}")
    leaving, levels = out(service), by_name()[service].levels
    leaving.allow(levels, chance.choice((HAND_OVER, OFF)))
    start, named = facts(leaving.world, service), set[tuple[str, str]]()
    for _ in range(6):
        level = chance.choice(levels)
        regions = () if level in ("delegation", "trusted-access") else chance.choice(((), REGIONS[:1], REGIONS[1:]))
        named |= step(leaving, level, regions)
        gone = lost(start, facts(leaving.world, service))
        for fact in WATCHING:
            assert gone.get(fact, frozenset()) <= named, (fact, level)
    leaving.allow(levels, OFF)
    for level in levels:
        step(leaving, level, ())
        plan = leaving.plan(level)
        assert plan.actions == (), f"{level}: in their order the levels leave nothing to call"
        assert plan.blockers == () or all(each.next_step and each.who for each in plan.blockers)


def test_routes_go_silent_only_by_what_was_typed_and_security_hub_waits_for_it(out: Service) -> None:
    """The response and the service it lives on, in every order of two."""
    for first in ("dissociate", "mute"):
        hub = out("securityhub")
        enabled_routes(hub.world)
        routes = Out(hub.simulated, RESPONSE)
        settings = hub.simulated.settings
        hub.allow(("dissociate",))
        if first == "dissociate":
            assert hub.plan("dissociate").actions == ()
        hub.simulated.settings = settings
        routes.allow(ways_out()[RESPONSE])
        plan, report = routes.do("mute")
        assert report.ok
        assert len(plan.to_type) == len(plan.actions)
        hub.simulated.settings = settings
        hub.allow(("dissociate",))
        assert hub.plan("dissociate").actions


@pytest.mark.parametrize("service", [pytest.param(each, marks=[pytest.mark.soak] * (each in SERVICES[1:4])) for each in SERVICES])
def test_order_reversed_is_refused(out: Service, service: str) -> None:
    """From the end: what needs another level first calls nothing, and says which."""
    leaving = out(service)
    levels = by_name()[service].levels
    leaving.allow(levels, OFF)
    called, refused = len(leaving.simulated.mutating()), 0
    for level in reversed(levels[1:]):
        plan = leaving.plan(level)
        if plan.blockers and not plan.actions:
            refused += 1
            assert any("level" in each.next_step for each in plan.blockers), level
            leaving.apply(level, plan)
    assert len(leaving.simulated.mutating()) == called
    assert refused >= (3 if "dissociate" in levels else 1)
