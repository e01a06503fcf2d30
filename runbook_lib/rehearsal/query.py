"""The server's side of the query protocol (sts, iam) and of EC2's form of it: form in, XML out, by botocore's service model."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, Shape, StructureShape

from runbook_lib.rehearsal.answers import SimulationError, iso8601
from runbook_lib.rehearsal.codec import operation_model, refuse_invalid, service_model
from runbook_lib.rehearsal.errors import ApiError


def parameters(service: str, operation: str, body: bytes) -> dict[str, Any]:
    """The input members of a form by the model's names. Raises `ValidationError` for what the model rules out."""
    shape = operation_model(service, operation).input_shape
    form = {name: values[-1] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
    found = _members(shape, form, "", flat=service == EC2) if isinstance(shape, StructureShape) else {}
    if shape is not None:
        refuse_invalid(service, found, shape, [])
    return found


EC2 = "ec2"
"""Lists are numbered right after their name there, and names begin with a capital [model]."""


def _members(shape: StructureShape, form: Mapping[str, str], prefix: str, *, flat: bool) -> dict[str, Any]:
    found = {}
    for name, member in shape.members.items():
        wire = str(member.serialization.get("name", name))
        value = _value(member, form, prefix + (wire[:1].upper() + wire[1:] if flat else wire), flat=flat)
        if value is not None:
            found[name] = value
    return found


def _value(shape: Shape, form: Mapping[str, str], where: str, *, flat: bool = False) -> Any:
    if isinstance(shape, StructureShape):
        return _members(shape, form, f"{where}.", flat=flat) or None
    if isinstance(shape, ListShape):
        values: list[Any] = []
        item = f"{where}." if flat else f"{where}.member."
        while (value := _value(shape.member, form, f"{item}{len(values) + 1}", flat=flat)) is not None:
            values.append(value)
        return values or None
    if isinstance(shape, MapShape):
        found: dict[str, Any] = {}
        while (key := form.get(f"{where}.entry.{len(found) + 1}.key")) is not None:
            found[key] = _value(shape.value, form, f"{where}.entry.{len(found) + 1}.value")
        return found or None
    text = form.get(where)
    if text is None:
        return None
    if shape.type_name == "integer":
        return int(text) if text.lstrip("-").isdigit() else text
    return {"true": True, "false": False}.get(text, text) if shape.type_name == "boolean" else text


def success(service: str, operation: str, answer: Mapping[str, Any] | None, request_id: str) -> bytes:
    """The XML of an answer. `SimulationError` names an undeclared or missing member."""
    shape = operation_model(service, operation).output_shape
    inner = ""
    if service == EC2 and isinstance(shape, StructureShape):
        namespace = service_model(service).metadata["xmlNamespace"]
        inner = _xml(shape, dict(answer or {}), operation, item="item")
        return (
            f'<{operation}Response xmlns="{namespace}/"><requestId>{request_id}</requestId>{inner}</{operation}Response>'.encode()
        )
    if isinstance(shape, StructureShape):
        wrapper = shape.serialization.get("resultWrapper", f"{operation}Result")
        inner = f"<{wrapper}>{_xml(shape, dict(answer or {}), operation)}</{wrapper}>"
    namespace = service_model(service).metadata["xmlNamespace"]
    metadata = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    return f'<{operation}Response xmlns="{namespace}">{inner}{metadata}</{operation}Response>'.encode()


def _xml(shape: Shape, value: Any, where: str, item: str = "member") -> str:
    if isinstance(shape, StructureShape):
        given = {name: each for name, each in value.items() if each is not None}
        if unknown := sorted(set(given) - set(shape.members)):
            raise SimulationError(f"{where}: the model declares no member {', '.join(unknown)}")
        if missing := sorted(set(shape.required_members) - set(given)):
            raise SimulationError(f"{where}: the model requires {', '.join(missing)}")

        def element(name: str, each: Any) -> str:
            tag = shape.members[name].serialization.get("name", name) if item == "item" else name
            return f"<{tag}>{_xml(shape.members[name], each, f'{where}.{name}', item)}</{tag}>"

        return "".join(element(name, each) for name, each in given.items())
    if isinstance(shape, ListShape):
        return "".join(f"<{item}>{_xml(shape.member, each, where, item)}</{item}>" for each in value)
    if isinstance(shape, MapShape):
        pairs = ((escape(key), _xml(shape.value, each, where)) for key, each in value.items())
        return "".join(f"<entry><key>{key}</key><value>{each}</value></entry>" for key, each in pairs)
    if shape.type_name == "timestamp":
        return iso8601(float(value))
    return escape(str(value).lower() if isinstance(value, bool) else str(value))


def failure(service: str, error: ApiError, request_id: str) -> tuple[int, bytes]:
    """Status and XML of an error, in the shape of the service."""
    status = error.status or 400
    said = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    if service in ("s3", "s3control"):
        return status, f"<Error>{said}<RequestId>{request_id}</RequestId></Error>".encode()
    if service == "ec2":
        return status, f"<Response><Errors><Error>{said}</Error></Errors><RequestID>{request_id}</RequestID></Response>".encode()
    kind = "Sender" if status < 500 else "Receiver"
    return (
        status,
        f"<ErrorResponse><Error><Type>{kind}</Type>{said}</Error><RequestId>{request_id}</RequestId></ErrorResponse>".encode(),
    )
