"""Findings on EventBridge: the events AWS's services make, the rules they meet, and whether a target gets them (aws-behaviour 7).

Rules, topics and queues are moto's; who serves them tells us with `World.of(Buses).courier`. What happens to each event at each
target is kept in `deliveries`, since AWS itself says nothing when a policy is wrong.
"""

import json
import uuid
from dataclasses import dataclass, field
from typing import Any, Protocol

from runbook_lib.rehearsal.answers import iso8601
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.patterns import matches
from runbook_lib.rehearsal.registry import Call, PassOn, operation
from runbook_lib.rehearsal.world import World


@dataclass(frozen=True)
class RuleOnBus:
    """An enabled rule of a default event bus."""

    arn: str
    pattern: dict[str, Any]
    targets: tuple[str, ...]


class Courier(Protocol):
    """Who knows rules and targets."""

    def rules(self, account: str, region: str) -> list[RuleOnBus]:
        """The enabled rules of an account's default bus that have a pattern."""

    def deliver(self, target: str, message: str, rule: str) -> str:
        """Hand a message to a target; why not, or "" when it arrived."""


@dataclass(frozen=True)
class Delivery:
    """One event at one target; `failed` says why it did not arrive."""

    account: str
    region: str
    rule: str
    target: str
    failed: str


@dataclass
class Buses:
    """Every event that was put on a default bus, and what became of it."""

    courier: Courier | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)


def put(world: World, account: str, region: str, source: str, kind: str, resources: list[str], detail: dict[str, Any]) -> None:
    """Put an event on an account's default bus and give it to every rule that it fits."""
    buses = world.of(Buses)
    event = {
        "version": "0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{account}/{region}/{len(buses.events)}")),
        "detail-type": kind,
        "source": source,
        "account": account,
        "time": iso8601(world.now()),
        "region": region,
        "resources": resources,
        "detail": detail,
    }
    buses.events.append(event)
    if buses.courier is None:
        return
    for rule in buses.courier.rules(account, region):
        if matches(rule.pattern, event):
            for target in rule.targets:
                failed = buses.courier.deliver(target, json.dumps(event), rule.arn)
                buses.deliveries.append(Delivery(account, region, rule.arn, target, failed))


@operation("events", "PutEvents")
def put_events(call: Call, Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
    """Nobody but AWS may put events in AWS's name [issue serverless-patterns#3089]; everything else is moto's."""
    ours = [each.get("Source", "").startswith("aws.") for each in Entries]
    if not any(ours):
        raise PassOn
    if not all(ours):
        raise ApiError("NotSimulated", "events:PutEvents with sources of AWS and others in one call is not simulated", 501)
    entry = {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}
    return {"FailedEntryCount": len(Entries), "Entries": [entry] * len(Entries)}
