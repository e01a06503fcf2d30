"""What GuardDuty was seen to be, Region by Region, in columns: sets of accounts, not one object per account and Region."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook_lib.base.observation import Known, Observation
from runbook_lib.services.regional import RegionalState


@dataclass(frozen=True)
class Detector:
    """One account's detector. Items are features ("S3_DATA_EVENTS") and agents ("RUNTIME_MONITORING/EC2_AGENT_MANAGEMENT")."""

    id: str
    enabled: bool
    frequency: str
    on: frozenset[str]
    governed: frozenset[str] = frozenset()
    """Items that an Organizations policy owns (`ManagedBy` GUARDDUTY_POLICY)."""


@dataclass(frozen=True)
class OrganizationConfiguration:
    """Auto-enable: for the organization ("NEW", "ALL", "NONE") and per item."""

    auto_enable: str
    items: Mapping[str, str]
    limit_reached: bool = False


@dataclass(frozen=True)
class Features:
    """Existing members' items: which accounts were read, who has an item on, where a policy owns it, whom a read failed for."""

    read: frozenset[str] = frozenset()
    on: Mapping[str, frozenset[str]] = field(default_factory=dict)
    governed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    unread: tuple[tuple[str, str, frozenset[str]], ...] = ()
    """(error code, sentence, accounts)."""


@dataclass(frozen=True)
class Destination:
    """One publishing destination of the delegated account."""

    id: str
    status: str
    bucket_arn: str
    kms_key_arn: str


@dataclass(frozen=True)
class RegionState:
    """GuardDuty in one Region that is asked for. `members` maps account to AWS's relationship status."""

    administrators: Observation[Mapping[str, str]]
    management: Observation[Detector | None]
    delegated: Observation[Detector | None]
    configuration: Observation[OrganizationConfiguration]
    members: Observation[Mapping[str, str]]
    features: Features
    destinations: Observation[tuple[Destination, ...]]

    @property
    def full(self) -> bool:
        """Whether the administrator has as many members as AWS allows it."""
        return isinstance(self.configuration, Known) and self.configuration.value.limit_reached


State = RegionalState[RegionState]
