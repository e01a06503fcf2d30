"""Live resources behind the switches, as coverage's rows carry them: how many are watched, and why the others are not.

Enablement says that a service is on in an account and Region; whether it sees what runs there is counted apart, and in no sum.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from runbook_lib.coverage import Cell, Status

ASPECT = "resources"
LARGEST = 5
"""Reasons that are named."""


@dataclass
class Counted:
    """All of one service's Regions together."""

    watched: int = 0
    known: int = 0
    why: Counter[str] = field(default_factory=Counter)
    unread: set[str] = field(default_factory=set)
    """Regions that did not tell."""

    @property
    def sentence(self) -> str:
        """The counts and the largest reasons in words."""
        silent = f" Not read in {', '.join(sorted(self.unread))}." if self.unread else ""
        if not self.known:
            return f"No live resource is known to it.{silent}"
        left = self.known - self.watched
        said = f"{self.watched:,} of {self.known:,} live resources {'is' if self.known == 1 else 'are'} watched."
        if not left:
            return said + silent
        named = [f"{why} {count:,}" for why, count in sorted(self.why.items(), key=lambda each: (-each[1], each[0]))[:LARGEST]]
        rest = left - sum(sorted(self.why.values(), reverse=True)[:LARGEST])
        named += [f"other or not read {rest:,}"] if named and rest else []
        return f"{said} {left:,} {'is' if left == 1 else 'are'} not" + (f": {', '.join(named)}." if named else ".") + silent


def written(watched: int, known: int) -> str:
    """Counts as a row's observed value."""
    return f"{watched} of {known}"


def counted(cells: Iterable[Cell]) -> dict[str, Counted]:
    """Service → what its rows say together; services without such rows are left out."""
    found: dict[str, Counted] = {}
    for cell in cells:
        if cell.aspect != ASPECT:
            continue
        here = found.setdefault(cell.service, Counted())
        if cell.status is Status.UNKNOWN:
            here.unread.add(cell.region)
            continue
        watched, _, known = cell.observed.partition(" of ")
        if cell.item:
            here.why[cell.item] += int(known)
        else:
            here.watched, here.known = here.watched + int(watched), here.known + int(known)
    return dict(sorted(found.items()))
