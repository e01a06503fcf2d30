"""What the simulated GuardDuty knows: detectors, administrators, members and the organization's settings, by Region."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.operations.guardduty.features import (
    DETECTOR_FEATURES,
    ORGANIZATION_FEATURES,
    Settings,
    detector_defaults,
    settings,
)
from runbook_lib.rehearsal.operations.guardduty.texts import DETECTOR_NOT_OWNED, refusal
from runbook_lib.rehearsal.operations.roster import Roster
from runbook_lib.rehearsal.registry import Call
from runbook_lib.rehearsal.world import Settling, World, current, get_or_make

PRINCIPAL = "guardduty.amazonaws.com"
SERVICE_ROLE = "AWSServiceRoleForAmazonGuardDuty"
MALWARE_ROLE = "AWSServiceRoleForAmazonGuardDutyMalwareProtection"
ASSOCIATED = frozenset({"Created", "Enabled", "Disabled", "AccountSuspended", "RegionDisabled"})
"""Relationships that OnlyAssociated="true" lists; the last two words follow Inspector's enum [belief]."""


@dataclass
class Destination:
    """Where a detector exports its findings. `status` settles from PENDING_VERIFICATION to PUBLISHING."""

    id: str
    properties: dict[str, str]
    status: Settling
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Detector:
    """One account's GuardDuty in one Region. `visible` settles from "no" to "yes" by polls of ListDetectors."""

    id: str
    account: str
    region: str
    features: Settings
    created: float
    updated: float
    enabled: bool = True
    frequency: str = "SIX_HOURS"
    tags: dict[str, str] = field(default_factory=dict)
    visible: Settling = field(default_factory=lambda: Settling("yes", "yes", 0))
    destinations: dict[str, Destination] = field(default_factory=dict)
    findings: dict[str, dict[str, Any]] = field(default_factory=dict)
    filters: dict[str, dict[str, Any]] = field(default_factory=dict)
    sets: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """(kind, id) → trusted and threat lists."""

    @property
    def status(self) -> str:
        return "ENABLED" if self.enabled else "DISABLED"


@dataclass
class Member:
    """An account as its administrator sees it; `relationship` is AWS's RelationshipStatus."""

    account: str
    email: str
    relationship: Settling
    updated: float


@dataclass
class Administrator:
    """The delegated administrator of a Region. `usable` settles from "no" to "yes" by its own calls; `leaving` while disabling."""

    account: str
    usable: Settling
    leaving: Settling | None = None


@dataclass
class OrganizationConfiguration:
    """Auto-enable settings of one Region; a fresh one has everything NONE (assumed)."""

    members: str = "NONE"
    features: Settings = field(default_factory=lambda: settings(dict.fromkeys(ORGANIZATION_FEATURES, "NONE"), "NONE", 0.0))


@dataclass
class GuardDutyState:
    """Everything; Regions are keys, so nothing of one Region is seen in another."""

    detectors: dict[tuple[str, str], Detector] = field(default_factory=dict)
    administrators: dict[str, Administrator] = field(default_factory=dict)
    configurations: dict[str, OrganizationConfiguration] = field(default_factory=dict)
    members: dict[str, Roster[Member]] = field(default_factory=dict)
    invited: dict[tuple[str, str], str] = field(default_factory=dict)
    """(account, Region) → administrator outside, whose member by invitation the account is."""
    sweeps: dict[str, Settling] = field(default_factory=dict)
    """Regions where ALL has still to reach existing accounts."""
    governed: set[str] = field(default_factory=set)
    """Accounts whose features a GUARDDUTY_POLICY of the organization manages: world event "organization policy governs"."""
    left_endpoints: set[tuple[str, str]] = field(default_factory=set)
    """(account, Region) in which a detector that was deleted has left what its agents put into networks."""
    made: int = 0
    """Detectors made so far: a new one never has the id of a deleted one."""
    listening: bool = False

    def configuration(self, region: str) -> OrganizationConfiguration:
        return get_or_make(self.configurations, region, OrganizationConfiguration)

    def members_of(self, region: str) -> Roster[Member]:
        return get_or_make(self.members, region, Roster)

    def associated(self, account: str, region: str) -> Member | None:
        """The account's association with the organization's administrator, if it has one now."""
        member = self.members_of(region).get(account)
        return member if member and current(member.relationship) in ASSOCIATED else None


def state_of(world: World) -> GuardDutyState:
    return world.of(GuardDutyState)


NOT_IN_CHINA = frozenset({"RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING"})
"""[docs: Amazon Web Services in China, GuardDuty]"""


def missing(world: World, region: str) -> frozenset[str]:
    """Features that GuardDuty does not offer in a Region: those that a seed says, else those that AWS publishes."""
    return world.unavailable.get("guardduty", {}).get(region, NOT_IN_CHINA if region.startswith("cn-") else frozenset())


def offered(world: World, region: str) -> list[str]:
    """Features that detectors of a Region have."""
    return [name for name in DETECTOR_FEATURES if name not in missing(world, region)]


def add_detector(world: World, account: str, region: str, *, features: Settings | None = None, enabled: bool = True) -> Detector:
    """A new detector, with default features unless given; the account gets the service-linked roles (aws-behaviour 2)."""
    state, now = state_of(world), world.now()
    state.made += 1
    digest = hashlib.sha256(f"{world.organization.id}/{account}/{region}/{state.made}".encode())
    found = detector_defaults(now, offered(world, region)) if features is None else features
    detector = Detector(digest.hexdigest()[:32], account, region, found, now, now, enabled)
    state.detectors[account, region] = detector
    grant_roles(world, detector)
    return detector


def grant_roles(world: World, detector: Detector) -> None:
    """Service-linked roles of an enabled detector; malware protection has one of its own."""
    account = world.organization.accounts.get(detector.account)
    if account is None:
        return
    account.service_linked_roles.add(SERVICE_ROLE)
    malware = detector.features.get("EBS_MALWARE_PROTECTION")
    if malware is not None and malware.value == "ENABLED":
        account.service_linked_roles.add(MALWARE_ROLE)


def bare_features(world: World, region: str) -> Settings:
    """Every feature off: what an organization's new member starts from, before auto-enable settings are applied."""
    return settings(dict.fromkeys(offered(world, region), "DISABLED"), "DISABLED", world.now())


def own_detector(call: Call, detector_id: str) -> Detector:
    """The caller's detector in this Region. Raises the "not owned" refusal for any other id."""
    detector = state_of(call.world).detectors.get((call.account, call.region))
    if detector is None or detector.id != detector_id or current(detector.visible) == "no":
        raise refusal(DETECTOR_NOT_OWNED)
    return detector


def is_administrator(call: Call) -> bool:
    """Whether the caller is this Region's delegated administrator, usable or not yet."""
    administrator = state_of(call.world).administrators.get(call.region)
    return administrator is not None and administrator.account == call.account


def require_usable(call: Call, text: str) -> None:
    """Refuse a caller that is not (or, so soon after designation, not yet) the administrator (aws-behaviour 11.2)."""
    administrator = state_of(call.world).administrators.get(call.region)
    if administrator is None or administrator.account != call.account or administrator.usable.read() == "no":
        raise refusal(text)
