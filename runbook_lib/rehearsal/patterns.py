"""EventBridge's event patterns, as far as rules on findings use them. Keys reach through arrays, as AWS's do and moto's do not."""

from collections.abc import Mapping
from typing import Any

ABSENT = object()


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Whether an event fits a pattern; of an array of objects one must fit as a whole (aws-behaviour 7).

    A filter that is not simulated fits nothing.
    """
    if isinstance(event, list):
        return any(matches(pattern, each) for each in event)
    if not isinstance(event, Mapping):
        event = {}
    return all(_fits(name, wanted, event) for name, wanted in pattern.items())


def _fits(name: str, wanted: Any, event: Mapping[str, Any]) -> bool:
    if name == "$or":
        return any(matches(each, event) for each in wanted)
    value = event.get(name, ABSENT)
    if isinstance(wanted, Mapping):
        return matches(wanted, {} if value is ABSENT else value)
    return any(_one(value, each) for each in wanted)


def _one(value: Any, wanted: Any) -> bool:
    """One of a leaf's alternatives: a literal, or a filter in an object of one key."""
    if isinstance(wanted, Mapping):
        [(kind, given)] = wanted.items()
        if kind == "exists":
            return (value is not ABSENT) is given
        return any(_filtered(each, kind, given) for each in _each(value))
    return any(type(each) is type(wanted) and each == wanted for each in _each(value))


def _each(value: Any) -> list[Any]:
    if value is ABSENT:
        return []
    return value if isinstance(value, list) else [value]


def _filtered(value: Any, kind: str, given: Any) -> bool:
    if kind == "anything-but":
        if isinstance(given, Mapping):
            [(inner, inner_given)] = given.items()
            return not _filtered(value, inner, inner_given)
        return value not in (given if isinstance(given, list) else [given])
    if kind == "numeric":
        return isinstance(value, int | float) and _in_bounds(value, given)
    if not isinstance(value, str) or not isinstance(given, str):
        return False
    return {
        "prefix": value.startswith(given),
        "suffix": value.endswith(given),
        "equals-ignore-case": value.lower() == given.lower(),
    }.get(kind, False)


def _in_bounds(value: float, given: list[Any]) -> bool:
    held = {
        "=": lambda bound: value == bound,
        "<": lambda bound: value < bound,
        "<=": lambda bound: value <= bound,
        ">": lambda bound: value > bound,
        ">=": lambda bound: value >= bound,
    }
    return all(held[sign](bound) for sign, bound in zip(given[::2], given[1::2], strict=True))
