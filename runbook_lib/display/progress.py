"""How far long work has come: a bar on a terminal, now and then a line in a CI log or a notebook that runs headless.

Never a widget: headless, a live widget shows its first state for ever.
"""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, TextIO

from runbook_lib.base.text import visible
from runbook_lib.plan.estimate import span

EVERY_SECONDS = 10.0
"""Lines come no more often than this, but for the first and the last."""


class Progress(Protocol):
    """What long work tells about itself."""

    def update(self, done: int, total: int, text: str = "") -> None:
        """So many of so many are done; `text` says what is going on. `total` 0 means that nobody knows yet."""

    def close(self) -> None:
        """No more comes, whether or not everything was done."""


class Quiet:
    """Progress that nobody watches."""

    def update(self, done: int, total: int, text: str = "") -> None:
        pass

    def close(self) -> None:
        pass


class Lines:
    """Plain lines: count, what is going on, and about how long it still takes."""

    def __init__(
        self, label: str, stream: TextIO, clock: Callable[[], float] = time.monotonic, every: float = EVERY_SECONDS
    ) -> None:
        self._label, self._stream, self._clock, self._every = label, stream, clock, every
        self._started = clock()
        self._written: float | None = None
        self._latest: tuple[int, int, str] | None = None

    def update(self, done: int, total: int, text: str = "") -> None:
        now = self._clock()
        self._latest = (done, total, text)
        if self._written is None or now - self._written >= self._every or done >= total > 0:
            self._write(now)

    def close(self) -> None:
        if self._latest is not None:
            self._write(self._clock())

    def _write(self, now: float) -> None:
        if self._latest is None:
            return
        (done, total, text), self._latest, self._written = self._latest, None, now
        parts = [f"{done:,} of {total:,}" if total else f"{done:,}", visible(text), self._left(done, total, now)]
        print(f"{self._label}: {', '.join(part for part in parts if part)}", file=self._stream, flush=True)

    def _left(self, done: int, total: int, now: float) -> str:
        passed = now - self._started
        if done >= total > 0:
            return f"took {span(passed)}"
        return f"about {span(passed / done * (total - done))} left" if done > 0 and total > done and passed > 1 else ""


class Bar:
    """A tqdm bar on a terminal; gone when closed, so that only results stay on the screen."""

    def __init__(self, label: str, stream: TextIO) -> None:
        from tqdm import tqdm  # noqa: PLC0415 only where there is a terminal to draw on

        self._bar: Any = tqdm(desc=label, file=stream, leave=False, dynamic_ncols=True, unit="")

    def update(self, done: int, total: int, text: str = "") -> None:
        self._bar.total = total or None
        self._bar.set_postfix_str(visible(text), refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        self._bar.close()


class Shown:
    """Progress for a `with` block, in the form that fits where it is shown."""

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        place = stream if stream is not None else _stream()
        self._progress: Progress = Bar(label, place) if place.isatty() else Lines(label, place)

    def __enter__(self) -> Progress:
        return self._progress

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.close()


def progress(label: str, stream: TextIO | None = None) -> Shown:
    """Show how far a `with` block has come; what the block gets has `update`, and is closed at its end."""
    return Shown(label, stream)


def _stream() -> TextIO:
    """Standard error, so that standard output holds results only; in a kernel the other, since errors look like faults there."""
    return sys.stdout if "ipykernel.kernelapp" in sys.modules else sys.stderr
