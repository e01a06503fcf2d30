"""What a command says while it works: plain lines in a log; on a terminal, a bar per notebook with its section and its counts.

And how it hears that it is to end.
"""

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

from tqdm import tqdm

SECTIONS = ("Before you start", "Observe", "Plan", "Confirm", "Apply", "Verify", "Back out", "Evidence")
_SECTION = re.compile(r"^  \[(.+)\]$")
_COUNT = re.compile(r"^  .+: \d+ of \d+\b")


class Voice:
    """Call it with one line after the other. On a terminal, sections and counts move a bar instead of filling the screen."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._bar: tqdm[None] | None = None

    def __call__(self, line: str) -> None:
        if self._terminal and (match := _SECTION.match(line)):
            self._section(match.group(1))
        elif self._bar is not None and _COUNT.match(line):
            self._bar.set_postfix_str(line.strip())
        else:
            self.close()
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def _section(self, name: str) -> None:
        if self._bar is None:
            form = "  {desc:17}{bar:16} {elapsed}{postfix}"
            self._bar = tqdm(total=len(SECTIONS), file=self._stream, leave=False, bar_format=form, dynamic_ncols=True)
        self._bar.set_description_str(name, refresh=False)
        self._bar.set_postfix_str("", refresh=False)
        reached = SECTIONS.index(name) if name in SECTIONS else self._bar.n
        self._bar.update(max(reached - self._bar.n, 0))
        self._bar.refresh()

    def close(self) -> None:
        """Take the bar away; the next section begins a new one."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextmanager
def outlasting_the_terminal() -> Iterator[Callable[[], bool]]:
    """A terminal that is closed ends no work: it goes on as under nohup. Yields whether the terminal has hung up.

    Its kernels and a simulated organization have sessions of their own.
    """
    gone = list[int]()

    def noted(number: int, frame: FrameType | None) -> None:
        gone.append(number)

    before = signal.getsignal(signal.SIGHUP)
    if before is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, noted)
    try:
        yield lambda: bool(gone)
    finally:
        if before is signal.SIG_DFL:
            signal.signal(signal.SIGHUP, before)


@contextmanager
def terminable() -> Iterator[None]:
    """Between two notebooks SIGTERM ends the command as Ctrl-C does: with a record of it."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
