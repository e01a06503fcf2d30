"""Enablement coverage: account × Region × service × aspect, each with exactly one of five answers.

"Coverage" here is enablement coverage (is the service on, with the wanted features, for this account in this Region); AWS's
consoles use the same word for resources being scanned. Accounts with the same verdict share one `Cell`, so that an
organization of thousands of accounts stays small in memory and on the page.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The five answers. Excluded and not-applicable are counted apart, never as covered."""

    COVERED = "covered"
    GAP = "gap"
    UNKNOWN = "unknown"
    EXCLUDED = "excluded"
    NOT_APPLICABLE = "not applicable"


class Gap(StrEnum):
    """Why something wanted is missing."""

    TO_DO = "to do"
    IN_PROGRESS = "in progress"
    BLOCKED = "blocked"
    NOT_ASKED_FOR = "not asked for"
    NOT_EVALUATING = "on but not evaluating"


@dataclass(frozen=True)
class Cell:
    """One verdict for a set of accounts in one Region: what was observed, what is wanted, and why.

    `item` tells values of one aspect apart (a feature, a standard, a resource type). `code` is the error code of an unknown.
    `in_scope` is False for what the settings or the notebook's scope do not ask about; it is read and shown all the same.
    """

    service: str
    region: str
    aspect: str
    accounts: frozenset[str]
    status: Status
    reason: str
    item: str = ""
    gap: Gap | None = None
    observed: str = ""
    desired: str = ""
    code: str = ""
    next_step: str = ""
    who: str = ""
    in_scope: bool = True


Cells = tuple[Cell, ...]


@dataclass(frozen=True)
class Count:
    """How many (account, Region, service, aspect, item) cells have which answer; the five add up to `total`."""

    covered: int = 0
    gap: int = 0
    unknown: int = 0
    excluded: int = 0
    not_applicable: int = 0

    @property
    def total(self) -> int:
        return self.covered + self.gap + self.unknown + self.excluded + self.not_applicable

    @property
    def coverage(self) -> float | None:
        """Give covered / (covered + gap + unknown); None when there is nothing to cover."""
        asked = self.covered + self.gap + self.unknown
        return self.covered / asked if asked else None


def count(cells: Iterable[Cell]) -> Count:
    """Count accounts by answer over `cells`."""
    sums = dict.fromkeys(Status, 0)
    for cell in cells:
        sums[cell.status] += len(cell.accounts)
    return Count(*(sums[status] for status in Status))
