"""Service-linked roles, in accounts where a service that makes them is switched on."""

from runbook_lib.rehearsal.organization import account_of
from runbook_lib.rehearsal.world import World


def give(world: World, account: str, *names: str) -> None:
    """The account has the roles from now on."""
    found = account_of(world, account)
    if found is not None:
        found.service_linked_roles.update(names)
