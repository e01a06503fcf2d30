"""A scenario at work: which fault befalls a request, what happens meanwhile, and the answers that faults give."""

import random
from fnmatch import fnmatchcase
from typing import Any

from runbook_lib.rehearsal import events
from runbook_lib.rehearsal.asked import action_of
from runbook_lib.rehearsal.draws import whole
from runbook_lib.rehearsal.errors import ApiError, ConnectionCut
from runbook_lib.rehearsal.identity import Credential
from runbook_lib.rehearsal.limits import RATES, throttled
from runbook_lib.rehearsal.permissions import denied
from runbook_lib.rehearsal.policies.document import Kind, Policy
from runbook_lib.rehearsal.policies.evaluation import Decision
from runbook_lib.rehearsal.scenario import Event, Fault, Scenario, unless_never
from runbook_lib.rehearsal.simulated import Bucket, by_name, simulated
from runbook_lib.rehearsal.stack_faults import StackFaults
from runbook_lib.rehearsal.world import World

FAILURE = {
    **{each.name: each.failure for each in simulated()},
    "organizations": "ServiceException",
    "account": "InternalServerException",
}
"""What the services call a failure of their own, status 500 (their models)."""
UNPROCESSED = {(each.name, operation): batch for each in simulated() for operation, batch in each.batches.items()}
"""Batches that hand accounts back: the parameter, the member of the answer, and one entry of it."""
BATCHED = frozenset(name for name, _, _ in UNPROCESSED.values())
OWN_FAULT = "The request failed because of an internal error. Try again."
"""[assumed]: why an account is handed back."""


BY_ROLE = Decision(allowed=False, kind=Kind.IDENTITY)
BY_POLICY = Decision(allowed=False, kind=Kind.SCP, policy=Policy(Kind.SCP, ()))
"""How a scenario denies: no policy of the role allows it, or an SCP denies it."""


class Faults:
    """One scenario on one world. Everything but `delay` is called under the world's lock."""

    def __init__(self, scenario: Scenario, world: World) -> None:
        organization = world.organization
        named = {organization.management, *(each for each in organization.accounts if len(set(each)) == 1)}
        ordinary = sorted(set(organization.accounts) - named) or sorted(organization.accounts)
        self.scenario = whole(scenario, ordinary, sorted(world.regions))
        self.over = False
        self._world, self._began = world, world.now()
        self._counts: dict[int, int] = {}
        self._event_counts: dict[int, int] = {}
        self._happened: set[int] = set()
        self._delays = 0
        world.variants.update(self.scenario.variants)
        world.of(StackFaults).listed = self.scenario.stack
        if self.scenario.settle_polls is not None:
            world.settle_polls = unless_never(self.scenario.settle_polls)
        if self.scenario.settle_seconds is not None:
            world.settle_seconds = unless_never(self.scenario.settle_seconds)
        if world.settle_polls is None and world.settle_seconds is None:
            raise ValueError("settle_polls and settle_seconds are both never: nothing would ever settle; give one of them")
        world.never_settles = {(each.service, account) for each in self.scenario.never_settle for account in each.accounts}

    def rates(self, *, throttled_by_seed: bool) -> dict[str, Bucket]:
        """AWS's rates where they are enforced, with the scenario's own in their place."""
        enforced = throttled_by_seed if self.scenario.throttled is None else self.scenario.throttled
        own = {name: (rate.per_second, rate.burst) for name, rate in self.scenario.rates.items()}
        return {**(RATES if enforced else {}), **own}

    def delay(self, service: str, operation: str, region: str, *, mutating: bool) -> float:
        """Seconds that a request takes before anything is decided; of several that fit, the last said."""
        if self.over or not self.scenario.latency:
            return 0.0
        for each in reversed(self.scenario.latency):
            if each.on.model_copy(update={"account": "*"}).fits(service, operation, "", region, mutating=mutating):
                self._delays += 1
                spread = self._chance("latency", self._delays).uniform(-each.jitter, each.jitter)
                return max(0.0, each.milliseconds + spread) / 1000
        return 0.0

    def strike(self, service: str, operation: str, account: str, region: str, *, mutating: bool) -> tuple[str, Fault] | None:
        """Let happen what is due, then say which fault befalls this request, with its name for the log; None for none."""
        if self.over:
            return None
        asked = (service, operation, account, region)
        for index, event in enumerate(self.scenario.events):
            if index not in self._happened and self._due(index, event, *asked, mutating=mutating):
                self._happened.add(index)
                events.happen(self._world, event)
        found = None
        for index, fault in enumerate(self.scenario.faults):
            if self._hits(index, fault, *asked, mutating=mutating) and found is None:
                found = f"faults[{index}] {fault.kind}" + (" after" if fault.effect == "after" else ""), fault
        return found

    def end(self) -> None:
        """No fault from now on: what was stuck settles, and another administrator is gone. Accounts stay as they are."""
        if self.over:
            return
        self.over = True
        self._world.release()
        self._world.of(StackFaults).end()
        for index in sorted(self._happened):
            events.undo(self._world, self.scenario.events[index])

    def _passed(self) -> float:
        return self._world.now() - self._began

    def _due(self, index: int, event: Event, *asked: str, mutating: bool) -> bool:
        if event.on is None:
            return event.at is not None and self._passed() >= event.at
        if not event.on.fits(*asked, mutating=mutating):
            return False
        count = self._event_counts[index] = self._event_counts.get(index, 0) + 1
        return count >= event.call

    def _hits(self, index: int, fault: Fault, *asked: str, mutating: bool) -> bool:
        passed = self._passed()
        if passed < fault.at or (fault.until is not None and passed >= fault.until):
            return False
        if not fault.on.fits(*asked, mutating=mutating):
            return False
        if fault.kind == "unprocessed" and (asked[0], asked[1]) not in UNPROCESSED:
            return False
        if fault.kind == "deny" and fault.by == "policy" and asked[2] == self._world.organization.management:
            return False
        count = self._counts[index] = self._counts.get(index, 0) + 1
        if count < fault.call or (fault.times is not None and count >= fault.call + fault.times):
            return False
        return fault.probability >= 1 or self._chance(f"fault {index}", count).random() < fault.probability

    def _chance(self, what: str, count: int) -> random.Random:
        """Depends on nothing but the scenario's number and how often this was asked."""
        return random.Random(f"{self.scenario.seed}/{what}/{count}")  # noqa: S311 draws faults, guards nothing


def refusal(fault: Fault, caller: Credential, service: str, operation: str) -> ApiError | ConnectionCut | None:
    """What the caller gets instead of its answer; None for a fault that only changes the answer."""
    if fault.kind == "throttle":
        return throttled(service)
    if fault.kind == "error":
        code = FAILURE.get(service, "InternalFailure") if fault.status == 500 else "ServiceUnavailable"
        return ApiError(code, "The request failed because of an internal error.", fault.status)
    if fault.kind in ("reset", "timeout"):
        return ConnectionCut(fault.silence if fault.kind == "timeout" else 0.0)
    if fault.kind == "deny":
        return denied(caller, service, action_of(service, operation), BY_POLICY if fault.by == "policy" else BY_ROLE)
    return None


def leave_out(fault: Fault, service: str, operation: str, parameters: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The parameters without the accounts that an "unprocessed" fault names, and those accounts."""
    name, _, _ = UNPROCESSED[service, operation]
    given = parameters.get(name) or []

    def account_of(each: Any) -> str:
        return str(each.get("AccountId") or each.get("accountId")) if isinstance(each, dict) else str(each)

    def left_out(each: Any) -> bool:
        return any(fnmatchcase(account_of(each), glob) for glob in fault.accounts)

    kept = [each for each in given if not left_out(each)]
    gone = [account_of(each) for each in given if left_out(each)]
    return {**parameters, name: kept}, gone


def hand_back(fault: Fault, service: str, operation: str, answer: dict[str, Any] | None, accounts: list[str]) -> dict[str, Any]:
    """The answer with those accounts handed back; `answer` None when none was left to carry the call out for."""
    _, member, entry = UNPROCESSED[service, operation]
    whole_answer = dict(answer or by_name()[service].nothing_done)
    listed = [*whole_answer.get(member, []), *(entry(account, fault.reason or OWN_FAULT) for account in accounts)]
    return {**whole_answer, member: listed}
