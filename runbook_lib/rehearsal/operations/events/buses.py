"""Event buses, who may put events on them, and tags."""

import json
from typing import Any

from runbook_lib.rehearsal.constraints import refuse_beyond
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.operations.events.lookup import bus_named, paged
from runbook_lib.rehearsal.operations.events.state import DEFAULT, Bus, Rule, buses_of
from runbook_lib.rehearsal.operations.events.texts import exists, invalid, missing, no_bus, too_many
from runbook_lib.rehearsal.policies.document import Kind, read
from runbook_lib.rehearsal.policies.wildcards import PolicyError
from runbook_lib.rehearsal.registry import Call, operation

MOST_BUSES = 100
"""Per account and Region [docs]."""
LONGEST_POLICY = 10_240
"""Characters of a bus's policy [docs]."""


@operation("events", "CreateEventBus")
def create_event_bus(
    call: Call,
    Name: str,
    EventSourceName: str | None = None,
    Description: str = "",
    Tags: list[dict[str, str]] | None = None,
    **_: Any,
) -> dict[str, Any]:
    """A custom bus; those of partners are not simulated."""
    refuse_beyond("events", "CreateEventBus", call.parameters)
    if EventSourceName:
        raise ApiError("NotSimulated", "events:CreateEventBus of a partner's event source is not simulated", 501)
    buses = buses_of(call.world, call.account, call.region)
    if Name in buses:
        raise exists(f"Event bus {Name} already exists.")  # [seen]
    if "/" in Name:
        raise invalid("Event bus name must not contain '/'.")  # [seen]
    if len(buses) >= MOST_BUSES:
        raise too_many()
    arn = f"arn:{call.partition}:events:{call.region}:{call.account}:event-bus/{Name}"
    tags = {each["Key"]: each["Value"] for each in Tags or ()}
    buses[Name] = Bus(Name, arn, call.world.now(), Description, tags=tags)
    return {"EventBusArn": arn, "Description": Description or None}


@operation("events", "DescribeEventBus")
def describe_event_bus(call: Call, Name: str | None = None) -> dict[str, Any]:
    found = bus_named(call, Name)
    return {**_shown(found), "Description": found.description or None}


def _shown(bus: Bus) -> dict[str, Any]:
    return {"Name": bus.name, "Arn": bus.arn, "Policy": document(bus) or None}


def document(bus: Bus) -> str:
    """A bus's policy as JSON; "" where it has none."""
    return json.dumps({"Version": "2012-10-17", "Statement": [*bus.policy.values()]}) if bus.policy else ""


@operation("events", "ListEventBuses")
def list_event_buses(call: Call, NamePrefix: str = "", NextToken: str | None = None, Limit: int | None = None) -> dict[str, Any]:
    buses = buses_of(call.world, call.account, call.region)
    shown, token = paged([_shown(buses[name]) for name in sorted(buses) if name.startswith(NamePrefix)], NextToken, Limit)
    return {"EventBuses": shown, "NextToken": token}


@operation("events", "DeleteEventBus")
def delete_event_bus(call: Call, Name: str) -> None:
    """With its rules; the default one stays, and one that is not there is no error [model]."""
    if Name == DEFAULT:
        raise invalid("Cannot delete event bus default.")  # [seen]
    buses_of(call.world, call.account, call.region).pop(Name, None)


@operation("events", "PutPermission")
def put_permission(
    call: Call,
    EventBusName: str | None = None,
    Action: str | None = None,
    Principal: str | None = None,
    StatementId: str | None = None,
    Condition: dict[str, str] | None = None,
    Policy: str | None = None,
) -> None:
    """One statement, or the whole policy of a bus [model]."""
    refuse_beyond("events", "PutPermission", call.parameters)
    bus = bus_named(call, EventBusName)
    if Policy is not None:
        if Action or Principal or StatementId or Condition:
            raise invalid("Policy cannot be combined with Action, Principal, StatementId or Condition.")  # rule [model]
        statements = _statements(Policy)
    else:
        if not (Action and Principal and StatementId):
            raise invalid("Parameter(s) Action, Principal and StatementId must be specified.")  # [assumed]
        statements = {**bus.policy, StatementId: _statement(call, bus, StatementId, Action, Principal, Condition)}
    if len(json.dumps([*statements.values()])) > LONGEST_POLICY:
        raise ApiError("PolicyLengthExceededException", "The event bus policy is too long.", 400)
    bus.policy = statements


def _statement(call: Call, bus: Bus, sid: str, action: str, principal: str, condition: dict[str, str] | None) -> dict[str, Any]:
    if action != "events:PutEvents":
        raise invalid("Provided value in parameter 'action' is not supported.")  # [seen]
    named: Any = principal if principal == "*" else {"AWS": f"arn:{call.partition}:iam::{principal}:root"}
    made = {"Sid": sid, "Effect": "Allow", "Principal": named, "Action": action, "Resource": bus.arn}
    if condition:
        made["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    return made


def _statements(policy: str) -> dict[str, dict[str, Any]]:
    try:
        read(policy, Kind.RESOURCE)
    except PolicyError as error:
        raise invalid(f"Policy is not valid: {error}") from None  # [assumed]
    listed = json.loads(policy)["Statement"]
    listed = listed if isinstance(listed, list) else [listed]
    return {each.get("Sid", f"statement-{number}"): each for number, each in enumerate(listed)}


@operation("events", "RemovePermission")
def remove_permission(
    call: Call, StatementId: str | None = None, RemoveAllPermissions: bool = False, EventBusName: str | None = None
) -> None:
    bus = bus_named(call, EventBusName)
    if RemoveAllPermissions:
        bus.policy = {}
    elif StatementId not in bus.policy:
        raise missing("Statement with the provided id does not exist.")  # [seen]
    else:
        del bus.policy[StatementId]


def _tagged(call: Call, arn: str) -> Bus | Rule:
    """The bus or rule of an ARN."""
    for bus in buses_of(call.world, call.account, call.region).values():
        if bus.arn == arn:
            return bus
        for rule in bus.rules.values():
            if rule.arn == arn:
                return rule
    if ":event-bus/" in arn:
        raise no_bus(arn.rpartition("/")[2])
    raise missing(f"Rule {arn.rpartition('/')[2]} does not exist on EventBus default.")


@operation("events", "TagResource")
def tag_resource(call: Call, ResourceARN: str, Tags: list[dict[str, str]]) -> None:
    refuse_beyond("events", "TagResource", call.parameters)
    found = _tagged(call, ResourceARN)
    wanted = {**found.tags, **{each["Key"]: each["Value"] for each in Tags}}
    if len(wanted) > 50:
        raise too_many("A resource can have up to 50 tags.")  # [assumed]
    found.tags = wanted


@operation("events", "UntagResource")
def untag_resource(call: Call, ResourceARN: str, TagKeys: list[str]) -> None:
    found = _tagged(call, ResourceARN)
    found.tags = {key: value for key, value in found.tags.items() if key not in TagKeys}


@operation("events", "ListTagsForResource")
def list_tags_for_resource(call: Call, ResourceARN: str) -> dict[str, Any]:
    return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(_tagged(call, ResourceARN).tags.items())]}
