"""Lists of accounts in an inventory: written out, or by the name of a set that is written once."""

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.rehearsal.world import Settling, World


class Sets:
    """The named sets of one inventory."""

    def __init__(self, named: Mapping[str, Sequence[str]]) -> None:
        self._named = named

    def accounts(self, said: str | Sequence[str]) -> Sequence[str]:
        """The accounts of a set's name, or of a list. `ValueError` for a name that no set has."""
        if isinstance(said, str):
            if said not in self._named:
                raise ValueError(f"the inventory names set {said!r}, which it does not hold")
            return self._named[said]
        return said


UNDER_WAY = {
    "Created": "Enabled",
    "CREATED": "ENABLED",
    "ENABLING": "ENABLED",
    "DISABLING": "DISABLED",
    "PENDING": "SUCCESS",
    "PENDING_VERIFICATION": "PUBLISHING",
}
"""States that AWS leaves by itself, and what comes then."""


def state(world: World, seen: str) -> Settling:
    """A status as it was seen; one that AWS was working on settles by being read."""
    final = UNDER_WAY.get(seen)
    return world.settling(seen, final) if final else Settling(seen, seen, 0)


def only_administrator(seen: Mapping[str, Any]) -> tuple[str, bool] | None:
    """(account, whether it is being removed) of a Region's administrator list; None where there is none."""
    for account, status in sorted(seen.get("administrators", {}).items()):
        return account, str(status).upper() != "ENABLED"
    return None
