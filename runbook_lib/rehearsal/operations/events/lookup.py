"""What requests name, found in the state of EventBridge: buses by name or ARN, rules, and pages of lists."""

import re
from dataclasses import dataclass
from typing import Any

from runbook_lib.rehearsal.operations.events.state import DEFAULT, Bus, Rule, buses_of
from runbook_lib.rehearsal.operations.events.texts import invalid, managed, no_bus, no_rule
from runbook_lib.rehearsal.registry import Call, page

LARGEST_PAGE, USUAL_PAGE = 100, 50
"""Largest page [model], and the page where no limit is given [assumed]."""


@dataclass(frozen=True)
class Arn:
    """An ARN in its parts."""

    partition: str
    service: str
    region: str
    account: str
    resource: str


def arn_of(text: str) -> Arn | None:
    """The parts of an ARN; None for what is none."""
    match = re.fullmatch(r"arn:([a-z-]+):([a-z0-9-]+):([a-z0-9-]*):(\d{12}|aws)?:(.+)", text)
    return Arn(match[1], match[2], match[3], match[4] or "", match[5]) if match else None


def bus_named(call: Call, name: str | None) -> Bus:
    """The caller's bus, by its name or ARN; rules stand on buses of one's own account and Region only."""
    given, buses = name or DEFAULT, buses_of(call.world, call.account, call.region)
    found = buses.get(given) or next((each for each in buses.values() if each.arn == given), None)
    if found is None:
        raise no_bus(given.rpartition("/")[2])
    return found


def rule_named(call: Call, name: str, bus: str | None) -> Rule:
    there = bus_named(call, bus)
    if name not in there.rules:
        raise no_rule(name, there.name)
    return there.rules[name]


def unmanaged(rule: Rule, *, force: bool = False) -> Rule:
    """A rule that a customer may change. With Force also one of a service's can lose targets, and be deleted [model]."""
    if rule.managed_by and not force:
        raise managed(rule.name, rule.managed_by)
    return rule


def paged(items: list[Any], token: str | None, limit: int | None) -> tuple[list[Any], str | None]:
    """One page and the next token. A token that is none of ours is refused."""
    if token is not None and not token.isdigit():
        raise invalid("NextToken is not valid.")  # [assumed]
    return page(items, token, limit or USUAL_PAGE, LARGEST_PAGE)
