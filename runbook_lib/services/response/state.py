"""What was seen of the response in one Region."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.base.observation import Observation, Unknown
from runbook_lib.services.response.names import MARK


@dataclass(frozen=True)
class ActionTarget:
    """A custom action; AWS gives no id, which is the end of the ARN."""

    arn: str
    name: str
    description: str

    @property
    def id(self) -> str:
        return self.arn.rpartition("/")[2]


@dataclass(frozen=True)
class Rule:
    """A rule of the default bus. `pattern` is None for a schedule; `targets` are read of rules that hear Security Hub."""

    name: str
    arn: str
    pattern: Mapping[str, Any] | None
    enabled: bool
    description: str
    managed_by: str
    targets: Mapping[str, Mapping[str, Any]]
    """Id → the target as AWS has it."""
    unread: Unknown | None = None
    """Why its targets could not be read, where it hears the newer Security Hub alone and so bars no look at the others."""
    schedule: str = ""
    """When it comes, of a rule that hears nothing."""

    @property
    def ours(self) -> bool:
        return self.description.startswith(MARK) and not self.managed_by


@dataclass(frozen=True)
class Destination:
    """A channel that is there. `policy` is a queue's, topic's or function's, `key` a queue's or topic's."""

    policy: Mapping[str, Any]
    key: str
    """The KMS key; empty where none is named."""
    ours: bool
    shut: str = ""
    """Why it takes nothing, whoever asks; empty where it is open."""
    next_step: str = ""
    """What opens it again, where that is known."""
    unseen: str = ""
    """What of it cannot be seen from here."""
    messages: int | None = None
    """About how many messages a queue has, as AWS counts them; None where that was not read."""


@dataclass(frozen=True)
class ChannelRole:
    """The role by which EventBridge uses a channel. `policy` is its inline policy of our name; empty where there is none."""

    trust: Mapping[str, Any]
    policy: Mapping[str, Any]
    ours: bool


@dataclass(frozen=True)
class Machine:
    """A state machine that counts a channel's messages; `role` is an ARN."""

    definition: str
    role: str
    ours: bool


@dataclass(frozen=True)
class Counts:
    """The table of what was counted."""

    status: str
    ours: bool


@dataclass(frozen=True)
class Beside:
    """What else tells people: the newer Security Hub (V2), since when ("" where it is off), and Incident Response."""

    since: str
    rules: tuple[str, ...]
    """The names of V2's automation rules."""
    connectors: tuple[tuple[str, str], ...]
    """Name and status of V2's connectors."""
    memberships: tuple[str, ...] | None
    """Statuses of Incident Response's memberships; None where it was not asked."""


@dataclass(frozen=True)
class RegionState:
    """One Region that has rules."""

    actions: Observation[Mapping[str, ActionTarget]]
    rules: Observation[Mapping[str, Rule]]
    destinations: Mapping[str, Observation[Destination | None]]
    """ARN → what is there; None: nothing."""
    roles: Mapping[str, Observation[ChannelRole | None]]
    """Channel → its role, or that of what counts for it; only of channels that need one."""
    machines: Mapping[str, Observation[Machine | None]]
    """Channel with a ceiling → the state machine that counts its messages."""
    counts: Observation[Counts | None]
    """The table of counts; nothing where no channel has a ceiling."""
    beside: Observation[Beside]


@dataclass(frozen=True)
class State:
    """Region → what was seen; empty where settings have no response."""

    regions: Mapping[str, RegionState]
    automation: Mapping[str, Observation[Mapping[str, Any]]] = field(default_factory=dict)
    """Region of Security Hub → ARN of an automation rule → the rule (automation.py)."""
