"""Summaries of coverage cells: counts by service, Region, aspect or organizational unit, and what remains and why. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from runbook_lib.base.account_sets import count_of
from runbook_lib.coverage import Cell, Count, Gap, Status, count, resources
from runbook_lib.organization import Organization
from runbook_lib.services.spec import EVALUATING, STANDARDS

By = Literal["service", "region", "aspect", "organizational unit"]
DIMENSIONS: tuple[By, ...] = ("service", "region", "aspect", "organizational unit")
NO_UNIT = "not in the organization"


def summary(cells: Iterable[Cell], by: By, organization: Organization) -> dict[str, Count]:
    """Counts by one dimension, sorted; they add up to `count(cells)`. An account counts in its own, lowest unit."""
    groups: dict[str, Counter[Status]] = {}
    sizes = _Sizes(organization)
    for cell in cells:
        parts = sizes.of(cell.accounts) if by == "organizational unit" else {_of(cell, by): len(cell.accounts)}
        for name, number in parts.items():
            groups.setdefault(name, Counter())[cell.status] += number
    return {name: Count(*(groups[name][status] for status in Status)) for name in sorted(groups)}


def _of(cell: Cell, by: By) -> str:
    if by == "service":
        return cell.service
    if by == "region":
        return cell.region
    return f"{cell.service}: {cell.aspect}"


class _Sizes:
    """How many accounts of a set are in which unit; computed once per set, since sets come again in every Region."""

    def __init__(self, organization: Organization) -> None:
        units = {account.id: (account.organizational_units or (NO_UNIT,))[-1] for account in organization.accounts.values()}
        self._unit = {account: organization.units.get(unit, unit) for account, unit in units.items()}
        self._known: dict[frozenset[str], Mapping[str, int]] = {}

    def of(self, accounts: frozenset[str]) -> Mapping[str, int]:
        if accounts not in self._known:
            self._known[accounts] = Counter(self._unit.get(account, NO_UNIT) for account in accounts)
        return self._known[accounts]


def totals(cells: Iterable[Cell]) -> dict[str, Count]:
    """The counts of what is in scope and of everything that was read."""
    listed = list(cells)
    return {"in scope": count(cell for cell in listed if cell.in_scope), "everything": count(listed)}


def percent(counted: Count) -> str:
    """Coverage in percent, rounded down, so that 100 % means all."""
    if counted.coverage is None:
        return "nothing to cover"
    return f"{math.floor(counted.covered * 1000 / (counted.covered + counted.gap + counted.unknown)) / 10:.1f} %"


COLUMNS = ("covered", "gap", "unknown", "excluded", "not applicable", "total", "coverage")


def idle_words(cells: Iterable[Cell]) -> str:
    """What the percentage does not say of itself: how much is on and evaluates nothing. Empty where nothing is."""
    idle = [cell for cell in cells if cell.in_scope and cell.gap is Gap.NOT_EVALUATING]
    if not idle:
        return ""
    number = sum(len(cell.accounts) for cell in idle)
    accounts, regions = len({each for cell in idle for each in cell.accounts}), len({cell.region for cell in idle})
    several = "s are" if number > 1 else " is"
    return (
        f"{number:,} gap{several} 'on but not evaluating' ({accounts:,} account{'s' * (accounts > 1)}, {regions:,} "
        f"Region{'s' * (regions > 1)}): the service is on, and checks nothing that needs AWS Config until that records."
    )


def unseen_words(cells: Iterable[Cell]) -> str:
    """In how many accounts a service evaluates, and nobody asked what: the percentage says nothing of it. Empty where in none."""
    evaluated, looked_at = set[tuple[str, str]](), set[tuple[str, str]]()
    for cell in cells:
        found = {EVALUATING: evaluated, STANDARDS: looked_at}.get(cell.aspect) if cell.in_scope else None
        if found is not None and (cell.aspect == STANDARDS or cell.status is Status.COVERED):
            found.update((cell.service, account) for account in cell.accounts)
    unseen = {account for _, account in evaluated - looked_at}
    if not unseen:
        return ""
    them = "them" if len(unseen) > 1 else "it"
    return (
        f"Which standards are on in {count_of(unseen)} is not part of the percentage: settings name none for {them}, "
        "so nobody was asked."
    )


def sentences(cells: Iterable[Cell], titles: Mapping[str, str]) -> list[str]:
    """What is on and evaluates nothing, what was not looked at, and what is watched behind the switches, in words."""
    kept = tuple(cells)
    watched = [f"{titles.get(name, name)}: {each.sentence}" for name, each in resources.counted(kept).items()]
    return [words for words in (idle_words(kept), unseen_words(kept), *watched) if words]


def row(name: str, counted: Count) -> tuple[str, int, int, int, int, int, int, str]:
    """One line of a summary table: name, the five answers, their sum, coverage."""
    parts = (counted.covered, counted.gap, counted.unknown, counted.excluded, counted.not_applicable)
    return (name, *parts, counted.total, percent(counted))


def rows(cells: Iterable[Cell], by: By, organization: Organization) -> Iterator[tuple[str, int, int, int, int, int, int, str]]:
    """The lines of a summary table by one dimension, the sum of all last."""
    listed = list(cells)
    for name, counted in summary(listed, by, organization).items():
        yield row(name, counted)
    yield row("all", count(listed))


@dataclass(frozen=True)
class Remaining:
    """One reason why something is not covered: where, for whom, and what to do about it."""

    status: Status
    gap: Gap | None
    service: str
    aspect: str
    item: str
    reason: str
    code: str
    next_step: str
    who: str
    in_scope: bool
    accounts: frozenset[str]
    regions: tuple[str, ...]

    @property
    def answer(self) -> str:
        """The status in words, with the kind of gap."""
        words = f"{self.status.value}: {self.gap.value}" if self.gap else self.status.value
        return words if self.in_scope else f"{words} (out of scope)"

    @property
    def what(self) -> str:
        return f"{self.aspect}: {self.item}" if self.item else self.aspect

    @property
    def cells(self) -> int:
        return len(self.accounts) * len(self.regions)


def remaining(cells: Iterable[Cell]) -> list[Remaining]:
    """Everything that is not covered, one entry per reason and set of accounts with all its Regions; the urgent first."""
    regions: dict[tuple[object, ...], set[str]] = {}
    found: dict[tuple[object, ...], Cell] = {}
    for cell in cells:
        if cell.status is not Status.COVERED and cell.accounts:
            key = (*_why(cell), cell.accounts)
            regions.setdefault(key, set()).add(cell.region)
            found.setdefault(key, cell)
    entries = [_entry(cell, regions[key]) for key, cell in found.items()]
    return sorted(entries, key=_urgency)


def _why(cell: Cell) -> tuple[object, ...]:
    return (
        cell.status,
        cell.gap,
        cell.service,
        cell.aspect,
        cell.item,
        cell.reason,
        cell.code,
        cell.next_step,
        cell.who,
        cell.in_scope,
    )


def _entry(cell: Cell, regions: set[str]) -> Remaining:
    return Remaining(
        cell.status, cell.gap, cell.service, cell.aspect, cell.item, cell.reason, cell.code, cell.next_step, cell.who,
        cell.in_scope, cell.accounts, tuple(sorted(regions)),
    )  # fmt: skip


_ORDER = {status: place for place, status in enumerate((Status.UNKNOWN, Status.GAP, Status.EXCLUDED, Status.NOT_APPLICABLE))}


def _urgency(entry: Remaining) -> tuple[object, ...]:
    """In scope before out of scope, unknown before gap, then by name; the accounts decide between equals."""
    return (
        not entry.in_scope, _ORDER[entry.status], entry.service, entry.aspect, entry.item, entry.gap or "", entry.reason,
        entry.code, entry.regions, sorted(entry.accounts), entry.next_step, entry.who,
    )  # fmt: skip
