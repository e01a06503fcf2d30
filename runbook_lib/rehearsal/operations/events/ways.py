"""How each kind of target gets what a rule sends it, and what can be in the way [docs: targets, and their permissions].

Topics and queues carry the message. Functions, streams and tasks are not run: what they are given is kept as an `Invocation`. State
machines start an execution, whose tasks act as the machine's role. Documents of SSM Automation are started as the target's role.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from runbook_lib.rehearsal.acting import Refused, run_as
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.identity import Credential
from runbook_lib.rehearsal.neighbours import Neighbours, neighbours_of
from runbook_lib.rehearsal.operations.events.access import (
    account_may_put,
    key_of,
    key_refusal,
    refusal_of,
    role_refusal,
    role_session,
)
from runbook_lib.rehearsal.operations.events.buses import document
from runbook_lib.rehearsal.operations.events.lookup import Arn, arn_of
from runbook_lib.rehearsal.operations.events.state import Invocation, buses_of, state_of
from runbook_lib.rehearsal.operations.events.targets import kind_of
from runbook_lib.rehearsal.world import World

AWS_KEY = "alias/aws/sns"
"""The key that AWS manages for SNS: its policy does not let EventBridge use it, so nothing ever arrives [docs]."""
FURTHEST = 3
"""Buses that an event crosses at once; further ones get it a second later, so that a ring of buses takes time."""
HTTP_SECONDS = 5.0
"""How long an API destination may take to answer [docs]."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LARGEST_STATES_INPUT = 262_144
"""Characters that an execution of a state machine takes [model]."""


@dataclass(frozen=True)
class Failure:
    """Why a target got nothing. `code` as a dead-letter message has it; `mends`: whether it is tried again."""

    code: str
    why: str
    mends: bool = False


@dataclass(frozen=True)
class Parcel:
    """What is to be delivered: `text` is what the target's input makes of `event`."""

    account: str
    region: str
    rule: str
    target: Mapping[str, Any]
    event: dict[str, Any]
    text: str
    hops: int = 0

    @property
    def arn(self) -> str:
        return str(self.target["Arn"])

    @property
    def role(self) -> str:
        return str(self.target.get("RoleArn") or "")


def no_permission(why: str) -> Failure:
    return Failure("NO_PERMISSIONS", why)


def no_resource(why: str) -> Failure:
    return Failure("NO_RESOURCE", why)


def deliver(world: World, parcel: Parcel) -> Failure | None:
    """Hand a parcel over; None when it arrived."""
    arn = arn_of(parcel.arn)
    assert arn is not None, "PutTargets takes ARNs only"
    kind = kind_of(arn)
    if kind not in WAYS:
        return Failure("NOT_SIMULATED", f"targets of {kind} are not simulated")
    return WAYS[kind](world, parcel, arn)


def _session(world: World, parcel: Parcel, service: str, operation: str, policy: str = "") -> Credential | Failure:
    """The session of the target's role, where it may do what the target needs."""
    session = role_session(world, parcel.role, parcel.rule)
    if isinstance(session, Refused):
        return no_permission(session.why)
    why = role_refusal(world, session, service, operation, parcel.arn, policy)
    return no_permission(why) if why else session


def _let_in(world: World, parcel: Parcel, action: str, policy: str, key: str) -> Failure | None:
    """Whether a topic, queue or function is open: by its own policy, or to the target's role."""
    service, _, operation = action.partition(":")
    if parcel.role:
        session = _session(world, parcel, service, operation, policy)
        if isinstance(session, Failure):
            return session
        if key and world.variants.get("events role with a key", "fails") == "fails":
            return Failure("KMS_ACCESS_DENIED", "with a role, EventBridge does not reach what a customer's key encrypts")
    elif why := refusal_of(world, policy, action, parcel.arn, parcel.rule):
        return no_permission(why)
    if key and (why := key_refusal(world, key_of(world, parcel.arn, key), parcel.rule)):
        return Failure("KMS_ACCESS_DENIED", why)
    return None


def _publish(world: World, parcel: Parcel, arn: Arn) -> Failure | None:
    neighbours = neighbours_of(world)
    topic = neighbours.topic(parcel.arn) if neighbours else None
    if neighbours is None or topic is None:
        return no_resource("there is no such topic")
    if topic.key == AWS_KEY:
        return Failure("KMS_ACCESS_DENIED", "the topic's key is AWS's own, which EventBridge may not use")
    if failure := _let_in(world, parcel, "sns:Publish", topic.policy, topic.key):
        return failure
    neighbours.publish(parcel.arn, parcel.text)
    return None


def _send(world: World, parcel: Parcel, arn: Arn) -> Failure | None:
    neighbours = neighbours_of(world)
    queue = neighbours.queue(parcel.arn) if neighbours else None
    if neighbours is None or queue is None:
        return no_resource("there is no such queue")
    if failure := _let_in(world, parcel, "sqs:SendMessage", queue.policy, queue.key):
        return failure
    if queue.fifo and not queue.deduplicates:
        return Failure("SDK_CLIENT_ERROR", "the queue needs content-based deduplication")
    group = (parcel.target.get("SqsParameters") or {}).get("MessageGroupId", "")
    neighbours.send(parcel.arn, parcel.text, {}, group)
    return None


def _invoke(world: World, parcel: Parcel, arn: Arn) -> Failure | None:
    """A function is asked for by its own ARN; it is not run."""
    neighbours = neighbours_of(world)
    policy = neighbours.function_policy(parcel.arn) if neighbours else None
    if policy is None:
        return no_resource("there is no such function")
    if failure := _let_in(world, parcel, "lambda:InvokeFunction", policy, ""):
        return failure
    return _not_json(parcel) or _recorded(world, parcel, "lambda")


def _start_execution(world: World, parcel: Parcel, arn: Arn) -> Failure | None:
    neighbours: Neighbours | None = neighbours_of(world)
    if neighbours is None or not neighbours.state_machine(parcel.arn):
        return no_resource("there is no such state machine")
    session = _session(world, parcel, "states", "StartExecution")
    if isinstance(session, Failure):
        return session
    if len(parcel.text) > LARGEST_STATES_INPUT:
        return Failure("SDK_CLIENT_ERROR", f"the input has more than {LARGEST_STATES_INPUT} characters")
    if failure := _not_json(parcel):
        return failure
    neighbours.start_execution(parcel.arn, f"{parcel.event['id']}_{len(state_of(world).deliveries)}"[:80], parcel.text)
    return _recorded(world, parcel, "states")


def _start_automation(world: World, parcel: Parcel, arn: Arn) -> Failure | None:
    """Only `automation-definition/NAME:VERSION` starts anything; the input's values are lists of texts [issues aws-cli#6994, …]."""
    name, _, version = arn.resource.removeprefix("automation-definition/").partition(":")
    if not arn.resource.startswith("automation-definition/") or not version:
        return Failure("SDK_CLIENT_ERROR", "nothing was started: the target's ARN names no version of a document")
    session = _session(world, parcel, "ssm", "StartAutomationExecution")
    if isinstance(session, Failure):
        return session
    try:
        given = json.loads(parcel.text)
    except ValueError:
        return Failure("INVALID_JSON", "the input is not JSON")
    if not isinstance(given, dict) or not all(isinstance(each, list) for each in given.values()):
        return Failure("SDK_CLIENT_ERROR", "every parameter of a document is a list of texts")
    request = {"DocumentName": name, "DocumentVersion": version, "Parameters": given}
    try:
        run_as(world, session, "ssm", "StartAutomationExecution", arn.region, request)
    except ApiError as error:
        return Failure("SDK_CLIENT_ERROR", str(error), mends=error.code in ("ThrottlingException", "InternalServerError"))
    return _recorded(world, parcel, "ssm")


def _forward(world: World, parcel: Parcel, arn: Arn) -> Failure | None:
    """To another bus. What came from another account goes to no third one [belief]."""
    name = arn.resource.rpartition("/")[2]
    bus = buses_of(world, arn.account, arn.region).get(name)
    if bus is None:
        return no_resource("there is no such event bus")
    if parcel.event["account"] not in (parcel.account, arn.account):
        return Failure("NOT_FORWARDED", "an event of another account is not forwarded to a third one")
    if parcel.role:
        session = _session(world, parcel, "events", "PutEvents", document(bus))
        if isinstance(session, Failure):
            return session
    elif arn.account != parcel.account and not account_may_put(world, parcel.account, bus):
        return no_permission("the event bus's policy does not let the account put events")
    facts = {"account": arn.account, "region": arn.region, "bus": name, "event": parcel.event, "hops": parcel.hops + 1}
    if parcel.hops >= FURTHEST:
        world.tell_later(1.0, "event arrives", **facts)
    else:
        state_of(world).events.append(parcel.event)
        world.tell("event arrives", **facts)
    return None


def _call_out(world: World, parcel: Parcel, arn: Arn) -> Failure | None:
    """An API destination gets the input over HTTP; one that is not on this machine is never dialled."""
    name = arn.resource.split("/")[1]
    state, place = state_of(world), (arn.account, arn.region)
    destination = state.destinations.get(place, {}).get(name)
    if destination is None:
        return no_resource("there is no such API destination")
    session = _session(world, parcel, "events", "InvokeApiDestination")
    if isinstance(session, Failure):
        return session
    connection = next((each for each in state.connections.get(place, {}).values() if each.arn == destination.connection), None)
    if connection is None or connection.state != "AUTHORIZED":
        return Failure("CONNECTION_NOT_AUTHORIZED", f"its connection is {connection.state if connection else 'gone'}", mends=True)
    if urlsplit(destination.endpoint).hostname not in LOOPBACK:
        return Failure("NOT_SIMULATED", "the endpoint is not on this machine, and the simulation reaches no other")
    said = _posted(destination.method, destination.endpoint, parcel.text, connection.headers)
    return said or _recorded(world, parcel, "api-destination")


def _posted(method: str, url: str, text: str, headers: Mapping[str, str]) -> Failure | None:
    """5xx and 429 are tried again, other refusals not [docs]."""
    request = urllib.request.Request(  # noqa: S310 loopback only, by the caller
        url, text.encode(), {"Content-Type": "application/json; charset=utf-8", **headers}, method=method
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(request, timeout=HTTP_SECONDS).close()
    except urllib.error.HTTPError as error:
        return Failure("API_DESTINATION_ERROR", f"the endpoint answers {error.code}", mends=error.code >= 500 or error.code == 429)
    except OSError as error:
        return Failure("API_DESTINATION_UNREACHABLE", f"the endpoint cannot be reached: {error}", mends=True)
    return None


def _record_as(service: str, operation: str) -> Callable[[World, Parcel, Arn], Failure | None]:
    """A target that is only recorded: its role has to be there and may do what the target needs."""

    def way(world: World, parcel: Parcel, arn: Arn) -> Failure | None:
        session = _session(world, parcel, service, operation)
        return session if isinstance(session, Failure) else _recorded(world, parcel, service)

    return way


def _not_json(parcel: Parcel) -> Failure | None:
    try:
        json.loads(parcel.text)
    except ValueError:
        return Failure("INVALID_JSON", "the input is not JSON")
    return None


def _recorded(world: World, parcel: Parcel, kind: str) -> Failure | None:
    """Keep what a target was given, which makes it delivered."""
    state_of(world).invocations.append(Invocation(kind, parcel.arn, parcel.text, world.now(), parcel.rule))
    world.tell("target invoked", target=parcel.arn, account=parcel.account, region=parcel.region, event=parcel.event)
    return None


WAYS: Mapping[str, Callable[[World, Parcel, Arn], Failure | None]] = {
    "sns": _publish,
    "sqs": _send,
    "lambda": _invoke,
    "states": _start_execution,
    "ssm": _start_automation,
    "event-bus": _forward,
    "api-destination": _call_out,
    "ecs": _record_as("ecs", "RunTask"),
    "kinesis": _record_as("kinesis", "PutRecord"),
    "firehose": _record_as("firehose", "PutRecord"),
}
