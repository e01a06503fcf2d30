"""The organization as observed: accounts, states and OUs, Regions and opt-in, trusted access, delegated administrators."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from runbook_lib.base.observation import Known, Observation

ALL_FEATURES = "ALL"
"""The feature set without which Organizations trusts no service and delegates nothing [model]; the other has billing alone."""


class AccountState(StrEnum):
    """AWS's own words (`State` of ListAccounts; the retired `Status` is read where `State` is missing)."""

    PENDING_ACTIVATION = "PENDING_ACTIVATION"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    PENDING_CLOSURE = "PENDING_CLOSURE"
    CLOSED = "CLOSED"


@dataclass(frozen=True, slots=True)
class Account:
    """One account as Organizations lists it. The e-mail address is needed by GuardDuty only and is never shown or written."""

    id: str
    name: str
    state: AccountState
    organizational_units: tuple[str, ...]
    """Root and OU ids from the root down to the account's own parent."""
    email: str = field(default="", repr=False)

    @property
    def active(self) -> bool:
        return self.state is AccountState.ACTIVE


@dataclass(frozen=True)
class Organization:
    """What Organizations, Account Management and STS say about one organization; every account and Region from here on."""

    id: str
    arn: str
    partition: str
    feature_set: str
    management_account: str
    delegated_account: str
    """From settings: the "delegated security account"."""
    accounts: Mapping[str, Account]
    regions: Mapping[str, Observation[Mapping[str, str]]]
    """Account id → (Region → opt status), read for the management and the delegated account, and for members where an opt-in
    Region is in scope. Accounts that are missing here were not asked."""
    trusted_access: Observation[frozenset[str]]
    """Service principals with trusted access."""
    delegated_administrators: Mapping[str, Observation[frozenset[str]]]
    """Service principal → account ids registered in Organizations."""
    callers: Mapping[str, str] = field(default_factory=dict)
    """Account id → ARN of the identity that acts there."""

    unit_names: Mapping[str, str] = field(default_factory=dict)
    """Organizational unit id → its own name, where that was read: for people alone."""

    @cached_property
    def account_names(self) -> Mapping[str, str]:
        """Account id → its name, of those that have one; none where settings hide names."""
        return {each.id: each.name for each in self.accounts.values() if each.name}

    @property
    def listed(self) -> bool:
        """Whether AWS has shown the accounts; where not, the two that act are all that is known, and below no root."""
        both = {self.management_account, self.delegated_account}
        return not both.issuperset(self.accounts) or any(each.organizational_units for each in self.accounts.values())

    @cached_property
    def units(self) -> Mapping[str, str]:
        """Organizational unit id → how a person reads it: its path by name and its id, or the id alone."""
        found: dict[str, str] = {}
        for path in {account.organizational_units for account in self.accounts.values()}:
            for length in range(1, len(path) + 1):
                named = [self.unit_names.get(each, "") for each in path[:length]]
                # The root has no name of its own worth saying, but where nothing else hangs between.
                words = "/".join(named[1:]) if length > 1 else named[0]
                found[path[length - 1]] = f"{words} ({path[length - 1]})" if all(named[1:] or named) else path[length - 1]
        return found

    @property
    def enabled_regions(self) -> tuple[str, ...]:
        """Every Region enabled in any account that was asked, sorted."""
        return tuple(
            sorted(
                {
                    region
                    for observed in self.regions.values()
                    if isinstance(observed, Known)
                    for region, status in observed.value.items()
                    if status in ("ENABLED", "ENABLED_BY_DEFAULT", "DISABLING")
                }
            )
        )
