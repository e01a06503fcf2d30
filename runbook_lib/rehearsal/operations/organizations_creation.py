"""organizations: an organization, OUs and accounts made anew (aws-behaviour 11.5). An account joins when that has settled."""

from functools import partial
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.operations.organizations import (
    OrganizationsState,
    account,
    check_parent,
    described,
    pages,
    unit,
)
from runbook_lib.rehearsal.organization import join_account, require_management, require_management_or_delegated
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import OrganizationalUnit, Settling, SimulatedAccount, SimulatedRole, World

FIRST = 700000000001
"""The first id that a created account gets; a seed's own accounts have repeated or low digits."""


@operation("organizations", "CreateOrganization")
def create_organization(call: Call, FeatureSet: str = "ALL") -> dict[str, Any]:
    """In a world that has none yet: a second organization beside the seed's is not simulated."""
    organization = call.world.organization
    if call.account in organization.accounts:
        raise ApiError("AlreadyInOrganizationException", "The provided account is already a member of an organization.")
    if organization.management:
        raise ApiError("NotSimulated", "organizations:CreateOrganization is not simulated beside another organization", 501)
    organization.id, organization.root = f"o-{call.account}", "r-0001"
    organization.management, organization.feature_set = call.account, FeatureSet
    email = f"account-{call.account}@example.com"
    organization.accounts[call.account] = SimulatedAccount(
        call.account, "management", email, organization.root, joined_method="INVITED", joined=call.world.now()
    )
    return {"Organization": described(call)}


@operation("organizations", "CreateOrganizationalUnit")
def create_unit(call: Call, ParentId: str, Name: str, **_: Any) -> dict[str, Any]:
    require_management(call)
    check_parent(call, ParentId)
    units = call.world.organization.units
    if any(each.parent == ParentId and each.name == Name for each in units.values()):
        raise ApiError("DuplicateOrganizationalUnitException", "An OU with the same name already exists.")
    made = f"ou-{call.world.organization.root.removeprefix('r-')}-{len(units) + 1:08x}"
    units[made] = OrganizationalUnit(made, Name, ParentId)
    return {"OrganizationalUnit": unit(call, made)}


@operation("organizations", "CreateAccount")
def create_account(
    call: Call, Email: str, AccountName: str, RoleName: str = "OrganizationAccountAccessRole", **_: Any
) -> dict[str, Any]:
    require_management(call)
    state = call.world.of(OrganizationsState)
    number = len(state.creations)
    request = f"car-{number:08x}"
    new = SimulatedAccount(f"{FIRST + number}", AccountName, Email, call.world.organization.root, joined=call.world.now())
    new.roles[RoleName] = SimulatedRole(RoleName, {call.world.organization.management})
    state.creations[request] = {
        "account": new,
        "state": call.world.settling("IN_PROGRESS", "SUCCEEDED", then=partial(_complete, call.world, request)),
        "email_taken": any(each.email == Email for each in call.world.organization.accounts.values()),
        "requested": call.world.now(),
    }
    return {"CreateAccountStatus": _status(call, request)}


@operation("organizations", "DescribeCreateAccountStatus")
def describe_create_account_status(call: Call, CreateAccountRequestId: str) -> dict[str, Any]:
    require_management_or_delegated(call)
    if CreateAccountRequestId not in call.world.of(OrganizationsState).creations:
        text = "We can't find an create account request with the CreateAccountRequestId that you specified."
        raise ApiError("CreateAccountStatusNotFoundException", text)
    return {"CreateAccountStatus": _status(call, CreateAccountRequestId)}


@operation("organizations", "ListCreateAccountStatus")
def list_create_account_status(
    call: Call, States: list[str] | None = None, NextToken: str | None = None, MaxResults: int | None = None
) -> dict[str, Any]:
    require_management_or_delegated(call)
    found = [_status(call, each) for each in call.world.of(OrganizationsState).creations]
    wanted = [each for each in found if not States or each["State"] in States]
    return pages(wanted, "CreateAccountStatuses", NextToken, MaxResults)


@operation("organizations", "MoveAccount")
def move_account(call: Call, AccountId: str, SourceParentId: str, DestinationParentId: str) -> None:
    require_management(call)
    found = account(call, AccountId)
    check_parent(call, DestinationParentId)
    if found.parent != SourceParentId:
        raise ApiError("SourceParentNotFoundException", "We can't find a source root or OU with the ParentId that you specified.")
    found.parent = DestinationParentId


def _complete(world: World, request: str) -> None:
    """The account is there, once its creation has settled."""
    entry = world.of(OrganizationsState).creations[request]
    if not entry["email_taken"] and entry["account"].id not in world.organization.accounts:
        entry["completed"] = world.now()
        join_account(world, entry["account"])


def _status(call: Call, request: str) -> dict[str, Any]:
    """The state of a creation."""
    entry = call.world.of(OrganizationsState).creations[request]
    new: SimulatedAccount = entry["account"]
    settling: Settling = entry["state"]
    status = {"Id": request, "AccountName": new.name, "RequestedTimestamp": entry["requested"]}
    if entry["email_taken"]:
        return {**status, "State": "FAILED", "FailureReason": "EMAIL_ALREADY_EXISTS"}
    state = settling.read()
    if state != "SUCCEEDED":
        return {**status, "State": state}
    _complete(call.world, request)
    return {**status, "State": state, "AccountId": new.id, "CompletedTimestamp": entry["completed"]}
