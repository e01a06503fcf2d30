"""What services share about cost: which accounts a plan starts to pay for, and how trials are read without delaying the plan."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.coverage import Cell, Gap
from runbook_lib.plan import Action, Direction, batches
from runbook_lib.plan.cost import Accounts, Trials

MOST_READS = 4
"""Calls per Region that trials are worth; accounts beyond them count as not confirmed. Regions are read side by side."""
OFF = ("DISABLED", "off")
Days = Mapping[str, Mapping[str, int]]
"""Feature → account → days left."""


def switched_on(cells: Iterable[Cell], actions: Sequence[Action], aspects: Sequence[str], item: str = "") -> dict[str, set[str]]:
    """Region → accounts whose gap in these aspects (and item) a call of the plan closes."""
    touched = by_region(action for action in actions if action.direction is not Direction.LOWERS)
    found: dict[str, set[str]] = {}
    for cell in cells:
        wanted = cell.in_scope and cell.gap is Gap.TO_DO and cell.desired not in OFF
        if wanted and cell.aspect in aspects and item in ("", cell.item):
            found.setdefault(cell.region, set()).update(cell.accounts & touched.get(cell.region, frozenset()))
    return found


def by_region(actions: Iterable[Action], *operations: str) -> Accounts:
    """Region → accounts that these operations change; every operation where none is named."""
    found: dict[str, set[str]] = {}
    for action in actions:
        if not operations or action.operation in operations:
            found.setdefault(action.region, set()).update(action.affects)
    return {region: frozenset(accounts) for region, accounts in found.items()}


def read_trials(asked: Accounts, size: int, read: Callable[[str, tuple[str, ...]], Days], reader: Reader) -> Trials:
    """Ask for the trials of these accounts, in a few batches per Region. No error goes further than "could not be read"."""
    jobs = [partial(_region, region, batches(accounts, size)[:MOST_READS], read) for region, accounts in sorted(asked.items())]
    days: dict[tuple[str, str], dict[str, int]] = {}
    unread: dict[str, str] = {}
    for region, found, why in reader.parallel(jobs):
        for feature, accounts in found:
            days.setdefault((feature, region), {}).update(accounts)
        if why:
            unread[region] = why
    return Trials(days, unread)


def _region(
    region: str, parts: Sequence[tuple[str, ...]], read: Callable[[str, tuple[str, ...]], Days]
) -> tuple[str, list[tuple[str, Mapping[str, int]]], str]:
    found: list[tuple[str, Mapping[str, int]]] = []
    for part in parts:
        try:
            found += read(region, part).items()
        except CallFailed as error:
            return region, found, error.code
    return region, found, ""
