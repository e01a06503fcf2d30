"""What a command prints, where it can be printed: output that cannot be written never ends the work it reports on.

* A character that the encoding lacks (`×` in an ASCII locale) is printed as an escape.
* A reader that goes away (`| head`), or a stream that was closed beforehand (`>&-`), wanted no more: the rest is given up
  quietly, the command goes on to its end, and its exit code is that of its work.
* Output that is lost for another reason (a full disk behind `>`, a terminal that is gone) is given up too, and the work goes on;
  in the end stderr says so, and the exit code is 1: who reads what was printed would take a part for the whole.

What was given up is in the run's log where there is a run.
"""

import errno
import io
import logging
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

LOG = logging.getLogger(__name__)
CLOSED = "it was closed before the command began"


class Lasting(io.RawIOBase):
    """The bytes of one stream: written while they can be, given up from the first failure on."""

    def __init__(self, name: str, to: Any) -> None:
        super().__init__()
        self.name, self._to = name, to
        self.lost = "" if to is not None else CLOSED
        """Why the stream was given up; "" while it was not."""
        self.wanted = to is not None
        """Whether somebody still waits for what is lost."""

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._to is not None and bool(self._to.isatty())

    def fileno(self) -> int:
        if self._to is None:
            raise io.UnsupportedOperation("fileno")
        number: int = self._to.fileno()
        return number

    def write(self, data: Any, /) -> int:
        whole = bytes(data)
        if not self.lost:
            try:
                self._write(whole)
            except (OSError, ValueError) as error:
                self._give_up(error)
        return len(whole)

    def _write(self, whole: bytes) -> None:
        rest = memoryview(whole)
        while rest:
            written = self._to.write(rest)
            if written is None:  # the other end is slow, and asked not to be waited for
                select.select([], [self._to], [])
                continue
            rest = rest[written:]
        self._to.flush()

    def _give_up(self, error: OSError | ValueError) -> None:
        number = error.errno if isinstance(error, OSError) else None
        self.lost, self.wanted = os.strerror(number) if number else str(error), number != errno.EPIPE
        LOG.warning("output given up", extra={"fields": {"stream": self.name, "reason": self.lost}})


def note_what_is_ignored(what: "sys.UnraisableHookArgs") -> None:
    """For the log, what Python prints as "Exception ignored in": an interrupt may leave an object of a library half made.

    It stays so to the end of the process, for the interpreter meets such an object when it takes everything down.
    """
    LOG.info("exception ignored", extra={"fields": {"type": what.exc_type.__name__, "in": type(what.object).__name__}})


def given_up() -> dict[str, str]:
    """Streams of this process that were given up, with the reason."""
    raws = [raw for stream in (sys.stdout, sys.stderr) if (raw := _raw_of(stream)) is not None]
    return {raw.name: raw.lost for raw in raws if raw.lost}


def _raw_of(stream: TextIO | None) -> Lasting | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, Lasting) else None


@contextmanager
def lasting_output() -> Iterator[list[Lasting]]:
    """While the block runs, stdout and stderr last: nothing that happens to them is raised. Yields the two."""
    _occupy()
    before = sys.stdout, sys.stderr
    own = [_wrapped("stdout", sys.stdout), _wrapped("stderr", sys.stderr)]
    sys.stdout, sys.stderr = own
    lasting = [raw for stream in own if (raw := _raw_of(stream)) is not None]
    try:
        yield lasting
    finally:
        for stream in own:
            stream.flush()
        sys.stdout, sys.stderr = before


def _occupy() -> None:
    """Let no file that is opened later take the place of a stream that the process was begun without, and get what is printed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _wrapped(name: str, stream: TextIO | None) -> TextIO:
    if stream is None:
        return io.TextIOWrapper(io.BufferedWriter(Lasting(name, None)), encoding="utf-8", errors="backslashreplace")
    buffer = getattr(stream, "buffer", None)
    if buffer is None or _raw_of(stream) is not None:
        return stream  # a text without bytes behind it, as tests have; or one that lasts already
    stream.flush()
    raw = getattr(buffer, "raw", buffer)
    return io.TextIOWrapper(
        io.BufferedWriter(Lasting(name, raw)),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=name == "stderr" or stream.isatty(),
    )


def truthful(code: int, lasting: list[Lasting]) -> int:
    """The exit code once all is printed: 1 where something was lost that somebody waits for, which stderr says."""
    lost = [each for each in lasting if each.wanted and each.lost]
    for each in lost:
        with suppress(OSError):  # it may be stderr that is lost
            sys.stderr.write(f"What was printed to {each.name} is not whole: {each.lost}\n")
            sys.stderr.flush()
    return 1 if lost else code
