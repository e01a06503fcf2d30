"""Out by any mix of levels, and back: several services, any levels, any order, any Regions; then the ordinary enablement.

What comes after is what was before: the same cells, account by account, and the same facts of the simulated world.
"""

import json
import random
from collections.abc import Callable

import pytest
from leaving import REGIONS, SERVICES, Out, muted
from losses import Facts, facts, for_good, lost
from simulated import Simulated

from runbook_lib.runbook.phases import PREREQUISITES
from runbook_lib.services.departure import HAND_OVER, OFF
from runbook_lib.services.registry import by_name
from runbook_lib.settings import Settings

Service = Callable[[str], Out]
GLOBALLY = ("delegation", "trusted-access")
MIXES = 30
DEFAULT = (12,)
"""Seeds that every `make test` tries: a service with members and the one without; the others with `make soak`."""


def cells(made: Simulated, phase: str) -> set[str]:
    """How everything of a phase stands, account by account."""
    return {
        json.dumps([each.region, each.aspect, each.item, each.status, each.gap, account])
        for each in made.phase_cells(phase) if each.in_scope for account in each.accounts
    }  # fmt: skip


def gone_out(made: Simulated, chosen: list[str], settings: Settings, chance: random.Random) -> None:
    """Levels in any order, as far as each may be done. Later ones wait for earlier ones: half of them are the next that calls."""
    ways = {service: chance.choice((HAND_OVER, OFF)) for service in chosen}
    for _ in range(3 * len(chosen)):
        service = chance.choice(chosen)
        leaving, levels = Out(made, service), by_name()[service].levels
        made.settings = settings
        leaving.allow(levels, ways[service])
        level = chance.choice(levels)
        if chance.random() < 0.5:
            level = next((each for each in levels if leaving.plan(each).actions), level)
        regions = () if level in GLOBALLY else chance.choice(((), REGIONS[:1], REGIONS[1:]))
        plan, report = leaving.do(level, regions)
        assert report.ok or not plan.actions, (service, level, report)
    made.settings = settings


@pytest.mark.parametrize("seed", [pytest.param(each, marks=[pytest.mark.soak] * (each not in DEFAULT)) for each in range(MIXES)])
def test_out_by_any_mix_of_levels_and_back_everything_stands_as_before(out: Service, seed: int) -> None:
    chance = random.Random(seed)
    chosen = sorted(chance.sample(SERVICES, chance.choice((1, 2, 3))), key=SERVICES.index)
    made = out(chosen[0]).simulated
    muted(made.front.world)
    settings, phases = made.settings, [by_name()[each].phase for each in chosen]

    def stand() -> dict[str, Facts]:
        return {each: facts(made.front.world, each) for each in SERVICES}

    before, stood = stand(), {phase: cells(made, phase) for phase in phases}
    gone_out(made, chosen, settings, chance)
    away = {each for each, now in stand().items() if lost(before[each], now)}
    assert away, "something was taken"
    assert away <= set(chosen), "and nothing of a service that was not left"
    made.enable([PREREQUISITES.name, *phases])
    for each, now in stand().items():
        assert set(lost(before[each], now)) <= for_good(each), each
    for phase in phases:
        assert cells(made, phase) == stood[phase], phase
