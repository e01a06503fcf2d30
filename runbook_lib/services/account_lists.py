"""Lists of accounts in an inventory: large ones are written once, as named sets, however many Regions they occur in."""

from collections.abc import Iterable, Mapping

SMALL = 5
"""Up to so many accounts are written out in place."""


class AccountLists:
    """Gives every large list a name, the same for the same accounts."""

    def __init__(self) -> None:
        self._names: dict[frozenset[str], str] = {}

    def of(self, accounts: Iterable[str]) -> str | list[str]:
        """The ids, or the name of the set that holds them."""
        these = frozenset(accounts)
        if len(these) <= SMALL:
            return sorted(these)
        return self._names.setdefault(these, f"set{len(self._names) + 1}")

    def by_status(self, statuses: Mapping[str, str]) -> dict[str, str | list[str]]:
        """Statuses with their accounts, out of account → status."""
        found: dict[str, set[str]] = {}
        for account, status in statuses.items():
            found.setdefault(status, set()).add(account)
        return {status: self.of(accounts) for status, accounts in sorted(found.items())}

    def sets(self) -> dict[str, list[str]]:
        """All named sets."""
        return {name: sorted(accounts) for accounts, name in self._names.items()}
