"""Moments are said in UTC and, where that differs, in the reader's time."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from runbook_lib.base.moments import moment_words

SAID = "2026-11-28T23:50:29Z"


@pytest.mark.parametrize(
    ("said", "zone", "words"),
    [
        (SAID, "UTC", "2026-11-28 23:50 UTC"),
        (SAID, "America/New_York", "2026-11-28 23:50 UTC (18:50 EST)"),
        (SAID, "Europe/Berlin", "2026-11-28 23:50 UTC (2026-11-29 00:50 CET)"),
        ("2026-07-01T10:00:00+02:00", "Europe/Berlin", "2026-07-01 08:00 UTC (10:00 CEST)"),
        ("last week", "Europe/Berlin", "last week"),
        ("0001-01-01T00:00:00+14:00", "Europe/Berlin", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_a_moment_in_words(said: str, zone: str, words: str) -> None:
    assert moment_words(said, ZoneInfo(zone)) == words


def test_a_moment_may_be_a_value() -> None:
    assert moment_words(dt.datetime(2026, 1, 2, 3, 4, 59, tzinfo=dt.UTC), dt.UTC) == "2026-01-02 03:04 UTC"
