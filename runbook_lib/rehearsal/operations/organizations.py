"""organizations: the organization and its tree of accounts, with AWS's caller rules, pages and error texts (aws-behaviour 3.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.organization import account_arn, ancestors, require_management_or_delegated, require_membership
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import Settling, SimulatedAccount, World

PAGE = 20
EMPTY = "empty-"
"""Prefix of a token that leads to an empty page first, as ListAccounts' model warns."""


@dataclass
class OrganizationsState:
    """What no other service looks at: policies, and accounts being created. A seed fills `policies`."""

    policies: list[dict[str, Any]] = field(default_factory=list)
    """Each with id, name, type, content and targets (ids)."""
    creations: dict[str, Any] = field(default_factory=dict)
    closures: list[float] = field(default_factory=list)
    """When accounts were closed."""
    closing: dict[str, Settling] = field(default_factory=dict)
    """Account that is being closed → its state, as reads see it."""
    policy_types: set[str] = field(default_factory=set)
    """Types that the root has enabled; one of which there is a policy is enabled too."""
    without_full_access: set[str] = field(default_factory=set)
    """The root, OUs and accounts from which FullAWSAccess is detached: there other policies have to allow what is to be allowed."""

    @property
    def enabled_types(self) -> frozenset[str]:
        return frozenset(self.policy_types | {each["type"] for each in self.policies})


@operation("organizations", "DescribeOrganization")
def describe_organization(call: Call) -> dict[str, Any]:
    require_membership(call)
    return {"Organization": described(call)}


@operation("organizations", "ListAccounts")
def list_accounts(call: Call, NextToken: str | None = None, MaxResults: int | None = None) -> dict[str, Any]:
    """At most 20 a page. With the variant "empty page" each listing has one page without accounts that still has a token."""
    require_management_or_delegated(call)
    accounts = list(call.world.organization.accounts.values())
    strict = call.world.variants.get("empty page") == "once"
    if strict and NextToken and NextToken.startswith(EMPTY):
        return {"Accounts": [], "NextToken": NextToken.removeprefix(EMPTY)}
    found = pages(accounts, "Accounts", NextToken, MaxResults)
    found["Accounts"] = [describe(call.world, each) for each in found["Accounts"]]
    if strict and NextToken is None and found.get("NextToken"):
        found["NextToken"] = f"{EMPTY}{found['NextToken']}"
    return found


@operation("organizations", "DescribeAccount")
def describe_account(call: Call, AccountId: str) -> dict[str, Any]:
    require_management_or_delegated(call)
    return {"Account": describe(call.world, account(call, AccountId))}


@operation("organizations", "ListRoots")
def list_roots(call: Call, NextToken: str | None = None, MaxResults: int | None = None) -> dict[str, Any]:
    require_management_or_delegated(call)
    return pages([root_of(call)], "Roots", NextToken, MaxResults)


def root_of(call: Call) -> dict[str, Any]:
    """The root, with the policy types that are enabled."""
    root = call.world.organization.root
    types = [{"Type": each, "Status": "ENABLED"} for each in sorted(call.world.of(OrganizationsState).enabled_types)]
    return {"Id": root, "Arn": arn(call, f"root/{root}"), "Name": "Root", "PolicyTypes": types}


@operation("organizations", "ListParents")
def list_parents(call: Call, ChildId: str, NextToken: str | None = None, MaxResults: int | None = None) -> dict[str, Any]:
    require_management_or_delegated(call)
    organization = call.world.organization
    child = organization.accounts.get(ChildId) or organization.units.get(ChildId)
    if child is None:
        raise ApiError("ChildNotFoundException", "You specified an organizational unit (OU) or account that doesn't exist.")
    kind = "ROOT" if child.parent == organization.root else "ORGANIZATIONAL_UNIT"
    return pages([{"Id": child.parent, "Type": kind}], "Parents", NextToken, MaxResults)


@operation("organizations", "ListOrganizationalUnitsForParent")
def list_units(call: Call, ParentId: str, NextToken: str | None = None, MaxResults: int | None = None) -> dict[str, Any]:
    require_management_or_delegated(call)
    check_parent(call, ParentId)
    units = [unit(call, each.id) for each in call.world.organization.units.values() if each.parent == ParentId]
    return pages(units, "OrganizationalUnits", NextToken, MaxResults)


@operation("organizations", "DescribeOrganizationalUnit")
def describe_unit(call: Call, OrganizationalUnitId: str) -> dict[str, Any]:
    require_management_or_delegated(call)
    if OrganizationalUnitId not in call.world.organization.units:
        raise ApiError("OrganizationalUnitNotFoundException", "You specified an organizational unit that doesn't exist.")
    return {"OrganizationalUnit": unit(call, OrganizationalUnitId)}


@operation("organizations", "ListAccountsForParent")
def list_accounts_for_parent(
    call: Call, ParentId: str, NextToken: str | None = None, MaxResults: int | None = None
) -> dict[str, Any]:
    require_management_or_delegated(call)
    check_parent(call, ParentId)
    accounts = [each for each in call.world.organization.accounts.values() if each.parent == ParentId]
    found = pages(accounts, "Accounts", NextToken, MaxResults)
    return found | {"Accounts": [describe(call.world, each) for each in found["Accounts"]]}


@operation("organizations", "ListChildren")
def list_children(
    call: Call, ParentId: str, ChildType: str, NextToken: str | None = None, MaxResults: int | None = None
) -> dict[str, Any]:
    require_management_or_delegated(call)
    check_parent(call, ParentId)
    organization = call.world.organization
    ids = [each.id for each in organization.accounts.values() if each.parent == ParentId]
    if ChildType == "ORGANIZATIONAL_UNIT":
        ids = [each.id for each in organization.units.values() if each.parent == ParentId]
    return pages([{"Id": each, "Type": ChildType} for each in ids], "Children", NextToken, MaxResults)


@operation("organizations", "ListTagsForResource")
def list_tags(call: Call, ResourceId: str, NextToken: str | None = None) -> dict[str, Any]:
    require_management_or_delegated(call)
    organization = call.world.organization
    if ResourceId not in organization.accounts and ResourceId not in organization.units and ResourceId != organization.root:
        raise ApiError("TargetNotFoundException", "You specified a target that doesn't exist.")
    return {"Tags": []}


def described(call: Call) -> dict[str, Any]:
    """The organization as AWS describes it."""
    organization, world = call.world.organization, call.world
    return {
        "Id": organization.id,
        "Arn": f"arn:{world.partition}:organizations::{organization.management}:organization/{organization.id}",
        "FeatureSet": organization.feature_set,
        "MasterAccountId": organization.management,
        "MasterAccountArn": account_arn(world, organization.management),
        "MasterAccountEmail": organization.accounts[organization.management].email,
        "AvailablePolicyTypes": [],
    }


def describe(world: World, found: SimulatedAccount) -> dict[str, Any]:
    """One account as AWS describes it: `State`, and the older `Status` which knows three states only."""
    if (closing := world.of(OrganizationsState).closing.get(found.id)) is not None:
        found.state = closing.read()
    status = {"CLOSED": "SUSPENDED", "PENDING_ACTIVATION": None}.get(found.state, found.state)
    return {
        "Id": found.id,
        "Arn": account_arn(world, found.id),
        "Email": found.email,
        "Name": found.name,
        "State": found.state,
        "Status": None if world.variants.get("account status") == "retired" else status,
        "JoinedMethod": found.joined_method,
        "JoinedTimestamp": found.joined,
        "Paths": ["/".join((world.organization.id, *ancestors(world, found.parent), found.id, ""))],
    }


def account(call: Call, wanted: str) -> SimulatedAccount:
    """An account of the organization; AccountNotFoundException otherwise."""
    found = call.world.organization.accounts.get(wanted)
    if found is None:
        raise ApiError("AccountNotFoundException", "You specified an account that doesn't exist.")
    return found


def pages(items: Sequence[Any], member: str, token: str | None, size: int | None) -> dict[str, Any]:
    """One page of a listing, at most 20 items; AWS's validation errors for a larger size and for a token it never gave."""
    if size is not None and not 1 <= size <= PAGE:
        raise ApiError("InvalidInputException", "You specified an invalid value for MaxResults.", Reason="MAX_VALUE_EXCEEDED")
    if token is not None and not token.isdigit():
        raise ApiError("InvalidInputException", "You specified an invalid value for nextToken.", Reason="INVALID_NEXT_TOKEN")
    start = int(token or 0)
    end = start + (size or PAGE)
    return {member: items[start:end], "NextToken": str(end) if end < len(items) else None}


def check_parent(call: Call, parent: str) -> None:
    organization = call.world.organization
    if parent != organization.root and parent not in organization.units:
        raise ApiError("ParentNotFoundException", "We can't find a root or OU with the ParentId that you specified.")


def arn(call: Call, what: str) -> str:
    kind, _, name = what.partition("/")
    organization = call.world.organization
    return f"arn:{call.partition}:organizations::{organization.management}:{kind}/{organization.id}/{name}"


def unit(call: Call, wanted: str) -> dict[str, Any]:
    return {"Id": wanted, "Arn": arn(call, f"ou/{wanted}"), "Name": call.world.organization.units[wanted].name}
