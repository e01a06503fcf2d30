"""Coverage account by account, for a large organization: numbers in columns, words only for the page that is shown.

One entry per account and cell would be millions of objects. Two columns of numbers (which cell, which account) are some bytes
each; filters and order are worked out on those.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runbook_lib.coverage import Cell, Cells, Status
from runbook_lib.coverage.summary import NO_UNIT
from runbook_lib.organization import Organization

COLUMNS = ("account", "name", "unit", "Region", "service", "aspect", "answer", "observed → desired", "reason and next step")
FILTERS = ("scope", "answer", "service", "aspect", "Region", "unit")
"""What rows can be picked by, in the order of the page."""
URGENCY = (Status.UNKNOWN, Status.GAP, Status.EXCLUDED, Status.NOT_APPLICABLE, Status.COVERED)
ORDERS = ("urgency", "account", "name", "unit", "Region", "service", "aspect", "answer")
SCOPES = {True: "in scope", False: "out of scope"}

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Choice:
    """What is wanted to be seen: a value per filter (none: all of them), words that must all occur, and the order."""

    picked: tuple[tuple[str, str], ...] = ()
    words: str = ""
    order: str = "urgency"
    backwards: bool = False


class CellTable:
    """All cells of a coverage with their accounts; `rows` picks and sorts, `page` says some of them in words."""

    def __init__(self, cells: Cells, organization: Organization) -> None:
        self.cells = tuple(cell for cell in cells if cell.accounts)
        self.accounts = sorted(frozenset[str]().union(*(cell.accounts for cell in self.cells)))
        known = organization.accounts
        self.names = [known[each].name if each in known else "" for each in self.accounts]
        own = [(known[each].organizational_units or (NO_UNIT,))[-1] if each in known else NO_UNIT for each in self.accounts]
        self.units = [organization.units.get(each, each) for each in own]
        number = {account: place for place, account in enumerate(self.accounts)}
        sets: dict[frozenset[str], npt.NDArray[np.int32]] = {}
        for cell in self.cells:
            if cell.accounts not in sets:
                sets[cell.accounts] = np.fromiter((number[each] for each in cell.accounts), np.int32, len(cell.accounts))
        sizes = [len(cell.accounts) for cell in self.cells]
        self._cell = np.repeat(np.arange(len(self.cells), dtype=np.int32), sizes)
        self._account = np.concatenate([sets[cell.accounts] for cell in self.cells]) if self.cells else np.zeros(0, np.int32)
        self._texts = [_text(cell).casefold() for cell in self.cells]
        self._labels = [f"{account} {name}".casefold() for account, name in zip(self.accounts, self.names, strict=True)]

    def __len__(self) -> int:
        return len(self._cell)

    def values(self, name: str) -> list[str]:
        """What a filter can be set to."""
        return sorted(set(self.units) if name == "unit" else {_CELL[name](cell) for cell in self.cells})

    def rows(self, choice: Choice) -> Rows:
        """The entries that are wanted, in the order that is wanted."""
        kept = np.flatnonzero(self._wanted(choice))
        cell, account = self._cell[kept].astype(np.int64), self._account[kept].astype(np.int64)
        first = self._rank(choice.order, cell, account)
        if choice.backwards:
            first = -first
        whole = (first * (len(self.cells) + 1) + self._urgency()[cell]) * (len(self.accounts) + 1) + account
        return kept[np.argsort(whole, kind="stable")]

    def page(self, rows: Rows) -> list[tuple[str, ...]]:
        """These entries in words."""
        return [self._words(self.cells[self._cell[row]], int(self._account[row])) for row in rows]

    def _words(self, cell: Cell, account: int) -> tuple[str, ...]:
        about = (self.accounts[account], self.names[account], self.units[account], cell.region, cell.service, _what(cell))
        seen = f"{cell.observed} → {cell.desired}" if cell.desired not in ("", cell.observed) else cell.observed
        return (*about, _answer(cell), seen, f"{cell.reason}. {cell.next_step}" if cell.next_step else cell.reason)

    def _wanted(self, choice: Choice) -> npt.NDArray[np.bool_]:
        """One truth per entry, looked up in one per cell and one per account."""
        picked = dict(choice.picked)
        unit = picked.pop("unit", None)
        cells = np.array([all(_CELL[name](cell) == value for name, value in picked.items()) for cell in self.cells], dtype=bool)
        accounts = np.array([unit in (None, each) for each in self.units], dtype=bool)
        found: npt.NDArray[np.bool_] = cells[self._cell] & accounts[self._account]
        for word in choice.words.casefold().split():
            inside = np.array([word in text for text in self._texts], dtype=bool)
            named = np.array([word in label for label in self._labels], dtype=bool)
            found &= inside[self._cell] | named[self._account]
        return found

    def _rank(self, order: str, cell: Rows, account: Rows) -> Rows:
        """Where each entry stands by one column."""
        if order == "urgency":
            return np.zeros(len(cell), np.int64)
        if order == "account":
            return account
        if order in ("name", "unit"):
            return _ranks(self.names if order == "name" else self.units)[account]
        return _ranks([_CELL[order](each) for each in self.cells])[cell]

    def _urgency(self) -> Rows:
        """The place of each cell when the urgent come first, then by service, Region and aspect."""
        places = sorted(range(len(self.cells)), key=lambda place: _urgency(self.cells[place]))
        ranks = np.zeros(len(places), np.int64)
        ranks[places] = np.arange(len(places))
        return ranks


def _ranks(values: Sequence[str]) -> Rows:
    order = {value: place for place, value in enumerate(sorted(set(values), key=str.casefold))}
    return np.array([order[value] for value in values], np.int64)


def _urgency(cell: Cell) -> tuple[object, ...]:
    return not cell.in_scope, URGENCY.index(cell.status), cell.service, cell.region, _what(cell), cell.reason


def _what(cell: Cell) -> str:
    return f"{cell.aspect}: {cell.item}" if cell.item else cell.aspect


def _answer(cell: Cell) -> str:
    return f"{cell.status.value}: {cell.gap.value}" if cell.gap else cell.status.value


def _text(cell: Cell) -> str:
    parts = (cell.region, cell.service, _what(cell), _answer(cell), cell.observed, cell.desired, cell.reason, cell.code)
    return " ".join((*parts, cell.next_step, cell.who))


_CELL: dict[str, Callable[[Cell], str]] = {
    "scope": lambda cell: SCOPES[cell.in_scope],
    "answer": lambda cell: cell.status.value,
    "service": lambda cell: cell.service,
    "aspect": lambda cell: cell.aspect,
    "Region": lambda cell: cell.region,
}
