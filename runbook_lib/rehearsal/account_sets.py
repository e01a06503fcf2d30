"""Lists of accounts in an inventory: written out, or by the name of a set that is written once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from runbook_lib.rehearsal.world import Settling, World


class Part(BaseModel):
    """Base of what an inventory saw: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _accounts(said: Any) -> Any:
    if isinstance(said, str) or (isinstance(said, list | tuple) and all(isinstance(each, str) for each in said)):
        return said
    raise ValueError("The name of a set, or a list of account ids in quotes, is wanted here")


Accounts = Annotated[str | tuple[str, ...], BeforeValidator(_accounts)]
"""Accounts as they are written: the name of a set, or ids."""


class Administered(Part):
    """What is seen of any service in any Region."""

    administrators: dict[str, str] = Field(default={})
    """Account → status in the service's list of administrators."""
    members: dict[str, Accounts] = Field(default={})
    """Status → accounts."""

    def lists(self) -> Iterator[tuple[tuple[str, ...], Accounts]]:
        """Every list of accounts, with its keys."""
        yield from ((("members", status), accounts) for status, accounts in self.members.items())


class Sets:
    """The named sets of one inventory."""

    def __init__(self, named: Mapping[str, Sequence[str]]) -> None:
        self._named = named

    def accounts(self, said: str | Sequence[str]) -> Sequence[str]:
        """The accounts of a set's name, or of a list."""
        return self._named[said] if isinstance(said, str) else said


UNDER_WAY = {
    "Created": "Enabled",
    "CREATED": "ENABLED",
    "ENABLING": "ENABLED",
    "DISABLING": "DISABLED",
    "CREATING": "ACTIVE",
    "PENDING": "SUCCESS",
    "PENDING_VERIFICATION": "PUBLISHING",
}
"""States that AWS leaves by itself, and what comes then."""


def state(world: World, seen: str) -> Settling:
    """A status as it was seen; one that AWS was working on settles by being read."""
    final = UNDER_WAY.get(seen)
    return world.settling(seen, final) if final else Settling(seen, seen, 0)


def only_administrator(seen: Administered) -> tuple[str, bool] | None:
    """(account, whether it is being removed) of a Region's administrator list; None where there is none."""
    for account, status in sorted(seen.administrators.items()):
        return account, status.upper() != "ENABLED"
    return None
