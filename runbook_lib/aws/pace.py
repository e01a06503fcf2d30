"""The pace of calls: a token bucket per (account, Region, service, operation), below AWS's limits and slower after a throttle.

botocore alone only reacts to throttles, and its retry quota runs dry under a steady one. Keeping below the limit avoids both.
One throttle is taken for chance: the rate is halved and back within about a second. Throttles that come again soon mean that
somebody else uses a part of the limit: the rate then settles below where they came, and tries for more only slowly. An operation
whose limit nobody publishes is not held back until AWS throttles it; the rate at which that happened is where its bucket starts.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from runbook_lib.aws.call_slots import USUAL, CallSlots
from runbook_lib.aws.limits import rate_of
from runbook_lib.base.clock import Clock
from runbook_lib.services.spec import Rate

Key = tuple[str, str, str, str]
"""(account, Region, service, operation)."""
SLOWEST = 1 / 16
ONE_CUT = 1.0
"""Seconds in which throttles count once: calls that were under way together are refused together."""
SOON = 30.0
"""Seconds within which another throttle is no chance any more; after so many without one, the full rate is tried again."""
QUICK, SLOW = 0.5, 0.01
"""Growth per second: of the full rate up to where throttles came, and of the rate in use from there."""
LEAST_LEARNED = 0.5
"""Requests per second below which no learned rate starts."""
WINDOW = 2.0
"""Seconds of calls from which an unknown rate is learned."""
SMALL_BURST, MARGIN = 3, 0.95
ROUNDING = 1e-6


@dataclass
class Bucket:
    """Tokens of one key. `factor` is the part of `per_second` in use; it grows quickly to `ceiling` and slowly from there."""

    per_second: float
    burst: float
    tokens: float
    filled: float
    largest: float = 1.0
    factor: float = 1.0
    ceiling: float = 1.0
    cut: float = float("-inf")

    def admit(self, now: float) -> float:
        """Take a token and answer 0, or answer in how many seconds there will be one."""
        self._fill(now)
        if self.tokens >= 1 - ROUNDING:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) / (self.per_second * self.factor)

    def throttled(self, now: float) -> None:
        """Empty the bucket, and slow down once for all calls that were under way together."""
        self._fill(now)
        self.tokens = min(self.tokens, 0.0)
        if now - self.cut < ONE_CUT:
            return
        self.ceiling = max(SLOWEST, 0.8 * self.factor) if now - self.cut < SOON else self.factor
        self.factor = max(SLOWEST, self.factor / 2)
        self.cut = now

    def _fill(self, now: float) -> None:
        passed = now - self.filled
        self.filled = now
        self.tokens = min(self.burst, self.tokens + passed * self.per_second * self.factor)
        if now - self.cut > SOON:
            self.ceiling = max(self.ceiling, 1.0)
        quick = min(max(0.0, self.ceiling - self.factor), passed * QUICK)
        slow = SLOW * self.factor * (passed - quick / QUICK)
        self.factor = min(self.largest, self.factor + quick + slow)
        self.ceiling = max(self.ceiling, self.factor)


@dataclass
class _Gate:
    """One key: its bucket, or the times of its latest calls while its rate is unknown. `turn` is held by whoever waits first."""

    bucket: Bucket | None
    lock: threading.Lock = field(default_factory=threading.Lock)
    turn: threading.Lock = field(default_factory=threading.Lock)
    times: deque[float] = field(default_factory=lambda: deque(maxlen=100))

    def admit(self, now: float) -> float:
        with self.lock:
            if self.bucket is None:
                self.times.append(now)
                return 0.0
            return self.bucket.admit(now)

    def throttled(self, now: float) -> None:
        with self.lock:
            if self.bucket is None:
                seen = sum(now - each < WINDOW for each in self.times) / WINDOW
                rate = max(LEAST_LEARNED, seen)
                self.bucket = Bucket(rate, 1.0, 0.0, now, largest=float("inf"))
            self.bucket.throttled(now)


class Pace:
    """All buckets of one run. `share` is the part of AWS's limit that is used; the rest is left to the account's other users."""

    def __init__(self, clock: Clock, share: float) -> None:
        self._clock, self._share = clock, share
        self._gates: dict[Key, _Gate] = {}
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, key: Key, places: CallSlots, rank: int) -> Iterator[None]:
        """Hold one of `places` for the next call of `key`, from the moment at which it may go out.

        A call that took its token and then waited for a place would reach AWS together with those after it, and be throttled.
        """
        self.wait(key, places, rank)
        try:
            yield
        finally:
            places.release()

    def wait(self, key: Key, places: CallSlots | None = None, rank: int = USUAL) -> None:
        """Return when the next call of `key` may go out, with a place taken. Who waits stands in line; no other key is held up."""
        gate = self._gate(key)
        with gate.turn:
            while True:
                if places is not None:
                    places.acquire(rank)
                delay = gate.admit(self._clock.monotonic())
                if delay <= 0:
                    return
                if places is not None:
                    places.release()
                self._clock.sleep(delay)

    def admit(self, key: Key) -> float:
        """0 when the next call of `key` may go out now (it is counted then), else the seconds after which to ask again."""
        return self._gate(key).admit(self._clock.monotonic())

    def throttled(self, key: Key) -> None:
        """Tell that AWS throttled a call."""
        self._gate(key).throttled(self._clock.monotonic())

    def _gate(self, key: Key) -> _Gate:
        with self._lock:
            if key not in self._gates:
                rate = rate_of(key[2], key[3])
                self._gates[key] = _Gate(self._made(rate) if rate else None)
            return self._gates[key]

    def _made(self, rate: Rate) -> Bucket:
        """A token of a large burst, else a little rate, stays unused: calls do not arrive at the intervals at which they leave."""
        large = rate.burst > SMALL_BURST
        burst = max(1.0, min(rate.burst * self._share, rate.burst - large))
        per_second = rate.per_second * min(self._share, 1.0 if large else MARGIN)
        return Bucket(per_second, burst, burst, self._clock.monotonic())
