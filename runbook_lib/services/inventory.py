"""How observations are written in an inventory. What could not be read is named in `unread` and left out."""

from collections.abc import Mapping
from typing import Any, TypeVar

from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.services.account_lists import AccountLists

T = TypeVar("T")


class Writer:
    """Turns states into plain data; `unread` gathers a sentence per observation that failed."""

    def __init__(self, management: str, delegated: str) -> None:
        self.management, self.delegated = management, delegated
        self.lists = AccountLists()
        self.unread: list[str] = []

    def known(self, observation: Observation[T] | None) -> T | None:
        """The value, None for what is not there yet; an Unknown is noted."""
        if isinstance(observation, Unknown):
            self.unread.append(observation.reason)
        return observation.value if isinstance(observation, Known) else None

    def administrators(self, seen: Observation[Mapping[str, str]]) -> dict[str, Any]:
        """One Region's administrator list."""
        listed = self.known(seen)
        return {"administrators": dict(listed)} if listed else {}


def filled(found: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is empty."""
    return {name: value for name, value in found.items() if value not in ({}, [], None)}
