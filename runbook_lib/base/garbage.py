"""How often Python looks for garbage while a large organization is read."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OFTEN_ENOUGH = 50_000, 100, 20
"""Thresholds of the three generations. Answers are plain data, freed when nothing names it; only rings of objects wait for this."""


def collect_rarely() -> None:
    """For the rest of a process that has one run: botocore's models and what was read are a million objects that stay.

    With Python's usual thresholds each look at all of them takes a third of a second, often between two calls.
    """
    gc.set_threshold(*OFTEN_ENOUGH)


@contextmanager
def collected_rarely() -> Iterator[None]:
    """Python's usual thresholds let each few answers walk through everything read so far: a fifth of the CPU of a large reading."""
    usual = gc.get_threshold()
    collect_rarely()
    try:
        yield
    finally:
        gc.set_threshold(*usual)
