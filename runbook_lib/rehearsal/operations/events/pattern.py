"""The one matcher of event patterns: a pattern is compiled once, refused where EventBridge would refuse it, and asked of events.

As EventBridge's own, it flattens events: a field is a path, a value and the array elements that it lies in, and the fields that
answer one pattern have to agree about the elements (so one element of an array has to fit as a whole, aws-behaviour 7).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

from runbook_lib.rehearsal.operations.events.filters import RESERVED, PatternError, Test, alternative

MOST_COMBINATIONS = 1000
"""Rules that $or may stand for in one pattern [docs]."""
Path = tuple[str, ...]
Elements = Mapping[int, int]
"""Array → the element of it, for the arrays that a field lies in."""


@dataclass(frozen=True)
class Field:
    """One leaf of an event."""

    value: Any
    elements: Elements


@dataclass(frozen=True)
class Leaf:
    """What a pattern asks of one path. `exists`: whether it may be there (True), may be absent (False), for either alone."""

    path: Path
    tests: tuple[Test, ...]
    exists: frozenset[bool]


@dataclass(frozen=True)
class Pattern:
    """A compiled pattern: it fits when all leaves of one of its `rules` do."""

    rules: tuple[tuple[Leaf, ...], ...]

    def fits(self, event: Mapping[str, Any]) -> bool:
        """Whether an event fits."""
        fields: dict[Path, list[Field]] = {}
        for path, field in _flattened(event, (), {}, [0]):
            fields.setdefault(path, []).append(field)
        return any(_fits(rule, 0, fields, {}) for rule in self.rules)


def matches(pattern: Mapping[str, Any] | str, event: Mapping[str, Any]) -> bool:
    """Whether an event fits a pattern (JSON or its data). Raises `PatternError` for one that EventBridge refuses."""
    return compiled(pattern if isinstance(pattern, str) else json.dumps(pattern)).fits(event)


@lru_cache(maxsize=1024)
def compiled(text: str) -> Pattern:
    """The pattern that a JSON text is. Raises `PatternError`."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise PatternError(f"Unexpected character or end of input: {error}") from None
    if not isinstance(found, dict):
        raise PatternError("Filter is not an object")
    rules = list(_rules(found, ()))
    if len(rules) > MOST_COMBINATIONS:
        raise PatternError(f"Too many combinations of $or: {len(rules)}, at most {MOST_COMBINATIONS}")
    return Pattern(tuple(tuple(sorted(rule, key=lambda leaf: leaf.path)) for rule in rules))


def _rules(pattern: Mapping[str, Any], path: Path) -> Iterator[tuple[Leaf, ...]]:
    """Each combination of alternatives that a pattern stands for, as its leaves."""
    if not pattern:
        raise PatternError("Empty objects are not allowed")
    parts: list[list[tuple[Leaf, ...]]] = []
    for name, wanted in pattern.items():
        if name == "$or" and _is_alternatives(wanted):
            parts.append([rule for each in wanted for rule in _rules(each, path)])
        elif isinstance(wanted, Mapping):
            parts.append(list(_rules(wanted, (*path, name))))
        elif isinstance(wanted, list):
            parts.append([(_leaf(wanted, (*path, name)),)])
        else:
            raise PatternError(f'"{name}" must be an object or an array')
    for combination in product(*parts):
        yield tuple(leaf for leaves in combination for leaf in leaves)


def _is_alternatives(wanted: Any) -> bool:
    """Whether $or is the operator; with anything else it is a field that has this name [event-ruler's README]."""
    objects = isinstance(wanted, list) and len(wanted) > 1 and all(isinstance(each, dict) and each for each in wanted)
    return objects and not any(RESERVED & set(each) for each in wanted)


def _leaf(wanted: list[Any], path: Path) -> Leaf:
    if not wanted:
        raise PatternError("Empty arrays are not allowed")
    exists, tests = set[bool](), list[Test]()
    for each in wanted:
        if isinstance(each, dict) and [*each] == ["exists"]:
            if not isinstance(each["exists"], bool):
                raise PatternError("exists match pattern must be either true or false.")
            exists.add(each["exists"])
        else:
            tests.append(alternative(each))
    return Leaf(path, tuple(tests), frozenset(exists))


def _flattened(value: Any, path: Path, elements: Elements, arrays: list[int]) -> Iterator[tuple[Path, Field]]:
    """Every leaf of an event. Objects and arrays are none, so an empty one is as good as absent."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flattened(inner, (*path, name), elements, arrays)
    elif isinstance(value, list):
        arrays[0] += 1
        here = arrays[0]
        for number, inner in enumerate(value):
            yield from _flattened(inner, path, {**elements, here: number}, arrays)
    else:
        yield path, Field(value, elements)


def _fits(rule: tuple[Leaf, ...], at: int, fields: Mapping[Path, list[Field]], elements: Elements) -> bool:
    """Whether the leaves from `at` on can be answered without contradicting the elements that were chosen."""
    if at == len(rule):
        return True
    leaf, there = rule[at], False
    for field in fields.get(leaf.path, ()):
        together = _consistent(elements, field.elements)
        if together is None:
            continue
        there = True
        good = True in leaf.exists or any(test(field.value) for test in leaf.tests)
        if good and _fits(rule, at + 1, fields, together):
            return True
    return False in leaf.exists and not there and _fits(rule, at + 1, fields, elements)


def _consistent(one: Elements, other: Elements) -> Elements | None:
    if any(other.get(array, element) != element for array, element in one.items()):
        return None
    return {**one, **other}
