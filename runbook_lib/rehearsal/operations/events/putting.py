"""Events put on buses: by AWS's services, and by customers with PutEvents."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from runbook_lib.rehearsal.answers import iso8601
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.operations.events import courier
from runbook_lib.rehearsal.operations.events.access import may_put
from runbook_lib.rehearsal.operations.events.lookup import arn_of
from runbook_lib.rehearsal.operations.events.state import DEFAULT, Bus, buses_of, state_of
from runbook_lib.rehearsal.operations.events.texts import invalid
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import World

LARGEST = 256 * 1024
"""Bytes of all entries of a call [docs]."""


def put(world: World, account: str, region: str, source: str, kind: str, resources: list[str], detail: Mapping[str, Any]) -> None:
    """Put an event of an AWS service on an account's default bus and give it to every rule that it fits."""
    courier.receive(world, DEFAULT, _event(world, account, region, source, kind, resources, detail))


def _event(
    world: World, account: str, region: str, source: str, kind: str, resources: list[str], detail: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{account}/{region}/{len(state_of(world).events)}")),
        "detail-type": kind,
        "source": source,
        "account": account,
        "time": iso8601(world.now()),
        "region": region,
        "resources": resources,
        "detail": detail,
    }


@operation("events", "PutEvents")
def put_events(call: Call, Entries: list[dict[str, Any]], EndpointId: str | None = None) -> dict[str, Any]:
    """HTTP 200 has failed entries: what lacks a field, what is no JSON, and events in AWS's name [issue serverless-patterns#3089].

    An entry for a bus that is not there gets an id all the same, and is gone [assumed].
    """
    if len(Entries) > 10:
        text = "Value at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10"
        raise invalid(f"1 validation error detected: {text}")
    if EndpointId:
        raise ApiError("NotSimulated", "events:PutEvents to a global endpoint is not simulated", 501)
    if sum(_size(each) for each in Entries) > LARGEST:
        raise invalid("Total size of the entries in the request is over the limit.")  # [seen]
    answered = []
    for entry in Entries:
        bus = _bus(call, entry.get("EventBusName") or DEFAULT)
        problem = _problem(entry)
        if problem:
            answered.append({"ErrorCode": problem[0], "ErrorMessage": problem[1]})
            continue
        made = _event(
            call.world,
            call.account,
            call.region,
            entry["Source"],
            entry["DetailType"],
            list(entry.get("Resources") or []),
            json.loads(entry["Detail"]),
        )
        if entry.get("Time"):
            made["time"] = iso8601(entry["Time"].timestamp())
        if bus is not None:
            courier.receive(call.world, bus.name, made, place=_place(bus))
        answered.append({"EventId": made["id"]})
    return {"FailedEntryCount": sum("ErrorCode" in each for each in answered), "Entries": answered}


def _size(entry: Mapping[str, Any]) -> int:
    """As AWS counts: 14 bytes for a time, and the texts [docs]."""
    texts = [entry.get(name) or "" for name in ("Source", "DetailType", "Detail")] + list(entry.get("Resources") or [])
    return sum(len(each.encode()) for each in texts) + (14 if entry.get("Time") else 0)


def _problem(entry: Mapping[str, Any]) -> tuple[str, str] | None:
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            return "InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument."  # [seen]
    if entry["Source"].startswith("aws."):
        return "NotAuthorizedForSourceException", "Not authorized for the source."
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        return "MalformedDetail", "Detail is malformed."  # [seen]
    return None if isinstance(detail, dict) else ("MalformedDetail", "Detail is malformed.")


def _place(bus: Bus) -> tuple[str, str]:
    _, _, _, region, account, _ = bus.arn.split(":", 5)
    return account, region


def _bus(call: Call, name: str) -> Bus | None:
    """The bus of an entry: an own one by name or ARN, or another account's that lets the caller in."""
    arn = arn_of(name)
    if arn is None or arn.account == call.account:
        return buses_of(call.world, call.account, call.region).get(name.rpartition("/")[2])
    there = buses_of(call.world, arn.account, arn.region).get(arn.resource.rpartition("/")[2])
    if there is None or not may_put(call.world, call.caller, call.principal, call.account, there):
        text = f"User: {call.principal} is not authorized to perform: events:PutEvents on resource: {name} because no"
        raise ApiError("AccessDeniedException", f"{text} resource-based policy allows the events:PutEvents action", 400)
    return there
