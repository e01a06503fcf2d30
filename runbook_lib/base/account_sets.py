"""Sets of accounts, written once: many rows of a large organization name the same thousands of accounts."""

from collections.abc import Iterable, Mapping

from runbook_lib.base.text import counted

FEW = 12
"""Up to so many account ids are written out in place."""


class AccountSets:
    """Gives each large set of accounts a number, in the order of first use, so that a document lists it once at its end."""

    def __init__(self, few: int = FEW, names: Mapping[str, str] | None = None) -> None:
        """`names`: account id → its name, which comes before the id where accounts are written out."""
        self._few, self._names = few, names or {}
        self._numbers: dict[frozenset[str], int] = {}

    def phrase(self, accounts: Iterable[str]) -> str:
        """The ids themselves where they are few, else how many and the number of the set."""
        these = frozenset(accounts)
        if not these:
            return "none"
        if len(these) <= self._few:
            return ", ".join(map(self._named, sorted(these)))
        number = self._numbers.setdefault(these, len(self._numbers) + 1)
        return f"{len(these):,} accounts (set {number})"

    def _named(self, account: str) -> str:
        return f"{name} ({account})" if (name := self._names.get(account)) else account

    def listed(self) -> list[tuple[str, list[str]]]:
        """(title, sorted ids) of every set that got a number."""
        return [(f"Set {number} ({len(these):,} accounts)", sorted(these)) for these, number in self._numbers.items()]


def count_of(accounts: Iterable[str]) -> str:
    """How many accounts, as a phrase."""
    return counted(len(frozenset(accounts)), "account")


def few_or_count(accounts: Iterable[str], few: int = 3) -> str:
    """The ids where they are few, else how many; for places that list no sets."""
    these = frozenset(accounts)
    return ", ".join(sorted(these)) if len(these) <= few else count_of(these)
