"""The pace of calls: a token bucket per (account, Region, service, operation), below AWS's limits and slower after a throttle.

botocore alone only reacts to throttles, and its retry quota runs dry under a steady one. Keeping below the limit avoids both.
"""

import threading
from dataclasses import dataclass, field

from runbook_lib.clock import Clock
from runbook_lib.limits import Rate, rate_of

Key = tuple[str, str, str, str]
"""(account, Region, service, operation)."""
SLOWEST = 1 / 16
RECOVERY = 0.05


@dataclass
class Bucket:
    """Tokens of one key. `factor` is halved by each throttle and grows back with each call that was not throttled."""

    per_second: float
    burst: float
    tokens: float
    filled: float
    factor: float = 1.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reserve(self, now: float) -> float:
        """Take one token, if need be from the future; the seconds to wait until it is there."""
        with self.lock:
            self._fill(now)
            self.tokens -= 1
            return max(0.0, -self.tokens / (self.per_second * self.factor))

    def throttled(self, now: float) -> None:
        with self.lock:
            self._fill(now)
            self.factor = max(SLOWEST, self.factor / 2)
            self.tokens = min(self.tokens, 0.0)

    def _fill(self, now: float) -> None:
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.per_second * self.factor)
        self.filled = now

    def passed(self, now: float) -> None:
        with self.lock:
            self._fill(now)
            self.factor = min(1.0, self.factor + RECOVERY)


class Pace:
    """All buckets of one run. `share` is the part of AWS's limit that is used; the rest is left to the account's other users."""

    def __init__(self, clock: Clock, share: float) -> None:
        self._clock, self._share = clock, share
        self._buckets: dict[Key, Bucket | None] = {}
        self._lock = threading.Lock()

    def wait(self, key: Key) -> None:
        """Return when the next call of `key` may go out."""
        bucket = self._bucket(key)
        if bucket is not None and (delay := bucket.reserve(self._clock.monotonic())) > 0:
            self._clock.sleep(delay)

    def answered(self, key: Key, *, throttled: bool) -> None:
        """Tell what became of a call."""
        if bucket := self._bucket(key):
            now = self._clock.monotonic()
            bucket.throttled(now) if throttled else bucket.passed(now)

    def _bucket(self, key: Key) -> Bucket | None:
        with self._lock:
            if key not in self._buckets:
                rate = rate_of(key[2], key[3])
                self._buckets[key] = self._made(rate) if rate else None
            return self._buckets[key]

    def _made(self, rate: Rate) -> Bucket:
        burst = max(1.0, rate.burst * self._share)
        return Bucket(rate.per_second * self._share, burst, burst, self._clock.monotonic())
