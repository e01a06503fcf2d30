"""One aspect of a service: what one family of mutating calls changes.

A service is a list of aspects (`services.enabling`). Each compares, plans, reads back and judges what is its own, and knows the
others by name at most: what they have planned in the Region so far is in `Planned`. Pure, but for `reached` and `effect`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from runbook_lib.aws.reader import Reader
from runbook_lib.coverage import Cell, Cells
from runbook_lib.plan import Action, Condition, Step, Wait
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import outcomes
from runbook_lib.services.column import Column, to_do, under_way
from runbook_lib.services.view import View

P = TypeVar("P")
"""The service's section of settings."""
R = TypeVar("R")
"""What the service saw in one Region."""
WHOLE = frozenset({""})
"""Progress of a step without targets that is there."""
NONE = frozenset[str]()


@dataclass(frozen=True)
class Place(Generic[P, R]):
    """One Region that is asked for: what settings want, what was seen, and who is there."""

    service: str
    view: View
    section: P
    seen: R
    region: str

    @property
    def delegated(self) -> str:
        return self.view.delegated

    @property
    def management(self) -> str:
        return self.view.management

    @property
    def members(self) -> frozenset[str]:
        """The accounts that are to be members; never the delegated one."""
        return self.view.population.members[self.region]

    @property
    def everyone(self) -> frozenset[str]:
        return self.members | {self.delegated}

    @property
    def whole(self) -> bool:
        """Whether the whole organization is looked at: what reaches beyond a part is left to the whole."""
        return self.view.population.whole

    def column(self, aspect: str, item: str = "", desired: str = "") -> Column:
        return Column(self.service, self.region, aspect, item, desired)

    def action(self, operation: str, parameters: Mapping[str, Any], **rest: Any) -> Action:
        """A call of the delegated account to this service in the stage "delegated", unless `rest` says otherwise."""
        rest = {"service": self.service, "account": self.delegated, "stage": "delegated", **rest}
        return Action(operation=operation, region=self.region, parameters=parameters, **rest)

    def wait(self, operation: str, condition: Condition, sentence: str, after: tuple[str, ...], **rest: Any) -> Wait:
        """A wait of at most ten minutes, by a read of the delegated account, unless `rest` says otherwise."""
        rest = {"service": self.service, "account": self.delegated, "stage": "delegated", "deadline": 600, **rest}
        return Wait(operation=operation, region=self.region, condition=condition, waits_for=sentence, after=after, **rest)


@dataclass(frozen=True)
class Planned:
    """What has been planned in one Region so far, in the order of stages."""

    waiting: Wait | None = None
    """The wait that every call of the administrator comes after; none where it can act already."""
    by_aspect: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)

    @property
    def usable(self) -> tuple[str, ...]:
        """What every call of the administrator comes after."""
        return (self.waiting.id,) if self.waiting else ()

    def made_in(self, stage: str) -> tuple[str, ...]:
        """The ids of all steps of a stage."""
        return tuple(step.id for steps in self.by_aspect.values() for step in steps if step.stage == stage)

    def ids(self, aspect: str, stage: str = "") -> tuple[str, ...]:
        """The ids of an aspect's steps, in all stages or in one."""
        return tuple(step.id for step in self.by_aspect.get(aspect, ()) if stage in ("", step.stage))

    def wait(self, aspect: str) -> Wait | None:
        """The wait that ends an aspect's steps."""
        return next((step for step in reversed(self.by_aspect.get(aspect, ())) if isinstance(step, Wait)), None)

    def after(self, aspect: str, accounts: frozenset[str]) -> tuple[str, ...]:
        """What steps about these accounts come after: the administrator, and that aspect's wait where it is for any of them."""
        wait = self.wait(aspect)
        return self.usable + ((wait.id,) if wait and accounts.intersection(wait.targets) else ())

    def with_more(self, aspect: str, steps: Sequence[Step]) -> "Planned":
        more = (*self.by_aspect.get(aspect, ()), *steps)
        return Planned(self.waiting, {**self.by_aspect, aspect: more}) if steps else self


class Aspect(Generic[P, R]):
    """What every aspect is asked; the answers here are those of one that plans nothing."""

    name: str
    """As coverage, plans and `allow_lowering` spell it."""
    calls: frozenset[str] = frozenset()
    """The mutating operations that it plans."""
    told_only: bool = False
    """Whether nothing is ever planned for it: what lacks is said with its next step, and stands in the way of nothing."""
    ranks: Sequence[str] = ()
    """Its values, from the least protection to the most; none where nothing can be lowered."""

    def plans(self, action: Action) -> bool:
        """Whether a call is this aspect's; where two share an operation, the first that says so reads it back."""
        return action.operation in self.calls

    def of_members(self, section: P) -> bool:
        """Whether it is about single accounts, so that those set aside are shown beside it."""
        return False

    def cells(self, place: Place[P, R]) -> Cells:
        """What is, against what settings want, in one Region."""
        raise NotImplementedError

    def steps(self, place: Place[P, R], cells: Cells, stage: str, planned: Planned) -> Sequence[Step]:
        """The steps of one stage in one Region. `cells` are the service's cells there, with what bars the Region applied."""
        return ()

    def reached(self, wait: Wait, reader: Reader) -> Progress:
        """How far a condition of this aspect has come. `CallFailed` means it could not be read."""
        raise ValueError(f"{wait.service} knows no condition {str(wait.condition)!r}")

    def effect(self, action: Action, reader: Reader) -> Progress:
        """How far the effect of one of `calls` has come. `CallFailed` means it could not be read."""
        raise ValueError(f"{action.service} plans no {action.operation}")

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        """What an answer with status 200 means, one outcome per target."""
        return outcomes(action, Verdict.APPLIED)

    def lowers(self, cell: Cell) -> bool:
        """Whether doing what the cell asks lowers protection."""
        known = cell.observed in self.ranks and cell.desired in self.ranks
        return known and self.ranks.index(cell.observed) > self.ranks.index(cell.desired)

    def raising(self, place: Place[P, R], cells: Cells) -> list[Cell]:
        """What is to do here and lowers nothing."""
        return [cell for cell in to_do(cells, place.region, self.name) if not self.lowers(cell)]

    def lowering(self, place: Place[P, R], cells: Cells) -> list[Cell]:
        """What is to do here and lowers protection: decided in a stage of its own."""
        return [cell for cell in to_do(cells, place.region, self.name) if self.lowers(cell)]

    def under_way(self, place: Place[P, R], cells: Cells) -> Sequence[Cell]:
        return under_way(cells, place.region, self.name)

    def compared(self, place: Place[P, R], column: Column, observed: str) -> Cells:
        """The cell of one value of the delegated account that is known and asked for."""
        accounts, known = {place.delegated}, f"is {observed}"
        if observed == column.desired:
            return column.covered(accounts, known, observed)
        if observed in self.ranks and self.ranks.index(observed) > self.ranks.index(column.desired):
            return column.wider(accounts, observed, place.view.settings)
        return column.to_do(accounts, known, observed)
