"""plan.json: a Plan written so that it reads back exactly, and refused when it is not what it says it is.

The file carries the fingerprint of its content and the id of each step; `load` computes them anew. Whether the plan is still
right for the organization is not decided here: apply observes and plans again.
"""

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from runbook_lib import __version__
from runbook_lib.base.documents import DocumentError, short
from runbook_lib.base.documents.files import MIB, read_text
from runbook_lib.base.documents.json_text import read_json
from runbook_lib.base.errors import RunbookError
from runbook_lib.plan import Action, Blocker, Condition, Plan, Scope, Step, Wait, plain, thaw

FORMAT = "runbook plan 1"
LARGEST = 512 * MIB
"""A plan for ten thousand accounts in thirty Regions has some tens of millions of bytes."""
_KINDS: Mapping[str, type[Action] | type[Wait]] = {"action": Action, "wait": Wait}
_FRAME = ("format", "library_version", "fingerprint")
_LATER = {(Plan, "about"), (Plan, "losses"), (Plan, "register"), (Blocker, "rules_out"), (Scope, "door")}
"""Fields that came to plans after their format: they stand in a file only where they hold something."""


class PlanFileError(RunbookError, ValueError):
    """A plan file that cannot be read or is not what it says it is; the message names the file and the place in it."""


def dumps(plan: Plan) -> str:
    """The text of plan.json, one step per line: the same for equal plans, whatever process writes it."""
    frame = {"format": FORMAT, "library_version": __version__, "fingerprint": plan.fingerprint}
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {_lines(value)}" for key, value in (frame | _encode(plan)).items()) + "\n}\n"


def _lines(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(json.dumps(item) for item in value) + "\n]"
    return json.dumps(value)


def load(path: Path) -> Plan:
    """Read a plan file; `PlanFileError` when it is missing, malformed, or changed after it was written."""
    try:
        text = read_text(path, LARGEST)
    except DocumentError as error:
        raise PlanFileError(str(error)) from None
    return loads(text, str(path))


def loads(text: str, name: str) -> Plan:
    """Read the text of a plan file called `name`; raises as `load` does."""
    try:
        plan, said = _read(read_json(text, name))
        fingerprint = plan.fingerprint
    except DocumentError as error:
        raise PlanFileError(str(error)) from None
    except _Wrong as wrong:
        raise PlanFileError(f"{name}: {wrong}; make the plan again") from None
    if said != fingerprint:
        raise PlanFileError(
            f"{name}: fingerprint: the file says {short(said)}, its content has {fingerprint}; "
            "it was changed after it was written, so make the plan again"
        )
    return plan


class _Wrong(Exception):
    """What is wrong, and where in the file."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}" if where else what)


def _read(data: Any) -> tuple[Plan, str]:
    """The plan in the file and the fingerprint that the file says it has."""
    if not isinstance(data, dict):
        raise _Wrong("", f"an object is expected, not {_named(data)}")
    if data.get("format") != FORMAT:
        raise _Wrong("format", f"{FORMAT!r} is expected, not {_written(data.get('format'))}")
    for key in _FRAME:
        _decode(str, data.get(key), key)
    plan: Plan = _decode(Plan, {key: value for key, value in data.items() if key not in _FRAME}, "")
    return plan, data["fingerprint"]


def _encode(value: Any) -> Any:
    if isinstance(value, Action | Wait):
        kind = "action" if isinstance(value, Action) else "wait"
        return {"step": kind, "id": value.id} | _fields(value)
    if isinstance(value, Condition):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    return value


def _fields(value: Any) -> dict[str, Any]:
    """What a procedure's plan has and a phase's has not stands in the file only where it is there."""
    left_out = {each.name for each in _optional(type(value)) if getattr(value, each.name) == each.default}
    return {
        field.name: plain(getattr(value, field.name)) if field.type is Any else _encode(getattr(value, field.name))
        for field in dataclasses.fields(value)
        if field.name not in left_out
    }


def _optional(kind: Any) -> tuple["dataclasses.Field[Any]", ...]:
    """The fields that a file may lack: those that came to plans after their format."""
    return tuple(each for each in dataclasses.fields(kind) if (kind, each.name) in _LATER)


def _decode(kind: Any, value: Any, where: str) -> Any:
    """Read `value` as `kind`: what the dataclasses of `runbook_lib.plan` say is the schema."""
    if kind is Any:
        return _parameters(value, where)
    if kind == Step or isinstance(kind, types.UnionType):
        return _step(value, where)
    if typing.get_origin(kind) in {tuple, frozenset}:
        if not isinstance(value, list):
            raise _Wrong(where, f"a list is expected, not {_named(value)}")
        item = typing.get_args(kind)[0]
        if item is str and all(type(each) is str for each in value):
            return typing.get_origin(kind)(value)
        return typing.get_origin(kind)(_decode(item, each, f"{where}[{index}]") for index, each in enumerate(value))
    if dataclasses.is_dataclass(kind):
        return Condition(_decode(str, value, where)) if kind is Condition else _object(kind, value, where)
    if type(value) is not (str if issubclass(kind, StrEnum) else kind):
        raise _Wrong(where, f"{_WORDS.get(kind, 'text')} is expected, not {_named(value)}")
    if issubclass(kind, StrEnum) and value not in {str(member) for member in kind}:
        raise _Wrong(where, f"one of {', '.join(kind)} is expected, not {_written(value)}")
    return kind(value)


def _object(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _Wrong(where, f"an object is expected, not {_named(value)}")
    hints = _hints(kind)
    optional = {field.name for field in _optional(kind)}
    names = [field.name for field in dataclasses.fields(kind) if field.name not in optional or field.name in value]
    if unknown := sorted(set(value) - set(names)):
        raise _Wrong(where, f"unknown key {_written(unknown[0])}")
    if missing := [name for name in names if name not in value]:
        raise _Wrong(where, f"key {missing[0]!r} is missing")
    return kind(**{name: _decode(hints[name], value[name], f"{where}.{name}".lstrip(".")) for name in names})


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _step(value: Any, where: str) -> Action | Wait:
    if not isinstance(value, dict) or not isinstance(value.get("step"), str) or value["step"] not in _KINDS:
        raise _Wrong(where, "a step is an object whose 'step' is 'action' or 'wait'")
    step: Action | Wait = _object(_KINDS[value["step"]], {k: v for k, v in value.items() if k not in {"step", "id"}}, where)
    if value.get("id") != step.id:
        raise _Wrong(f"{where}.id", f"the file says {_written(value.get('id'))}, the content has {step.id!r}")
    return step


def _parameters(value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _Wrong(where, f"an object is expected, not {_named(value)}")
    _check_references(value, where)
    return thaw(value)


def _check_references(value: Any, where: str) -> None:
    """A Reference or ForEach in the file has exactly its own keys, and text in them."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            _check_references(item, f"{where}[{index}]")
    if not isinstance(value, dict):
        return
    expected = {"$reference", "account", "region"} if "$reference" in value else {"$for_each"} if "$for_each" in value else None
    if expected and set(value) != expected:
        raise _Wrong(where, f"exactly the keys {', '.join(sorted(expected))} are expected")
    for key, item in value.items():
        if expected and "$reference" in expected and not isinstance(item, str):
            raise _Wrong(f"{where}.{short(key)}", f"text is expected, not {_named(item)}")
        _check_references(item, f"{where}.{short(key)}")


_WORDS: Mapping[type, str] = {str: "text", int: "a whole number"}


def _written(value: Any) -> str:
    """A value as a message shows it."""
    return f"'{short(value)}'" if isinstance(value, str) else _named(value)


def _named(value: Any) -> str:
    return {str: "text", int: "a number", float: "a number", bool: "true or false", list: "a list", dict: "an object"}.get(
        type(value), "null"
    )
