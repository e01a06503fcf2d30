"""Comparing what GuardDuty is with what settings ask, as cells. Pure."""

from collections.abc import Iterable

from runbook_lib.base.observation import Known, NotYet, Observation, Unknown, when_known
from runbook_lib.coverage import Cells
from runbook_lib.services.column import BEYOND, Column
from runbook_lib.services.designation import STEP
from runbook_lib.services.guardduty.assess_features import feature_cells
from runbook_lib.services.guardduty.spec import DESIGNATION, NAME
from runbook_lib.services.guardduty.state import Destination, Detector, OrganizationConfiguration, RegionState, State
from runbook_lib.services.guardduty.wanted import RANK, automatic, unavailable
from runbook_lib.services.obstacles import administrator_cells
from runbook_lib.services.population import Population
from runbook_lib.services.regional import missing_administrators, not_enrolled, regional_cells
from runbook_lib.services.view import View
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.guardduty import ExportDestination, GuardDutySection

IN_PROGRESS = ("Created", "Invited", "EmailVerificationInProgress")
STUCK = {
    "AccountSuspended": "Settle the account's suspension, or exclude it, then plan again.",
    "EmailVerificationFailed": "Correct the account's e-mail address in Organizations, then plan again.",
}
"""Relationship statuses that no call of the runbook ends, with the next step."""


def assess(state: State, view: View) -> Cells:
    """All cells of GuardDuty; what is to do in a Region that is barred (another administrator, for example) is blocked."""
    organization, settings, population = view.organization, view.settings, view.population
    part = settings.guardduty
    usable = {region: seen.configuration for region, seen in state.regions.items()}
    administrator = administrator_cells(DESIGNATION, view, state.administrators, usable)
    if part is None:
        return administrator

    def cells_of(region: str) -> Cells:
        seen = state.regions[region]
        return (
            *_detectors(seen, population, region),
            *_membership(seen, population, region),
            *_automatic(seen, part, settings, population, region),
            *feature_cells(seen, part, organization, settings, population, region),
            *_frequency(seen, part, settings, population, region),
            *_export(seen, part, population, region),
        )

    aspects = ("membership", "features") if part.features else ("membership",)
    return administrator + regional_cells(DESIGNATION, state, view, aspects, part.regions, cells_of)


def _detectors(seen: RegionState, population: Population, region: str) -> Cells:
    column = Column(NAME, region, "detector", desired="on")
    own = _detector(column, population.delegated, seen.delegated)
    if population.management not in population.members[region]:
        return own
    return (*own, *_detector(column, population.management, seen.management))


def _detector(column: Column, account: str, found: Observation[Detector | None]) -> Cells:
    if isinstance(found, Unknown):
        return column.unknown({account}, found.code, found.reason, found.next_step)
    if not isinstance(found, Known) or found.value is None:
        return column.to_do({account}, "the account has no detector of its own", "none")
    if not found.value.enabled:
        return column.to_do({account}, "the account's own detector is suspended", "suspended")
    return column.covered({account}, "the account's own detector is on", "on")


def _membership(seen: RegionState, population: Population, region: str) -> Cells:
    column = Column(NAME, region, "membership", desired="Enabled")
    own = _detector(column, population.delegated, seen.delegated)
    accounts = population.members[region]
    if not isinstance(seen.members, Known):
        return (*own, *column.unseen(accounts, seen.members, f"members come after: {STEP}", "none"))
    by_status: dict[str, set[str]] = {}
    for account in accounts:
        by_status.setdefault(seen.members.value.get(account, "none"), set()).add(account)
    full = isinstance(seen.configuration, Known) and seen.configuration.value.limit_reached
    return (*own, *(cell for status, group in sorted(by_status.items()) for cell in _status(column, status, group, full)))


def _status(column: Column, status: str, accounts: Iterable[str], full: bool) -> Cells:
    if status == "Enabled":
        return column.covered(accounts, "member account, GuardDuty is on", status)
    if status in IN_PROGRESS:
        return column.in_progress(accounts, "AWS is enrolling the account", status)
    if status == "Disabled":
        return column.to_do(accounts, "member account, but its detector is suspended", status)
    if status == "RegionDisabled":
        return column.not_applicable(accounts, "GuardDuty says that the Region is not enabled in the account", status)
    return not_enrolled(DESIGNATION, column, status, accounts, full, STUCK)


def _automatic(seen: RegionState, part: GuardDutySection, settings: Settings, population: Population, region: str) -> Cells:
    """Auto-enable: item "" is the organization's own choice, the others are features and agents."""
    wanted: dict[str, str | None] = {"": part.auto_enable, **automatic(part)}
    shown = seen.configuration.value.items if isinstance(seen.configuration, Known) else {}
    for item in shown:
        wanted.setdefault(item, None)
    cells: list[Cells] = []
    for item, desired in sorted(wanted.items()):
        column = Column(NAME, region, "auto-enable", item, desired or "")
        found = when_known(seen.configuration, lambda value, item=item: _choice(value, item))  # type: ignore[misc]
        if item and desired and (why := unavailable(item, automatic(part), region)):
            cells.append(column.not_applicable({population.delegated}, why))
        else:
            cells.append(_ranked(column, population, found, settings, "auto-enable is set after designation"))
    return tuple(cell for each in cells for cell in each)


def _choice(configuration: OrganizationConfiguration, item: str) -> str:
    return configuration.items.get(item, "NONE") if item else configuration.auto_enable


def _ranked(column: Column, population: Population, found: Observation[str], settings: Settings, later: str) -> Cells:
    """The cell of one value of the delegated account that reaches the whole organization."""
    accounts = {population.delegated}
    observed = found.value if isinstance(found, Known) else ""
    if not column.desired:
        return column.unmanaged(accounts, observed) if observed else ()
    if not population.whole:
        return column.unmanaged(accounts, observed or "not read", BEYOND)
    if not isinstance(found, Known):
        return column.unseen(accounts, found, later)
    if observed == column.desired:
        return column.covered(accounts, f"is {observed}", observed)
    if RANK.get(observed, 0) > RANK[column.desired]:
        return column.wider(accounts, observed, settings)
    return column.to_do(accounts, f"is {observed}", observed)


def _frequency(seen: RegionState, part: GuardDutySection, settings: Settings, population: Population, region: str) -> Cells:
    column = Column(NAME, region, "publishing frequency", desired=part.publishing_frequency or "")
    return _ranked(column, population, _frequency_of(seen.delegated), settings, "set with the detector")


def _frequency_of(found: Observation[Detector | None]) -> Observation[str]:
    if isinstance(found, Known):
        return NotYet("the delegated account has a detector") if found.value is None else Known(found.value.frequency)
    return found


def _export(seen: RegionState, part: GuardDutySection, population: Population, region: str) -> Cells:
    wanted = (part.export or {}).get(region)
    column = Column(NAME, region, "export", desired=wanted.bucket_arn if wanted else "")
    found = seen.destinations
    shown = ", ".join(each.bucket_arn for each in found.value) if isinstance(found, Known) else ""
    accounts = {population.delegated}
    if wanted is None:
        return column.unmanaged(accounts, shown) if shown else ()
    if not population.whole:
        return column.unmanaged(accounts, shown or "none", BEYOND)
    if isinstance(found, Unknown):
        return column.unknown(accounts, found.code, found.reason, found.next_step)
    if isinstance(found, NotYet) or not found.value:
        return column.to_do(accounts, "findings are not exported", "none")
    return _destination(column, accounts, found.value, wanted)


def _destination(column: Column, accounts: set[str], found: tuple[Destination, ...], wanted: ExportDestination) -> Cells:
    same = [each for each in found if (each.bucket_arn, each.kms_key_arn) == (wanted.bucket_arn, wanted.kms_key_arn)]
    if not same:
        other = ", ".join(each.bucket_arn for each in found)
        step = "Name the existing destination in settings, or remove it deliberately; then plan again."
        return column.blocked(accounts, "findings are exported to another destination; a detector has one", step, other)
    status = same[0].status
    if status == "PUBLISHING":
        return column.covered(accounts, "findings are exported", status)
    if status == "PENDING_VERIFICATION":
        return column.in_progress(accounts, "AWS is verifying the destination", status)
    step = "Correct the bucket policy and the key policy for GuardDuty's service principal; AWS then goes on by itself."
    return column.blocked(accounts, f"the destination is {status}", step, status)


def missing(state: State, view: View) -> list[str]:
    """Later phases need the administrator designated in every asked Region."""
    return missing_administrators(DESIGNATION, state.administrators if view.settings.guardduty else {}, view.population)
