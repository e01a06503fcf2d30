"""Rules: whole replacement by PutRule, states, lists, and the test of a pattern."""

import json
import re
from collections.abc import Iterator
from typing import Any

from runbook_lib.rehearsal.asked import Asked
from runbook_lib.rehearsal.constraints import refuse_beyond
from runbook_lib.rehearsal.operations.events.filters import PatternError
from runbook_lib.rehearsal.operations.events.lookup import bus_named, paged, rule_named, unmanaged
from runbook_lib.rehearsal.operations.events.pattern import Pattern, compiled
from runbook_lib.rehearsal.operations.events.schedules import announce
from runbook_lib.rehearsal.operations.events.state import DEFAULT, Bus, Rule
from runbook_lib.rehearsal.operations.events.texts import (
    HAS_TARGETS,
    NO_TRIGGER,
    bad_pattern,
    invalid,
    parameter,
    too_many,
)
from runbook_lib.rehearsal.permissions import refuse_denied
from runbook_lib.rehearsal.registry import Call, operation

MOST_RULES = 300
"""Rules of a bus, unless the quota was raised [docs]; `world.variants["events rules per bus"]` is another number."""
LONGEST_PATTERN = 2048
"""Characters; the model allows 4096, the quota is lower [docs]. Variant "events pattern quota": another number."""
SCHEDULE = re.compile(r"(rate|cron)\(.+\)")
EVENT_FIELDS = ("id", "account", "source", "time", "region", "resources", "detail-type")
"""What an event has to have for TestEventPattern [docs]."""


def readable(pattern: str, longest: int) -> Pattern:
    """A pattern that EventBridge takes. Raises its refusal."""
    if len(pattern) > longest:
        raise bad_pattern(f"Event pattern is too long: {len(pattern)} characters, at most {longest}")  # [assumed]
    try:
        return compiled(pattern)
    except PatternError as error:
        raise bad_pattern(str(error)) from None


@operation("events", "PutRule")
def put_rule(
    call: Call,
    Name: str,
    EventPattern: str = "",
    ScheduleExpression: str = "",
    State: str = "ENABLED",
    Description: str = "",
    RoleArn: str = "",
    EventBusName: str | None = None,
    Tags: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """Make a rule, or replace one whole: what is left out becomes empty, targets stay, tags of an update are ignored [model]."""
    refuse_beyond("events", "PutRule", call.parameters)
    bus = bus_named(call, EventBusName)
    if not EventPattern and not ScheduleExpression:
        raise invalid(NO_TRIGGER)
    if EventPattern:
        readable(EventPattern, int(call.world.variants.get("events pattern quota", LONGEST_PATTERN)))
    if ScheduleExpression and not SCHEDULE.fullmatch(ScheduleExpression):
        raise parameter("ScheduleExpression", "it must be rate(…) or cron(…)")  # [assumed]
    if ScheduleExpression and bus.name != DEFAULT:
        raise invalid("ScheduleExpression is supported only on the default event bus.")  # [seen]
    known = bus.rules.get(Name)
    if known is None:
        _refuse_new(call, bus, Name, Tags)
    else:
        unmanaged(known)
    made = known or Rule(Name, bus.name, _arn(call, bus, Name), call.account)
    made.pattern, made.schedule, made.state = EventPattern, ScheduleExpression, State
    made.description, made.role = Description, RoleArn
    announce(call.world, call.account, call.region, made)
    if known is None:
        made.tags = {each["Key"]: each["Value"] for each in Tags or ()}
        bus.rules[Name] = made
    return {"RuleArn": made.arn}


def _refuse_new(call: Call, bus: Bus, name: str, tags: list[dict[str, str]] | None) -> None:
    """The quota, and the right to give tags at creation, which is asked for by itself [model]."""
    if len(bus.rules) >= int(call.world.variants.get("events rules per bus", MOST_RULES)):
        raise too_many()
    if tags and call.caller is not None:
        refuse_denied(call.world, call.caller, Asked("events", "TagResource", call.region, resource=_arn(call, bus, name)))


def _arn(call: Call, bus: Bus, name: str) -> str:
    """Rules of other buses than the default one carry the bus in their ARN [docs]."""
    where = name if bus.name == DEFAULT else f"{bus.name}/{name}"
    return f"arn:{call.partition}:events:{call.region}:{call.account}:rule/{where}"


def _shown(rule: Rule) -> dict[str, Any]:
    return {
        "Name": rule.name,
        "Arn": rule.arn,
        "EventPattern": rule.pattern or None,
        "State": rule.state,
        "Description": rule.description or None,
        "ScheduleExpression": rule.schedule or None,
        "RoleArn": rule.role or None,
        "ManagedBy": rule.managed_by or None,
        "EventBusName": rule.bus,
    }


@operation("events", "DescribeRule")
def describe_rule(call: Call, Name: str, EventBusName: str | None = None) -> dict[str, Any]:
    found = rule_named(call, Name, EventBusName)
    return {**_shown(found), "CreatedBy": found.created_by}


@operation("events", "ListRules")
def list_rules(
    call: Call,
    NamePrefix: str = "",
    EventBusName: str | None = None,
    NextToken: str | None = None,
    Limit: int | None = None,
) -> dict[str, Any]:
    """The rules of a bus by name, those of AWS's services too."""
    refuse_beyond("events", "ListRules", call.parameters)
    rules = bus_named(call, EventBusName).rules
    shown, token = paged([_shown(rules[name]) for name in sorted(rules) if name.startswith(NamePrefix)], NextToken, Limit)
    return {"Rules": shown, "NextToken": token}


@operation("events", "ListRuleNamesByTarget")
def list_rule_names_by_target(
    call: Call, TargetArn: str, EventBusName: str | None = None, NextToken: str | None = None, Limit: int | None = None
) -> dict[str, Any]:
    refuse_beyond("events", "ListRuleNamesByTarget", call.parameters)
    shown, token = paged(list(_aimed_at(bus_named(call, EventBusName), TargetArn)), NextToken, Limit)
    return {"RuleNames": shown, "NextToken": token}


def _aimed_at(bus: Bus, target: str) -> Iterator[str]:
    for name, rule in sorted(bus.rules.items()):
        if any(each["Arn"] == target for each in rule.targets.values()):
            yield name


@operation("events", "EnableRule")
def enable_rule(call: Call, Name: str, EventBusName: str | None = None) -> None:
    unmanaged(rule_named(call, Name, EventBusName)).state = "ENABLED"


@operation("events", "DisableRule")
def disable_rule(call: Call, Name: str, EventBusName: str | None = None) -> None:
    unmanaged(rule_named(call, Name, EventBusName)).state = "DISABLED"


@operation("events", "DeleteRule")
def delete_rule(call: Call, Name: str, EventBusName: str | None = None, Force: bool = False) -> None:
    """Only without targets [docs]; deleting what is not there is no error [assumed]."""
    bus = bus_named(call, EventBusName)
    if Name in bus.rules:
        if unmanaged(bus.rules[Name], force=Force).targets:
            raise invalid(HAS_TARGETS)
        del bus.rules[Name]


@operation("events", "TestEventPattern")
def test_event_pattern(call: Call, EventPattern: str, Event: str) -> dict[str, Any]:
    """Whether an event fits a pattern, by the same matcher as rules."""
    refuse_beyond("events", "TestEventPattern", call.parameters)
    pattern = readable(EventPattern, LONGEST_PATTERN * 2)
    try:
        event = json.loads(Event)
    except ValueError:
        raise parameter("Event", "it is not JSON") from None
    if not isinstance(event, dict):
        raise parameter("Event", "it is not a JSON object")
    absent = [name for name in EVENT_FIELDS if name not in event]
    if absent:
        raise parameter("Event", f"{absent[0]} is a required field")
    return {"Result": pattern.fits(event)}
