"""What stands in the way of a service in a Region, the cells of its administrator, and why cells need no step.

A Region where the administrator cannot be designated, or is somebody else, is barred as a whole: whatever is still to do there
becomes blocked (or unknown, where the reason is a failed read), with the next step and who can take it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from runbook_lib.base.observation import Known, NotYet, Observation, Unknown
from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.organization import ALL_FEATURES
from runbook_lib.plan import Blocker, NoChange
from runbook_lib.services.designation import ASPECT, Administrators, as_seen, designated, registered
from runbook_lib.services.population import ENABLED, Population
from runbook_lib.services.spec import Designation
from runbook_lib.services.view import View

REGISTRATION = "organizations"
"""Item of the cell about Organizations."""
MANAGEMENT_OWNER = "an administrator of the management account"
ENABLE_ALL_FEATURES = "Enable all features in Organizations, which every member account has to accept, then plan again."
DELEGATED_OWNER = "an administrator of the delegated account"


@dataclass(frozen=True)
class Bar:
    """Why nothing can be planned in a Region; `status` is UNKNOWN when that is because something could not be read."""

    reason: str
    next_step: str
    who: str = MANAGEMENT_OWNER
    status: Status = Status.GAP
    code: str = ""


def unreadable(own: Mapping[str, Observation[Any] | None]) -> dict[str, Bar]:
    """Regions where the delegated account cannot even read what is its own (an SCP, a Region deny): no designation there.

    The management account, which no service control policy binds, could designate it all the same.
    """
    return {
        region: Bar(seen.reason, seen.next_step, DELEGATED_OWNER, Status.UNKNOWN, seen.code)
        for region, seen in own.items()
        if isinstance(seen, Unknown)
    }


def bars(spec: Designation | None, view: View, administrators: Administrators) -> dict[str, Bar]:
    """Region → why nothing can be planned there. Regions that are asked for and missing here are free."""
    found = {region: _bar(spec, view, administrators, region) for region in view.population.regions}
    return {region: bar for region, bar in found.items() if bar is not None}


def _bar(spec: Designation | None, view: View, administrators: Administrators, region: str) -> Bar | None:
    if (bar := region_bar(view, region)) or spec is None:
        return bar
    listed = administrators.get(region, Unknown("NotRead", f"the administrator list of {region} was not read"))
    if isinstance(listed, Unknown):
        return Bar(
            listed.reason, listed.next_step or "Make the read possible, then plan again.", status=Status.UNKNOWN, code=listed.code
        )
    if designated(administrators, region, view.delegated):
        return None
    if isinstance(listed, Known) and listed.value:
        return _listed_bar(spec, listed.value, view.delegated, region)
    return _registration_bar(spec, view) or _elsewhere_bar(spec, administrators, view.population)


def region_bar(view: View, region: str) -> Bar | None:
    """The organization must have all features; the Region must be enabled in both the management and the delegated account."""
    if view.organization.feature_set != ALL_FEATURES:
        return Bar(
            f"the organization's feature set is {view.organization.feature_set}: no service can have an administrator in it",
            ENABLE_ALL_FEATURES,
        )
    for aside in view.population.aside.get(region, ()):
        if view.delegated in aside.accounts:
            return Bar(
                f"the delegated account {view.delegated} cannot act in {region}: {aside.reason}",
                f"Make {region} usable in the delegated account, or take it out of this service's Regions.",
                DELEGATED_OWNER,
                Status.UNKNOWN if aside.status is Status.UNKNOWN else Status.GAP,
                aside.code,
            )
    opted = view.organization.regions.get(view.management)
    if isinstance(opted, Known) and opted.value.get(region) not in ENABLED:
        return Bar(
            f"{region} is not enabled in the management account {view.management}, which designates the administrator",
            f"Enable {region} in the management account, or take it out of this service's Regions.",
        )
    return None


def _listed_bar(spec: Designation, listed: Mapping[str, str], delegated: str, region: str) -> Bar:
    others = sorted(set(listed) - {delegated})
    if others:
        return Bar(
            f"another account is {spec.title} administrator in {region}: {', '.join(others)}",
            f"Decide which account is to administer {spec.title}. AWS replaces no administrator in place: remove the other one "
            "deliberately (its members become standalone), or name it in the settings; then plan again.",
        )
    return Bar(
        f"the delegated account is listed as {spec.title} administrator in {region} with status {listed[delegated]}",
        "A removal is under way: wait until the list is empty, then plan again.",
    )


def _registration_bar(spec: Designation, view: View) -> Bar | None:
    found = registered(spec, view.organization)
    if isinstance(found, Unknown):
        return Bar(
            found.reason, found.next_step or "Make the read possible, then plan again.", status=Status.UNKNOWN, code=found.code
        )
    others = sorted(found.value - {view.delegated}) if isinstance(found, Known) else []
    if not others:
        return None
    return Bar(
        f"Organizations has another delegated administrator for {spec.principal}: {', '.join(others)}",
        "Find out who uses that registration. Taking it back ends the administrator in every Region, so it is not part of this "
        "runbook; settle it, then plan again.",
    )


def _elsewhere_bar(spec: Designation, administrators: Administrators, population: Population) -> Bar | None:
    """AWS wants one administrator per service in all Regions, those that settings do not name included."""
    for region in sorted(administrators):
        listed = administrators[region]
        if isinstance(listed, Known) and (others := sorted(set(listed.value) - {population.delegated})):
            return replace(
                _listed_bar(spec, listed.value, population.delegated, region),
                reason=f"another account is {spec.title} administrator in {region}: {', '.join(others)}; "
                "AWS requires the same account in all Regions",
            )
    return None


def bar_cells(cells: Iterable[Cell], barred: Mapping[str, Bar]) -> Cells:
    """Turn what is still to do in a barred Region into blocked, or into unknown where the bar is a failed read.

    The registration in Organizations belongs to no Region and is left as `administrator_cells` made it.
    """
    return tuple(cell if cell.item == REGISTRATION else _blocked(cell, barred.get(cell.region)) for cell in cells)


def _blocked(cell: Cell, bar: Bar | None) -> Cell:
    if bar is None or not cell.in_scope or cell.gap is not Gap.TO_DO:
        return cell
    gap = Gap.BLOCKED if bar.status is Status.GAP else None
    return replace(cell, status=bar.status, gap=gap, reason=bar.reason, next_step=bar.next_step, who=bar.who, code=bar.code)


def administrator_cells(
    spec: Designation,
    view: View,
    administrators: Administrators,
    usable: Mapping[str, Observation[Any]],
    closed: Mapping[str, Bar] | None = None,
) -> Cells:
    """The cells of aspect "administrator" (barring applied): item "organizations" once, item "service" for every Region.

    `usable` says per asked Region what the delegated account got when it read its organization configuration; NotYet beside a
    good administrator list means that AWS is still spreading the designation. `closed` are Regions that the service itself
    found closed (the delegated account cannot read its own hub there): no administrator is designated where it could do nothing.
    """
    population = view.population
    barred = {**(closed or {}), **bars(spec, view, administrators)}
    asked = [_service_cell(spec, population, administrators, usable.get(region), region) for region in population.regions]
    rest = [_other_cell(spec, population, administrators, region) for region in population.other_regions]
    first = [_registration_cell(spec, view, barred)] if population.regions else []
    return (*first, *bar_cells(asked, barred), *rest)


def _registration_cell(spec: Designation, view: View, barred: Mapping[str, Bar]) -> Cell:
    found, delegated = registered(spec, view.organization), view.delegated
    seen = ", ".join(sorted(found.value)) or "none" if isinstance(found, Known) else "not read"
    cell = Cell(
        spec.service,
        view.population.regions[0],
        ASPECT,
        frozenset({delegated}),
        Status.GAP,
        f"Organizations has no delegated administrator for {spec.principal}",
        REGISTRATION,
        Gap.TO_DO,
        seen,
        delegated,
    )
    if bar := _registration_bar(spec, view):
        return _blocked(cell, bar)
    if isinstance(found, Known) and delegated in found.value:
        return replace(cell, status=Status.COVERED, gap=None, reason=f"registered in Organizations for {spec.principal}")
    if all(region in barred for region in view.population.regions):
        return _blocked(cell, barred[view.population.regions[0]])
    return cell


def _service_cell(
    spec: Designation, population: Population, administrators: Administrators, usable: Observation[Any] | None, region: str
) -> Cell:
    cell = Cell(
        spec.service,
        region,
        ASPECT,
        frozenset({population.delegated}),
        Status.GAP,
        f"{spec.title} has no administrator in {region}",
        "service",
        Gap.TO_DO,
        as_seen(administrators.get(region)),
        f"{population.delegated} ENABLED",
    )
    if not designated(administrators, region, population.delegated):
        return cell
    if isinstance(usable, NotYet):
        reason = f"designated in {region}; AWS does not let the delegated account act as administrator yet"
        return replace(cell, gap=Gap.IN_PROGRESS, reason=reason)
    return replace(cell, status=Status.COVERED, gap=None, reason=f"designated in {region}")


def _other_cell(spec: Designation, population: Population, administrators: Administrators, region: str) -> Cell:
    listed = administrators.get(region)
    cell = Cell(
        spec.service,
        region,
        ASPECT,
        frozenset({population.delegated}),
        Status.GAP,
        "settings do not name this Region",
        "service",
        Gap.NOT_ASKED_FOR,
        as_seen(listed),
        in_scope=False,
    )
    if isinstance(listed, Unknown):
        return replace(cell, status=Status.UNKNOWN, gap=None, reason=listed.reason, code=listed.code, next_step=listed.next_step)
    if designated(administrators, region, population.delegated):
        return replace(cell, status=Status.COVERED, gap=None, reason="designated, although settings do not name this Region")
    return cell


def explanations(cells: Iterable[Cell], told_only: frozenset[str] = frozenset()) -> list[NoChange | Blocker]:
    """For every in-scope cell that needs no step: why nothing is planned (NoChange), or what stands in the way (Blocker).

    Accounts that share Region, aspect and reason share one entry. A gap of an aspect that is told only stands in nothing's way.
    """
    found: dict[tuple[str, ...], set[str]] = {}
    for cell in cells:
        if not cell.in_scope or cell.gap in (Gap.TO_DO, Gap.IN_PROGRESS):
            continue
        if cell.aspect in told_only:
            if cell.status in (Status.UNKNOWN, Status.GAP):
                found.setdefault((cell.service, cell.region, cell.aspect, told(cell)), set()).update(cell.accounts)
            continue
        named = f"{cell.item}: {cell.reason}" if cell.item else cell.reason
        key: tuple[str, ...] = (cell.service, cell.region, cell.aspect, named)
        if cell.status in (Status.UNKNOWN, Status.GAP):
            key += (cell.next_step or "Find out why it could not be read, then plan again.", cell.who or "the person who runs this")
            key += ("holds up nothing else",) if cell.gap in (Gap.NOT_EVALUATING, Gap.NOT_ASKED_FOR) else ("",)
        found.setdefault(key, set()).update(cell.accounts)
    return [_explanation(key, frozenset(accounts)) for key, accounts in found.items()]


def told(cell: Cell) -> str:
    """A gap, or what could not be read, for which nothing is planned: why, and what people can do."""
    return f"{cell.reason}. Next: {cell.next_step} ({cell.who})" if cell.next_step else cell.reason


def _explanation(key: tuple[str, ...], accounts: frozenset[str]) -> NoChange | Blocker:
    service, region, aspect, reason, *way_out = key
    if not way_out:
        return NoChange(service, region, aspect, accounts, reason)
    next_step, who, beside = way_out
    return Blocker(service, region, aspect, accounts, reason, next_step, who, holds_up=not beside)
