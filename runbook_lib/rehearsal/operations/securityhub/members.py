"""The administrator's members in one Region, and what a member sees of its administrator."""

from typing import Any

from runbook_lib.rehearsal.operations.roster import Roster
from runbook_lib.rehearsal.organization import in_organization, refuses_suspended
from runbook_lib.rehearsal.registry import Call, operation

from . import errors
from .associating import current_administration, part, require_administrator
from .central import governed_regions, governing_policy
from .errors import INTERNAL, MEMBER_STAYS, NO_SUCH_RESOURCE, invalid, missing, refusal
from .membership import enrol, record_suspended, refusal_to_enrol
from .places import bounded
from .state import Member, state_of
from .switching import find_hub, require_hub

BATCH = 50
"""Accounts per CreateMembers [model]; assumed for the other member operations, for which no limit is documented."""


def _listed(member: Member) -> dict[str, Any]:
    return {
        "AccountId": member.account,
        "Email": member.email or None,
        "MasterId": member.administrator,
        "AdministratorId": member.administrator,
        "MemberStatus": member.status,
        "InvitedAt": member.invited_at,
        "UpdatedAt": member.updated_at,
    }


def _refuse_large(accounts: list[str]) -> None:
    if len(accounts) > BATCH:
        raise invalid(f"A request can name up to {BATCH} accounts")


def _refuse_governed(call: Call, accounts: list[str]) -> None:
    if call.world.variants.get("securityhub governed members", "refused") == "released":
        return
    there = call.region in governed_regions(call.world)
    if governed := [each for each in accounts if there and governing_policy(call.world, each) is not None]:
        raise invalid(f"Accounts {', '.join(governed)} are centrally managed and cannot be disassociated")


def _own_members(call: Call) -> Roster[Member]:
    """The caller's members; a caller that administers nothing has none, but a new administrator is refused for a while [seen]."""
    require_hub(call)
    administration = current_administration(call.world, call.region)
    if administration is not None and administration.account == call.account:
        require_administrator(call)
    return state_of(call.world).members_of(call.account, call.region)


@operation("securityhub", "CreateMembers")
def create_members(call: Call, AccountDetails: list[dict[str, str]]) -> dict[str, Any]:
    """Make organization accounts members. 200 with `UnprocessedAccounts` for each that could not be [model].

    Accounts beyond the fiftieth come back unprocessed, as seen in 2021, or the whole call is refused: variant "securityhub
    oversize", "surplus" or "reject". Default standards come on in a hub made here whatever AutoEnableStandards says [docs], or as
    it says: variant "securityhub member standards", "default" or "as auto-enable".
    """
    administration = require_administrator(call)
    asked = [each["AccountId"] for each in AccountDetails]
    if len(asked) > BATCH and call.world.variants.get("securityhub oversize", "surplus") == "reject":
        raise invalid(f"A request can name up to {BATCH} accounts")
    as_auto_enable = call.world.variants.get("securityhub member standards", "default") == "as auto-enable"
    defaults = not as_auto_enable or administration.auto_enable_standards == "DEFAULT"
    unprocessed = []
    for account in asked[:BATCH]:
        reason = refusal_to_enrol(call.world, call.account, call.region, account)
        if reason == errors.ACCOUNT_SUSPENDED and call.world.organization.accounts[account].state == "SUSPENDED":
            record_suspended(call.world, call.account, call.region, account)
        if reason is None:
            enrol(call.world, call.account, call.region, account, default_standards=defaults)
        elif reason != errors.ACCOUNT_SUSPENDED or refuses_suspended(call.world, account):
            unprocessed.append({"AccountId": account, "ProcessingResult": reason})
    unprocessed += [{"AccountId": account, "ProcessingResult": errors.TOO_MANY} for account in asked[BATCH:]]
    return {"UnprocessedAccounts": unprocessed}


@operation("securityhub", "ListMembers")
def list_members(
    call: Call,
    OnlyAssociated: bool = True,
    MaxResults: int | None = None,
    NextToken: str | None = None,
) -> dict[str, Any]:
    """The caller's members, only Enabled ones unless told otherwise, up to 50 a page; the administrator is not among them [model].

    With the hub off the answer is another one than everywhere else [seen 2026]; earlier it was an InternalException [seen]: variant
    "securityhub list members", "no such resource" or "internal".
    """
    if find_hub(call.world, call.account, call.region) is None:
        old = call.world.variants.get("securityhub list members", "no such resource") == "internal"
        raise refusal(INTERNAL if old else NO_SUCH_RESOURCE)
    size = bounded(MaxResults, 50) or 50
    if NextToken and not NextToken.isdecimal():
        raise invalid("NextToken is not one that Security Hub gave")  # assumed
    shown, token = _own_members(call).page(NextToken, size, lambda each: each.status == "Enabled" or not OnlyAssociated)
    return {"Members": [_listed(each) for each in shown], "NextToken": token}


@operation("securityhub", "GetMembers")
def get_members(call: Call, AccountIds: list[str]) -> dict[str, Any]:
    """Named members, associated or not; the others come back unprocessed [model]."""
    _refuse_large(AccountIds)
    members = _own_members(call)
    unknown = [each for each in AccountIds if each not in members]
    return {
        "Members": [_listed(members[each]) for each in AccountIds if each in members],
        "UnprocessedAccounts": [{"AccountId": each, "ProcessingResult": errors.NOT_A_MEMBER} for each in unknown],
    }


@operation("securityhub", "DisassociateMembers")
def disassociate_members(call: Call, AccountIds: list[str]) -> dict[str, Any]:
    """End associations: status Removed, hubs stay on [docs]. No account is answered for; an unknown one is an error [model].

    Accounts that central configuration governs cannot be disassociated [docs]. Whether one of them fails the whole call, and the
    code, are assumed: variant "securityhub governed members", "refused" or "released".
    """
    require_administrator(call)
    _refuse_large(AccountIds)
    members = _own_members(call)
    unknown = [each for each in AccountIds if each not in members]
    if unknown:
        raise missing(f"Accounts {', '.join(unknown)} are not members of the current account")
    _refuse_governed(call, AccountIds)
    for each in AccountIds:
        if members[each].status == "Enabled":
            part(call.world, call.region, members[each], "Removed")
    return {}


@operation("securityhub", "DeleteMembers")
def delete_members(call: Call, AccountIds: list[str]) -> dict[str, Any]:
    """Drop members by invitation from the list; accounts of the organization are refused, each in the answer [model]."""
    require_administrator(call)
    _refuse_large(AccountIds)
    members = _own_members(call)
    unprocessed = []
    for account in AccountIds:
        if account not in members:
            unprocessed.append({"AccountId": account, "ProcessingResult": errors.NOT_A_MEMBER})
        elif in_organization(call.world, account):
            unprocessed.append({"AccountId": account, "ProcessingResult": errors.ORGANIZATION_MEMBER})
        else:
            part(call.world, call.region, members[account], "Deleted")
            del members[account]
    return {"UnprocessedAccounts": unprocessed}


def _own_association(call: Call) -> Member | None:
    state = state_of(call.world)
    administrator = state.administrator_of.get((call.account, call.region))
    return state.members[administrator, call.region][call.account] if administrator is not None else None


def _administrator(call: Call) -> dict[str, Any] | None:
    require_hub(call)
    found = _own_association(call)
    if found is None:
        return None
    return {"AccountId": found.administrator, "MemberStatus": found.status, "InvitedAt": found.invited_at}


@operation("securityhub", "GetAdministratorAccount")
def get_administrator_account(call: Call) -> dict[str, Any]:
    """Who administers the caller here; nothing for standalone accounts and the administrator itself."""
    return {"Administrator": _administrator(call)}


@operation("securityhub", "GetMasterAccount")
def get_master_account(call: Call) -> dict[str, Any]:
    """GetAdministratorAccount under its former name, which AWS keeps."""
    return {"Master": _administrator(call)}


def _leave(call: Call) -> dict[str, Any]:
    require_hub(call)
    found = _own_association(call)
    if found is None:
        raise missing("The account is not associated with an administrator account")  # assumed
    administration = current_administration(call.world, call.region)
    if administration is not None and administration.account == found.administrator:
        raise refusal(MEMBER_STAYS)
    part(call.world, call.region, found, "Resigned")
    return {}


@operation("securityhub", "DisassociateFromAdministratorAccount")
def disassociate_from_administrator_account(call: Call) -> dict[str, Any]:
    """A member by invitation may leave; a member of the organization's administrator may not [seen]."""
    return _leave(call)


@operation("securityhub", "DisassociateFromMasterAccount")
def disassociate_from_master_account(call: Call) -> dict[str, Any]:
    """DisassociateFromAdministratorAccount under its former name, which AWS keeps."""
    return _leave(call)


@operation("securityhub", "ListInvitations")
def list_invitations(call: Call, MaxResults: int | None = None, NextToken: str | None = None) -> dict[str, Any]:
    """Accounts of the organization receive no invitations [model]."""
    require_hub(call)
    bounded(MaxResults, 50)
    return {"Invitations": []}
