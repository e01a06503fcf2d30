"""How quickly AWS's limits let the work be done at all, and how few calls: computed from plans and sizes, never from a run.

The rates are the simulation's own table, not the runbook's. A bound counts: AWS's latency along the longest chain of calls that
need each other, waits for tokens of every (account, Region, operation), lanes, and the polls that states need to settle. It does
not count CPU, observing again before each stage (`demanded` does), or the limit on calls at the same time.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from runbook_lib.plan import Action, Plan, Step, Wait
from runbook_lib.rehearsal.limits import RATES

POLLS = 2
"""Reads that see the old state before a state has settled (the seed's `settle_polls`)."""
DESIGNATION = 0.05
"""Seconds of a designating call beside the latency (the seed's `designation_seconds`)."""


@dataclass
class Bound:
    """Seconds altogether, and by part."""

    parts: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return sum(self.parts.values())


def rate(service: str, operation: str) -> tuple[float, float]:
    return RATES.get(f"{service}:{operation}") or RATES.get(f"{service}:*") or (math.inf, math.inf)


def in_turn(calls: int, service: str, operation: str, latency: float, *, bursts: bool = True) -> float:
    """Seconds for calls each of which needs the one before, such as pages; without `bursts`, from buckets that begin empty."""
    per_second, burst = rate(service, operation)
    return max(calls * latency, (calls - burst * bursts) / per_second + latency)


class Tokens:
    """One bucket, filled at the beginning."""

    def __init__(self, per_second: float, burst: float) -> None:
        self.per_second, self.burst, self.level, self.at = per_second, burst, burst, 0.0

    def take(self, now: float) -> float:
        """When the next call may leave, not before `now`."""
        if math.isinf(self.per_second):
            return now
        now = max(now, self.at)
        self.level = min(self.burst, self.level + (now - self.at) * self.per_second)
        self.at = now
        if self.level < 1:
            self.at += (1 - self.level) / self.per_second
            self.level = 1.0
        self.level -= 1
        return self.at


def first_enablement(plans: Sequence[Plan], accounts: int, latency: float) -> Bound:
    """Each phase reads the accounts, and beside them each Region, once, then makes its calls, stage after stage."""
    found = Bound()
    for plan in plans:
        reading = coverage(accounts, latency).seconds
        if plan.phase == "40_macie":
            reading = max(reading, 2 * latency + in_turn(math.ceil((accounts - 1) / 25), "macie2", "ListMembers", latency))
        found.parts[f"{plan.phase} reading"] = reading
        for stage in dict.fromkeys(step.stage for step in plan.steps):
            steps = [step for step in plan.steps if step.stage == stage]
            found.parts[f"{plan.phase} {stage}"] = stage_seconds(steps, latency)
    return found


def stage_seconds(steps: Sequence[Step], latency: float, waited: Callable[[Wait], float] | None = None) -> float:
    """The plan's own order, any number of calls at the same time. `waited`: seconds of a Wait, else one call for each poll."""
    ended: dict[str, float] = {}
    lanes: dict[str, float] = {}
    buckets: dict[tuple[str, str, str, str], Tokens] = {}
    waiting = {step.id: step for step in steps}
    while waiting:
        ready = [step for step in waiting.values() if not any(each in waiting for each in step.after)]
        for step in sorted(ready, key=lambda step: max((ended.get(each, 0.0) for each in step.after), default=0.0)):
            begin = max((ended.get(each, 0.0) for each in step.after), default=0.0)
            if isinstance(step, Wait):
                ended[step.id] = begin + (waited(step) if waited else (POLLS + 1) * latency)
            else:
                ended[step.id] = _called(step, begin, latency, lanes, buckets)
            del waiting[step.id]
    return max(ended.values(), default=0.0)


def _called(
    action: Action, begin: float, latency: float, lanes: dict[str, float], buckets: dict[tuple[str, str, str, str], Tokens]
) -> float:
    key = (action.account, action.region, action.service, action.operation)
    bucket = buckets.setdefault(key, Tokens(*rate(action.service, action.operation)))
    start = bucket.take(max(begin, lanes.get(action.lane, 0.0) if action.lane else 0.0))
    taken = latency + (DESIGNATION if action.lane == "designation" else 0.0)
    if action.lane:
        lanes[action.lane] = start + taken
    return start + taken


def coverage(accounts: int, latency: float, *, bursts: bool = True) -> Bound:
    """The outline of the organization, then the slowest list, accounts among them, with details read while a list goes on."""

    def listed(pages: int, service: str, operation: str) -> float:
        return in_turn(pages, service, operation, latency, bursts=bursts)

    pages = math.ceil((accounts - 1) / 50)
    lists = {
        "accounts": listed(math.ceil(accounts / 20), "organizations", "ListAccounts"),
        "administrators, Security Hub members": latency + listed(pages, "securityhub", "ListMembers"),
        "administrators, GuardDuty members and their features": 2 * latency + listed(pages, "guardduty", "ListMembers"),
        "administrators, Inspector members and their scans": 2 * latency + listed(pages, "inspector2", "ListMembers"),
    }
    slowest = max(lists, key=lambda name: lists[name])
    return Bound({"outline": latency, slowest: lists[slowest]})


def second_run(phases: int, accounts: int, latency: float) -> float:
    """Phase after phase reads the accounts, and beside them each Region, once. All of them share the rate of that list."""
    listed = in_turn(phases * math.ceil(accounts / 20), "organizations", "ListAccounts", latency)
    return max(phases * coverage(accounts, latency).seconds, listed)


def floor_of_enabling(accounts: int, regions: int, *, every: bool) -> int:
    """Fewest calls per Region, as the list of what others need has it: batches, one list, one association per account.

    Macie: one call a member, its pages of 25, discovery in batches, then session, designation, both configurations, publication.
    Access Analyzer: a list and an analyzer.
    """
    members = accounts - 1
    fifty, hundred = math.ceil(members / 50), math.ceil(accounts / 100)
    hub, duty = 2 * fifty + 3, 3 * fifty + 3
    inspector = members + 2 * hundred
    others = (members + math.ceil(members / 25) + fifty + 5) + 2 if every else 0
    return regions * (hub + duty + inspector + others)


def floor_of_reading(accounts: int, regions: int) -> int:
    """Fewest reading calls of the whole coverage: the accounts, and per Region lists and details in full pages and batches."""
    members = accounts - 1
    fifty, hundred = math.ceil(members / 50), math.ceil(members / 100)
    return math.ceil(accounts / 20) + regions * (fifty + 2 * fifty + fifty + hundred)
