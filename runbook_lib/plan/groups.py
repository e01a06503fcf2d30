"""A plan's contents gathered for reading: the same call in many Regions and batches is one line. Pure."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from runbook_lib.plan import Action, Blocker, ForEach, NoChange, Plan, Reference, Wait, plain
from runbook_lib.services.spec import GLOBAL, place_of

T = TypeVar("T", Action, Wait, NoChange, Blocker)


@dataclass(frozen=True)
class Group(Generic[T]):
    """Entries of a plan that differ only in Region and accounts; `first` is the one to show."""

    entries: tuple[T, ...]

    @property
    def first(self) -> T:
        return self.entries[0]

    @property
    def regions(self) -> tuple[str, ...]:
        """The Regions, as a person reads them."""
        return places(self.entries)

    @property
    def accounts(self) -> frozenset[str]:
        """Every account whose state is concerned."""
        return frozenset[str]().union(*(concerned(entry) for entry in self.entries))

    @property
    def reasons(self) -> tuple[str, ...]:
        """The distinct reasons, in the plan's order."""
        return tuple(dict.fromkeys(entry.waits_for if isinstance(entry, Wait) else entry.reason for entry in self.entries))


def places(entries: Iterable[Action | Wait | NoChange | Blocker]) -> tuple[str, ...]:
    """In which Regions entries are, sorted; *global* where the service has none."""
    return tuple(sorted({place_of(entry.service, entry.region) for entry in entries}, key=lambda place: (place != GLOBAL, place)))


def region_count(named: Sequence[str]) -> str:
    """How many Regions, in words: "in 3 Regions", "global and in 1 Region"."""
    number = len(named) - (GLOBAL in named)
    regions = [f"in {number} Region{'s' * (number != 1)}"] if number or not named else []
    return " and ".join([*([GLOBAL] if GLOBAL in named else []), *regions])


def concerned(entry: Action | Wait | NoChange | Blocker) -> frozenset[str]:
    """The accounts that an entry is about; the caller where a step names nobody."""
    if isinstance(entry, Action):
        return entry.affects or frozenset(entry.targets or (entry.account,))
    if isinstance(entry, Wait):
        return frozenset(entry.targets or (entry.account,))
    return entry.accounts


def changes_inside(plan: Plan) -> list[str]:
    """What the calls of a plan set off inside accounts: each sentence once, in the plan's order."""
    texts = dict.fromkeys(action.inside_accounts for action in plan.actions)
    parts = (part.strip().rstrip(".") for text in texts for part in text.replace("; ", ". ").split(". "))
    return [f"{part[0].upper()}{part[1:]}." for part in dict.fromkeys(parts) if part]


def actions_by_call(plan: Plan) -> list[Group[Action]]:
    """Actions that make the same call, whatever the Region and the batch."""
    return _grouped(plan.actions, lambda a: (a.stage, a.service, a.operation, _caller(a), a.direction, _anywhere(a)))


def actions_by_region(plan: Plan) -> list[Group[Action]]:
    """Actions that make the same call for the same reason in the same Region, whatever the batch."""
    return _grouped(
        plan.actions, lambda a: (a.stage, a.service, a.region, a.operation, _caller(a), a.direction, _anywhere(a), a.reason)
    )


def waits(plan: Plan) -> list[Group[Wait]]:
    return _grouped(plan.waits, lambda w: (w.stage, w.service, w.operation, w.account, w.condition, w.waits_for, w.deadline))


def no_changes(plan: Plan) -> list[Group[NoChange]]:
    return _grouped(plan.no_changes, lambda n: (n.service, n.aspect, n.reason, n.accounts))


def blockers(plan: Plan) -> list[Group[Blocker]]:
    return _grouped(plan.blockers, lambda b: (b.service, b.aspect, b.reason, b.next_step, b.who, b.accounts))


def _grouped(entries: Iterable[T], key: Callable[[T], tuple[Any, ...]]) -> list[Group[T]]:
    """Groups in the order in which the plan first comes to them."""
    groups: dict[tuple[Any, ...], list[T]] = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return [Group(tuple(group)) for group in groups.values()]


def _caller(action: Action) -> str:
    """The calling account; left open where the call is about the caller itself, since many members make the same call."""
    return "" if action.affects == {action.account} and not action.targets else action.account


def _anywhere(action: Action) -> str:
    """The parameters with the Action's own Region and account left open, so that the same call compares equal everywhere."""
    own = {action.region: "the Region", action.account: "the caller"}

    def opened(value: Any) -> Any:
        if isinstance(value, Reference):
            return replace(value, region=own.get(value.region, value.region), account=own.get(value.account, value.account))
        if isinstance(value, ForEach):
            return ForEach(opened(value.item))
        if isinstance(value, Mapping):
            return {name: opened(item) for name, item in value.items()}
        if isinstance(value, tuple):
            return tuple(opened(item) for item in value)
        return own.get(value, value) if isinstance(value, str) else value

    return json.dumps(plain(opened(action.parameters)), sort_keys=True)
