"""What Security Hub asks of the organization beyond `rehearsal.organization`, and its refusal of the wrong caller."""

from collections.abc import Iterator

from runbook_lib.rehearsal.organization import account_of, in_organization, is_management, register_delegated
from runbook_lib.rehearsal.registry import Call
from runbook_lib.rehearsal.world import World

from .errors import NOT_IN_ORGANIZATION, NOT_MANAGEMENT, invalid, refusal

PRINCIPAL = "securityhub.amazonaws.com"
SERVICE_LINKED_ROLE = "AWSServiceRoleForSecurityHub"


def records_configuration(world: World, account: str, region: str) -> bool:
    """Whether an AWS Config recorder runs there; standards evaluate nothing without [docs]. Outsiders are taken to have one."""
    found = account_of(world, account)
    return found is None or region in found.config_recorders


def path_up(world: World, target: str) -> Iterator[str]:
    """The account (or OU), the OUs above it and the root, in this order."""
    at: str | None = target
    while at is not None:
        yield at
        found = world.organization.accounts.get(at) or world.organization.units.get(at)
        at = found.parent if found else None


def require_management(call: Call) -> None:
    """Refuse every account but the management account [model]."""
    if not in_organization(call.world, call.account):
        raise refusal(NOT_IN_ORGANIZATION)
    if not is_management(call):
        raise refusal(NOT_MANAGEMENT)


def register_in_organizations(world: World, account: str) -> None:
    """Turn on trusted access and register the delegated administrator, as the first designation does [docs].

    The management account may be designated but cannot be registered (CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR) [model].
    """
    if account == world.organization.management:
        world.organization.trusted.setdefault(PRINCIPAL, world.now())
    else:
        register_delegated(world, PRINCIPAL, account)


def link_role(world: World, account: str) -> None:
    """Security Hub's service-linked role comes with the first hub of an account [docs]."""
    found = account_of(world, account)
    if found is not None:
        found.service_linked_roles.add(SERVICE_LINKED_ROLE)


def bounded(size: int | None, largest: int) -> int | None:
    """MaxResults, refused outside 1..largest [model]; the text is assumed."""
    if size is not None and not 1 <= size <= largest:
        raise invalid(f"MaxResults must be between 1 and {largest}")
    return size
