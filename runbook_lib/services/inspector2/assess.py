"""Comparing what Inspector is with what settings ask, as cells. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from runbook_lib.base.observation import Known, Observation, Unknown, when_known
from runbook_lib.coverage import Cells
from runbook_lib.services.column import BEYOND, Column
from runbook_lib.services.designation import STEP
from runbook_lib.services.inspector2.assess_scans import own_cells, scan_cells
from runbook_lib.services.inspector2.spec import DESIGNATION, NAME
from runbook_lib.services.inspector2.state import SCAN_TYPES, Configuration, RegionState, State
from runbook_lib.services.obstacles import administrator_cells
from runbook_lib.services.offers import offered
from runbook_lib.services.population import Population
from runbook_lib.services.regional import missing_administrators, not_enrolled, regional_cells
from runbook_lib.services.view import View
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.inspector2 import InspectorSection

VISIBLE = 10_000
"""Members that Inspector shows to its administrator at most [docs]."""
IN_PROGRESS = ("CREATED", "INVITED", "EMAIL_VERIFICATION_IN_PROGRESS")
STUCK = {
    "ACCOUNT_SUSPENDED": "Settle the account's suspension, or exclude it, then plan again.",
    "EMAIL_VERIFICATION_FAILED": "Correct the account's e-mail address in Organizations, then plan again.",
    "CANNOT_CREATE_DETECTOR_IN_ORG_MASTER": "Create Inspector's service-linked role in the management account, then plan again.",
}
"""Relationship statuses that no call of the runbook ends, with the next step."""
DURATIONS = ("DAYS_3", "DAYS_7", "DAYS_14", "DAYS_30", "DAYS_60", "DAYS_90", "DAYS_180", "LIFETIME")
MODES = ("EC2_SSM_AGENT_BASED", "EC2_HYBRID")
FIRST_MODE = "EC2_HYBRID"
"""The scan mode of a first activation [docs]: narrower settings already lower it."""


@dataclass(frozen=True)
class Setting:
    """A scan setting of the delegated account: what is wanted, what is there, and AWS's status of a change."""

    wanted: str
    found: Observation[tuple[str, str]]
    ranks: tuple[str, ...]
    first: str = ""


def assess(state: State, view: View) -> Cells:
    """All cells of Inspector; what is to do in a Region that is barred (another administrator, for example) is blocked."""
    settings, population = view.settings, view.population
    part = settings.inspector
    usable = {region: seen.organization for region, seen in state.regions.items()}
    administrator = administrator_cells(DESIGNATION, view, state.administrators, usable)
    if part is None:
        return administrator

    def cells_of(region: str) -> Cells:
        seen = state.regions[region]
        return (
            *own_cells(seen, part, population, region),
            *_membership(seen, population, region),
            *scan_cells(seen, part, population, region, _not_enrolled(seen, population, region)),
            *_automatic(seen, part, settings, population, region),
            *_settings(seen, part, settings, population, region),
        )

    aspects = ("membership", "scan types") if part.existing_accounts else ("membership",)
    return administrator + regional_cells(DESIGNATION, state, view, aspects, part.regions, cells_of)


def lowers(aspect: str, observed: str, desired: str) -> bool:
    """Whether going from one value to the other lowers protection."""
    ranks = {"auto-enable": ("off", "on"), "ec2 scan mode": MODES, "ecr re-scan": DURATIONS}.get(aspect, ())
    return observed in ranks and desired in ranks and ranks.index(observed) > ranks.index(desired)


def _by_status(seen: RegionState, population: Population, region: str) -> dict[str, set[str]]:
    """Relationship status → the asked accounts; "none" where the administrator does not list an account."""
    statuses = seen.members.value if isinstance(seen.members, Known) else {}
    full = sum(status == "ENABLED" for status in statuses.values()) >= VISIBLE
    found: dict[str, set[str]] = {}
    for account in population.members[region]:
        found.setdefault(statuses.get(account, "not visible" if full else "none"), set()).add(account)
    return found


def _not_enrolled(seen: RegionState, population: Population, region: str) -> dict[str, frozenset[str]]:
    """The accounts whose scan types nobody can see: to be associated, stuck, or apart for good."""
    found = _by_status(seen, population, region)
    stuck = frozenset[str]().union(*(found.get(status, ()) for status in STUCK))
    apart = frozenset[str]().union(*(found.get(status, ()) for status in ("REGION_DISABLED", "not visible")))
    enrolled = frozenset(found.get("ENABLED", ()))
    unknown = population.members[region] if isinstance(seen.members, Unknown) else frozenset[str]()
    later = population.members[region] - stuck - apart - enrolled - unknown
    return {"later": later, "stuck": stuck - unknown, "apart": apart - unknown, "unknown": unknown}


def _membership(seen: RegionState, population: Population, region: str) -> Cells:
    column = Column(NAME, region, "membership", desired="ENABLED")
    accounts = population.members[region]
    if not isinstance(seen.members, Known):
        return column.unseen(accounts, seen.members, f"members come after: {STEP}", "none")
    full = isinstance(seen.organization, Known) and seen.organization.value.limit_reached
    groups = sorted(_by_status(seen, population, region).items())
    return tuple(cell for status, group in groups for cell in _status(column, status, group, full))


def _status(column: Column, status: str, accounts: Iterable[str], full: bool) -> Cells:
    if status == "ENABLED":
        return column.covered(accounts, "member account", status)
    if status in IN_PROGRESS:
        return column.in_progress(accounts, "AWS is associating the account", status)
    if status == "REGION_DISABLED":
        return column.not_applicable(accounts, "Inspector says that the Region is not enabled in the account", status)
    if status == "not visible":
        return column.not_applicable(accounts, "not visible: Inspector shows its administrator 10,000 members at most", status)
    return not_enrolled(DESIGNATION, column, status, accounts, full, STUCK)


def _automatic(seen: RegionState, part: InspectorSection, settings: Settings, population: Population, region: str) -> Cells:
    """What accounts that join will have scanned, one item per scan type."""
    cells: list[Cells] = []
    accounts = {population.delegated}
    found = seen.organization
    for scan_type, name in SCAN_TYPES.items():
        wanted = part.new_accounts is not None and scan_type in part.new_accounts
        desired = "" if part.new_accounts is None else "on" if wanted else "off"
        column = Column(NAME, region, "auto-enable", scan_type, desired)
        observed = ("on" if found.value.flags.get(name, False) else "off") if isinstance(found, Known) else "not read"
        if not offered(NAME, scan_type, region):
            cells.append(column.not_applicable(accounts, "not offered in this Region") if wanted else ())
        elif part.new_accounts is None or not population.whole:
            shown = column.unmanaged(accounts, observed, BEYOND) if desired else column.unmanaged(accounts, observed)
            cells.append(shown)
        elif not isinstance(found, Known):
            cells.append(column.unseen(accounts, found, "set after designation"))
        else:
            cells.append(_flag(column, accounts, observed, settings))
    return tuple(cell for each in cells for cell in each)


def _flag(column: Column, accounts: set[str], observed: str, settings: Settings) -> Cells:
    if observed == column.desired:
        return column.covered(accounts, f"is {observed}", observed)
    return column.wider(accounts, observed, settings) if observed == "on" else column.to_do(accounts, "is off", observed)


def _settings(seen: RegionState, part: InspectorSection, settings: Settings, population: Population, region: str) -> Cells:
    mode = Setting(part.ec2_scan_mode or "", when_known(seen.configuration, _mode), MODES, FIRST_MODE)
    rescan = Setting(part.ecr_rescan_duration or "", when_known(seen.configuration, _rescan), DURATIONS)
    return (
        *_setting(Column(NAME, region, "ec2 scan mode", desired=mode.wanted), mode, settings, population),
        *_setting(Column(NAME, region, "ecr re-scan", desired=rescan.wanted), rescan, settings, population),
    )


def _mode(value: Configuration) -> tuple[str, str]:
    return value.scan_mode, value.scan_mode_status


def _rescan(value: Configuration) -> tuple[str, str]:
    return value.rescan, value.rescan_status


def _setting(column: Column, setting: Setting, settings: Settings, population: Population) -> Cells:
    accounts = {population.delegated}
    observed, status = setting.found.value if isinstance(setting.found, Known) else (setting.first, "")
    if not setting.wanted or not population.whole:
        shown = column.unmanaged(accounts, observed, BEYOND) if setting.wanted else column.unmanaged(accounts, observed)
        return shown if isinstance(setting.found, Known) and observed else ()
    if isinstance(setting.found, Unknown):
        return column.unknown(accounts, setting.found.code, setting.found.reason, setting.found.next_step)
    if lowers(column.aspect, observed, setting.wanted):
        return column.wider(accounts, observed, settings)
    if isinstance(setting.found, Known) and observed == setting.wanted and status != "FAILED":
        pending = status == "PENDING"
        applying = "AWS is applying the setting"
        return column.in_progress(accounts, applying, observed) if pending else column.covered(accounts, f"is {observed}", observed)
    return column.to_do(
        accounts, f"is {observed or 'not set'}" if isinstance(setting.found, Known) else "set after designation", observed
    )


def missing(state: State, view: View) -> list[str]:
    """Later phases need the administrator designated in every asked Region."""
    return missing_administrators(DESIGNATION, state.administrators if view.settings.inspector else {}, view.population)
