"""What happens to a simulated organization while somebody works on it: accounts come and go, others designate, sessions end."""

from dataclasses import replace
from fnmatch import fnmatchcase

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.identity import Credentials
from runbook_lib.rehearsal.internal import run
from runbook_lib.rehearsal.organization import close_account, deregister_delegated, join_account
from runbook_lib.rehearsal.scenario import Event
from runbook_lib.rehearsal.simulated import by_name
from runbook_lib.rehearsal.world import SimulatedAccount, World


def happen(world: World, event: Event) -> None:
    """Let an event happen. Another administrator does not appear where AWS itself would refuse it."""
    known = event.account in world.organization.accounts
    if event.kind == "expire-credentials":
        expire_credentials(world, event.account)
    elif event.kind == "add-account":
        if not known:
            add_account(world, event.account)
    elif event.kind == "foreign-administrator":
        try:
            designate(world, event.service, event.region, event.account)
        except ApiError:
            return
    elif known:
        close_account(world, event.account, "SUSPENDED" if event.kind == "suspend-account" else "CLOSED")


def undo(world: World, event: Event) -> None:
    """Remove another administrator again; everything else stays."""
    if event.kind == "foreign-administrator":
        withdraw(world, event.service, event.region, event.account)


def add_account(world: World, account: str, name: str = "Joined later", parent: str = "") -> None:
    """Let an account join, as if it had been created by hand: with the roles that every other member has."""
    organization = world.organization
    members = [each for each in organization.accounts.values() if each.id != organization.management]
    common = set[str].intersection(*({*each.roles} for each in members)) if members else set[str]()
    joined = SimulatedAccount(account, name, f"account-{account}@example.com", parent or organization.root, joined=world.now())
    joined.roles = {each: replace(members[0].roles[each]) for each in sorted(common)}
    join_account(world, joined)


def designate(world: World, service: str, region: str, account: str) -> None:
    """Designate an account in one Region, as the management account would. Raises what AWS answers.

    A service that has no designation of its own has the administrator that Organizations registers, in every Region.
    """
    about, management = by_name()[service], world.organization.management
    if about.designation is None:
        principal = {"ServicePrincipal": about.principal}
        run(world, "organizations", "EnableAWSServiceAccess", management, region, principal)
        run(world, "organizations", "RegisterDelegatedAdministrator", management, region, {"AccountId": account, **principal})
        return
    enable, _, parameter = about.designation
    run(world, service, enable, management, region, {parameter: account})


def withdraw(world: World, service: str, region: str, account: str) -> None:
    """Undo `designate`, with its registration in Organizations; harmless where there is nothing to undo."""
    about = by_name()[service]
    if about.designation is not None:
        _, disable, parameter = about.designation
        try:
            run(world, service, disable, world.organization.management, region, {parameter: account})
        except ApiError:
            return
    deregister_delegated(world, about.principal, account)


def expire_credentials(world: World, accounts: str) -> None:
    """End every role session of the accounts that a glob names."""
    store = world.of(Credentials).by_key
    for key, held in list(store.items()):
        if held.token and fnmatchcase(held.account, accounts):
            store[key] = replace(held, expires=world.now())
