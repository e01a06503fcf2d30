"""What became of one call, account by account, and how far its effect has come."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What one answer means for one account.

    RETRY: AWS refused for a passing reason, send the same again later. CONFIRM: the answer does not say; read (`check` of the
    action's effect) and, if it is not so, send again. The other three are final.
    """

    APPLIED = "applied"
    ALREADY_SO = "already so"
    FAILED = "failed"
    RETRY = "retry"
    CONFIRM = "confirm"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict for one target account ("" for a call without targets), with AWS's code and words."""

    account: str
    verdict: Verdict
    code: str = ""
    message: str = ""
    lasts: float = 0.0
    """Of RETRY and CONFIRM: the seconds for which AWS is known to answer so, where that is longer than usual."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a Wait, or an Action's effect, has come: target accounts that are there, those refused for good, and what is seen.

    Targets in none of the sets are still pending. A condition without targets uses "" as its target.
    """

    reached: frozenset[str]
    refused: Mapping[str, str]
    """account → why it will never get there."""
    seen: str = ""
    later: Mapping[str, str] = field(default_factory=dict)
    """account → why it takes a call that only the next plan can know of: nothing has failed, and no waiting brings it there."""
