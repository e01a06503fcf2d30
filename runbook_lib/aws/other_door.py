"""A run with one of the two doors: the other account is asked nothing, and what its holder handed over stands for its answers.

Which door is somebody else's is said and never found out: an expired session must not make a smaller plan.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.base.observation import Unknown

OTHER_DOOR = "OtherDoor"
"""Our code for what is not asked here, because it takes the other account's door."""
NAMES = ("management", "delegated")
Told = Callable[[str, str, str, str, Mapping[str, Any]], "dict[str, Any] | CallFailed | None"]
"""What was answered to a read that was handed over: (service, operation, account, Region, parameters); None where none was."""


def elsewhere(found: object) -> bool:
    """Whether an observation is unknown because it takes the other door."""
    return isinstance(found, Unknown) and found.code == OTHER_DOOR


def nobody(*call: object) -> None:
    """Nothing was handed over."""


@dataclass(frozen=True)
class OtherDoor:
    """The account that somebody else enters."""

    name: str
    account: str
    own: str
    """The account whose door this run has."""
    told: Told = nobody

    def whom(self, service: str) -> str:
        """The account that is asked in the place of this one; empty where none may be.

        Organizations shows its lists to a delegated administrator too ("AWS services that you can use with AWS Organizations",
        delegated administrators' read-only access); each other service shows an account what is its own.
        """
        return self.own if service == "organizations" and self.name == "management" else ""

    def answer(self, service: str, operation: str, account: str, region: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What the holder of that door was answered. Raises CallFailed, as it was refused there or because nobody told."""
        found = self.told(service, operation, account, region, parameters)
        if isinstance(found, dict):
            return found
        raise found or self.failure(service, operation, account, region)

    def failure(self, service: str, operation: str, account: str, region: str) -> CallFailed:
        """What is said of a call that takes the other door."""
        return CallFailed(
            OTHER_DOOR,
            f"the {self.name} account's door is somebody else's in this run",
            service=service,
            operation=operation,
            account=account,
            region=region,
            sent=False,
            next_step=f"Whoever holds the {self.name} account's door runs the same with --door {self.name}; take over from them "
            "with --handover.",
        )
