"""What Security Hub knows: hubs, administrators and members per Region, aggregators, central configuration, findings."""

from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.operations.roster import Roster
from runbook_lib.rehearsal.world import Settling, World, get_or_make

from .catalogue import OfferedStandard

Place = tuple[str, str]
"""An account and a Region."""


@dataclass
class Subscription:
    """An enabled standard. PENDING until read often enough, then READY, or INCOMPLETE without an AWS Config recorder [model]."""

    offered: OfferedStandard
    arn: str
    standard_arn: str
    enabling: Settling
    deleting: Settling | None = None
    disabled_controls: dict[str, str] = field(default_factory=dict)


@dataclass
class ActionTarget:
    arn: str
    name: str
    description: str


@dataclass
class Hub:
    """Security Hub of one account in one Region."""

    arn: str
    subscribed_at: float
    generator: str = "SECURITY_CONTROL"
    auto_enable_controls: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    standards: dict[str, Subscription] = field(default_factory=dict)
    """By the standard's ARN."""
    products: set[str] = field(default_factory=set)
    """Product subscription ARNs."""
    action_targets: dict[str, ActionTarget] = field(default_factory=dict)


@dataclass
class Member:
    """An association as its administrator sees it. MemberStatus is Title-case [model]; only invited accounts have `invited_at`."""

    account: str
    email: str
    administrator: str
    status: str
    updated_at: float
    invited_at: float | None = None


@dataclass
class Administration:
    """The delegated administrator of one Region, and its settings for new accounts there.

    `usable` settles from "no" to "yes"; administrator-side calls fail until then. `leaving` is set while the removal settles.
    """

    account: str
    usable: Settling
    auto_enable: bool = False
    auto_enable_standards: str = "DEFAULT"
    leaving: Settling | None = None


@dataclass
class Aggregator:
    """A finding aggregator; one per account, and its Region is the home Region."""

    arn: str
    account: str
    home: str
    mode: str
    regions: list[str] = field(default_factory=list)

    def links(self, region: str) -> bool:
        """Whether a Region's findings are copied to the home Region."""
        if region == self.home or self.mode == "NO_REGIONS":
            return False
        if self.mode == "SPECIFIED_REGIONS":
            return region in self.regions
        return self.mode == "ALL_REGIONS" or region not in self.regions


@dataclass
class Policy:
    """A configuration policy of central configuration."""

    id: str
    arn: str
    name: str
    description: str
    settings: dict[str, Any]
    created_at: float
    updated_at: float


@dataclass
class Association:
    """What a target was given: a policy id or SELF_MANAGED_SECURITY_HUB."""

    policy: str
    target: str
    target_type: str
    status: Settling
    updated_at: float


@dataclass
class Central:
    """Central configuration of the organization, owned by the administrator's home Region."""

    home: str
    status: Settling
    policies: dict[str, Policy] = field(default_factory=dict)
    associations: dict[str, Association] = field(default_factory=dict)


@dataclass
class AutomationRule:
    """An automation rule as BatchGetAutomationRules describes it, and its tags."""

    described: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class SecurityHubState:
    """All of it; found by `world.of(SecurityHubState)`."""

    hubs: dict[Place, Hub] = field(default_factory=dict)
    administrations: dict[str, Administration] = field(default_factory=dict)
    """By Region."""
    hesitated: set[str] = field(default_factory=set)
    """Regions that refused a designation once, by variant."""
    members: dict[Place, Roster[Member]] = field(default_factory=dict)
    """By (administrator, Region), then account."""
    administrator_of: dict[Place, str] = field(default_factory=dict)
    """(Member, Region) → the administrator it is associated with now."""
    aggregators: dict[str, Aggregator] = field(default_factory=dict)
    central: Central | None = None
    findings: dict[Place, dict[tuple[str, str], dict[str, Any]]] = field(default_factory=dict)
    """By (account, Region), then (ProductArn, Id)."""
    automation_rules: dict[Place, dict[str, AutomationRule]] = field(default_factory=dict)
    """By (administrator, Region), then ARN."""
    rules_made: int = 0
    history: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    """By (ProductArn, Id): what happened to a finding, as GetFindingHistory shows it, oldest first."""
    reactions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Glob of targets' ARNs → the fields that a target sets of each finding that it gets."""
    installed: bool = False

    def members_of(self, administrator: str, region: str) -> Roster[Member]:
        return get_or_make(self.members, (administrator, region), Roster)


def state_of(world: World) -> SecurityHubState:
    return world.of(SecurityHubState)
