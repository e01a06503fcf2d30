"""What goes back to the caller, strictly by botocore's service model: a simulator that makes a member up must show at once."""

import base64
import calendar
import datetime as dt
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from runbook_lib.rehearsal.codec import operation_model, service_model
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.simulated import by_name, simulated

STATUS = {
    "AccessDeniedException": 403,
    "UnrecognizedClientException": 403,
    "ExpiredTokenException": 403,
    "ResourceNotFoundException": 404,
    "ResourceConflictException": 409,
    "ConflictException": 409,
    "TooManyRequestsException": 429,
    "ThrottlingException": 429,
    "SimulationError": 500,
    "NotSimulated": 501,
}
"""HTTP status of codes that an operation's model does not list; everything else is 400."""


MODELLED = (
    *(each.name for each in simulated()),
    *("account", "organizations", "config", "events", "ssm", "security-ir", "cloudwatch", "codebuild"),
)
"""Services whose errors are shaped by their models; others are moto's, and only refused (`unanswered`)."""


class SimulationError(Exception):
    """The simulation would have answered something that the service's model does not allow."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text, self.where = text, ""

    def inside(self, place: str) -> "SimulationError":
        """The same, with the place around where it was found."""
        self.where = place + self.where
        return self

    def __str__(self) -> str:
        return self.where + self.text


Write = Callable[[Any], Any]
"""Checks one value of an answer by its shape and gives it as JSON data; raises SimulationError."""


def success(service: str, operation: str, answer: Mapping[str, Any] | None) -> tuple[int, bytes]:
    """Status and JSON body of an answer. `SimulationError` names every undeclared, missing or mistyped member."""
    model = operation_model(service, operation)
    status = int(model.http.get("responseCode", 200))
    if model.output_shape is None:
        if answer:
            raise SimulationError(f"{service}:{operation} has no output, but was given {sorted(answer)}")
        return status, b"{}" if service_model(service).metadata["protocol"] == "json" else b""
    try:
        document = _output(service, operation)(dict(answer or {}))
    except SimulationError as error:
        raise error.inside(f"{service}:{operation}") from None
    return status, json.dumps(document, separators=(",", ":")).encode()  # without spaces, as AWS writes it


@cache
def _output(service: str, operation: str) -> Write:
    """What the model says of an operation's answer, looked up once."""
    shape = operation_model(service, operation).output_shape
    assert shape is not None, "an operation without output has nothing to check"
    return _writing(shape, {})


def _writing(shape: Shape, known: dict[str, Write]) -> Write:
    """`known` holds the shapes around this one, which it may hold again."""
    if isinstance(shape, StructureShape):
        return known.get(shape.name) or _structure(shape, known)
    if isinstance(shape, ListShape):
        return _list(_writing(shape.member, known))
    if isinstance(shape, MapShape):
        return _map(_writing(shape.value, known))
    return _scalar(shape)


def _structure(shape: StructureShape, known: dict[str, Write]) -> Write:
    members: dict[str, tuple[str, Write]] = {}
    required: set[str] = set()

    def structure(value: Any) -> Any:
        found = {}
        for name, each in _typed(value, dict).items():
            if each is None:
                continue
            member = members.get(name)
            if member is None:
                raise SimulationError(f": the model declares no member {name}")
            try:
                found[member[0]] = member[1](each)
            except SimulationError as error:
                raise error.inside(f".{name}") from None
        if not required <= found.keys():
            missing = sorted(name for name in shape.required_members if members[name][0] not in found)
            raise SimulationError(f": the model requires {', '.join(missing)}")
        return found

    if shape.is_document_type:
        return lambda value: {name: each for name, each in _typed(value, dict).items() if each is not None}
    known[shape.name] = structure
    for name, member in shape.members.items():
        members[name] = (member.serialization.get("name", name), _writing(member, known))
    required.update(members[name][0] for name in shape.required_members)
    return structure


def _list(write: Write) -> Write:
    def listed(value: Any) -> Any:
        found: list[Any] = []
        try:
            found.extend(map(write, _typed(value, (list, tuple))))
        except SimulationError as error:
            raise error.inside(f"[{len(found)}]") from None
        return found

    return listed


def _map(write: Write) -> Write:
    def mapped(value: Any) -> Any:
        found = {}
        for key, each in _typed(value, dict).items():
            try:
                found[key] = write(each)
            except SimulationError as error:
                raise error.inside(f".{key}") from None
        return found

    return mapped


def _scalar(shape: Shape) -> Write:
    kind = shape.type_name
    if kind == "timestamp":
        iso = shape.serialization.get("timestampFormat") == "iso8601"
        return lambda value: _timestamp(value, iso)
    if kind == "blob":
        return lambda value: base64.b64encode(_typed(value, bytes)).decode()
    if kind == "boolean":
        return lambda value: _typed(value, bool)
    if kind in ("integer", "long"):
        return lambda value: _number(value, kind, int)
    if kind in ("float", "double"):
        return lambda value: float(_number(value, kind, (int, float)))
    allowed = frozenset(shape.metadata.get("enum") or ())

    def text(value: Any) -> Any:
        if type(value) is not str:
            _number(value, kind, str)
        if allowed and value not in allowed:
            raise SimulationError(f": {value!r} is none of {sorted(allowed)}")
        return value

    return text


def _number(value: Any, kind: str, kinds: type | tuple[type, ...]) -> Any:
    """A boolean is an integer in Python, and never one in JSON."""
    if isinstance(value, bool):
        raise SimulationError(f": {kind} expected, not a boolean")
    return _typed(value, kinds)


def _typed(value: Any, kinds: type | tuple[type, ...]) -> Any:
    if not isinstance(value, kinds):
        raise SimulationError(f": {value!r} has the wrong type")
    return value


def _timestamp(value: Any, iso: bool) -> Any:
    if isinstance(value, dt.datetime):
        moment = value.timestamp() if value.tzinfo else float(calendar.timegm(value.timetuple()))
    else:
        moment = float(_typed(value, (int, float)))
    return iso8601(moment) if iso else round(moment, 3)


def iso8601(moment: float) -> str:
    """A point in time as AWS's XML services write it."""
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso8601_milliseconds(moment: float) -> str:
    """A point in time as GuardDuty writes it into texts [AWS CLI's example of get-detector]."""
    return dt.datetime.fromtimestamp(moment, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def failure(service: str, error: ApiError) -> tuple[int, bytes]:
    """Status and JSON body of an error, named as the service's error shapes name the members."""
    model = service_model(service)
    shape = _error_shape(service, error.code)
    json_1_1 = model.metadata["protocol"] == "json"
    # json-1.1 services answer nearly every client error with 400 (aws-behaviour 2).
    fallback = STATUS.get(error.code, 400) if not json_1_1 or STATUS.get(error.code, 400) >= 500 else 400
    status = error.status or (shape.metadata.get("error", {}).get("httpStatusCode") if shape else None) or fallback
    body: dict[str, Any] = {}
    for name, value in {"Message": error.message, **error.members}.items():
        if name in _header_names(shape):
            continue
        body[_member(shape, name) or ("message" if name == "Message" else name)] = value
    about = by_name().get(service)
    body = about.error_body(error, body) if about and about.error_body else {**body, "__type": error.code}
    return int(status), json.dumps(body).encode()


def failure_headers(service: str, error: ApiError) -> list[tuple[str, str]]:
    """Members of an error that its shape puts into the headers (Retry-After)."""
    names = _header_names(_error_shape(service, error.code))
    return [(names[name], str(value)) for name, value in error.members.items() if name in names]


def _error_shape(service: str, code: str) -> Shape | None:
    return next((each for each in service_model(service).error_shapes if each.name == code), None)


def _header_names(shape: Shape | None) -> dict[str, str]:
    if not isinstance(shape, StructureShape):
        return {}
    placed = {name: each.serialization for name, each in shape.members.items()}
    return {name: str(each.get("name", name)) for name, each in placed.items() if each.get("location") == "header"}


def _member(shape: Shape | None, name: str) -> str | None:
    """The wire name of an error member, in whichever case the model writes it."""
    if not isinstance(shape, StructureShape):
        return None
    for each, member in shape.members.items():
        if each.lower() == name.lower():
            return str(member.serialization.get("name", each))
    return None
