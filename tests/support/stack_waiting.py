"""Waiting for what a simulated account does by itself."""

import time
from collections.abc import Callable

from doors import PATIENCE


def until(so: Callable[[], bool]) -> None:
    """Wait until it is so."""
    end = time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < end
        time.sleep(0.1)
