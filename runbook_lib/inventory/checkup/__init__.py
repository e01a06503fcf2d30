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
