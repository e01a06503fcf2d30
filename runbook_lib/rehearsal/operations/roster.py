"""An administrator's members in the order of its paged lists, which is that of their account ids (assumed: none is documented)."""

from bisect import bisect_left, bisect_right, insort
from collections import UserDict
from collections.abc import Callable
from typing import Generic, TypeVar

M = TypeVar("M")
BEGINNING = "0"
"""A token before every account."""


class Roster(UserDict[str, M], Generic[M]):
    """Account → member. Its order is kept, so a page costs as much as its rows, however large the organization is.

    A token is the account that was listed last: who comes or goes between two pages moves nobody else over their border.
    """

    def __init__(self) -> None:
        self._order: list[str] = []
        super().__init__()

    def __setitem__(self, account: str, member: M) -> None:
        if account not in self.data:
            insort(self._order, account)
        self.data[account] = member

    def __delitem__(self, account: str) -> None:
        del self.data[account]
        del self._order[bisect_left(self._order, account)]

    def page(self, token: str | None, size: int, wanted: Callable[[M], bool]) -> tuple[list[M], str | None]:
        """The next members that are wanted, at most `size`, and the token of those after them (None where there are none)."""
        reached = token or BEGINNING
        found: list[M] = []
        for position in range(bisect_right(self._order, reached), len(self._order)):
            member = self.data[self._order[position]]
            if not wanted(member):
                continue
            if len(found) == size:
                return found, reached
            found.append(member)
            reached = self._order[position]
        return found, None
