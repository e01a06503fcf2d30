"""From a bus to its targets: which rules an event fits, and what becomes of it at each target, by the world's clock.

A failure that time can mend (throttling, 5xx) is tried again with growing delays, up to 185 times or 24 hours; one that it cannot
(permission, a target that is gone) is not. What could not be delivered goes to the target's dead-letter queue, or is dropped
without a word: AWS says so in metrics only, the simulation keeps every attempt in `EventsState.deliveries`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from runbook_lib.rehearsal.neighbours import neighbours_of
from runbook_lib.rehearsal.operations.events import ways
from runbook_lib.rehearsal.operations.events.access import key_of, key_refusal, refusal_of
from runbook_lib.rehearsal.operations.events.inputs import input_for
from runbook_lib.rehearsal.operations.events.metrics import count
from runbook_lib.rehearsal.operations.events.state import Bus, Delivery, Disturbance, Rule, buses_of, state_of
from runbook_lib.rehearsal.operations.events.ways import Failure, Parcel
from runbook_lib.rehearsal.world import World

MOST_ATTEMPTS, OLDEST = 185, 86_400
"""Retries, and seconds until an event is given up, where a target has no RetryPolicy [docs]."""
FIRST_DELAY, LONGEST_DELAY = 1.0, 900.0
"""Seconds between attempts: each twice the last; that it grows is documented, how fast is assumed."""
OPEN = ("ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")


@dataclass(frozen=True)
class Errand:
    """One event on its way to one target of a rule. `retries` counts the tries after the first."""

    account: str
    region: str
    rule: str
    target: dict[str, Any]
    event: dict[str, Any]
    hops: int = 0
    retries: int = 0
    began: float = 0.0


def receive(world: World, bus: str, event: dict[str, Any], place: tuple[str, str] | None = None, hops: int = 0) -> None:
    """Take an event onto a bus: of its own account and Region, or of `place`. What a scenario disturbs comes twice or late."""
    account, region = place or (event["account"], event["region"])
    state = state_of(world)
    state.events.append(event)
    facts: dict[str, Any] = {"account": account, "region": region, "bus": bus, "event": event, "hops": hops}
    disturbed = _disturbed(state.disturbances, ("twice", "late"), source=event["source"])
    if disturbed is None:
        give_out(world, **facts)
    elif disturbed.kind == "twice":
        give_out(world, **facts)
        give_out(world, **facts)
    else:
        world.tell_later(disturbed.seconds, "event arrives", **facts)


def _disturbed(listed: list[Disturbance], kinds: tuple[str, ...], source: str = "*", target: str = "*") -> Disturbance | None:
    """The disturbance that befalls an event or an attempt now; it counts as used."""
    for each in listed:
        fits = fnmatchcase(source, each.source) if source != "*" else fnmatchcase(target, each.target)
        if each.kind in kinds and each.times > 0 and fits:
            each.times -= 1
            return each
    return None


def give_out(world: World, account: str, region: str, bus: str, event: dict[str, Any], hops: int = 0) -> None:
    """Give an event to every target of every open rule that it fits."""
    there: Bus | None = buses_of(world, account, region).get(bus)
    for rule in list(there.rules.values()) if there else ():
        if _open(rule, event):
            count(world, rule.arn, "TriggeredRules")
            for target in list(rule.targets.values()):
                attempt(world, Errand(account, region, rule.arn, target, event, hops, began=world.now()))


def _open(rule: Rule, event: Mapping[str, Any]) -> bool:
    pattern = rule.compiled if rule.state in OPEN else None
    return pattern is not None and pattern.fits(event)


def attempt(world: World, errand: Errand) -> None:
    """Try to deliver once, and say what comes of it."""
    target, text = errand.target, input_for(errand.target, errand.event, errand.rule)
    parcel = Parcel(errand.account, errand.region, errand.rule, target, errand.event, text, errand.hops)
    throttled = _disturbed(state_of(world).disturbances, ("throttled",), target=target["Arn"])
    failure = Failure("THROTTLING", "the target is throttled", mends=True) if throttled else ways.deliver(world, parcel)
    outcome, why = "delivered", failure.why if failure else ""
    if failure is not None:
        exhausted = _exhausted(world, errand) if failure.mends else ""
        if failure.mends and not exhausted:
            outcome = "retried"
            delay = min(FIRST_DELAY * 2.0**errand.retries, LONGEST_DELAY)
            world.tell_later(delay, "delivery due", errand=errand)
        else:
            outcome, why = _given_up(world, errand, failure, exhausted)
            count(world, errand.rule, "FailedInvocations")
    state_of(world).deliveries.append(
        Delivery(
            errand.account,
            errand.region,
            errand.rule,
            target["Arn"],
            why,
            event=errand.event["id"],
            outcome=outcome,
            code=failure.code if failure else "",
            attempts=errand.retries + 1,
            time=world.now(),
            input=text,
        )
    )


def again(world: World, errand: Errand) -> None:
    """The next try of an errand."""
    retried = Errand(**{**errand.__dict__, "retries": errand.retries + 1})
    attempt(world, retried)


def _exhausted(world: World, errand: Errand) -> str:
    """Which condition of the retry policy is used up; "" while none is."""
    policy = errand.target.get("RetryPolicy") or {}
    if errand.retries >= policy.get("MaximumRetryAttempts", MOST_ATTEMPTS):
        return "MaximumRetryAttempts"
    if world.now() - errand.began >= policy.get("MaximumEventAgeInSeconds", OLDEST):
        return "MaximumEventAgeInSeconds"
    return ""


def _given_up(world: World, errand: Errand, failure: Failure, exhausted: str) -> tuple[str, str]:
    """To the dead-letter queue, where it takes the event; outcome and reason."""
    letters = (errand.target.get("DeadLetterConfig") or {}).get("Arn")
    if not letters:
        return "dropped", failure.why
    problem = queue_refusal(world, letters, errand.rule)
    if problem:
        return "dropped", f"{failure.why}; the dead-letter queue does not take it: {problem}"
    attributes = {
        "RULE_ARN": errand.rule,
        "TARGET_ARN": errand.target["Arn"],
        "ERROR_CODE": failure.code,
        "ERROR_MESSAGE": failure.why,
    }
    if exhausted:
        attributes |= {"EXHAUSTED_RETRY_CONDITION": exhausted, "RETRY_ATTEMPTS": str(errand.retries)}
    neighbours = neighbours_of(world)
    assert neighbours is not None, "a queue that takes the event is somebody's"
    neighbours.send(letters, json.dumps(errand.event), attributes)
    return "dlq", failure.why


def queue_refusal(world: World, arn: str, rule: str) -> str:
    """Why a queue does not take what EventBridge sends for a rule; "" when it does."""
    neighbours = neighbours_of(world)
    queue = neighbours.queue(arn) if neighbours else None
    if queue is None:
        return "there is no such queue"
    if why := refusal_of(world, queue.policy, "sqs:SendMessage", arn, rule):
        return why
    return key_refusal(world, key_of(world, arn, queue.key), rule) if queue.key else ""
