"""Standards by name and version: in the delegated account, and in members only where settings name them and a role."""

from collections.abc import Mapping

from runbook_lib.base.observation import Known, NotYet, Observation, Unknown
from runbook_lib.coverage import Cells, Gap, Status
from runbook_lib.services.column import SETTINGS_OWNER
from runbook_lib.services.population import Population
from runbook_lib.services.securityhub.findings import (
    Finding,
    blocked,
    cells,
    covered,
    in_progress,
    not_managed,
    to_do,
    unknown,
    waiting,
)  # fmt: skip
from runbook_lib.services.securityhub.membership import set_aside
from runbook_lib.services.securityhub.state import NOT_OBSERVED, Standards, State, Subscription, items_of
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.securityhub import SecurityHubSection

ASPECT = "standards"
NO_RECORDER = "NO_AVAILABLE_CONFIGURATION_RECORDER"


def requested(state: State, wanted: tuple[str, ...], region: str) -> tuple[str, ...]:
    """The wanted standards that can be asked for in a Region: all, but those that AWS's list of the Region lacks."""
    offered = state.offered.get(region, NOT_OBSERVED)
    return tuple(item for item in wanted if not isinstance(offered, Known) or item in offered.value)


def assess(
    state: State,
    settings: Settings,
    part: SecurityHubSection,
    population: Population,
    region: str,
    membership: Mapping[str, Finding],
) -> Cells:
    """The cells of aspect "standards" of one Region; `membership` holds the verdicts of the accounts as members."""
    found: Cells = ()
    if not set_aside(population, population.delegated, region):
        found += _delegated(state, part, population, region)
    if part.existing_account_standards is not None:
        for item in items_of(part.existing_account_standards):
            verdicts = {
                account: _member(state, settings, region, account, item, membership[account])
                for account in population.members.get(region, ())
            }
            found += cells(region, ASPECT, verdicts, item)
    return found + _unnamed(state, part, population, region)


def _delegated(state: State, part: SecurityHubSection, population: Population, region: str) -> Cells:
    own = state.standards.get(region, {}).get(population.delegated, NOT_OBSERVED)
    found: Cells = ()
    for item in items_of(part.delegated_account_standards):
        found += cells(region, ASPECT, {population.delegated: _finding(state, own, item, region)}, item)
    return found


def _member(state: State, settings: Settings, region: str, account: str, item: str, member: Finding) -> Finding:
    """One standard in one member: read from inside, and nothing to plan where the account has no hub and cannot get one."""
    if settings.access.members is None:
        return blocked(
            "a member's standards can only be set from inside the account, and settings name no member role",
            "Name access.members, or leave existing_account_standards out.", SETTINGS_OWNER,
        )  # fmt: skip
    if region in state.standards and account not in state.standards[region]:
        return blocked("no role leads into the account", "Name a role under access.members.", SETTINGS_OWNER)
    own = state.standards.get(region, {}).get(account, NOT_OBSERVED)
    finding = _finding(state, own, item, region)
    if isinstance(own, NotYet) and finding.gap == Gap.TO_DO and (member.gap == Gap.BLOCKED or member.status is Status.UNKNOWN):
        return member._replace(reason=f"Security Hub is not on in the account: {member.reason}", observed="", desired="")
    return finding


def _finding(state: State, own: Observation[Standards], item: str, region: str) -> Finding:
    if isinstance(own, Unknown):
        return unknown(own)
    held = own.value.get(item) if isinstance(own, Known) else None
    if held is not None and held.status != "DELETING":
        return subscribed(held)
    if finding := _not_offered(state, item, region):
        return finding
    if held is not None:
        return to_do("AWS is switching the standard off; it can be switched on after that", held.status, "READY")
    return to_do(waiting(own) if isinstance(own, NotYet) else "the standard is off", "off", "READY")


def subscribed(held: Subscription) -> Finding:
    """What the status of an enabled standard means."""
    seen = f"{held.status} {held.reason}".strip()
    if held.status == "READY":
        return covered("the standard is on", seen)
    if held.status == "PENDING":
        return in_progress("AWS is switching the standard on", seen, "READY")
    if held.status == "INCOMPLETE":
        step = (
            "Turn on AWS Config recording in the account and Region."
            if held.reason in ("", NO_RECORDER)
            else f"Remove the cause that AWS names ({held.reason}), then look again."
        )
        reason = "the standard is on but does not evaluate all its controls"
        return Finding(Status.GAP, reason, Gap.NOT_EVALUATING, seen, "READY", "", step, "the account's owner")
    if held.status == "FAILED":
        cause = held.reason or "none given"
        step = f"Remove the cause that AWS names ({cause}), switch the standard off deliberately, then plan again."
        return blocked("AWS could not switch the standard on", step, "the account's owner", seen, "READY")
    return unknown(Unknown(held.status or "NoStatus", f"standard status {held.status!r} is not known to this runbook"))


def _not_offered(state: State, item: str, region: str) -> Finding | None:
    """A standard that AWS does not list here: another Region has it, or the name is wrong everywhere."""
    offered = state.offered.get(region, NOT_OBSERVED)
    if isinstance(offered, Unknown):
        return unknown(offered)
    if not isinstance(offered, Known) or item in offered.value:
        return None
    if any(isinstance(listed, Known) and item in listed.value for listed in state.offered.values()):
        return Finding(Status.NOT_APPLICABLE, f"AWS does not offer the standard in {region}")
    return blocked(
        f"AWS offers no such standard in {region}", f"Correct name and version; AWS offers: {', '.join(sorted(offered.value))}.",
        SETTINGS_OWNER, "off", "READY",
    )  # fmt: skip


def _unnamed(state: State, part: SecurityHubSection, population: Population, region: str) -> Cells:
    """Standards that are on and that settings do not name: shown, left alone."""
    shown: dict[str, dict[str, Finding]] = {}
    for account, own in sorted(state.standards.get(region, {}).items()):
        named = part.delegated_account_standards if account == population.delegated else part.existing_account_standards
        for item in sorted(set(own.value) - set(items_of(named))) if isinstance(own, Known) else ():
            shown.setdefault(item, {})[account] = not_managed(own.value[item].status if isinstance(own, Known) else "")
    return tuple(cell for item, findings in shown.items() for cell in cells(region, ASPECT, findings, item))
