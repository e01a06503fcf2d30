"""What goes back to the caller, strictly by botocore's service model: a simulator that makes a member up must show at once."""

import base64
import calendar
import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from runbook_lib.rehearsal.codec import operation_model, service_model
from runbook_lib.rehearsal.registry import ApiError

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


MODELLED = ("guardduty", "securityhub", "inspector2", "account", "organizations", "config")
"""Services whose errors are shaped by their models; others are moto's, and only refused here."""


class SimulationError(Exception):
    """The simulation would have answered something that the service's model does not allow."""


def success(service: str, operation: str, answer: Mapping[str, Any] | None) -> tuple[int, bytes]:
    """Status and JSON body of an answer. `SimulationError` names every undeclared, missing or mistyped member."""
    model = operation_model(service, operation)
    status = int(model.http.get("responseCode", 200))
    if model.output_shape is None:
        if answer:
            raise SimulationError(f"{service}:{operation} has no output, but was given {sorted(answer)}")
        return status, b"{}" if service_model(service).metadata["protocol"] == "json" else b""
    document = _wire(model.output_shape, dict(answer or {}), f"{service}:{operation}")
    return status, json.dumps(document).encode()


def _wire(shape: Shape, value: Any, where: str) -> Any:
    if isinstance(shape, StructureShape):
        return _structure(shape, value, where)
    if isinstance(shape, ListShape):
        return [_wire(shape.member, each, f"{where}[{index}]") for index, each in enumerate(_typed(value, (list, tuple), where))]
    if isinstance(shape, MapShape):
        return {key: _wire(shape.value, each, f"{where}.{key}") for key, each in _typed(value, dict, where).items()}
    return _scalar(shape, value, where)


def _structure(shape: StructureShape, value: Any, where: str) -> dict[str, Any]:
    given = {name: each for name, each in _typed(value, dict, where).items() if each is not None}
    if shape.is_document_type:
        return given
    if unknown := sorted(set(given) - set(shape.members)):
        raise SimulationError(f"{where}: the model declares no member {', '.join(unknown)}")
    if missing := sorted(set(shape.required_members) - set(given)):
        raise SimulationError(f"{where}: the model requires {', '.join(missing)}")
    return {
        shape.members[name].serialization.get("name", name): _wire(shape.members[name], each, f"{where}.{name}")
        for name, each in given.items()
    }


def _scalar(shape: Shape, value: Any, where: str) -> Any:
    kind = shape.type_name
    if kind == "timestamp":
        return _timestamp(shape, value, where)
    if kind == "blob":
        return base64.b64encode(_typed(value, bytes, where)).decode()
    if kind == "boolean":
        return _typed(value, bool, where)
    if isinstance(value, bool):
        raise SimulationError(f"{where}: {kind} expected, not a boolean")
    if kind in ("integer", "long"):
        return _typed(value, int, where)
    if kind in ("float", "double"):
        return float(_typed(value, (int, float), where))
    if (allowed := shape.metadata.get("enum")) and value not in allowed:
        raise SimulationError(f"{where}: {value!r} is none of {allowed}")
    return _typed(value, str, where)


def _typed(value: Any, kinds: type | tuple[type, ...], where: str) -> Any:
    if not isinstance(value, kinds):
        raise SimulationError(f"{where}: {value!r} has the wrong type")
    return value


def _timestamp(shape: Shape, value: Any, where: str) -> Any:
    if isinstance(value, dt.datetime):
        moment = value.timestamp() if value.tzinfo else float(calendar.timegm(value.timetuple()))
    else:
        moment = float(_typed(value, (int, float), where))
    if shape.serialization.get("timestampFormat") == "iso8601":
        return iso8601(moment)
    return round(moment, 3)


def iso8601(moment: float) -> str:
    """A point in time as AWS's XML services write it."""
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def failure(service: str, error: ApiError) -> tuple[int, bytes]:
    """Status and JSON body of an error, named as the service's error shapes name the members."""
    if service not in MODELLED:
        body: dict[str, Any] = {"__type": error.code, "message": error.message}
        return error.status or STATUS.get(error.code, 400), json.dumps(body).encode()
    model = service_model(service)
    shape = next((each for each in model.error_shapes if each.name == error.code), None)
    json_1_1 = model.metadata["protocol"] == "json"
    # json-1.1 services answer nearly every client error with 400 (aws-behaviour 2).
    fallback = STATUS.get(error.code, 400) if not json_1_1 or STATUS.get(error.code, 400) >= 500 else 400
    status = error.status or (shape.metadata.get("error", {}).get("httpStatusCode") if shape else None) or fallback
    body = {}
    for name, value in {"Message": error.message, **error.members}.items():
        body[_member(shape, name) or ("message" if name == "Message" else name)] = value
    if service == "securityhub":
        body = {"Code": error.code, "Message": error.message, **{k: v for k, v in body.items() if k.lower() != "message"}}
    elif service == "guardduty" and error.code == "BadRequestException":
        body["__type"] = "InvalidInputException"  # aws-behaviour 5.1: header and body disagree
    else:
        body["__type"] = error.code
    return int(status), json.dumps(body).encode()


def _member(shape: Shape | None, name: str) -> str | None:
    """The wire name of an error member, in whichever case the model writes it."""
    if not isinstance(shape, StructureShape):
        return None
    for each, member in shape.members.items():
        if each.lower() == name.lower():
            return str(member.serialization.get("name", each))
    return None
