"""What Inspector was seen to be, Region by Region, in columns: sets of accounts, not one object per account and Region."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook_lib.base.observation import Known, Observation
from runbook_lib.services.regional import RegionalState

SCAN_TYPES: Mapping[str, str] = {
    "EC2": "ec2",
    "ECR": "ecr",
    "LAMBDA": "lambda",
    "LAMBDA_CODE": "lambdaCode",
    "CODE_REPOSITORY": "codeRepository",
}
"""Scan type as `Enable` takes it → its field in statuses and auto-enable flags [model]."""

SETTLING = "settling"
"""Our word, beside AWS's statuses: the account is on and no resource is yet, as AWS shows it right after `Enable`."""


@dataclass(frozen=True)
class Scans:
    """Scan type → status → accounts; and whom nothing is known of."""

    statuses: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    governed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Scan type → accounts where an Organizations policy decides (BLOCKED_BY_ORGANIZATION_POLICY)."""
    unassociated: frozenset[str] = frozenset()
    """Accounts that the administrator may not ask about yet (ACCESS_DENIED)."""
    unread: tuple[tuple[str, str, frozenset[str]], ...] = ()
    """(error code, sentence, accounts)."""

    def status_of(self, scan_type: str, account: str) -> str:
        """One account's status; empty when it was not read."""
        columns = self.statuses.get(scan_type, {})
        return next((status for status, accounts in sorted(columns.items()) if account in accounts), "")


@dataclass(frozen=True)
class Policy:
    """An Inspector policy of Organizations: the root, units and accounts it is attached to; scan type → Regions it is about."""

    targets: frozenset[str]
    decides: Mapping[str, frozenset[str]]


Policies = tuple[Policy, ...]
NO_POLICIES: Observation[Policies] = Known(())


@dataclass(frozen=True)
class OrganizationConfiguration:
    """Auto-enable flags by AWS's field names (`ec2`, …, `ami`)."""

    flags: Mapping[str, bool]
    limit_reached: bool = False

    def on(self, scan_type: str) -> bool:
        return self.flags.get(SCAN_TYPES[scan_type], False)


@dataclass(frozen=True)
class Configuration:
    """The delegated account's scan settings, which members follow; empty where AWS says nothing."""

    scan_mode: str = ""
    scan_mode_status: str = ""
    rescan: str = ""
    rescan_status: str = ""


@dataclass(frozen=True)
class RegionState:
    """Inspector in one Region that is asked for. `members` maps account to AWS's relationship status."""

    administrators: Observation[Mapping[str, str]]
    own: Observation[Scans]
    organization: Observation[OrganizationConfiguration]
    members: Observation[Mapping[str, str]]
    scans: Scans
    configuration: Observation[Configuration]
    policies: Observation[Policies] = NO_POLICIES
    """Of the organization, alike in every Region."""

    @property
    def full(self) -> bool:
        """Whether the administrator has as many members as AWS allows it."""
        return isinstance(self.organization, Known) and self.organization.value.limit_reached


State = RegionalState[RegionState]
