"""How often Python looks for garbage while a large organization is read."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OFTEN_ENOUGH = 50_000, 20, 100
"""Thresholds of the three generations. Answers are plain data, freed when nothing names it; only rings of objects wait for this."""


@contextmanager
def collected_rarely() -> Iterator[None]:
    """Python's usual thresholds let each few answers walk through everything read so far: a fifth of the CPU of a large reading."""
    usual = gc.get_threshold()
    gc.set_threshold(*OFTEN_ENOUGH)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
