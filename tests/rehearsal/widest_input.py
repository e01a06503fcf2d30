"""The widest input that a service's model allows for an operation: every member, nested ones too, of the right shape."""

import random
from collections.abc import Mapping
from typing import Any

from botocore.model import Shape

DEEPEST = 6
MOMENT = "2026-01-01T00:00:00Z"
NO_TOKEN = {"NextToken", "nextToken"}
"""Tokens come from answers: one that is made up is refused, which shows nothing."""


def widest(shape: Any, known: Mapping[str, str], draw: random.Random, depth: int = 0) -> Any:
    """A value of a shape. `known`: member name (in lower case) → what exists under it, such as an account id."""
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, known, draw, depth)
    if kind == "list":
        return [widest(shape.member, known, draw, depth + 1) for _ in range(max(1, shape.metadata.get("min", 1)))]
    if kind == "map":
        return {str(widest(shape.key, known, draw, depth + 1)): widest(shape.value, known, draw, depth + 1)}
    return _scalar(shape, draw)


def _structure(shape: Any, known: Mapping[str, str], draw: random.Random, depth: int) -> dict[str, Any]:
    members = {name: each for name, each in shape.members.items() if name not in NO_TOKEN}
    if getattr(shape, "is_tagged_union", False):
        members = dict([draw.choice(sorted(members.items()))])
    if depth >= DEEPEST:
        members = {name: each for name, each in members.items() if name in shape.required_members}
    return {name: _member(name, each, known, draw, depth + 1) for name, each in members.items()}


def _member(name: str, shape: Any, known: Mapping[str, str], draw: random.Random, depth: int) -> Any:
    texts = shape.member if shape.type_name == "list" else shape
    value = known.get(name.lower().removesuffix("s") if texts is not shape else name.lower())
    if value is None or texts.type_name != "string":
        return widest(shape, known, draw, depth)
    return value if texts is shape else [value]


def _scalar(shape: Shape, draw: random.Random) -> Any:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if shape.type_name in ("integer", "long", "float", "double"):
        return most if most is not None else max(1, least or 1)
    if shape.type_name == "boolean":
        return draw.random() < 0.5
    if shape.type_name == "timestamp":
        return MOMENT
    if shape.type_name == "blob":
        return b"x"
    if shape.metadata.get("enum"):
        return draw.choice(shape.metadata["enum"])
    return "x" * max(1, least or 1)
