"""Reading back the raw answers that a run kept: line by line, within bounds, each line held against what such a line says."""

import base64
import datetime as dt
import gzip
import io
import itertools
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from runbook_lib.base.documents import short
from runbook_lib.base.documents.json_text import too_deep
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.own_files import GIB, MIB, FileBroken, Moment, Text, Whole, fitting, opened

FORMAT = "runbook answers 2"
"""Since 2 a failure says which call failed where it was another than the one asked for (a role that could not be assumed)."""
LARGEST, LONGEST_LINE = 16 * GIB, 256 * MIB
"""Bytes of a file as it lies on the disk, and of one line of it; the answer to one page of one read has some thousands."""
UNPACKED = 400
"""How many times as long a file may be when it is unpacked. Answers that are nearly all alike come to some forty times."""
START = 64 * MIB
"""So much may be unpacked of any file."""


class AnswersBroken(RunbookError):
    """A file of answers that cannot be read; the message names it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Answer(_Strict):
    answer: dict[Text, Any]


class _Refusal(_Strict):
    code: Text
    message: Text
    status: Whole
    sent: Annotated[bool, Field(strict=True)]
    failed: tuple[Text, Text, Text, Text] | None = None
    """Service, operation, account and Region of the call that failed, where it was another."""
    next_step: Text = ""


class _Failure(_Strict):
    failure: _Refusal


class _Scope(_Strict):
    regions: list[Text] = []
    accounts: list[Text] = []
    organizational_units: list[Text] = []
    door: Text = ""


class About(BaseModel):
    """What heads a file of answers, as far as it is read."""

    model_config = ConfigDict(extra="allow")

    format: Literal["runbook answers 1", "runbook answers 2"]
    scope: _Scope = _Scope()
    callers: dict[Text, Text] = {}
    member_regions_read: Moment | None = None


_ABOUT = TypeAdapter(About)
_CALL = TypeAdapter(tuple[Text, Text, Text, Text, dict[Text, Any]])
_SAID = TypeAdapter(_Answer | _Failure)


def read_about(path: Path) -> About:
    """What heads a file of answers. Raises AnswersBroken, FileNotFoundError."""
    with _reading(path) as lines:
        return _about(lines)


def read_answers_of(path: Path, service: str, operation: str) -> dict[str, Any]:
    """The answers to one operation alone, as `read_answers` has them; a file of many gigabytes is not read for them whole."""
    opening = ("[" + json.dumps(json.dumps([service, operation])[:-1])[:-1]).encode()
    with _reading(path) as lines:
        _about(lines)
        after = itertools.dropwhile(lambda each: not each[1].startswith(opening), lines)  # the lines are sorted
        return dict(_answer(*each) for each in itertools.takewhile(lambda each: each[1].startswith(opening), after))


def read_answers(path: Path) -> tuple[About, dict[str, Any]]:
    """(about, call → {"answer": …} or {"failure": …}) of a file of answers. Raises AnswersBroken, FileNotFoundError."""
    with _reading(path) as lines:
        about, found = _about(lines), dict[str, Any]()
        for number, line in lines:
            call, said = _answer(number, line)
            if call in found:
                raise FileBroken(f"line {number}: answers what an earlier line has answered")
            found[call] = said
        return about, found


@contextmanager
def _reading(path: Path) -> Iterator[Iterator[tuple[int, bytes]]]:
    """The lines of a file, from 1. What goes wrong with them in the block is an AnswersBroken that names it."""
    try:
        with opened(path, LARGEST) as packed, gzip.GzipFile(fileobj=packed, mode="rb") as file:
            packed.seek(0, io.SEEK_END)
            most = packed.tell() * UNPACKED + START
            packed.seek(0)
            yield enumerate(_lines(file, most), start=1)
    except (FileBroken, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise AnswersBroken(f"{path}: {error}") from None


def _lines(file: gzip.GzipFile, most: int) -> Iterator[bytes]:
    seen = 0
    while line := file.readline(LONGEST_LINE + 1):
        seen += len(line)
        if len(line) > LONGEST_LINE or seen > most:
            raise FileBroken("unpacks to more than answers do")
        yield line


def _about(lines: Iterator[tuple[int, bytes]]) -> About:
    number, line = next(lines, (1, b""))
    return fitting(_ABOUT, _json(number, line))


def _answer(number: int, line: bytes) -> tuple[str, dict[str, Any]]:
    pair = _json(number, line)
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
        raise FileBroken(f"line {number}: a call and what was answered to it are expected")
    fitting(_CALL, _json(number, pair[0].encode("utf-8", "surrogatepass")))
    fitting(_SAID, pair[1])
    return pair[0], pair[1]


def _json(number: int, line: bytes) -> Any:
    try:
        value = json.loads(line.decode("utf-8", "surrogatepass"), object_hook=_restored, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise FileBroken(f"line {number}: cannot be read: {short(str(error))}") from None
    if too_deep(value):
        raise FileBroken(f"line {number}: is nested too deeply")
    return value


def _no_number(constant: str) -> float:
    raise ValueError(f"{constant} is not a number")


def _restored(value: dict[str, Any]) -> Any:
    """Times and bytes as they were answered. Raises ValueError."""
    (name, said) = next(iter(value.items())) if len(value) == 1 else ("", None)
    if name not in ("$time", "$bytes"):
        return value
    text = str(said)  # anything but text is no time and no base64 either
    return dt.datetime.fromisoformat(text) if name == "$time" else base64.b64decode(text, validate=True)
