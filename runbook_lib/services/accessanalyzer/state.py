"""What Access Analyzer was seen to be: the analyzers of the delegated and of the management account, Region by Region."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.base.observation import Known, Observation
from runbook_lib.services.regional import RegionalState

EXTERNAL, UNUSED, INTERNAL = "ORGANIZATION", "ORGANIZATION_UNUSED_ACCESS", "ORGANIZATION_INTERNAL_ACCESS"
"""Types of analyzers that look at a whole organization [model]."""
ACTIVE, CREATING, DISABLED, FAILED = "ACTIVE", "CREATING", "DISABLED", "FAILED"
STATUSES = (ACTIVE, CREATING, DISABLED, FAILED)
"""[model], the one that counts first."""


@dataclass(frozen=True)
class Configuration:
    """What an analyzer of unused access looks at."""

    age: int
    """Days without use after which a permission counts as unused."""
    excluded: frozenset[str] = frozenset()
    """Accounts that it leaves out."""
    others: tuple[Mapping[str, Any], ...] = ()
    """Its other criteria of exclusion, as AWS has them: by tags of roles and users."""


@dataclass(frozen=True)
class Analyzer:
    """One analyzer. `managed_by` is the service that made it for itself, "" where a person or a tool made it [model]."""

    owner: str
    name: str
    kind: str
    status: str
    reason: str = ""
    managed_by: str = ""
    configuration: Observation[Configuration] | None = field(default=None)
    """Read of the delegated account's analyzers of unused access alone."""

    @property
    def words(self) -> str:
        whose = f"managed by {self.managed_by}" if self.managed_by else f"of {self.owner}"
        return f"{self.name} ({self.kind}, {whose})"


Analyzers = tuple[Analyzer, ...]


@dataclass(frozen=True)
class RegionState:
    """Access Analyzer in one Region that is asked for."""

    administrators: Observation[Mapping[str, str]]
    own: Observation[Analyzers]
    management: Observation[Analyzers]

    def ours(self, kind: str) -> Analyzer | None:
        """The delegated account's analyzer of this type, the most alive one; None where there is none, or it was not read."""
        return leading(self.own.value, kind) if isinstance(self.own, Known) else None

    @property
    def known(self) -> Analyzers:
        """The analyzers of both accounts, as far as they were read."""
        return tuple(each for found in (self.own, self.management) if isinstance(found, Known) for each in found.value)

    def like(self, kind: str) -> Analyzers:
        """What looks for the same, whoever made it and however much of the organization it looks at."""
        return tuple(each for each in self.known if _looks_for(each.kind) == _looks_for(kind))


def leading(found: Iterable[Analyzer], kind: str) -> Analyzer | None:
    """Of an account's analyzers the one of this type that counts: not one that a service manages, the most alive, by name."""
    mine = [each for each in found if each.kind == kind and not each.managed_by]
    return min(mine, key=lambda each: (_place(each.status), each.name), default=None)


def _place(status: str) -> int:
    return STATUSES.index(status) if status in STATUSES else len(STATUSES)


def _looks_for(kind: str) -> str:
    """Nothing for external access, else "_UNUSED_ACCESS" or "_INTERNAL_ACCESS"."""
    return kind.removeprefix(EXTERNAL).removeprefix("ACCOUNT")


State = RegionalState[RegionState]
