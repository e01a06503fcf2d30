"""JSON as other tools and people write it, read strictly and within bounds.

Refused is what means different things to different readers, or ends a reader later: a key twice, NaN, a number beyond all bounds,
half of a character, and nesting deeper than any honest file has.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from runbook_lib.base.documents import Path, dotted, refused, short
from runbook_lib.base.documents.characters import named, odd

DEEPEST = 64
"""Levels of nesting; AWS's findings and events have about ten."""
_HALF_ESCAPED = re.compile(r"\\u[dD][89abAB]")
"""What may, once read, be half of a character."""
_HALF = re.compile(r"[\ud800-\udfff]")


def read_json(text: str, file: str, *, line: int = 0) -> Any:
    """The value of a JSON text. `line`: where the text stands in its file, where it is one line of many. Raises DocumentError."""
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_float)
    except _Wrong as wrong:
        raise refused(file, str(wrong), line=line) from None
    except RecursionError:
        raise refused(file, DEEP, line=line) from None
    except json.JSONDecodeError as error:
        raise refused(file, _words(error, text), line=line or error.lineno) from None
    except ValueError:
        # Python takes no integer of more digits than it would write back.
        raise refused(file, "a whole number has thousands of digits; no such number belongs here", line=line) from None
    _hold(value, file, line)
    if _HALF_ESCAPED.search(text):
        _hold_texts(value, file, line)
    return value


def json_lines(text: str, file: str) -> Iterator[tuple[int, Any]]:
    """The values of a file with one JSON value per line, each with its line; empty lines say nothing. Raises DocumentError."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, read_json(line, file, line=number)


def holds_lines(text: str) -> bool:
    """Whether a text is JSON lines: its first line is an object by itself, and more follows."""
    head, _, rest = text.lstrip().partition("\n")
    return head.startswith("{") and head.rstrip().endswith("}") and bool(rest.strip())


DEEP = f"nested more than {DEEPEST} deep; no file of this kind is, so check its brackets"


class _Wrong(Exception):
    """What is wrong with a part of the text, whose place the reader does not say."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise _Wrong(f"the key {short(twice)!r} appears twice in one object; keep one")
    return value


def _no_number(name: str) -> float:
    raise _Wrong(f"{name} is not a JSON number; write a number, or leave the key out")


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _Wrong(f"the number {short(text)} is beyond all bounds; write a smaller one")
    return value


def _words(error: json.JSONDecodeError, text: str) -> str:
    if not text.strip():
        return "the file is empty; get it again"
    found = text[error.pos : error.pos + 1]
    there = f" (there is {named(found)})" if found and odd(found) else ""
    said = error.msg[:1].lower() + error.msg[1:]
    return f"this is not JSON at column {error.colno}: {said}{there}; check commas, brackets and quotes there"


def _hold(value: Any, file: str, line: int) -> None:
    if too_deep(value):
        raise refused(file, DEEP, line=line)


def too_deep(value: Any) -> bool:
    """Whether a value is nested too deeply for whoever walks through it."""
    level: list[Any] = [value] if isinstance(value, dict | list) else []
    for _ in range(DEEPEST):
        inner = (each for holder in level for each in (holder.values() if isinstance(holder, dict) else holder))
        level = [each for each in inner if isinstance(each, dict | list)]
    return bool(level)


def _hold_texts(value: Any, file: str, line: int, path: Path = ()) -> None:
    """Refuse half of a character, which nothing can write."""
    if isinstance(value, str) and (found := _HALF.search(value)):
        message = f"there is {named(found.group())} in this text; remove it"
        raise refused(file, message, line=line, key=dotted(path), value=value)
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ()):
        if isinstance(key, str):
            _hold_texts(key, file, line, path)
        _hold_texts(inner, file, line, (*path, key))
