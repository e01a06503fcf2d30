"""The server's side of the JSON protocols, from botocore's service models: which operation a request is, and its parameters.

rest-json for the enabling services and account; json-1.1 for organizations and config. Answers are in `answers`.
"""

import base64
import datetime as dt
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.utils import parse_timestamp
from botocore.validate import ParamValidator

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.simulated import simulated

INVALID = {
    **{each.name: each.invalid for each in simulated()},
    "account": ("ValidationException", "{problem}"),
    "organizations": ("InvalidInputException", "{problem}"),
    "config": ("ValidationException", "{problem}"),
    "events": ("ValidationException", "{problem}"),
    "ssm": ("ValidationException", "{problem}"),
    "security-ir": ("ValidationException", "{problem}"),
    "cloudwatch": ("ValidationError", "{problem}"),
    "codebuild": ("InvalidInputException", "{problem}"),
}
"""How each service refuses what its own model rules out. Those of the organization's own services are assumed."""
REASON = {
    **{each.name: dict(each.invalid_members) for each in simulated() if each.invalid_members},
    "account": {"reason": "fieldValidationFailed"},
    "security-ir": {"reason": "FIELD_VALIDATION_FAILED"},
    "organizations": {"Reason": "INVALID_PATTERN"},
}


@cache
def service_model(service: str) -> ServiceModel:
    """Botocore's model of a service, by client name."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service_name=service)


@cache
def operation_model(service: str, operation: str) -> OperationModel:
    return service_model(service).operation_model(operation)


@cache
def _routes(service: str) -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """(method, pattern of the still encoded path, operation); the most literal path first."""
    found = []
    for name in service_model(service).operation_names:
        http = operation_model(service, name).http
        path = http["requestUri"].partition("?")[0]
        pattern = "".join(_segment(part) for part in re.split(r"(\{[^}]+\})", path))
        literal = len(re.sub(r"\{[^}]+\}", "", path))
        found.append((-literal, http["method"], re.compile(f"{pattern}/?"), name))
    return tuple((method, pattern, name) for _, method, pattern, name in sorted(found, key=lambda each: (each[0], each[3])))


def _segment(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part.rstrip("/")) if part == "/" else re.escape(part)
    name = part[1:-1]
    return f"(?P<{name[:-1]}>.+)" if name.endswith("+") else f"(?P<{name}>[^/]+)"


def route(service: str, method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The rest-json operation of an encoded path, and the decoded labels in it; None when the service has no such path."""
    for verb, pattern, name in _routes(service):
        if verb == method and (match := pattern.fullmatch(path)):
            return name, {label: unquote(value) for label, value in match.groupdict().items()}
    return None


def parameters(service: str, operation: str, labels: Mapping[str, str], query: str, body: bytes) -> dict[str, Any]:
    """The input members of a request by the model's names, in Python types.

    Raises the service's validation `ApiError` for what the model rules out: required, type, minimum, enum. List maxima are the
    service's own work.
    """
    shape = operation_model(service, operation).input_shape
    if shape is None:
        return {}
    try:
        document = json.loads(body) if body.strip() else {}
    except ValueError:
        raise ApiError("SerializationException", "Could not parse the request body.", 400) from None
    asked = parse_qs(query, keep_blank_values=True)
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name, member in shape.members.items():
        place, wire = member.serialization.get("location"), member.serialization.get("name", name)
        if place == "uri" and wire in labels:
            found[name] = _text(member, labels[wire], problems)
        elif place == "querystring" and wire in asked:
            found[name] = _texts(member, asked[wire], problems)
        elif place is None and isinstance(document, dict) and document.get(wire) is not None:
            found[name] = _value(member, document[wire], name, problems)
    refuse_invalid(service, found, shape, problems)
    return found


def _refuse_by_reason(found: dict[str, Any], shape: Any, problems: list[str]) -> None:
    """The refusals that Organizations words by their reason [model]: a value that an enum lacks, and one against its pattern."""
    if problems:
        raise ApiError("InvalidInputException", "You specified an invalid value.", Reason="INVALID_ENUM")
    for name, value in found.items():
        pattern = shape.members[name].metadata.get("pattern")
        if pattern and isinstance(value, str) and re.search(pattern, value) is None:
            text = "You provided a value that does not match the required pattern."
            raise ApiError("InvalidInputException", text, Reason="INVALID_PATTERN")


def refuse_invalid(service: str, found: dict[str, Any], shape: Shape, problems: list[str]) -> None:
    """Raise the service's validation error when the model rules the parameters out."""
    if service == "organizations":
        _refuse_by_reason(found, shape, problems)
    report = ParamValidator().validate(found, shape)
    if report.has_errors():
        problems.append(report.generate_report())
    if problems:
        code, text = INVALID.get(service, ("ValidationError", "{problem}"))
        raise ApiError(code, text.format(problem="; ".join(problems)), None, **REASON.get(service, {}))


def _texts(shape: Shape, values: list[str], problems: list[str]) -> Any:
    if isinstance(shape, ListShape):
        return [_text(shape.member, value, problems) for value in values]
    return _text(shape, values[-1], problems)


def _text(shape: Shape, value: str, problems: list[str]) -> Any:
    """A value from a path or query string."""
    if shape.type_name in ("integer", "long"):
        return int(value) if re.fullmatch(r"-?\d+", value) else value
    if shape.type_name == "boolean":
        return {"true": True, "false": False}.get(value, value)
    return _value(shape, value, shape.name, problems)


def _value(shape: Shape, value: Any, where: str, problems: list[str]) -> Any:
    """A value from a JSON body, by its shape; what does not fit stays as it is, and validation refuses it."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = ((name, member, member.serialization.get("name", name)) for name, member in shape.members.items())
        return {
            name: _value(member, value[wire], f"{where}.{name}", problems)
            for name, member, wire in members
            if value.get(wire) is not None
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_value(shape.member, each, where, problems) for each in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: _value(shape.value, each, where, problems) for key, each in value.items()}
    if shape.type_name == "timestamp" and isinstance(value, int | float | str):
        return _moment(value, where, problems)
    if shape.type_name == "blob" and isinstance(value, str):
        return base64.b64decode(value)
    if shape.type_name == "string" and (allowed := shape.metadata.get("enum")) and value not in allowed:
        problems.append(f"Value '{value}' at '{where}' failed to satisfy constraint: Member must satisfy enum value set: {allowed}")
    return value


def _moment(value: float | str, where: str, problems: list[str]) -> dt.datetime | None:
    try:
        moment: dt.datetime = parse_timestamp(str(value))
    except ValueError:
        problems.append(f"'{where}' is not a timestamp")
        return None
    return moment
