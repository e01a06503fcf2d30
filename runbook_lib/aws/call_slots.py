"""How many calls may be under way at the same time, and who gets the next place."""

import heapq
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

FIRST, LIST, USUAL = 0, 1, 2
"""Ranks. The longest chain of calls decides how long everything takes, so it does not stand in line: FIRST is a change whose turn
at AWS's rate has come, and Organizations, since AWS gives out no list as slowly as that of accounts. LIST is a page of another
list, since the next page is asked for with its token. All others nobody waits for."""


class CallSlots:
    """A place is handed to whoever waits with the best rank, and among them to who waits longest.

    A semaphore lets in whoever comes by: a list of many pages is then overtaken, page after page, by calls that nobody waits for.
    """

    def __init__(self, number: int) -> None:
        self._free = number
        self._lock = threading.Lock()
        self._order = count()
        self._waiting: list[tuple[int, int, threading.Lock]] = []

    def acquire(self, rank: int = USUAL) -> None:
        """Return with a place."""
        with self._lock:
            if self._free:
                self._free -= 1
                return
            given = threading.Lock()
            given.acquire()
            mine = (rank, next(self._order), given)
            heapq.heappush(self._waiting, mine)
        try:
            given.acquire()
        except BaseException:
            self._leave(mine)
            raise

    def release(self) -> None:
        """Give the place to the next one."""
        with self._lock:
            if self._waiting:
                heapq.heappop(self._waiting)[-1].release()
            else:
                self._free += 1

    @contextmanager
    def held(self, rank: int = USUAL) -> Iterator[None]:
        """A place for the time of the block."""
        self.acquire(rank)
        try:
            yield
        finally:
            self.release()

    def _leave(self, mine: tuple[int, int, threading.Lock]) -> None:
        """Nobody waits there any more; the place may have been given just then."""
        with self._lock:
            if waiting := mine in self._waiting:
                self._waiting.remove(mine)
                heapq.heapify(self._waiting)
        if not waiting:
            self.release()
