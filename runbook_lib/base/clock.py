"""Time and stopping: the one place that sleeps, so that tests and rehearsals can let time pass without waiting."""

import datetime as dt
import threading
import time
from collections.abc import Callable

SLICE = 0.05
"""Seconds between two looks at `stop` while sleeping."""


class Stop:
    """A request to end in an orderly way: nothing new is started, calls in flight end and are recorded.

    Safe to use in a signal handler: a plain attribute, no lock (`threading.Event.set` can deadlock there).
    """

    def __init__(self) -> None:
        self.reason = ""

    def request(self, reason: str) -> None:
        """Ask to stop; the first reason stays."""
        if not self.reason:
            self.reason = reason or "stopped"

    def is_set(self) -> bool:
        return bool(self.reason)


class Clock:
    """The real clock."""

    def now(self) -> dt.datetime:
        """The time of day in UTC."""
        return dt.datetime.now(dt.UTC)

    def monotonic(self) -> float:
        """Seconds that never go back, for deadlines and intervals."""
        return time.monotonic()

    def sleep(self, seconds: float, stop: Stop | None = None) -> bool:
        """Sleep at most `seconds`; returns early, and True, once `stop` is set."""
        end = time.monotonic() + seconds
        while not (stop is not None and stop.is_set()):
            left = end - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(left, SLICE) if stop is not None else left)
        return True


class FakeClock(Clock):
    """A clock for tests: sleeping advances it at once and tells `hook` for how many seconds."""

    def __init__(self, start: dt.datetime | None = None, hook: Callable[[float], None] | None = None) -> None:
        self._start = start or dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        self._passed = 0.0
        self._lock = threading.Lock()
        self.hook = hook

    def now(self) -> dt.datetime:
        return self._start + dt.timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def sleep(self, seconds: float, stop: Stop | None = None) -> bool:
        if stop is not None and stop.is_set():
            return True
        with self._lock:
            self._passed += max(seconds, 0.0)
        if self.hook is not None:
            self.hook(seconds)
        return stop is not None and stop.is_set()
