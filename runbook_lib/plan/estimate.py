"""How many changing calls a plan makes and how long that takes, as a range. Pure.

The lower end is what AWS's request rates, lanes and the settings' concurrency allow when every answer is quick and every state
is there at the first look. The upper end has slow answers and every planned wait up to its deadline. Reading before and after
comes on top (`reading`), and a person's decision between stages.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from runbook_lib.aws.limits import SHARE, has_own_rate, rate_of
from runbook_lib.plan import Action, Plan, Step, Wait
from runbook_lib.services.spec import Rate

QUICK_ANSWER = 0.15
"""Seconds of one call at best [assumed]."""
SLOW_ANSWER = 3.0
"""Seconds of one call at worst, short retries included [assumed]."""


Reads = Mapping[str, Sequence[int]]
"""What one notebook read: "service:Operation" → (all calls, those in the account and Region with most)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Calls, planned waits, and seconds at least and at most."""

    calls: int
    waits: int
    shortest: float
    longest: float

    @property
    def duration(self) -> str:
        """The range in words, rounded up: "40 s to 12 min"."""
        shortest, longest = span(self.shortest), span(self.longest)
        return shortest if shortest == longest else f"{shortest} to {longest}"

    def __add__(self, after: "Estimate") -> "Estimate":
        """Both, one after the other."""
        return Estimate(
            self.calls + after.calls, self.waits + after.waits, self.shortest + after.shortest, self.longest + after.longest
        )


NOTHING = Estimate(0, 0, 0.0, 0.0)


def blast_radius(plan: Plan) -> str:
    """How many accounts change, in how many Regions, in words."""
    accounts = len({account for action in plan.actions for account in action.affects})
    regions = len({action.region for action in plan.actions})
    return f"{accounts:,} account{'s' * (accounts != 1)} in {regions} Region{'s' * (regions != 1)}"


def estimate(plan: Plan, concurrency: int = 8, mode: str = "") -> Estimate:
    """Estimate a whole plan; stages follow each other, Regions and accounts of one stage run side by side.

    `mode` says which part of AWS's rates is used; the plan's own mode when empty.
    """
    share = SHARE[mode or plan.mode]
    stages: dict[str, list[Step]] = {}
    for step in plan.steps:
        stages.setdefault(step.stage, []).append(step)
    return Estimate(
        calls=len(plan.actions),
        waits=len(plan.waits),
        shortest=sum(_calls(steps, concurrency, QUICK_ANSWER, share, quick=True) for steps in stages.values()),
        longest=sum(
            _calls(steps, concurrency, SLOW_ANSWER, share, quick=False) + _longest_wait(steps) for steps in stages.values()
        ),
    )


def reading(reads: Reads, concurrency: int = 8, mode: str = "live") -> Estimate:
    """Estimate what one notebook reads; its reads run side by side."""
    share, calls = SHARE[mode], sum(total for total, _ in reads.values())

    def seconds(answer: float, *, quick: bool) -> float:
        limited = [_throttled(rate_of(*name.split(":")), most, share, quick) for name, (_, most) in reads.items()]
        return max([math.ceil(calls / max(concurrency, 1)) * answer, *limited])

    return Estimate(calls, 0, seconds(QUICK_ANSWER, quick=True), seconds(SLOW_ANSWER, quick=False))


def _calls(steps: Sequence[Step], concurrency: int, answer: float, share: float, *, quick: bool) -> float:
    """Seconds that the calls of one stage take: the slowest of request rates, lanes and concurrency."""
    actions = [step for step in steps if isinstance(step, Action)]
    buckets = Counter(_bucket(action) for action in actions)
    lanes = Counter(action.lane for action in actions if action.lane)
    limited = [
        _throttled(rate_of(service, operation), calls, share, quick) for (_, _, service, operation), calls in buckets.items()
    ]
    together = math.ceil(len(actions) / max(concurrency, 1)) * answer
    return max([0.0, together, *limited, *(calls * answer for calls in lanes.values())])


def _bucket(action: Action) -> tuple[str, str, str, str]:
    """What shares one token bucket: calling account, Region, and the operation or the service's general rate."""
    named = has_own_rate(action.service, action.operation)
    return action.account, action.region, action.service, action.operation if named else "*"


def _throttled(rate: Rate | None, calls: int, share: float, quick: bool) -> float:
    if rate is None:
        return 0.0
    return max(calls - (rate.burst * share if quick else 0), 0) / (rate.per_second * share)


def _longest_wait(steps: Sequence[Step]) -> float:
    """Seconds of the longest chain of waits that follow each other in one stage."""
    by_id = {step.id: step for step in steps}
    before: Mapping[str, Iterable[str]] = {step.id: [each for each in step.after if each in by_id] for step in steps}
    reached: dict[str, float] = {}
    for each in TopologicalSorter(before).static_order():
        step = by_id[each]
        reached[each] = max((reached[earlier] for earlier in before[each]), default=0.0)
        reached[each] += step.deadline if isinstance(step, Wait) else 0.0
    return max(reached.values(), default=0.0)


def span(seconds: float) -> str:
    """A duration in words, rounded up: "7 s", "12 min", "1 h 20 min"."""
    if seconds <= 90:
        return f"{max(math.ceil(seconds), 1)} s"
    minutes = math.ceil(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
