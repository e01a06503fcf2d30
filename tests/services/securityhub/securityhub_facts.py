"""What accounts have of Security Hub in a simulated world: each fact as a set of (account, Region)."""

from typing import Any

from runbook_lib.rehearsal.operations.securityhub.state import Central, state_of
from runbook_lib.rehearsal.world import World, settled


def facts(world: World) -> dict[str, set[tuple[str, str]]]:
    state = state_of(world)
    led = {region: each for region, each in state.administrations.items() if each.leaving is None}
    return {
        "administrator": {(each.account, region) for region, each in led.items()},
        "new accounts": {(each.account, region) for region, each in led.items() if each.auto_enable},
        "on": set(state.hubs),
        "watched": {(account, region) for account, region in state.administrator_of if region in led},
    }


def central(world: World, region: str) -> None:
    state_of(world).central = Central(region, settled("ENABLED"))


def as_it_is(world: World, region: str) -> None:
    """The level comes too early: nothing has to be broken for it."""


BROKEN = (
    ("central configuration", "dissociate", central, "central configuration rules the accounts", "hand-over"),
    ("a hub of a member", "switch-off", as_it_is, "AWS switches no member's hub off", "off"),
)


def standing(session: Any, member: str) -> list[str]:
    """What the list of members says of one, where it has it."""
    rows = session.client("securityhub").list_members(OnlyAssociated=False)["Members"]
    return [row["MemberStatus"] for row in rows if row["AccountId"] == member]
