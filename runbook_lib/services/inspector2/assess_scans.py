"""The cells of aspect "scan types", and whether Inspector is on in the delegated account itself. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from runbook_lib.base.observation import Known, Unknown
from runbook_lib.coverage import Cells, Gap
from runbook_lib.services.column import OPERATOR, SETTINGS_OWNER, Column
from runbook_lib.services.inspector2.spec import NAME
from runbook_lib.services.inspector2.state import SCAN_TYPES, SETTLING, RegionState, Scans
from runbook_lib.services.offers import offered
from runbook_lib.services.population import Population
from runbook_lib.settings.sections.inspector2 import InspectorSection

LATER = ("DISABLED", "DISABLING", "SUSPENDING", "")
Accounts = frozenset[str]
POLICY_OWNER = "the policy's owner"


def wanted_types(part: InspectorSection, region: str) -> tuple[str, ...]:
    """What existing accounts are to have scanned in a Region, in AWS's spelling, sorted; what the Region lacks is left out."""
    return tuple(sorted(each for each in part.existing_accounts or () if offered(NAME, each, region)))


def own_cells(seen: RegionState, part: InspectorSection, population: Population, region: str) -> Cells:
    """Aspect "membership" of the delegated account: Inspector is on there, whatever it scans."""
    column = Column(NAME, region, "membership", desired="ENABLED")
    account = {population.delegated}
    types = wanted_types(part, region)
    if not types:
        return column.unmanaged(account, "not asked")
    if not isinstance(seen.own, Known):
        code, reason = (seen.own.code, seen.own.reason) if isinstance(seen.own, Unknown) else ("NotRead", "not read")
        return column.unknown(account, code, reason, "Make the read possible, then plan again.")
    statuses = {seen.own.value.status_of(each, population.delegated) for each in types}
    if "ENABLED" in statuses:
        return column.covered(account, "Inspector is on", "ENABLED")
    if statuses & {"ENABLING", SETTLING}:
        return column.in_progress(account, "AWS is switching Inspector on", "ENABLING")
    if statuses & set(LATER) and not all(population.delegated in seen.own.value.governed.get(each, ()) for each in types):
        return column.to_do(account, "Inspector is not on in the delegated account", "DISABLED")
    return column.blocked(account, "Inspector cannot be switched on (see scan types)", "See the scan types.", "SUSPENDED")


def scan_cells(
    seen: RegionState, part: InspectorSection, population: Population, region: str, aside: Mapping[str, Accounts]
) -> Cells:
    """Each scan type of the delegated account and of members; those that are on without being wanted are shown."""
    everyone = population.members[region] | {population.delegated}
    cells: list[Cells] = []
    for scan_type in sorted(SCAN_TYPES):
        listed = part.existing_accounts is not None and scan_type in part.existing_accounts
        column = Column(NAME, region, "scan types", scan_type, "on" if listed else "off" if part.existing_accounts else "")
        if listed and not offered(NAME, scan_type, region):
            cells.append(column.not_applicable(everyone, "not offered in this Region"))
        elif listed:
            cells.append(_wanted(column, _together(seen, population, region), population, aside))
            cells.append(_unknown(column, seen, population, region, aside))
        else:
            cells.append(_unwanted(column, _on(_together(seen, population, region), scan_type) & everyone))
    return tuple(cell for each in cells for cell in each)


def _together(seen: RegionState, population: Population, region: str) -> Scans:
    """The members' columns and the delegated account's own, as one."""
    own = seen.own.value if isinstance(seen.own, Known) else Scans()
    names = sorted({*own.statuses, *seen.scans.statuses})
    statuses = {name: _merge(own.statuses.get(name, {}), seen.scans.statuses.get(name, {})) for name in names}
    return Scans(statuses, _merge(own.governed, seen.scans.governed), seen.scans.unassociated, seen.scans.unread)


def _merge(one: Mapping[str, Accounts], other: Mapping[str, Accounts]) -> dict[str, Accounts]:
    return {key: one.get(key, frozenset()) | other.get(key, frozenset()) for key in sorted({*one, *other})}


def _on(scans: Scans, scan_type: str) -> Accounts:
    columns = scans.statuses.get(scan_type, {})
    return columns.get("ENABLED", frozenset()) | columns.get("ENABLING", frozenset())


def _wanted(column: Column, scans: Scans, population: Population, aside: Mapping[str, Accounts]) -> Cells:
    asked = (population.members[column.region] - aside["unknown"]) | {population.delegated}
    columns = {status: accounts & asked for status, accounts in scans.statuses.get(column.item, {}).items()}
    governed = scans.governed.get(column.item, frozenset()) & asked
    off = frozenset[str]().union(*(columns.get(status, frozenset()) for status in LATER))
    starting = columns.get("ENABLING", frozenset()) | columns.get(SETTLING, frozenset())
    suspended = columns.get("SUSPENDED", frozenset())
    ruled = governed & (off | suspended)
    policy = "Change the Inspector policy in Organizations, or settings; the API is refused where a policy governs."
    mend = "Find out why Inspector is suspended in the account, then plan again."
    return (
        *column.covered(columns.get("ENABLED", ()), "is on", "ENABLED"),
        *column.in_progress(starting, "AWS is switching it on", "ENABLING"),
        *column.to_do(off - governed, "is off", "DISABLED"),
        *column.to_do(aside["later"] | (scans.unassociated & asked), "comes after association", "not associated"),
        *column.blocked(ruled, "governed by policy, which sets it otherwise", policy, "DISABLED", POLICY_OWNER),
        *column.blocked(suspended - governed, "is suspended in the account", mend, "SUSPENDED"),
        *column.blocked(aside["stuck"], "the account cannot be associated (see membership)", "See the membership.", who=OPERATOR),
        *column.not_applicable(aside["apart"], "the account is not visible, or has not enabled the Region (see membership)"),
    )


def _unknown(column: Column, seen: RegionState, population: Population, region: str, aside: Mapping[str, Accounts]) -> Cells:
    step = "Make the read possible, then plan again."
    unread = list(seen.scans.unread)
    if isinstance(seen.own, Unknown):
        unread.append((seen.own.code, seen.own.reason, frozenset({population.delegated})))
    if isinstance(seen.members, Unknown):
        unread.append((seen.members.code, seen.members.reason, aside["unknown"]))
    asked = population.members[region] | {population.delegated}
    return tuple(cell for code, reason, accounts in unread for cell in column.unknown(accounts & asked, code, reason, step))


def _unwanted(column: Column, accounts: Accounts) -> Cells:
    if not column.desired:
        return column.unmanaged(accounts, "on")
    step = f"List {column.item} in existing_accounts, or switch it off deliberately; the enabling runbook switches no scanning off."
    reason = "is on although settings do not list it: switching it off lowers protection"
    # Designation itself may switch more on than was asked for; that holds up no other call.
    blocked = column.blocked(accounts, reason, step, "on", SETTINGS_OWNER)
    return tuple(replace(cell, gap=Gap.NOT_ASKED_FOR) for cell in blocked)
