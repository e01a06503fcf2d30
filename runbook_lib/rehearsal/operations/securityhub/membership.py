"""How an account becomes a member, by CreateMembers, by joining the organization or by invitation, and how that ends."""

from runbook_lib.rehearsal.operations.roster import Roster
from runbook_lib.rehearsal.organization import account_of, region_enabled
from runbook_lib.rehearsal.world import World

from . import errors
from .associating import associate, part
from .state import Member, state_of
from .switching import find_hub, switch_on


def refusal_to_enrol(world: World, administrator: str, region: str, account: str) -> str | None:
    """The ProcessingResult that keeps an account from becoming a member; None when nothing does."""
    found = account_of(world, account)
    if account == administrator:
        return errors.OWN_ACCOUNT
    if found is None:
        # The model would record an outsider as Created until an invitation is sent; inviting is not part of this organization.
        return errors.NOT_ORGANIZATION_ACCOUNT
    holder = state_of(world).administrator_of.get((account, region))
    obstacles = (
        (found.state != "ACTIVE", errors.ACCOUNT_SUSPENDED),
        (holder == administrator, errors.ALREADY_MEMBER),
        (holder is not None, errors.MEMBER_ELSEWHERE),
        (not region_enabled(world, account, region), errors.REGION_OFF),
        (account == world.organization.management and find_hub(world, account, region) is None, errors.MANAGEMENT_HUB_OFF),
        (is_full(world, administrator, region), errors.LIMIT_REACHED),
    )
    return next((reason for holds, reason in obstacles if holds), None)


def is_full(world: World, administrator: str, region: str) -> bool:
    """Whether an administrator has all the members it may have in a Region: 11,000 [docs]; another page says 5,000."""
    limit = int(world.variants.get("securityhub member limit", "11000"))
    members = state_of(world).members_of(administrator, region)
    return len(members) >= limit and sum(each.status == "Enabled" for each in members.values()) >= limit


def enrol(world: World, administrator: str, region: str, account: str, *, default_standards: bool = True) -> None:
    """Make an organization account a member, Enabled at once; its hub comes on, or is left alone if it was on [model].

    No-op for an account that `refusal_to_enrol` names.
    """
    if refusal_to_enrol(world, administrator, region, account) is None:
        switch_on(world, account, region, default_standards=default_standards)
        associate(world, region, new_member(world, administrator, account, "Enabled"))


def record_suspended(world: World, administrator: str, region: str, account: str) -> None:
    """An account suspended when the administrator tried to enable it is listed as AccountSuspended [model]."""
    members = state_of(world).members_of(administrator, region)
    if account not in members or members[account].status != "Enabled":
        members[account] = new_member(world, administrator, account, "AccountSuspended")


def new_member(world: World, administrator: str, account: str, status: str) -> Member:
    found = account_of(world, account)
    return Member(account, found.email if found else "", administrator, status, world.now())


def free_members(world: World, administrator: str, region: str) -> None:
    """All members of an administrator in a Region become standalone; their hubs stay on [docs]."""
    for member in state_of(world).members.pop((administrator, region), Roster()).values():
        if member.status == "Enabled":
            part(world, region, member, "Removed")
