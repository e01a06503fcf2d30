"""How many changing calls a plan makes, how long that usually takes, and the time to plan for. Pure.

Both are what AWS's request rates, lanes and the settings' concurrency allow. Usually answers are quick and states settle soon; the
time to plan for has slow answers, no burst to begin with, and one planned wait, the worst placed, that lasts until its deadline: a
wait that goes beyond it ends the stage, and that all of them do is no plan but an outage. Reading before and after comes on top
(`reading`), and a person's decision between stages.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from typing import NamedTuple

from runbook_lib.aws.limits import SHARE, has_own_rate, rate_of
from runbook_lib.plan import Action, Plan, Step, Wait
from runbook_lib.plan.groups import places, region_count
from runbook_lib.services.registry import specs
from runbook_lib.services.spec import Rate

USUAL_ANSWER = 0.3
"""Seconds of one call as a rule [assumed]."""
SLOW_ANSWER = 1.5
"""Seconds of one call on a slow day, short retries included [assumed]."""
USUAL_WAIT = 30.0
"""Seconds until a state that is waited for has settled, as a rule [assumed]."""


Reads = Mapping[str, Sequence[int]]
"""What one notebook read: "service:Operation" → (all calls, those in the account and Region with most)."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Calls, planned waits, and seconds: as a rule, and to plan for."""

    calls: int
    waits: int
    usual: float
    to_plan_for: float

    @property
    def duration(self) -> str:
        """Both in words, rounded up: "usually 40 s (plan for 12 min)"."""
        usual, to_plan_for = span(self.usual), span(self.to_plan_for)
        return usual if usual == to_plan_for else f"usually {usual} (plan for {to_plan_for})"

    def __add__(self, after: "Estimate") -> "Estimate":
        """Both, one after the other."""
        return Estimate(
            self.calls + after.calls, self.waits + after.waits, self.usual + after.usual, self.to_plan_for + after.to_plan_for
        )


NOTHING = Estimate(0, 0, 0.0, 0.0)


_TRUSTING = frozenset({("organizations", "EnableAWSServiceAccess"), ("organizations", "RegisterDelegatedAdministrator")})
EVERYBODY = "all present and future accounts"


def for_everybody(action: Action) -> bool:
    """Whether a call holds for the organization as it is and as it will be, as trusted access and automatic enabling do."""
    return (action.service, action.operation) in _for_everybody()


@cache
def _for_everybody() -> frozenset[tuple[str, str]]:
    """Service and operation. What designates an administrator or gives a service trusted access does, whatever the service."""
    own = {(spec.name, operation) for spec in specs() for operation in spec.for_everybody}
    designating = {(spec.name, spec.designation.enable_operation) for spec in specs() if spec.designation}
    return frozenset({*_TRUSTING, *own, *designating})


def blast_radius(plan: Plan) -> str:
    """Whom the calls reach, in how many Regions, in words."""
    accounts = len({account for action in plan.actions if not for_everybody(action) for account in action.affects})
    wide = sum(for_everybody(action) for action in plan.actions)
    named = f"{accounts:,} account{'s' * (accounts != 1)}"
    share = "" if wide == len(plan.actions) else f" by {wide:,} of {len(plan.actions):,} calls; the others {named}"
    return f"{EVERYBODY + share if wide else named}, {region_count(places(plan.actions))}"


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
        usual=sum(_calls(steps, concurrency, USUAL_ANSWER, share, burst=True) + _waiting(steps).usual for steps in stages.values()),
        to_plan_for=sum(
            _calls(steps, concurrency, SLOW_ANSWER, share, burst=False) + _waiting(steps).to_plan_for for steps in stages.values()
        ),
    )


def reading(reads: Reads, concurrency: int = 8, mode: str = "live") -> Estimate:
    """Estimate what one notebook reads; its reads run side by side."""
    share, calls = SHARE[mode], sum(total for total, _ in reads.values())

    def seconds(answer: float, *, burst: bool) -> float:
        limited = [_throttled(rate_of(*name.split(":")), most, share, burst) for name, (_, most) in reads.items()]
        return max([math.ceil(calls / max(concurrency, 1)) * answer, *limited])

    return Estimate(calls, 0, seconds(USUAL_ANSWER, burst=True), seconds(SLOW_ANSWER, burst=False))


def _calls(steps: Sequence[Step], concurrency: int, answer: float, share: float, *, burst: bool) -> float:
    """Seconds that the calls of one stage take: the slowest of request rates, lanes and concurrency."""
    actions = [step for step in steps if isinstance(step, Action)]
    buckets = Counter(_bucket(action) for action in actions)
    lanes = Counter(action.lane for action in actions if action.lane)
    limited = [
        _throttled(rate_of(service, operation), calls, share, burst) for (_, _, service, operation), calls in buckets.items()
    ]
    together = math.ceil(len(actions) / max(concurrency, 1)) * answer
    return max([0.0, together, *limited, *(calls * answer for calls in lanes.values())])


def _bucket(action: Action) -> tuple[str, str, str, str]:
    """What shares one token bucket: calling account, Region, and the operation or the service's general rate."""
    named = has_own_rate(action.service, action.operation)
    return action.account, action.region, action.service, action.operation if named else "*"


def _throttled(rate: Rate | None, calls: int, share: float, burst: bool) -> float:
    if rate is None:
        return 0.0
    return max(calls - (rate.burst * share if burst else 0), 0) / (rate.per_second * share)


class _Waited(NamedTuple):
    """Seconds of waits that follow each other: each as a rule, and with the one that costs most until its deadline."""

    usual: float = 0.0
    to_plan_for: float = 0.0

    def then(self, step: Step) -> "_Waited":
        if not isinstance(step, Wait):
            return self
        wait = min(USUAL_WAIT, step.deadline)
        return _Waited(self.usual + wait, max(self.to_plan_for + wait, self.usual + step.deadline))


def _waiting(steps: Sequence[Step]) -> _Waited:
    """Of the chains of waits in one stage, the longest."""
    by_id = {step.id: step for step in steps}
    before: Mapping[str, Iterable[str]] = {step.id: [each for each in step.after if each in by_id] for step in steps}
    reached: dict[str, _Waited] = {}
    for each in TopologicalSorter(before).static_order():
        reached[each] = _longest(reached[earlier] for earlier in before[each]).then(by_id[each])
    return _longest(reached.values())


def _longest(chains: Iterable[_Waited]) -> _Waited:
    each = [_Waited(), *chains]
    return _Waited(max(one.usual for one in each), max(one.to_plan_for for one in each))


def span(seconds: float) -> str:
    """A duration in words, rounded up: "7 s", "12 min", "1 h 20 min"."""
    if seconds <= 90:
        return f"{max(math.ceil(seconds), 1)} s"
    minutes = math.ceil(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
