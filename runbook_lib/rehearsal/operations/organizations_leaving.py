"""organizations: accounts that leave, by being removed or closed (aws-behaviour 9 and 11.5)."""

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.operations.organizations import OrganizationsState, account
from runbook_lib.rehearsal.organization import close_account, is_delegated, remove_account, require_management
from runbook_lib.rehearsal.registry import Call, operation

SHARE, FEWEST, MOST = 0.2, 250, 1000
"""Accounts that may be closed in 30 days: a fifth of the members, at least 250 and at most 1,000 [docs: Organizations quotas]."""
PERIOD = 30 * 24 * 3600


@operation("organizations", "RemoveAccountFromOrganization")
def remove(call: Call, AccountId: str) -> None:
    """The account stands alone: services lose it as a member, and what is on in it stays on [docs]. Texts assumed."""
    require_management(call)
    found = account(call, AccountId)
    if found.id == call.world.organization.management:
        raise ApiError("MasterCannotLeaveOrganizationException", "You can't remove the management account from the organization.")
    _refuse_delegated(call, found.id)
    remove_account(call.world, found.id)


@operation("organizations", "CloseAccount")
def close(call: Call, AccountId: str) -> None:
    """PENDING_CLOSURE, then SUSPENDED for 90 days [docs]; services hear of it at once [belief]. Texts assumed."""
    require_management(call)
    organization, found = call.world.organization, account(call, AccountId)
    if found.id == organization.management:
        raise _constraint("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You can't close the management account of the organization.")
    if found.state != "ACTIVE":
        raise ApiError("AccountAlreadyClosedException", "You attempted to close an account that is already closed.")
    _refuse_delegated(call, found.id)
    closures = call.world.of(OrganizationsState).closures
    closures[:] = [when for when in closures if when > call.world.now() - PERIOD]
    if len(closures) >= min(MOST, max(FEWEST, int(SHARE * (len(organization.accounts) - 1)))):
        raise _constraint("CLOSE_ACCOUNT_QUOTA_EXCEEDED", "You have exceeded the number of accounts that you can close in 30 days.")
    closures.append(call.world.now())
    close_account(call.world, found.id, "PENDING_CLOSURE")
    call.world.of(OrganizationsState).closing[found.id] = call.world.settling("PENDING_CLOSURE", "SUSPENDED")


def _refuse_delegated(call: Call, account_id: str) -> None:
    """A delegated administrator stays until it is deregistered [model]."""
    if is_delegated(call.world, account_id):
        text = "You can't remove an account that is a delegated administrator of a service."
        raise _constraint("CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG", text)


def _constraint(reason: str, text: str) -> ApiError:
    return ApiError("ConstraintViolationException", text, Reason=reason)
