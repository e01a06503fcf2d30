"""The maxima and patterns of a service's model, which botocore leaves to the service: asked here of the services that say so.

The words are those of AWS's front ends: "1 validation error detected: Value '…' at 'name' failed to satisfy constraint: …".
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from runbook_lib.rehearsal.codec import operation_model
from runbook_lib.rehearsal.errors import ApiError


def refuse_beyond(service: str, operation: str, given: Mapping[str, Any], code: str = "ValidationException") -> None:
    """Raise the refusal of parameters that exceed what the model allows."""
    shape = operation_model(service, operation).input_shape
    found = list(_problems(shape, given, "")) if shape is not None else []
    if found:
        noun = "error" if len(found) == 1 else "errors"
        raise ApiError(code, f"{len(found)} validation {noun} detected: {'; '.join(found)}", 400)


def _problems(shape: Shape, value: Any, where: str) -> Iterator[str]:
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        for name, each in value.items():
            if name in shape.members and each is not None:
                yield from _problems(shape.members[name], each, f"{where}.{_member(name)}" if where else _member(name))
        return
    yield from _beyond(shape, value, where)
    if isinstance(shape, ListShape) and isinstance(value, list):
        for number, each in enumerate(value):
            yield from _problems(shape.member, each, f"{where}.{number + 1}.member")
    elif isinstance(shape, MapShape) and isinstance(value, Mapping):
        for key, each in value.items():
            yield from _problems(shape.key, key, f"{where}.{key}.key")
            yield from _problems(shape.value, each, f"{where}.{key}.member")


def _member(name: str) -> str:
    return name[0].lower() + name[1:]


def _beyond(shape: Shape, value: Any, where: str) -> Iterator[str]:
    most, pattern = shape.metadata.get("max"), shape.metadata.get("pattern")
    size = value if isinstance(value, int | float) else len(value) if hasattr(value, "__len__") else 0
    if most is not None and not isinstance(value, bool) and size > most:
        what = "value" if isinstance(value, int | float) else "length"
        yield f"{_value(value)} at '{where}' failed to satisfy constraint: Member must have {what} less than or equal to {most}"
    if pattern and isinstance(value, str) and not re.fullmatch(_python(pattern), value):
        wanted = f"Member must satisfy regular expression pattern: {pattern}"
        yield f"{_value(value)} at '{where}' failed to satisfy constraint: {wanted}"


def _python(pattern: str) -> str:
    """A model's pattern in Python's words, which has no classes of Unicode's properties."""
    return pattern.replace(r"\p{L}", r"\w").replace(r"\p{N}", r"\d").replace(r"\p{Z}", r"\s")


def _value(value: Any) -> str:
    """Long values are not repeated in a refusal."""
    return f"Value '{value}'" if len(str(value)) <= 200 else "Value"
