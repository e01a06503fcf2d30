"""Hubs and member accounts of one Region: who is on, who is on the way, who has to be added, and who cannot be.

Accounts are added by CreateMembers, which also switches on Security Hub with AWS's default standards in an account that does not
have it; settings must have accepted these by name. The management account must have its own hub before it can be added.
"""

from collections.abc import Mapping

from runbook_lib.base.observation import Known, NotYet, Observation, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.services.column import SETTINGS_OWNER
from runbook_lib.services.designation import STEP
from runbook_lib.services.population import Population, aside_cells
from runbook_lib.services.securityhub.findings import (
    Finding,
    blocked,
    cells,
    covered,
    in_progress,
    not_asked,
    to_do,
    unknown,
    waiting,
)  # fmt: skip
from runbook_lib.services.securityhub.spec import NAME
from runbook_lib.services.securityhub.state import HUB_STEP, NOT_OBSERVED, State, items_of
from runbook_lib.settings.sections.securityhub import SecurityHubSection

HUB = "hub"
MEMBERSHIP = "membership"
RETURNING = ("Removed", "Resigned", "Deleted", "Invited")
"""Statuses from which an organization account comes (back) only by CreateMembers."""
NOT_NAMED = "settings do not name this Region"


def set_aside(population: Population, account: str, region: str) -> bool:
    """Whether an account is not asked about in a Region."""
    return any(account in aside.accounts for aside in population.aside.get(region, ()))


def assess_hubs(state: State, population: Population, region: str) -> Cells:
    """The own hubs of the delegated and, where it is to be a member, the management account."""
    found: Cells = ()
    if not set_aside(population, population.delegated, region):
        found += cells(region, HUB, {population.delegated: hub_finding(state.delegated_hubs.get(region))})
    if population.management in population.members.get(region, ()):
        found += cells(region, HUB, {population.management: hub_finding(state.management_hubs.get(region))})
    return found


def hub_finding(observation: Observation[bool] | None) -> Finding:
    """The verdict of one account's own hub; a hub that cannot exist yet is off."""
    if isinstance(observation, Unknown):
        return unknown(observation)
    if isinstance(observation, Known) and observation.value:
        return covered("Security Hub is on", "on")
    return to_do("Security Hub is off", "off", "on, with no standard by default")


def assess_members(state: State, part: SecurityHubSection, population: Population, region: str) -> Cells:
    """The cells of aspect "membership" of one asked Region, the accounts set aside included."""
    return aside_cells(NAME, MEMBERSHIP, population, region) + cells(region, MEMBERSHIP, findings(state, part, population, region))


def findings(state: State, part: SecurityHubSection, population: Population, region: str) -> dict[str, Finding]:
    """The verdict of every account that is to be a member; for the delegated account, that of its own hub."""
    found = {account: member_finding(state, part, population, region, account) for account in population.members.get(region, ())}
    if not set_aside(population, population.delegated, region):
        found[population.delegated] = hub_finding(state.delegated_hubs.get(region))
    return found


def member_finding(state: State, part: SecurityHubSection, population: Population, region: str, account: str) -> Finding:
    """The verdict of one account that is to be a member."""
    listed = state.members.get(region, NOT_OBSERVED)
    if isinstance(listed, Unknown):
        return unknown(listed)
    status = listed.value.get(account, "") if isinstance(listed, Known) else ""
    if status == "Enabled":
        return covered("member account", status)
    if status == "Created":
        return in_progress("AWS is adding the account", status, "Enabled")
    if status == "AccountSuspended":
        return blocked(
            "AWS suspended the account while the administrator tried to add it",
            "Have the account reinstated, or exclude it in the settings.", "the account's owner", status, "Enabled",
        )  # fmt: skip
    if status and status not in RETURNING:
        return unknown(Unknown(status, f"member status {status} is not known to this runbook", "Look the status up, then decide."))
    return _joining(state, part, population, region, account, status)


def _joining(state: State, part: SecurityHubSection, population: Population, region: str, account: str, status: str) -> Finding:
    """The verdict of an account that CreateMembers would add."""
    seen = status or "no member"
    configuration = state.configurations.get(region, NOT_OBSERVED)
    if isinstance(configuration, Known) and configuration.value.limit_reached:
        return blocked(
            f"the number of member accounts that {region} allows is reached",
            "Ask AWS Support for a higher limit.", "the person who runs this", seen, "Enabled",
        )  # fmt: skip
    if account == population.management:
        own = state.management_hubs.get(region)
        return unknown(own) if isinstance(own, Unknown) else to_do(_why(state, region, status), seen, "Enabled")
    offered = state.offered.get(region, NOT_OBSERVED)
    if isinstance(offered, Unknown):
        return unknown(offered)
    refused = unaccepted(offered, part)
    if refused:
        return blocked(
            f"AWS switches on default standards in accounts it adds, and settings do not accept: {', '.join(refused)}",
            "Name them under security_hub.accept_default_standards (they check resources, and AWS Config charges for it), or leave "
            "the accounts out.",
            SETTINGS_OWNER, seen, "Enabled",
        )  # fmt: skip
    return to_do(_why(state, region, status), seen, "Enabled")


def unaccepted(offered: Observation[Mapping[str, bool]], part: SecurityHubSection) -> tuple[str, ...]:
    """Standards that AWS switches on by default and that settings do not accept; none while AWS's list cannot exist yet."""
    accepted = items_of(part.accept_default_standards)
    listed = offered.value if isinstance(offered, Known) else {}
    return tuple(sorted(item for item, default in listed.items() if default and item not in accepted))


def _why(state: State, region: str, status: str) -> str:
    listed = state.members.get(region, NOT_OBSERVED)
    if isinstance(listed, NotYet):
        return f"no member account: {waiting(NotYet(HUB_STEP if listed.step == HUB_STEP else STEP))}"
    return f"no member account: {status}" if status else "no member account"


def assess_other(state: State, part: SecurityHubSection | None, population: Population, region: str) -> Cells:
    """A Region that settings do not name: what is visible is shown, the rest is not asked for."""
    listed = state.members.get(region)
    found: dict[str, Finding] = {}
    for account in population.members.get(region, ()):
        status = listed.value.get(account, "") if isinstance(listed, Known) else ""
        verdict = covered("member account", status) if status == "Enabled" else to_do("no member account", status or "no member")
        found[account] = unknown(listed) if isinstance(listed, Unknown) else verdict
    if not set_aside(population, population.delegated, region):
        found[population.delegated] = hub_finding(state.delegated_hubs.get(region))
    shown = {account: not_asked(finding, NOT_NAMED) for account, finding in found.items()}
    return aside_cells(NAME, MEMBERSHIP, population, region) + cells(region, MEMBERSHIP, shown)
