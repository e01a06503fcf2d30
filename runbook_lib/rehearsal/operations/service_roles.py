"""Service-linked roles that a service makes where it is switched on, with the caller's permissions in the caller's own account."""

from fnmatch import fnmatchcase

from runbook_lib.rehearsal.organization import account_of
from runbook_lib.rehearsal.registry import Call
from runbook_lib.rehearsal.world import World


def may_not_make(call: Call, name: str) -> bool:
    """Whether the caller's account lacks the role, and the caller may not make one [issue SRA#308]."""
    account = account_of(call.world, call.account)
    if account is None or name in account.service_linked_roles:
        return False
    role = call.caller.role if call.caller else None
    return role is not None and any(fnmatchcase("iam:CreateServiceLinkedRole", pattern) for pattern in role.denied)


def give(world: World, account: str, *names: str) -> None:
    """The account has the roles from now on."""
    found = account_of(world, account)
    if found is not None:
        found.service_linked_roles.update(names)
