"""How accounts become members, one at a time or by joining the organization, and how that ends."""

from runbook_lib.rehearsal.operations.macie2 import discovery
from runbook_lib.rehearsal.operations.macie2.state import Member, state_of, switch_on
from runbook_lib.rehearsal.organization import drops_suspended, in_organization, member_active, region_enabled
from runbook_lib.rehearsal.world import World, settled

MOST_MEMBERS = 10_000
"""Of one administrator in a Region [model]."""


def is_full(world: World, region: str) -> bool:
    """Whether the administrator has all the members it may have; removed ones do not count (assumed)."""
    state = state_of(world)
    most = int(world.variants.get("macie2 member limit", str(MOST_MEMBERS)))
    members = state.members_of(region)
    return len(members) >= most and sum(state.associated(each, region) is not None for each in members) >= most


def enrol(world: World, account: str, region: str, tags: dict[str, str] | None = None) -> None:
    """Associate an account of the organization and switch Macie on in it, at once [docs]: Created, then Enabled after polls.

    Suspended Macie stays suspended (assumed), and an account that is suspended or lacks the Region gets nothing.
    """
    state = state_of(world)
    relationship = world.settling("Created", "Enabled", "macie2", account)
    if not member_active(world, account):
        relationship = settled("AccountSuspended")
    elif not region_enabled(world, account, region):
        relationship = settled("RegionDisabled")
    else:
        session = switch_on(world, account, region)
        if session.status == "PAUSED":
            relationship = settled("Paused")
        if state.organization(region).discovery != "NONE":
            discovery.switch(world, account, region, on=True)
    state.members_of(region)[account] = Member(account, relationship, world.now(), tags=tags or {})


def part(world: World, account: str, region: str) -> None:
    """A member stands alone: Macie stays on, automated discovery ends and its data is lost [docs]."""
    discovery.switch(world, account, region, on=False)


def end_memberships(world: World, region: str) -> None:
    """Everybody stands alone, and the organization's settings are gone."""
    state = state_of(world)
    for account in list(state.members_of(region)):
        if state.associated(account, region):
            part(world, account, region)
    state.members.pop(region, None)
    state.organizations.pop(region, None)


def account_joined(world: World, account: str) -> None:
    """A new account becomes a member where auto-enable is on and the Region is enabled in it [docs]."""
    state = state_of(world)
    for region in sorted(state.administrators):
        if state.organization(region).auto_enable and region_enabled(world, account, region):
            enrol(world, account, region)


def account_closed(world: World, account: str) -> None:
    """A member that is suspended or closed is shown as such by reads, or leaves the lists, by variant; one that left is gone."""
    if drops_suspended(world) or not in_organization(world, account):
        for members in state_of(world).members.values():
            members.pop(account, None)


def invited(world: World, account: str, region: str, service: str, administrator: str = "999999999999") -> None:
    """World event "member by invitation": Macie is on, under an administrator outside the organization."""
    if service == "macie2":
        switch_on(world, account, region)
        state_of(world).invited[account, region] = administrator
