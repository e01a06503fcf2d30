"""Members, one per call; and a member's own view of its administrator."""

from collections.abc import Mapping
from typing import Any

from runbook_lib.rehearsal.operations.macie2 import texts
from runbook_lib.rehearsal.operations.macie2.membership import enrol, is_full, part
from runbook_lib.rehearsal.operations.macie2.state import (
    ASSOCIATED,
    Member,
    own_session,
    page_size,
    require_administrator,
    state_of,
)
from runbook_lib.rehearsal.organization import account_of, names_suspension, refuses_suspended
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import current, settled

AGAIN = "macie2 create member again"
"""Variant: what CreateMember answers for a current member, "ok" or "refused": not documented."""
ONLY_ASSOCIATED = ("true", "false")


@operation("macie2", "CreateMember")
def create_member(call: Call, account: Mapping[str, str], tags: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Make one account of the organization a member, with its e-mail address, and switch Macie on in it [docs].

    One outside the organization is Created until it is invited, which is not simulated.
    """
    require_administrator(call)
    world, state, number = call.world, state_of(call.world), account["accountId"]
    found = account_of(world, number)
    if number == call.account:
        raise texts.invalid(texts.OWN_ACCOUNT)
    if found is not None and found.email.lower() != account["email"].lower():
        raise texts.invalid(texts.WRONG_EMAIL)
    if refuses_suspended(world, number):
        raise texts.invalid(texts.NOT_ACTIVE)
    if (number, call.region) in state.invited:
        raise texts.conflict(texts.MEMBER_ELSEWHERE)
    if state.associated(number, call.region) is None:
        if is_full(world, call.region):
            raise texts.quota(texts.LIMIT_REACHED)
        if found is not None:
            enrol(world, number, call.region, dict(tags or {}))
        else:
            outsider = Member(number, settled("Created"), world.now(), account["email"], dict(tags or {}))
            state.members_of(call.region)[number] = outsider
    elif world.variants.get(AGAIN, "ok") == "refused":
        raise texts.conflict(texts.MEMBER_ALREADY)
    return {"arn": _arn(call, number)}


def _arn(call: Call, account: str) -> str:
    return f"arn:{call.partition}:macie2:{call.region}:{call.account}:member/{account}"


@operation("macie2", "ListMembers")
def list_members(
    call: Call, maxResults: int | None = None, nextToken: str | None = None, onlyAssociated: str | None = None
) -> dict[str, Any]:
    """Current members, or with onlyAssociated "false" also those that were removed; statuses settle by being read."""
    require_administrator(call)
    if onlyAssociated not in (None, *ONLY_ASSOCIATED):
        raise texts.bad_field("onlyAssociated", f"Member must satisfy enum value set: {list(ONLY_ASSOCIATED)}")
    size = page_size(nextToken, maxResults)
    members = state_of(call.world).members_of(call.region)
    found, token = members.page(nextToken, size, lambda each: onlyAssociated == "false" or current(each.relationship) in ASSOCIATED)
    return {"members": [_row(call, each) for each in found], "nextToken": token}


@operation("macie2", "GetMember")
def get_member(call: Call, id: str) -> dict[str, Any]:  # noqa: A002 the model's name
    """One member; one that never was is not found [belief]."""
    require_administrator(call)
    found = state_of(call.world).members_of(call.region).get(id)
    if found is None:
        raise texts.not_found(texts.NO_MEMBER)
    return _row(call, found)


def _row(call: Call, member: Member) -> dict[str, Any]:
    relationship = member.relationship.read()
    if relationship in ASSOCIATED and account_of(call.world, member.account) and names_suspension(call.world, member.account):
        relationship = "AccountSuspended"
    return {
        "accountId": member.account,
        "administratorAccountId": call.account,
        "masterAccountId": call.account,
        "arn": _arn(call, member.account),
        "email": member.email or None,
        "relationshipStatus": relationship,
        "tags": member.tags,
        "updatedAt": member.updated,
    }


@operation("macie2", "UpdateMemberSession")
def update_member_session(call: Call, id: str, status: str) -> dict[str, Any]:  # noqa: A002 the model's name
    """Suspend Macie in a member, or resume it: its settings are kept [docs]."""
    require_administrator(call)
    member = _associated(call, id)
    session = state_of(call.world).sessions.get((id, call.region))
    if session is None or names_suspension(call.world, id):
        raise texts.invalid(texts.NOT_STEERABLE)
    if session.status != status:
        now = call.world.now()
        session.status, session.updated, member.updated = status, now, now
        member.relationship = settled("Paused") if status == "PAUSED" else call.world.settling("Paused", "Enabled", "macie2", id)
    return {}


@operation("macie2", "DisassociateMember")
def disassociate_member(call: Call, id: str) -> dict[str, Any]:  # noqa: A002 the model's name
    """The account stands alone and stays listed as Removed; Macie stays on in it."""
    require_administrator(call)
    member = _associated(call, id)
    part(call.world, id, call.region)
    member.relationship, member.updated = settled("Removed"), call.world.now()
    return {}


def _associated(call: Call, account: str) -> Member:
    found = state_of(call.world).associated(account, call.region)
    if found is None:
        raise texts.invalid(texts.NOT_ASSOCIATED)
    return found


@operation("macie2", "DeleteMember")
def delete_member(call: Call, id: str) -> dict[str, Any]:  # noqa: A002 the model's name
    """Take an account off the list, after it was dissociated: before, it fails [issue tf#26219]."""
    require_administrator(call)
    state = state_of(call.world)
    if id not in state.members_of(call.region):
        raise texts.invalid(texts.NOT_A_MEMBER.format(account=call.account))
    if id in call.world.organization.accounts and state.associated(id, call.region):
        raise texts.invalid(texts.STILL_ASSOCIATED)
    del state.members_of(call.region)[id]
    return {}


@operation("macie2", "GetAdministratorAccount")
def get_administrator_account(call: Call) -> dict[str, Any]:
    """A member's administrator, with the invitation where there was one; nothing for an account that has none (assumed)."""
    own_session(call)
    state = state_of(call.world)
    if outsider := state.invited.get((call.account, call.region)):
        invitation = f"{int(outsider):032x}"
        return {"administrator": {"accountId": outsider, "invitationId": invitation, "relationshipStatus": "Enabled"}}
    member, administrator = state.associated(call.account, call.region), state.administrators.get(call.region)
    if member is None or administrator is None:
        return {}
    return {"administrator": {"accountId": administrator.account, "relationshipStatus": member.relationship.read()}}


@operation("macie2", "DisassociateFromAdministratorAccount")
def disassociate_from_administrator_account(call: Call) -> dict[str, Any]:
    """Leave an administrator by invitation; an account of the organization cannot leave its own [docs]."""
    own_session(call)
    state = state_of(call.world)
    if state.associated(call.account, call.region):
        raise texts.invalid(texts.BY_ORGANIZATION)
    if state.invited.pop((call.account, call.region), None) is None:
        raise texts.invalid(texts.NO_ADMINISTRATOR)
    return {}
