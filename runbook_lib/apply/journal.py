"""The journal of one phase: the intent before and the outcome after every mutating attempt, one hash-linked JSON line each.

A line is on disk (fsync) before the call it announces goes out. So after a crash the journal tells which calls were made, and
for which one the answer is missing. Lines of threads that write at the same moment share one fsync. It holds no parameters, names
or e-mail addresses.
"""

import fcntl
import hashlib
import json
import os
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError

from runbook_lib.apply.journal_line import LINE
from runbook_lib.base.clock import Clock
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.own_files import GIB, MIB, FileBroken, opened, words_of
from runbook_lib.base.privacy import masked
from runbook_lib.plan import Action
from runbook_lib.plan.outcome import Outcome

START = "0" * 64
"""What the first line names as the digest of the line before it."""
LONGEST = 300
TORN = ".torn-after-"
"""Behind the name of a journal, with the number of its lines: the file that has a last line which was cut off."""
LARGEST, LONGEST_LINE = 2 * GIB, 16 * MIB
"""Bytes of a journal and of one line of it: one about a thousand accounts has half a million."""


class JournalBroken(RunbookError):
    """A journal whose chain does not hold: a line was changed, lost or added. Names file and line."""

    advice = "Do not go on with this run folder: keep it as it is, and start a new run."


class JournalInUse(RunbookError):
    """Another process is writing this journal: one phase of a run is applied once at a time."""

    advice = "Wait until it has ended, then run again: what it has applied is not called twice."


def brief(message: str) -> str:
    """An error message as a journal holds it: masked, and at most 300 characters long."""
    # What is cut may end in what was none before: a key id is one of just so many characters.
    return masked(masked(message)[:LONGEST])[:LONGEST]


def read(path: Path) -> list[dict[str, Any]]:
    """All lines of a finished journal, after checking the whole chain. Raises `JournalBroken`."""
    found = _read(path)
    if found.torn:
        raise JournalBroken(f"{path}: the last line is torn; it was being written when the run ended")
    return found.lines


def complete_lines(path: Path) -> list[dict[str, Any]]:
    """The verified lines of a journal whose run may have been killed while it wrote the last one. Raises `JournalBroken`."""
    return _read(path).lines


@dataclass
class _Journaled:
    """What a journal's file holds: its complete lines, the digest of the last one, their length in bytes, what follows them."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    last: str = START
    length: int = 0
    torn: bytes = b""


def _read(path: Path) -> _Journaled:
    """A journal's lines, each held against its model and the line before it. Raises JournalBroken, FileNotFoundError."""
    found = _Journaled()
    try:
        with opened(path, LARGEST) as file:
            while content := file.readline(LONGEST_LINE + 1):
                if content.endswith(b"\n"):
                    _take(found, content[:-1], path)
                else:
                    found.torn = content
                    break
    except FileBroken as broken:
        raise JournalBroken(f"{path}: {broken}") from None
    if len(found.torn) > LONGEST_LINE:
        raise JournalBroken(f"{path}, line {len(found.lines) + 1}: has more than {LONGEST_LINE:,} bytes")
    return found


def _take(found: _Journaled, content: bytes, path: Path) -> None:
    number = len(found.lines) + 1
    try:
        line = LINE.validate_json(content).model_dump()
    except ValidationError as error:
        raise JournalBroken(f"{path}, line {number}: {words_of(error)}") from None
    if line["seq"] != number or line["previous"] != found.last:
        raise JournalBroken(f"{path}, line {number}: does not follow from the line before it")
    found.lines.append(line)
    found.last = hashlib.sha256(content).hexdigest()
    found.length += len(content) + 1


@dataclass(eq=False)
class _Line:
    """A line to be written, and what became of it."""

    kind: str
    facts: Mapping[str, Any]
    on_disk: bool = False
    broken: BaseException | None = None


Replica = Callable[[int, int, bytes], None]
"""Keeps lines elsewhere, from a number to a number: where the disk is lost with the process, as a function's is."""


class Journal:
    """An open journal, this process's alone. With a `replica` a line counts as written once it is there too.

    Opening an existing file checks and continues its chain; a torn last line is kept aside and noted. Raises JournalBroken,
    JournalInUse.
    """

    def __init__(self, path: Path, run: str, clock: Clock | None = None, replica: Replica | None = None) -> None:
        self.path, self._run, self._clock, self._replica = path, run, clock or Clock(), replica
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[_Line] = queue.SimpleQueue()
        self._file = self._taken()
        try:
            torn = self._recover()
        except BaseException:
            os.close(self._file)
            raise
        _sync_folder(path.parent)
        if torn:
            self.note("torn line kept aside", file=torn)

    def _taken(self) -> int:
        """The file, locked before anything of it is read: what looks torn may be a line that another process is writing."""
        try:
            # Without waiting, should a pipe lie there; what else it is, reading it says.
            file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o600)
        except OSError:
            _read(self.path)
            raise
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise JournalInUse(
                f"{self.path}: another process is applying this phase of this run, and writes this journal"
            ) from None
        return file

    def _recover(self) -> str:
        """Find where the chain ends; move what follows the last complete line to a file beside the journal."""
        found = _read(self.path)
        self._sequence, self._previous = len(found.lines), found.last
        if not found.torn:
            return ""
        aside = self.path.with_name(f"{self.path.name}{TORN}{self._sequence}")
        aside.write_bytes(found.torn)
        os.truncate(self.path, found.length)
        return aside.name

    def _write(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Return once the line is on disk. Whichever thread has the file writes the lines of all who wait for it."""
        mine = _Line(kind, facts)
        self._waiting.put(mine)
        with self._lock:
            if not mine.on_disk and mine.broken is None:
                self._append_waiting()
        if not mine.on_disk:
            raise mine.broken or AssertionError("a line that waited was neither written nor refused")

    def _append_waiting(self) -> None:
        """Bring the lines that wait to disk: all of them, or none, and then each has what broke it."""
        previous, whole = self._previous, os.fstat(self._file).st_size
        lines = [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]
        contents: list[bytes] = []
        try:
            for number, line in enumerate(lines, start=self._sequence + 1):
                contents.append(self._content(number, previous, line))
                previous = hashlib.sha256(contents[-1]).hexdigest()
            whole_lines = b"".join(content + b"\n" for content in contents)
            rest = memoryview(whole_lines)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
            if self._replica is not None and lines:
                self._replica(self._sequence + 1, self._sequence + len(lines), whole_lines)
        except BaseException as broken:  # noqa: BLE001 whatever it is, each thread raises it for its own line
            for line in lines:
                line.broken = broken
            # A full disk must not leave half a line in front of later ones.
            os.ftruncate(self._file, whole)
            return
        self._sequence, self._previous = self._sequence + len(lines), previous
        for line in lines:
            line.on_disk = True

    def _content(self, sequence: int, previous: str, line: _Line) -> bytes:
        head = {"seq": sequence, "previous": previous, "time": self._clock.now().isoformat().replace("+00:00", "Z")}
        return json.dumps({**head, "run": self._run, "kind": line.kind, **line.facts}, separators=(",", ":")).encode()

    def intent(self, action: Action, attempt: int, invocation_id: str) -> None:
        """Record that one attempt is about to be sent. `attempt` counts from 1."""
        called = {"action": action.id, "unit": action.unit_key, "attempt": attempt, "invocation": invocation_id}
        where = {"service": action.service, "operation": action.operation, "account": action.account, "region": action.region}
        self._write("intent", {**called, **where, "targets": len(action.targets), "target_accounts": list(action.targets)})

    def outcome(
        self,
        action: Action,
        attempt: int,
        invocation_id: str,
        outcomes: Iterable[Outcome],
        *,
        status: int,
        code: str = "",
        message: str = "",
        request_id: str = "",
        date: str = "",
    ) -> None:
        """Record what AWS answered to an attempt, and what that means for each account."""
        called = {"action": action.id, "unit": action.unit_key, "attempt": attempt, "invocation": invocation_id}
        answered = {"status": status, "code": code, "message": brief(message), "request_id": request_id, "date": date}
        verdicts = [
            {"account": o.account, "verdict": str(o.verdict), "code": o.code, "message": brief(o.message)} for o in outcomes
        ]
        self._write("outcome", {**called, **answered, "outcomes": verdicts})

    def note(self, text: str, **facts: str | int) -> None:
        """Record something else that a reader of the run must know; never parameters, names or addresses."""
        self._write("note", {"text": text, **facts})

    def close(self) -> None:
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _sync_folder(folder: Path) -> None:
    """A new file survives a power cut only when its folder was synced too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
