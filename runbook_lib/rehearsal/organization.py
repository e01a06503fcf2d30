"""Questions about the simulated organization, and the changes that several services make to it."""

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.regions import enabled_by_default, usual_region
from runbook_lib.rehearsal.registry import Call
from runbook_lib.rehearsal.world import SimulatedAccount, World


def is_management(call: Call) -> bool:
    """Whether the caller is the organization's management account."""
    return call.account == call.world.organization.management


def account_of(world: World, account: str) -> SimulatedAccount | None:
    return world.organization.accounts.get(account)


def in_organization(world: World, account: str) -> bool:
    return account in world.organization.accounts


def member_active(world: World, account: str) -> bool:
    """Whether an account belongs to the organization and is ACTIVE."""
    found = account_of(world, account)
    return found is not None and found.state == "ACTIVE"


def names_suspension(world: World, account: str) -> bool:
    """Whether a service says of its member that the account is suspended.

    Not documented: variant "suspended members", "named" in lists, "unchanged" as if nothing had happened, or "absent" from lists.
    """
    return not member_active(world, account) and world.variants.get("suspended members", "named") == "named"


def drops_suspended(world: World) -> bool:
    """Whether a member leaves the lists when its account is suspended: "absent" of the variant above."""
    return world.variants.get("suspended members", "named") == "absent"


def refuses_suspended(world: World, account: str) -> bool:
    """Whether adding or enabling an account is refused because it is suspended or closed.

    Not documented: variant "suspended account added", "refused", or "taken" and shown as suspended.
    """
    found = account_of(world, account)
    return found is not None and found.state != "ACTIVE" and world.variants.get("suspended account added", "refused") == "refused"


def region_enabled(world: World, account: str, region: str) -> bool:
    """Whether a Region is enabled in an account: by default, or opted in (a Region being disabled still works)."""
    if region not in world.regions:
        return False
    if region in enabled_by_default(world.partition):
        return True
    found = account_of(world, account)
    return found is not None and found.regions.get(region) in ("ENABLED", "DISABLING")


def is_delegated(world: World, account: str, principal: str | None = None) -> bool:
    """Whether an account is a delegated administrator, of one service or of any."""
    delegated = world.organization.delegated
    principals = delegated if principal is None else (principal,)
    return any(account in delegated.get(each, {}) for each in principals)


def register_delegated(world: World, principal: str, account: str) -> None:
    """What a service's own Enable…Admin does in Organizations (aws-behaviour 1.3): trusted access and registration; idempotent.

    Whether designation turns trusted access on, or needs it first, is not documented: variant "designation without trusted access".
    The service itself has refused before when `delegated_other` names another account.
    """
    if principal not in world.organization.trusted and world.variants.get("designation without trusted access", "ok") == "refused":
        raise ApiError("AccessDeniedException", f"Trusted access for {principal} is not enabled in the organization.", 403)
    world.organization.trusted.setdefault(principal, world.now())
    world.organization.delegated.setdefault(principal, {}).setdefault(account, world.now())


def delegated_other(world: World, principal: str, account: str) -> str | None:
    """Another account that Organizations holds as this service's delegated administrator (aws-behaviour 1.4)."""
    return next((each for each in sorted(world.organization.delegated.get(principal, {})) if each != account), None)


def deregister_delegated(world: World, principal: str, account: str) -> None:
    """Remove a registration and tell the services, which drop the administrator in every Region (aws-behaviour 9)."""
    world.organization.delegated.get(principal, {}).pop(account, None)
    world.tell("delegated administrator deregistered", principal=principal, account=account)


def require_membership(call: Call) -> None:
    """Organizations' refusal of an account that is in no organization."""
    if not in_organization(call.world, call.account):
        raise ApiError("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")


def require_management(call: Call) -> None:
    """Organizations' refusal of a caller other than the management account."""
    require_membership(call)
    if not is_management(call):
        raise access_denied()


def require_management_or_delegated(call: Call) -> None:
    """Organizations' refusal of a plain member (aws-behaviour 3.2)."""
    require_membership(call)
    if not is_management(call) and not is_delegated(call.world, call.account):
        raise access_denied()


def access_denied() -> ApiError:
    return ApiError("AccessDeniedException", "You don't have permissions to access this resource.")


def account_arn(world: World, account: str) -> str:
    organization = world.organization
    return f"arn:{world.partition}:organizations::{organization.management}:account/{organization.id}/{account}"


def ancestors(world: World, parent: str) -> list[str]:
    """Root and OU ids from the root down to `parent`."""
    path = [parent]
    while path[0] in world.organization.units:
        path.insert(0, world.organization.units[path[0]].parent)
    return path


def close_account(world: World, account: str, state: str) -> None:
    """Suspend or close an account, and tell the services."""
    world.organization.accounts[account].state = state
    world.tell("account closed", account=account)


def remove_account(world: World, account: str) -> None:
    """Take an account out of the organization, and tell the services: for them it leaves as one that is closed does."""
    del world.organization.accounts[account]
    world.tell("account closed", account=account)


def join_account(world: World, account: SimulatedAccount) -> None:
    """Add an account, and tell the services."""
    world.organization.accounts[account.id] = account
    world.tell("account joined", account=account.id)


def home_region(world: World) -> str:
    """The Region that clients use where nothing else is said: the partition's own one where it exists."""
    usual = usual_region(world.partition)
    return usual if usual in world.regions else min(world.regions)
