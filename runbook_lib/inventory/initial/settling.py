"""Takes out of a draft whatever a plan would change: Regions, accounts, keys, whole services. The engine is the judge. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.inventory.initial.draft import Draft
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Blocker, NoChange, Scope, Step
from runbook_lib.runbook.phases import PREREQUISITES
from runbook_lib.services.as_found import AsFound, as_found, take_out
from runbook_lib.services.designation import ASPECT as ADMINISTRATOR
from runbook_lib.services.implementations import service_named
from runbook_lib.services.membership import MEMBERSHIP
from runbook_lib.services.registry import by_name
from runbook_lib.services.spec import GLOBAL
from runbook_lib.services.view import View

WHOLE = Scope()
DECIDED_ELSEWHERE = frozenset({"central configuration", "nobody else delegated", "Organizations policy"})
REQUIRED = DECIDED_ELSEWHERE | {"trusted access", "delegated account may read", "Region enabled"}
"""Aspects of the prerequisites without which a service is left to others, or to a reviewed change."""


@dataclass(frozen=True)
class Seen:
    """The organization, and every service's state, observed as if settings asked for all of it everywhere."""

    organization: Organization
    states: Mapping[str, Any]


def settle(draft: Draft, seen: Seen) -> tuple[Blocker, ...]:
    """Settle a draft that has, of each service, the Regions that were looked at. What stands in a plan's way is returned."""
    _until_settled(draft, lambda: _prerequisites(draft, seen, DECIDED_ELSEWHERE))
    for each in as_found():
        if each.spec.name in draft.sections:
            _until_settled(draft, lambda each=each: _places(draft, seen, each))  # type: ignore[misc] # its own service
    for each in as_found():
        if each.spec.name in draft.sections:
            _ask(draft, seen, each)
    _until_settled(draft, lambda: _keys(draft, seen) or _prerequisites(draft, seen, REQUIRED))
    return _proved(draft, seen)


def _until_settled(draft: Draft, step: Callable[[], bool]) -> None:
    """Each step takes something out, so there is a last one."""
    while step():
        pass


def _view(draft: Draft, seen: Seen, service: str) -> View:
    return service_named(service).view(seen.organization, draft.settings(), WHOLE)


def _cells(draft: Draft, seen: Seen, service: str) -> Cells:
    return service_named(service).assess(seen.states[service], _view(draft, seen, service))


def _open(cells: Iterable[Cell], aspects: Iterable[str]) -> list[Cell]:
    """What is asked for and is not there, or is not known to be; what AWS is working on comes by itself."""
    about = frozenset(aspects)
    return [
        cell
        for cell in cells
        if cell.in_scope
        and cell.aspect in about
        and cell.status in (Status.GAP, Status.UNKNOWN)
        and (cell.gap is not Gap.IN_PROGRESS or cell.aspect == ADMINISTRATOR)
    ]


# Where a service is.


def _places(draft: Draft, seen: Seen, found: AsFound) -> bool:
    """Leave out Regions in which the service is not on, then the accounts that lack it in one of those that are left."""
    name, section = found.spec.name, draft.sections.get(found.spec.name)
    if section is None:
        return False
    view = _view(draft, seen, name)
    missing = _open(service_named(name).assess(seen.states[name], view), found.rests_on)
    if organization := [cell for cell in missing if cell.aspect == ADMINISTRATOR and cell.item != "service"]:
        draft.leave_out(name, f"not managed here: {_told(organization[0])}")
        return True
    bare: dict[str, list[str]] = {}
    lacking: dict[str, dict[str, Cell]] = {}
    for region in view.population.regions:
        here = {account: cell for cell in missing if cell.region == region for account in sorted(cell.accounts)}
        if why := _not_there(view, region, here):
            bare.setdefault(why, []).append(region)
        else:
            lacking[region] = here
    for why, regions in bare.items():
        draft.note(name, f"not in {', '.join(regions)}: {why}")
    out = {region for regions in bare.values() for region in regions}
    section["regions"] = [region for region in section["regions"] if region not in out]
    if not section["regions"]:
        draft.leave_out(name, "so it is not managed here")
        return True
    return _without(draft, view, name, lacking) or bool(out)


def _not_there(view: View, region: str, lacking: Mapping[str, Cell]) -> str:
    """Why a Region is left out as a whole; empty where the service is on in it, for most accounts at least."""
    if view.delegated in lacking:
        return _told(lacking[view.delegated])
    asked = view.population.members[region] - {view.management}
    without = asked & set(lacking)
    if len(without) * 2 > len(asked):
        first = lacking[min(without)]
        return f"on in {len(asked) - len(without):,} of {len(asked):,} member accounts ({_told(first)})"
    return ""


def _without(draft: Draft, view: View, name: str, lacking: Mapping[str, Mapping[str, Cell]]) -> bool:
    """Exclude the accounts that lack the service in a Region in which the others have it."""
    regions: dict[tuple[str, str], list[str]] = {}
    for region, accounts in lacking.items():
        for account, cell in accounts.items():
            regions.setdefault((account, _told(cell)), []).append(region)
    for (account, why), where in sorted(regions.items()):
        said = f"{by_name()[name].title} in {', '.join(where)}: {why}"
        if account == view.management:
            draft.sections[name]["management_account"] = False
            draft.note(name, f"the management account is left out: {said}")
        else:
            draft.lacking.setdefault(account, {})[name] = said
    return bool(regions)


def _told(cell: Cell) -> str:
    """What is so, not what would stand in the way of changing it."""
    seen = cell.observed if cell.gap is Gap.BLOCKED and cell.aspect == MEMBERSHIP and cell.observed else cell.reason
    return " ".join(seen.split())


# What is set.


def _ask(draft: Draft, seen: Seen, found: AsFound) -> None:
    """Write the keys that ask for what is there."""
    name = found.spec.name
    view = _view(draft, seen, name)
    state = seen.states[name]
    asked, notes = found.asking(state, view, service_named(name).assess(state, view))
    draft.sections[name] |= asked
    for sentence in notes:
        draft.note(name, f"not written: {sentence}")


def _keys(draft: Draft, seen: Seen) -> bool:
    """Take out a key that the file's checks refuse, or that a plan would change something for."""
    for name, path, why in draft.problems():
        if name not in draft.sections:
            continue
        if take_out(draft.sections[name], path):
            draft.note(name, f"not written: {'.'.join(map(str, path))}: {why}")
        else:
            draft.leave_out(name, f"not managed here: {why}")
        return True
    changed = False
    for found in as_found():
        if found.spec.name in draft.sections:
            cells = _cells(draft, seen, found.spec.name)
            changed |= _settled_keys(draft, found, _open(cells, found.keys))
    return changed


def _settled_keys(draft: Draft, found: AsFound, cells: Iterable[Cell]) -> bool:
    name, changed = found.spec.name, False
    for cell in cells:
        path = found.keys[cell.aspect](cell.item)
        if take_out(draft.sections[name], path):
            draft.note(name, f"not written: {'.'.join(map(str, path))}: {_told(cell)} ({cell.region})")
            changed = True
    return changed


# What services need of the organization.


def _prerequisites(draft: Draft, seen: Seen, aspects: frozenset[str]) -> bool:
    """Leave out a service for which the prerequisites would call something, or that somebody else decides."""
    if not draft.sections:
        return False
    for cell in _cells(draft, seen, PREREQUISITES.service):
        if cell.aspect not in aspects or cell.status not in (Status.GAP, Status.UNKNOWN):
            continue
        for name in _concerned(cell, draft):
            if cell.region == GLOBAL:
                draft.leave_out(name, f"not managed here: {cell.item}: {_told(cell)}")
            elif len(draft.sections[name]["regions"]) == 1:
                draft.leave_out(name, f"not managed here: in {cell.region}: {_told(cell)}")
            else:
                draft.sections[name]["regions"].remove(cell.region)
                draft.note(name, f"not in {cell.region}: {_told(cell)}")
            return True
    return False


def _concerned(cell: Cell, draft: Draft) -> list[str]:
    """The services of a draft that a prerequisite is about; none where it stands in the way of no service."""
    there = [by_name()[name] for name in draft.sections if cell.region in (GLOBAL, *draft.sections[name]["regions"])]
    if cell.aspect == "central configuration":
        return [spec.name for spec in there if spec.central]
    if cell.aspect == "Region enabled":
        return [spec.name for spec in there]
    if cell.aspect == "trusted access" and cell.gap is not Gap.TO_DO:
        return []
    return [spec.name for spec in there if cell.item in (spec.title, *spec.principals)]


# The proof.


def _proved(draft: Draft, seen: Seen) -> tuple[Blocker, ...]:
    """Plan with the settled draft: a service for which anything would be called is left out. The Blockers of all plans."""
    while True:
        if not draft.sections:
            return ()
        planned = {name: _plan(draft, seen, name) for name in (PREREQUISITES.service, *draft.sections)}
        calling = {
            name: calls for name, steps in planned.items() if (calls := [each for each in steps if isinstance(each, Action)])
        }
        if not calling:
            regions = {GLOBAL, *(region for section in draft.sections.values() for region in section["regions"])}
            blockers = (each for steps in planned.values() for each in steps if isinstance(each, Blocker))
            return tuple(each for each in blockers if each.region in regions)
        for name, calls in calling.items():
            first = calls[0]
            for left in [name] if name in draft.sections else list(draft.sections):
                draft.leave_out(left, f"not managed here: a plan would call {first.operation} in {first.region}: {first.reason}")


def _plan(draft: Draft, seen: Seen, name: str) -> list[Step | NoChange | Blocker]:
    view = _view(draft, seen, name)
    state = seen.states[name]
    service = service_named(name)
    return list(service.plan(service.assess(state, view), state, view))
