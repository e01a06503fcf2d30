"""Files that we wrote, read back as if anybody had written them since: within bounds, without waiting, in one way, by a model.

Whatever lies in the place of a file (a pipe, a folder, eight gigabytes of nothing, another encoding, a deep nest) is one
`FileBroken` with the reason, so that whoever reads many files names this one and goes on to the next.
"""

import datetime as dt
import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar

from pydantic import AfterValidator, Field, Strict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from runbook_lib.base.documents import LONGEST_SAID, DocumentError, NotThere, files, short
from runbook_lib.base.documents.characters import shown
from runbook_lib.base.documents.json_text import read_json

T = TypeVar("T")
KIB, MIB, GIB = 2**10, 2**20, 2**30
_CHUNK = MIB
_SHOWN = 80
_MOST_SAID = 5
_LONGEST = 300
"""Characters of a reason; some quote the value."""


class FileBroken(Exception):
    """Why a file of ours cannot be judged, in words without its name: one line, and not for ever, whatever it quotes."""

    def __init__(self, why: str) -> None:
        super().__init__(short(why, LONGEST_SAID))


@contextmanager
def opened(path: Path, most: int) -> Iterator[BinaryIO]:
    """A regular file of at most `most` bytes, to be read. Raises FileBroken, and FileNotFoundError where there is none."""
    with _said(), files.opened(path, most) as file:
        yield file


@contextmanager
def _said() -> Iterator[None]:
    """The words of a refusal, without the name of its file. That there is none is an error of its own."""
    try:
        yield
    except NotThere as error:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), error.findings[0].file) from None
    except DocumentError as error:
        raise FileBroken("; ".join(replace(each, file="").sentence.removeprefix(": ") for each in error.findings)) from None


def data_of(path: Path, most: int) -> bytes:
    """The bytes of a file. Raises FileBroken, FileNotFoundError."""
    with _said():
        return files.read_bytes(path, most)


def digest_of(path: Path, most: int) -> str:
    """SHA-256 (hex) of a file that is no link. Raises FileBroken, FileNotFoundError."""
    if path.is_symlink():
        raise FileBroken(os.strerror(errno.ELOOP))
    found = hashlib.sha256()
    with opened(path, most) as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def json_of(data: bytes) -> Any:
    """The value of a JSON text in UTF-8, which means the same to every reader. Raises FileBroken."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileBroken(f"is not UTF-8: {error.reason} at byte {error.start:,}") from None
    with _said():
        return read_json(text, "")


def fitting(model: TypeAdapter[T], value: Any) -> T:
    """A value as a model has it. Raises FileBroken that names the places."""
    try:
        return model.validate_python(value)
    except ValidationError as error:
        raise FileBroken(words_of(error)) from None


def words_of(error: ValidationError) -> str:
    """What a model says against a value: places, values and reasons."""
    found = error.errors(include_url=False, include_context=False)
    said = [f"{_place(each['loc'])}{_short(each['input'])}: {_message(each)}" for each in found[:_MOST_SAID]]
    return "; ".join([*said, *([f"and {len(found) - _MOST_SAID} more"] if len(found) > _MOST_SAID else [])])


def _place(path: tuple[int | str, ...]) -> str:
    return f"{shown('.'.join(str(each)[:_SHOWN] for each in path))}: " if path else ""


def _short(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = repr(value[: _SHOWN + 1] if isinstance(value, str) else value)
    return shown(text[:_SHOWN]) + ("…" if len(text) > _SHOWN else "")


def _message(error: ErrorDetails) -> str:
    """A model's words, without the names that it has in this library."""
    if error["type"] in ("model_type", "dataclass_type", "model_attributes_type"):
        return "an object is expected"
    message = error["msg"].removeprefix("Value error, ")
    said = shown(message[:1].lower() + message[1 : _LONGEST + 1])
    return said if len(message) <= _LONGEST else f"{said}…"


def read(path: Path, model: TypeAdapter[T], most: int) -> T:
    """A JSON file as a model has it. Raises FileBroken, FileNotFoundError."""
    return fitting(model, json_of(data_of(path, most)))


def _time(text: str) -> str:
    """A moment as our files write it: ISO 8601 with its distance from UTC, or Z."""
    if not text.isascii() or dt.datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time with its distance from UTC is expected")
    moment(text)
    return text


def moment(text: str) -> dt.datetime:
    """The time that a text of the kind `Moment` says, in UTC."""
    said = dt.datetime.fromisoformat(text)
    if said.year not in _YEARS:
        raise ValueError("a time of these centuries is expected")
    return said.astimezone(dt.UTC)


_YEARS = range(1970, 9000)
"""Hours and days can be added to such times, and taken away."""
LARGEST_WHOLE = 2**53 - 1
"""What every reader of JSON takes for the same number."""
Text = Annotated[str, Strict()]
Whole = Annotated[int, Strict(), Field(ge=-LARGEST_WHOLE, le=LARGEST_WHOLE)]
Moment = Annotated[Text, AfterValidator(_time)]
