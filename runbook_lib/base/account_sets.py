"""Sets of accounts, written once: many rows of a large organization name the same thousands of accounts."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from runbook_lib.base.text import counted

FEW = 12
"""Up to so many account ids are written out in place."""
Names = Mapping[str, str]
"""Account id → its name, where people are to see names."""
NAMELESS: Names = MappingProxyType({})


class AccountSets:
    """Gives each large set of accounts a number, in the order of first use, so that a document lists it once at its end."""

    def __init__(self, few: int = FEW, names: Names = NAMELESS) -> None:
        """`names` come before the ids where accounts are written out."""
        self._few, self._names = few, names
        self._numbers: dict[frozenset[str], int] = {}

    def phrase(self, accounts: Iterable[str]) -> str:
        """The ids themselves where they are few, else how many and the number of the set."""
        these = frozenset(accounts)
        if not these:
            return "none"
        if len(these) <= self._few:
            return named(these, self._names)
        number = self._numbers.setdefault(these, len(self._numbers) + 1)
        return f"{len(these):,} accounts (set {number})"

    def listed(self) -> list[tuple[str, list[str]]]:
        """(title, sorted ids) of every set that got a number."""
        return [(f"Set {number} ({len(these):,} accounts)", sorted(these)) for these, number in self._numbers.items()]


def count_of(accounts: Iterable[str]) -> str:
    """How many accounts, as a phrase."""
    return counted(len(frozenset(accounts)), "account")


def named(accounts: Iterable[str], names: Names) -> str:
    """Each account by its name with the id beside it, or by its id alone, in the order of the ids."""
    return ", ".join(f"{name} ({each})" if (name := names.get(each)) else each for each in sorted(accounts))


def few_or_count(accounts: Iterable[str], few: int = 3, names: Names = NAMELESS) -> str:
    """The accounts where they are few, else how many; for places that list no sets."""
    these = frozenset(accounts)
    return named(these, names) if len(these) <= few else count_of(these)
