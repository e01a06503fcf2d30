"""How long evidence stays locked: the time that settings or an auditor name, counted from a moment."""

import datetime as dt
from dataclasses import dataclass

TOLERANCE = dt.timedelta(days=1)
"""By how much a lock may fall short: files are uploaded before their run is sealed, and clocks differ."""


@dataclass(frozen=True)
class Retained:
    """An object's lock: Object Lock's mode, and the moment until which it holds."""

    mode: str
    until: dt.datetime

    def covers(self, until: dt.datetime) -> bool:
        """Whether it holds until a moment, as nearly as can be asked for."""
        return self.until >= until - TOLERANCE


def retained_until(retention: str, since: dt.datetime) -> dt.datetime:
    """The end of a retention such as "7 years" or "400 days", to the second; a year ends on the same day, or on the one after."""
    number, unit = retention.split()
    begin = since.astimezone(dt.UTC).replace(microsecond=0) + dt.timedelta(seconds=1)
    if unit.startswith("day"):
        return begin + dt.timedelta(days=int(number))
    try:
        return begin.replace(year=begin.year + int(number))
    except ValueError:  # the 29th of February
        return begin.replace(year=begin.year + int(number), month=3, day=1)
