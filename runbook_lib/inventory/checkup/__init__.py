"""A check-up of settings and what they lead to: doors, clock, permissions, network, evidence. Reads only, makes no plan."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a check says; unknown is never pass."""

    PASS = "pass"  # noqa: S105 a verdict
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One line of a check-up. What does not pass says what to do next."""

    area: str
    verdict: Verdict
    said: str
    next_step: str = ""


SHOWN = 4
"""At most so many Regions are named in a line."""


def in_regions(regions: list[str]) -> str:
    """Regions as a line names them."""
    more = len(regions) - SHOWN
    return ", ".join(regions[:SHOWN]) + (f" and {more} more" if more > 0 else "")
