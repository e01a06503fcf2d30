"""The raw answers from which coverage was judged: the newest of every read, redacted by rule, compressed, one JSON line each.

E-mail addresses are replaced by numbered marks, the same address by the same mark, so that comparisons come out as they did.
"""

import base64
import datetime as dt
import gzip
import io
import itertools
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson

from runbook_lib.atomic_file import write_bytes
from runbook_lib.identity import ADDRESS
from runbook_lib.services import CallFailed

FORMAT = "runbook answers 1"
FASTEST, LEVEL = 1, 6
"""zlib's levels, while answers come in and in the file."""


class AnswersBroken(Exception):
    """A file of answers that cannot be read; the message names it."""


class Answers:
    """The newest answer to each read of one notebook. `keep` may be called from many threads.

    Kept as compressed text: as objects, the answers about ten thousand accounts fill gigabytes.
    """

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def keep(self, answer: dict[str, Any] | CallFailed, *call: Any) -> None:
        """Take the answer to a call: (service, operation, account, region, parameters)."""
        self._kept[key(*call)] = zlib.compress(_text(_plain(answer)), FASTEST)

    def write(self, path: Path, about: Mapping[str, Any]) -> None:
        """Write all answers; `about` heads the file."""
        marks = dict[str, str]()
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", filename="", compresslevel=LEVEL, mtime=0) as file:
            file.write(json.dumps({"format": FORMAT, **about}, sort_keys=True).encode() + b"\n")
            for call, answer in sorted(self._kept.copy().items()):
                line = f"[{json.dumps(call)}, {zlib.decompress(answer).decode()}]\n"
                file.write(_redacted(line, marks).encode())
        write_bytes(path, packed.getvalue())


def key(service: str, operation: str, account: str, region: str, parameters: Mapping[str, Any]) -> str:
    """What names a read: everything that was asked."""
    return json.dumps([service, operation, account, region, parameters], sort_keys=True, default=_special)


def _plain(answer: dict[str, Any] | CallFailed) -> dict[str, Any]:
    if not isinstance(answer, CallFailed):
        return {"answer": answer}
    return {"failure": {"code": answer.code, "message": answer.message, "status": answer.status, "sent": answer.sent}}


def _text(answer: dict[str, Any]) -> bytes:
    """An answer as one line of ASCII: quickly by orjson, which however leaves other letters, and ends of lines, as they are."""
    try:
        text = orjson.dumps(answer, default=_special, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME)
        if text.isascii():
            return text
    except orjson.JSONEncodeError:
        pass  # what orjson does not know, the standard library may
    return json.dumps(answer, sort_keys=True, default=_special).encode()


def _special(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(f"an answer of AWS holds a {type(value).__name__}")


def _redacted(line: str, marks: dict[str, str]) -> str:
    if "@" not in line:
        return line
    return ADDRESS.sub(lambda match: marks.setdefault(match.group(0), f"[e-mail address {len(marks) + 1}]"), line)


def read_about(path: Path) -> dict[str, Any]:
    """What heads a file of answers. Raises AnswersBroken."""
    with _reading(path) as file:
        return _head(path, file.readline())


def read_answers_of(path: Path, service: str, operation: str) -> dict[str, Any]:
    """The answers to one operation alone, as `read_answers` has them; a file of many gigabytes is not read for them whole."""
    opening = "[" + json.dumps(json.dumps([service, operation])[:-1])[:-1]
    with _reading(path) as file:
        _head(path, file.readline())
        after = itertools.dropwhile(lambda line: not line.startswith(opening), file)  # the lines are sorted
        lines = itertools.takewhile(lambda line: line.startswith(opening), after)
        return dict(json.loads(line, object_hook=_restored) for line in lines)


def read_answers(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """(about, call → {"answer": …} or {"failure": …}) of a file of answers. Raises AnswersBroken."""
    with _reading(path) as file:
        return _head(path, file.readline()), dict(json.loads(line, object_hook=_restored) for line in file)


@contextmanager
def _reading(path: Path) -> Iterator[IO[str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
            yield file
    except (OSError, EOFError, ValueError, TypeError, AttributeError, zlib.error) as error:
        raise AnswersBroken(f"{path}: {error}") from None


def _head(path: Path, line: str) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(line)
    if about.get("format") != FORMAT:
        raise AnswersBroken(f"{path}: is not in the format {FORMAT!r}")
    return about


def _restored(value: dict[str, Any]) -> Any:
    if set(value) == {"$time"}:
        return dt.datetime.fromisoformat(value["$time"])
    return base64.b64decode(value["$bytes"]) if set(value) == {"$bytes"} else value
