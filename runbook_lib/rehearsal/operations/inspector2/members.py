"""Association of member accounts, one per call and asynchronous."""

from typing import Any

from runbook_lib.rehearsal.operations.inspector2 import texts
from runbook_lib.rehearsal.operations.inspector2.state import (
    ASSOCIATED,
    MEMBER_NAMES,
    Member,
    page_size,
    require_administrator,
    state_of,
    switch_on,
)
from runbook_lib.rehearsal.organization import (
    drops_suspended,
    in_organization,
    member_active,
    names_suspension,
    refuses_suspended,
    region_enabled,
)
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import World, settled


@operation("inspector2", "AssociateMember")
def associate_member(call: Call, accountId: str) -> dict[str, Any]:
    """Start an association; 200 means no more than that [model]. A repeat is harmless [belief].

    An account that has not opted in to the Region stays REGION_DISABLED (aws-behaviour 2).
    """
    require_administrator(call, texts.ASSOCIATE)
    if accountId == call.account or not in_organization(call.world, accountId) or refuses_suspended(call.world, accountId):
        raise texts.invalid(texts.NOT_ASSOCIABLE.format(account=accountId))
    if not state_of(call.world).associated(accountId, call.region):
        begin_association(call.world, accountId, call.region)
    elif call.world.variants.get("inspector2 associate again", "ok") == "refused":
        raise texts.invalid(texts.ASSOCIATED_ALREADY.format(account=accountId))
    return {"accountId": accountId}


def begin_association(world: World, account: str, region: str) -> None:
    relationship = world.settling("CREATED", "ENABLED", "inspector2", account)
    if not member_active(world, account):
        relationship = settled("ACCOUNT_SUSPENDED")
    elif not region_enabled(world, account, region):
        relationship = settled("REGION_DISABLED")
    state_of(world).members_of(region)[account] = Member(account, relationship, world.now())


@operation("inspector2", "DisassociateMember")
def disassociate_member(call: Call, accountId: str) -> dict[str, Any]:
    """The account stands alone, scans go on."""
    require_administrator(call, texts.DISASSOCIATE)
    if not state_of(call.world).associated(accountId, call.region):
        raise texts.invalid(texts.NOT_YET_ASSOCIATED, "OTHER")
    state_of(call.world).members_of(call.region)[accountId] = Member(accountId, settled("REMOVED"), call.world.now())
    return {"accountId": accountId}


@operation("inspector2", "ListMembers")
def list_members(
    call: Call, onlyAssociated: bool = True, maxResults: int | None = None, nextToken: str | None = None
) -> dict[str, Any]:
    """Members with their relationship, which settles by being read; the administrator is not among them [belief]."""
    require_administrator(call, texts.LIST_MEMBERS)
    size = page_size(nextToken, maxResults, 50)
    with_administrator = call.world.variants.get("inspector2 administrator listed", "no") == "yes"
    first = [Member(call.account, settled("ENABLED"), call.world.now())] if with_administrator and not nextToken else []
    found, token = (
        state_of(call.world)
        .members_of(call.region)
        .page(nextToken, size - len(first), lambda member: not onlyAssociated or member.relationship.value in ASSOCIATED)
    )
    return {"members": [_row(call, member) for member in (*first, *found)], "nextToken": token}


@operation("inspector2", "GetMember")
def get_member(call: Call, accountId: str) -> dict[str, Any]:
    """One member; an account that never was one is an AccessDeniedException [issue SRA#316]."""
    require_administrator(call, texts.GET_MEMBER)
    member = state_of(call.world).members_of(call.region).get(accountId)
    if member is None:
        raise texts.no_access(texts.GET_MEMBER)
    return {"member": _row(call, member)}


def _row(call: Call, member: Member) -> dict[str, Any]:
    relationship = member.relationship.read()
    if relationship in ASSOCIATED and names_suspension(call.world, member.account):
        relationship = "ACCOUNT_SUSPENDED"
    return {
        "accountId": member.account,
        "relationshipStatus": relationship,
        "delegatedAdminAccountId": call.account,
        "updatedAt": member.updated,
    }


def account_closed(world: World, account: str) -> None:
    """A member that is suspended or closed is shown as such by reads, or leaves the lists, by variant; one that left is gone."""
    if drops_suspended(world) or not in_organization(world, account):
        for members in state_of(world).members.values():
            members.pop(account, None)


def account_joined(world: World, account: str) -> None:
    """A new account is associated and scanned as auto-enable says, where the Region is enabled in it (aws-behaviour 11.5).

    Accounts that AssociateMember adds get nothing automatically: auto-enable is for accounts that join (assumed).
    """
    state = state_of(world)
    for region in sorted(state.administrators):
        flags = state.organization(region).flags
        kinds = [kind for kind, name in MEMBER_NAMES.items() if flags[name]]
        if kinds and region_enabled(world, account, region):
            begin_association(world, account, region)
            switch_on(world, account, region, kinds)
