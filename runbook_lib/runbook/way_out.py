"""The way out of one service, looked at and not taken: every level, what is in its way, who loses what, what is not ours."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from runbook_lib.base.account_sets import Names, few_or_count
from runbook_lib.base.observation import Known, Unknown
from runbook_lib.base.text import visible
from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.plan import Loss
from runbook_lib.runbook import Runbook
from runbook_lib.services.departure import Ground, Level
from runbook_lib.services.designation import as_seen
from runbook_lib.services.leaving import Leaving
from runbook_lib.services.registry import sentence

OPEN = (Status.GAP, Status.UNKNOWN)


@dataclass(frozen=True)
class LevelSeen:
    """One level: how it stands, and what it would take if everything in its way were gone."""

    name: str
    title: str
    cells: Cells
    losses: tuple[Loss, ...]
    back: str
    allowed: bool
    """Whether settings allow it."""

    @property
    def stands(self) -> str:
        """In a word: done, to do, to do in part, blocked, not known, nothing to do."""
        inside = [cell for cell in self.cells if cell.in_scope]
        if any(cell.status is Status.UNKNOWN for cell in inside):
            return "not known"
        if any(cell.gap is Gap.BLOCKED for cell in inside):
            return "to do in part" if any(cell.gap is Gap.TO_DO for cell in inside) else "blocked"
        if any(cell.status is Status.GAP for cell in inside):
            return "to do"
        return "done" if any(cell.status is Status.COVERED for cell in inside) else "nothing to do"

    def grouped(self) -> Iterator[tuple[Cell, tuple[str, ...]]]:
        """Cells that say the same of the same accounts, with all their Regions."""
        found: dict[tuple[object, ...], tuple[Cell, list[str]]] = {}
        for cell in self.cells:
            key = (cell.accounts, cell.status, cell.gap, cell.reason, cell.item, cell.observed, cell.next_step)
            found.setdefault(key, (cell, []))[1].append(cell.region)
        yield from ((cell, tuple(sorted(set(regions)))) for cell, regions in found.values())


@dataclass(frozen=True)
class WayOut:
    """What `runbook offboard SERVICE` shows."""

    service: str
    title: str
    organization: str
    levels: tuple[LevelSeen, ...]
    stays: tuple[str, ...]
    """What was found that is not ours, or that no level touches."""
    names: Names = field(default_factory=dict)

    @property
    def unread(self) -> bool:
        """Whether something could not be read."""
        return any(level.stands == "not known" for level in self.levels)

    @property
    def left(self) -> bool:
        """Whether anything is still there to be left."""
        return any(cell.status in OPEN for level in self.levels for cell in level.cells)


def look(runbook: Runbook) -> WayOut:
    """Read one service and say what leaving it would mean, level by level. Reads only.

    Raises Contradicted, CallFailed like every observation.
    """
    leaving = runbook.service
    assert isinstance(leaving, Leaving)
    _, (seen,) = runbook.observer.look([leaving])
    ground: Ground[object] = leaving.ground(seen.state, seen.view)
    allowed = runbook.settings.leaves(leaving.name)
    levels = [
        _level(leaving, level, ground, allowed is not None and level.name in allowed.levels) for level in leaving.departure.levels
    ]
    stays = (*_stays(ground), *leaving.notes(ground))
    return WayOut(leaving.name, leaving.title, seen.organization.id, tuple(levels), stays, seen.organization.account_names)


def _level(leaving: Leaving, level: Level[object], ground: Ground[object], allowed: bool) -> LevelSeen:
    """The losses are those of what is there, whether or not something stands in the way of it now."""
    return LevelSeen(
        level.name,
        level.title,
        leaving.cells_of(level, ground),
        level.losses(ground, level.cells(ground), Gap.BLOCKED),
        level.back,
        allowed,
    )


def _stays(ground: Ground[object]) -> Iterator[str]:
    for region in sorted(ground.administrators):
        if others := ground.others(region):
            yield f"{sentence(others)} administers {ground.spec.title} in {region}"
        elif region not in ground.regions and ground.administers(region):
            yield f"{region} was not asked about; its administrator is {as_seen(ground.administrators[region])}"
    if isinstance(ground.delegations, Unknown):
        yield f"what else {ground.delegated} administers could not be read: {ground.delegations.reason}"
    elif isinstance(ground.delegations, Known) and (rest := ground.delegations.value - set(ground.spec.principals)):
        yield f"{ground.delegated} stays the delegated administrator of {sentence(tuple(sorted(rest)))}"


def lines(way: WayOut) -> Iterator[str]:
    """The whole as text, for a terminal."""
    yield f"Leaving {way.title} ({way.service}) in organization {way.organization}: read only, nothing was changed."
    for number, level in enumerate(way.levels, 1):
        permitted = "allowed by settings" if level.allowed else "not allowed by settings"
        yield ""
        yield f"{number}. {level.name}: {level.title}. {level.stands}; {permitted}"
        for cell, regions in level.grouped():
            whose = visible(few_or_count(cell.accounts, names=way.names))
            yield f"   {_answer(cell)}: {', '.join(regions)}: {whose}: {_about(cell)}"
            if cell.next_step and cell.status in OPEN:
                yield f"     next: {cell.next_step} ({cell.who})"
        for loss in level.losses:
            yield f"   lost{' FOR GOOD' if loss.for_good else ''}: {loss.words}. {loss.note}".rstrip()
            if loss.typed:
                yield f"     to be typed: {loss.words}"
        if level.losses and level.back:
            yield f"   back: {level.back}"
    if way.stays:
        yield from ("", "Not ours, or touched by no level:")
        yield from (f"   {each}" for each in way.stays)


def _answer(cell: Cell) -> str:
    return f"{cell.gap or cell.status}"


def _about(cell: Cell) -> str:
    said = f"{cell.item}: {cell.reason}" if cell.item else cell.reason
    return f"{said} [{cell.code}]" if cell.code else said


def as_data(way: WayOut) -> dict[str, object]:
    """The whole as JSON data, accounts written out."""
    return {
        "service": way.service, "organization": way.organization, "stays": list(way.stays),
        "levels": [
            {
                "level": level.name, "what": level.title, "stands": level.stands, "allowed": level.allowed, "back": level.back,
                "cells": list(_cells(level.cells)),
                "losses": [
                    {
                        "words": each.words, "note": each.note, "for_good": each.for_good, "typed": each.typed,
                        "regions": list(each.regions), "accounts": sorted(each.accounts),
                    }
                    for each in level.losses
                ],
            }
            for level in way.levels
        ],
    }  # fmt: skip


def _cells(cells: Iterable[Cell]) -> Iterator[dict[str, object]]:
    for cell in cells:
        said = {name: getattr(cell, name) for name in ("region", "item", "observed", "reason", "code", "next_step", "who")}
        yield {**said, "accounts": sorted(cell.accounts), "status": f"{cell.status}", "gap": f"{cell.gap or ''}"}
