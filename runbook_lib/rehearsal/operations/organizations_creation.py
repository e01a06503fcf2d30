"""organizations: new accounts, and moving one (aws-behaviour 11.5). An account joins when its creation has settled."""

from typing import Any

from runbook_lib.rehearsal.operations.organizations import OrganizationsState, account, check_parent
from runbook_lib.rehearsal.organization import join_account, require_management, require_management_or_delegated
from runbook_lib.rehearsal.registry import ApiError, Call, operation
from runbook_lib.rehearsal.world import Settling, SimulatedAccount, SimulatedRole

FIRST = 700000000001
"""The first id that a created account gets; a seed's own accounts have repeated or low digits."""


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
        "state": call.world.settling("IN_PROGRESS", "SUCCEEDED"),
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


@operation("organizations", "MoveAccount")
def move_account(call: Call, AccountId: str, SourceParentId: str, DestinationParentId: str) -> None:
    require_management(call)
    found = account(call, AccountId)
    check_parent(call, DestinationParentId)
    if found.parent != SourceParentId:
        raise ApiError("SourceParentNotFoundException", "We can't find a source root or OU with the ParentId that you specified.")
    found.parent = DestinationParentId


def _status(call: Call, request: str) -> dict[str, Any]:
    """The state of a creation; reading it lets it settle, and then the account is there."""
    entry = call.world.of(OrganizationsState).creations[request]
    new: SimulatedAccount = entry["account"]
    settling: Settling = entry["state"]
    status = {"Id": request, "AccountName": new.name, "RequestedTimestamp": entry["requested"]}
    if entry["email_taken"]:
        return {**status, "State": "FAILED", "FailureReason": "EMAIL_ALREADY_EXISTS"}
    state = settling.read()
    if state != "SUCCEEDED":
        return {**status, "State": state}
    if new.id not in call.world.organization.accounts:
        entry["completed"] = call.world.now()
        join_account(call.world, new)
    return {**status, "State": state, "AccountId": new.id, "CompletedTimestamp": entry["completed"]}
