"""Who administers whom in a Region: the links that designation, membership and removal make and break."""

from runbook_lib.rehearsal.registry import Call
from runbook_lib.rehearsal.world import World

from .errors import not_administrator
from .state import Administration, Member, state_of
from .switching import require_hub


def associate(world: World, region: str, member: Member) -> None:
    """Put a member under its administrator. An aggregator of its own ends: a member cannot aggregate [docs]."""
    state = state_of(world)
    state.members_of(member.administrator, region)[member.account] = member
    state.administrator_of[member.account, region] = member.administrator
    state.aggregators.pop(member.account, None)


def part(world: World, region: str, member: Member, status: str) -> None:
    """End an association; the member's hub stays on [docs]. `status` is what its administrator's list shows from then on."""
    member.status, member.updated_at = status, world.now()
    state_of(world).administrator_of.pop((member.account, region), None)


def current_administration(world: World, region: str) -> Administration | None:
    """The Region's delegated administrator, unless it is being removed."""
    found = state_of(world).administrations.get(region)
    return found if found is not None and found.leaving is None else None


def require_administrator(call: Call) -> Administration:
    """The caller as this Region's delegated administrator.

    For a while after designation the service still says "not an administrator" although the administrator list names the account
    (aws-behaviour 4.2): its calls fail until that has settled.
    """
    require_hub(call)
    found = current_administration(call.world, call.region)
    if found is None or found.account != call.account:
        raise not_administrator(call.account)
    if found.usable.read() == "no":
        raise not_administrator(call.account)
    return found
