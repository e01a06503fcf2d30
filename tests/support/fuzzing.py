"""Inputs made wrong on purpose, the same ones for the same seed, and what a parser does with them.

`mutations` gives bytes: of a file's bytes blind ones (flipped, cut, doubled, in another encoding), of a document also structured
ones (types swapped, nested deeply, huge numbers and lengths, keys missing or twice, foreign digits, NUL, lone surrogates).
`documents` gives the structured ones as values, for parsers whose bytes are signed or sealed before they are read. `faults` holds
a parser to its expected errors, to words that a person can use, and to a time on the processor.
"""

import contextlib
import json
import random
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

AMOUNTS = pytest.mark.parametrize("amount", [pytest.param(200, marks=pytest.mark.slow), pytest.param(5000, marks=pytest.mark.soak)])
"""How many inputs a parser is given: few in each test run, many in the soak."""
DEEP, LONG, HUGE = 100_000, 30_000, 6_000
"""Levels of nesting; letters of a line; digits of a number, more than Python turns into an integer."""
LONGEST_MESSAGE = 20_000

_HARD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**400, 1e308, "", " ", "\0", "\ud800", "a\u202eb", "a\u200bb", "a\u00a0b", "\ufeff", "é",
    "💥", "a\nb", "a\x1b[31mb", "\x85", "\u2028", "\uff19" * 12, "\u0661" * 12, "1.11111E+11", "111111111111.0", "'012345678901",
    '="012345678901"', "111111111111", 111111111111, 44444444444, "-", "nan", "1e999", "0x10", "=cmd|'/c'!A1",
    "../../etc/passwd", "/", ".", "*", "2026-13-45", "2026-11-28T16:34:40", "2026-11-28T16:34:40Z", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59", [], {}, [[]], [None], {"": None}, {"a": {"b": []}}, ["111111111111"], [{}], [1, "a"],
    {"$reference": 1}, {"$for_each": []},
)  # fmt: skip
"""Values that one parser or another stumbles over."""
_LENGTHY: tuple[Any, ...] = ("a" * LONG, "[" * LONG, "1" * LONG, "a@" * (LONG // 2), ["a"] * (LONG // 6))
_RAW: tuple[bytes, ...] = (
    b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP, b"[" * 900 + b"]" * 900, b"[" * DEEP, b"1" * HUGE,
    b"-" + b"1" * HUGE, b"1." + b"1" * HUGE, b"1e" + b"9" * 300, b"NaN", b"Infinity", b"-Infinity", b'"\xff"', b'"\xe9"',
    b'"\x00"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xed\xa0\x80"', b"'a'", b"012", b"\xef\xbc\x91", b"", b"undefined", b"*a",
    b"&a b", b"!!set {a}",
)  # fmt: skip
"""What JSON writers do not write; put in place of a value."""
_BYTES: tuple[bytes, ...] = (
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\xaf", b"\xe9", "\u202e".encode(), "\u00a0".encode(),
    "\u200b".encode(), "\u2028".encode(), "\x85".encode(), "“".encode(), "\uff11".encode(), "\u0663".encode(), b"\r", b"\n",
    b"\t", b"\x1b[2J", b"\x7f", b"{", b"}", b"[", b"]", b'"', b"'", b":", b",", b";", b"#", b"- ", b"&a ", b"*a",
    b"!!python/object:a ", b"<<: ", b"%YAML 1.1\n", b"---\n", b"...\n", b"|\n", b">-\n", b"? ", b"sep=;\n", b"null", b"~",
    b"\\", b"\\ud800", b"\\u0000", b"0", b"9", b"-", b".", b"e",
)  # fmt: skip
_WHOLE: tuple[Callable[[bytes], bytes], ...] = (
    lambda data: b"",
    lambda data: b" \n\t",
    lambda data: data + data,
    lambda data: b"\xef\xbb\xbf" + data,
    lambda data: data.replace(b"\n", b"\r\n"),
    lambda data: data.replace(b"\n", b"\r"),
    lambda data: data.replace(b"\n", b""),
    lambda data: data.decode("utf-8", "replace").encode("utf-16"),
    lambda data: data.decode("utf-8", "replace").encode("utf-16-le"),
    lambda data: data.decode("utf-8", "replace").encode("utf-32"),
    lambda data: data.replace(b"e", b"\xe9", 1),
    lambda data: data.translate(bytes(range(255, -1, -1))),
    lambda data: data.decode("utf-8", "replace").translate({ord("0") + each: 0xFF10 + each for each in range(10)}).encode(),
    lambda data: data.replace(b" ", "\u00a0".encode()),
    lambda data: data.replace(b'"', "“".encode()),
    lambda data: b"\x1f\x8b" + data,
)  # fmt: skip
"""A whole file in another encoding, with other ends of lines, or without an end."""


def as_json(document: Any) -> bytes:
    """A document as its file has it; the usual `write` of `mutations`."""
    return json.dumps(document, indent=1).encode()


def as_lines(document: Any) -> bytes:
    """A list as JSON lines; what is no list any more as one line."""
    return b"".join(json.dumps(each).encode() + b"\n" for each in (document if isinstance(document, list) else [document]))


def mutations(seed: str | int, sample: Any, n: int, write: Callable[[Any], bytes] = as_json) -> Iterator[bytes]:
    """`n` inputs made from a sample: bytes are changed blindly; a document is changed by its structure, or blindly once written."""
    chance = random.Random(str(seed))
    for _ in range(n):
        if isinstance(sample, bytes):
            yield _blindly(chance, sample)
        elif chance.random() < 0.3:
            yield _blindly(chance, write(sample))
        else:
            yield _raw(chance, _structured(chance, sample, raw=True), write)


def documents(seed: str | int, sample: Any, n: int) -> Iterator[Any]:
    """`n` documents made from one by its structure, each holding nothing that JSON cannot say."""
    chance = random.Random(str(seed))
    for _ in range(n):
        yield _structured(chance, sample, raw=False)


def _structured(chance: random.Random, sample: Any, *, raw: bool) -> Any:
    whole = [deepcopy(sample)]
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        holder, key = chance.choice(list(_places(whole)))
        if raw and chance.random() < 0.2:
            holder[key] = f"{_MARK}{chance.randrange(len(_RAW) + 1)}:{key}"
        else:
            _change(chance, holder, key, whole)
    return whole[0]


_MARK = "\ue000raw "
"""Stands in a document where bytes are to stand that no writer would write."""


def _raw(chance: random.Random, document: Any, write: Callable[[Any], bytes]) -> bytes:
    """Write a document, and put the bytes where its marks are. One mark beyond the others writes a key twice."""
    data = write(document)
    for text in [each for holder, key in _places([document]) if isinstance(each := holder[key], str) and each.startswith(_MARK)]:
        number, _, key = text.removeprefix(_MARK).partition(":")
        if not (number.isascii() and number.isdecimal()):
            continue  # another change has hit the mark
        instead = _RAW[int(number)] if int(number) < len(_RAW) else b"1, " + json.dumps(key).encode() + b": 1"
        data = data.replace(json.dumps(text).encode(), instead)
    return data


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document: its holder, and key or position."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _change(chance: random.Random, holder: Any, key: Any, whole: list[Any]) -> None:
    value = holder[key]
    match chance.randrange(10):
        case 0 if holder is not whole:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[chance.choice(("", "\0", "a" * LONG, f" {key}", str(key).upper(), "\u202e", "extra", "\uff11"))] = holder.pop(
                key
            )
        case 2 if isinstance(holder, list) and holder is not whole:
            holder.extend([deepcopy(value)] * chance.choice((1, 2, 50)))
        case 3:
            other, place = chance.choice(list(_places(whole)))
            holder[key] = deepcopy(other[place])
        case 4:
            holder[key] = chance.choice(([value], {"a": value}, {"": value}, [value, value]))
        case 5:
            holder[key] = _as_another_type(value)
        case 6 if chance.random() < 0.3:
            holder[key] = deepcopy(chance.choice(_LENGTHY))
        case 7 if isinstance(value, str) and value:
            at = chance.randrange(len(value))
            holder[key] = (
                value[:at]
                + chance.choice(("\0", "\ud800", "\u202e", " ", "\n", "\u0663", "x", ""))
                + value[at + chance.randrange(2) :]
            )
        case _:
            holder[key] = deepcopy(chance.choice(_HARD))


def _as_another_type(value: Any) -> Any:
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdecimal() and len(value) < HUGE // 2 else list(value[:50])
    if isinstance(value, list):
        return {str(number): each for number, each in enumerate(value)}
    if isinstance(value, dict):
        return [list(each) for each in value.items()]
    return str(value)


def _blindly(chance: random.Random, data: bytes) -> bytes:
    if chance.random() < 0.1:
        return chance.choice(_WHOLE)(data)
    for _ in range(chance.choice((1, 1, 1, 2, 8))):
        at, length = chance.randrange(len(data) + 1), chance.choice((1, 2, 5, 20, len(data) // 3))
        match chance.randrange(8):
            case 0:
                data = data[:at] + bytes((chance.randrange(256),)) + data[at + 1 :]
            case 1:
                data = data[:at] + data[at + length :]
            case 2:
                data = data[:at] + data[at : at + length] * 2 + data[at + length :]
            case 3:
                data = data[:at]
            case 4:
                other = chance.randrange(len(data) + 1)
                data = data[:at] + data[other : other + length] + data[at + length :]
            case 5 if chance.random() < 0.15:
                data = (
                    data[:at]
                    + chance.choice((b"[", b"{a: ", b"a", b"1", b"\xc3\xa9", b"@", b" ", b"- ", b'"', b",")) * LONG
                    + data[at:]
                )
            case _:
                data = data[:at] + chance.choice(_BYTES) + data[at + chance.randrange(3) :]
    return data


class TooSlow(BaseException):
    """No `Exception`, so that no parser takes it for one of its own."""


@dataclass(frozen=True)
class Fault:
    """What a parser did with one input that it must not do. `number`: which of the inputs, so that it can be made again."""

    number: int
    kind: str
    place: str
    data: Any

    def __str__(self) -> str:
        return f"input {self.number}: {self.kind} at {self.place}: {repr(self.data)[:300]}"


def faults(
    parse: Callable[[Any], object],
    inputs: Iterable[Any],
    expected: Iterable[type[Exception]],
    *,
    name: str = "",
    seconds: float = 3.0,
) -> list[Fault]:
    """Every input with which `parse` ends otherwise than well, or in one of exactly the `expected` errors, within `seconds`.

    A subclass of an expected error is a fault: `ValueError` does not stand for `UnicodeDecodeError`. The error's text is one that
    a person can use (`unclear`), and holds `name`. Time is the processor's, so that a busy machine changes nothing.
    """
    allowed, found = tuple(expected), []
    for number, data in enumerate(inputs):
        try:
            with _within(seconds):
                parse(data)
        except TooSlow as slow:
            found.append(Fault(number, f"more than {seconds:g} s", _place(slow), data))
        except Exception as error:  # noqa: BLE001 which one it is is the question
            why = unclear(str(error), name) if type(error) in allowed else f"{type(error).__name__}: {str(error)[:200]}"
            if why:
                found.append(Fault(number, why, _place(error), data))
    return found


def unclear(message: str, name: str = "") -> str:
    """Why a message is none that a person can use; "" where it is one."""
    if not message.strip():
        return "says nothing"
    if len(message) > LONGEST_MESSAGE:
        return f"a message of {len(message):,} characters"
    if odd := sorted({each for line in message.split("\n") for each in line if not each.isprintable()}):
        return f"a message with {odd[0]!r} in it"
    if any(each in message for each in ("pydantic.dev", "cryptography.io", "Traceback")):
        return f"a message for programmers: {message[:200]}"
    return "" if name in message else f"a message that does not name {name}: {message[:200]}"


def _place(error: BaseException) -> str:
    frames = [each for each in traceback.extract_tb(error.__traceback__) if "runbook_lib" in each.filename]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"


@contextlib.contextmanager
def _within(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
