"""Connections and API destinations: where a rule may call out to. Secrets go in and never come out again."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from runbook_lib.rehearsal.constraints import refuse_beyond
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.operations.events.lookup import paged
from runbook_lib.rehearsal.operations.events.state import ApiDestination, Connection, state_of
from runbook_lib.rehearsal.operations.events.texts import exists, invalid, missing
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import get_or_make

METHODS = ("POST", "GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE")
USUAL_RATE = 300
"""Invocations a second where none are said [docs]."""


def _connections(call: Call) -> dict[str, Connection]:
    return get_or_make(state_of(call.world).connections, (call.account, call.region), dict[str, Connection])


def _destinations(call: Call) -> dict[str, ApiDestination]:
    return get_or_make(state_of(call.world).destinations, (call.account, call.region), dict[str, ApiDestination])


def _token(call: Call, kind: str, name: str) -> str:
    digest = hashlib.sha256(f"{call.account}/{call.region}/{kind}/{name}/{call.world.now()}".encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"


def _credentials(kind: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What DescribeConnection shows of the parameters, and the headers that are made of them."""
    if kind == "API_KEY" and (one := given.get("ApiKeyAuthParameters")):
        return {"ApiKeyAuthParameters": {"ApiKeyName": one["ApiKeyName"]}}, {one["ApiKeyName"]: one["ApiKeyValue"]}
    if kind == "BASIC" and (one := given.get("BasicAuthParameters")):
        word = base64.b64encode(f"{one['Username']}:{one['Password']}".encode()).decode()
        return {"BasicAuthParameters": {"Username": one["Username"]}}, {"Authorization": f"Basic {word}"}
    if kind == "OAUTH_CLIENT_CREDENTIALS":
        raise ApiError("NotSimulated", "connections with OAuth are not simulated", 501)
    raise invalid(f"Parameter AuthParameters is not valid. Reason: it lacks the parameters of {kind}.")  # [assumed]


@operation("events", "CreateConnection")
def create_connection(
    call: Call, Name: str, AuthorizationType: str, AuthParameters: dict[str, Any], Description: str = "", **_: Any
) -> dict[str, Any]:
    refuse_beyond("events", "CreateConnection", {name: each for name, each in call.parameters.items() if name != "AuthParameters"})
    known = _connections(call)
    if Name in known:
        raise exists(f"Connection {Name} already exists.")  # [seen]
    shown, headers = _credentials(AuthorizationType, AuthParameters)
    place, token, now = f"{call.region}:{call.account}", _token(call, "connection", Name), call.world.now()
    made = Connection(
        Name,
        f"arn:{call.partition}:events:{place}:connection/{Name}/{token}",
        f"arn:{call.partition}:secretsmanager:{place}:secret:events!connection/{Name}/{token}-Secret",
        AuthorizationType,
        shown,
        headers,
        now,
        now,
        description=Description,
    )
    known[Name] = made
    return _changed(made)


def _changed(made: Connection) -> dict[str, Any]:
    return {
        "ConnectionArn": made.arn,
        "ConnectionState": made.state,
        "CreationTime": made.created,
        "LastModifiedTime": made.changed,
    }


def _connection(call: Call, name: str) -> Connection:
    if name not in _connections(call):
        raise missing(f"Failed to describe the connection(s). Connection '{name}' does not exist.")  # [seen]
    return _connections(call)[name]


@operation("events", "DescribeConnection")
def describe_connection(call: Call, Name: str) -> dict[str, Any]:
    found = _connection(call, Name)
    return {
        **_changed(found),
        "Name": found.name,
        "Description": found.description or None,
        "AuthorizationType": found.kind,
        "SecretArn": found.secret,
        "AuthParameters": found.shown,
        "LastAuthorizedTime": found.changed,
    }


@operation("events", "ListConnections")
def list_connections(
    call: Call,
    NamePrefix: str = "",
    ConnectionState: str | None = None,
    NextToken: str | None = None,
    Limit: int | None = None,
) -> dict[str, Any]:
    rows = [
        {**_changed(each), "Name": name, "AuthorizationType": each.kind, "LastAuthorizedTime": each.changed}
        for name, each in sorted(_connections(call).items())
        if name.startswith(NamePrefix) and ConnectionState in (None, each.state)
    ]
    shown, token = paged(rows, NextToken, Limit)
    return {"Connections": shown, "NextToken": token}


@operation("events", "DeleteConnection")
def delete_connection(call: Call, Name: str) -> dict[str, Any]:
    found = _connections(call).pop(_connection(call, Name).name)
    return {**_changed(found), "ConnectionState": "DELETING"}


@operation("events", "CreateApiDestination")
def create_api_destination(
    call: Call,
    Name: str,
    ConnectionArn: str,
    InvocationEndpoint: str,
    HttpMethod: str,
    Description: str = "",
    InvocationRateLimitPerSecond: int | None = None,
) -> dict[str, Any]:
    refuse_beyond("events", "CreateApiDestination", call.parameters)
    known = _destinations(call)
    if Name in known:
        raise exists(f"An api-destination '{Name}' already exists.")  # [seen]
    connection = next((each for each in _connections(call).values() if each.arn == ConnectionArn), None)
    if connection is None:
        raise missing(f"Connection '{ConnectionArn}' does not exist.")
    now, token = call.world.now(), _token(call, "destination", Name)
    arn = f"arn:{call.partition}:events:{call.region}:{call.account}:api-destination/{Name}/{token}"
    rate = InvocationRateLimitPerSecond or USUAL_RATE
    known[Name] = ApiDestination(Name, arn, ConnectionArn, InvocationEndpoint, HttpMethod, rate, now, now, Description)
    return _destination_changed(known[Name])


def _destination_changed(made: ApiDestination) -> dict[str, Any]:
    return {
        "ApiDestinationArn": made.arn,
        "ApiDestinationState": "ACTIVE",
        "CreationTime": made.created,
        "LastModifiedTime": made.changed,
    }


def _destination_shown(made: ApiDestination) -> dict[str, Any]:
    return {
        **_destination_changed(made),
        "Name": made.name,
        "ConnectionArn": made.connection,
        "InvocationEndpoint": made.endpoint,
        "HttpMethod": made.method,
        "InvocationRateLimitPerSecond": made.rate,
    }


def _destination(call: Call, name: str) -> ApiDestination:
    if name not in _destinations(call):
        raise missing(f"An api-destination '{name}' does not exist.")  # [seen]
    return _destinations(call)[name]


@operation("events", "DescribeApiDestination")
def describe_api_destination(call: Call, Name: str) -> dict[str, Any]:
    found = _destination(call, Name)
    return {**_destination_shown(found), "Description": found.description or None}


@operation("events", "ListApiDestinations")
def list_api_destinations(
    call: Call,
    NamePrefix: str = "",
    ConnectionArn: str | None = None,
    NextToken: str | None = None,
    Limit: int | None = None,
) -> dict[str, Any]:
    rows = [
        _destination_shown(each)
        for name, each in sorted(_destinations(call).items())
        if name.startswith(NamePrefix) and ConnectionArn in (None, each.connection)
    ]
    shown, token = paged(rows, NextToken, Limit)
    return {"ApiDestinations": shown, "NextToken": token}


@operation("events", "DeleteApiDestination")
def delete_api_destination(call: Call, Name: str) -> dict[str, Any]:
    del _destinations(call)[_destination(call, Name).name]
    return {}
