"""Unused access: roles, users and permissions that nobody has used for some days. Paid for each role and user a month.

IAM is the same in every Region, so one analyzer in the home Region says it all, and a second would be paid again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.account_sets import count_of
from runbook_lib.base.observation import Known, Unknown
from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.plan import Action, BackOut, Direction, Step
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.accessanalyzer.analysis import ABSENT, Analysis, Here, as_parameters
from runbook_lib.services.accessanalyzer.observe import configuration_of, read_configuration
from runbook_lib.services.accessanalyzer.state import UNUSED, Configuration
from runbook_lib.services.answers import outcomes
from runbook_lib.services.aspect import NONE, WHOLE, Planned
from runbook_lib.services.column import BEYOND, SETTINGS_OWNER, Column
from runbook_lib.services.population import aside_cells

ANALYZER, AGE = "analyzer", "age"
"""Items: whether an account is looked at, and after how many days a permission counts as unused."""
LEFT_OUT = "left out"
OLDEST = 365
MOST_EXCLUDED = 2000
"""[model]"""
UPDATE = "UpdateAnalyzer"


class UnusedAccess(Analysis):
    name = "unused access"
    kind = UNUSED
    called = "organization-unused-access"
    calls = frozenset({"CreateAnalyzer", UPDATE})
    ranks = tuple(str(days) for days in range(OLDEST, 0, -1))

    def cells(self, place: Here) -> Cells:
        wanted = place.section.unused_access
        if wanted is None or place.region != wanted.home_region:
            found = place.seen.ours(self.kind)
            return place.column(self.name, ANALYZER).unmanaged({found.owner}, found.status) if found else ()
        column = place.column(self.name, ANALYZER, UNUSED)
        if len(place.view.population.excluded) > MOST_EXCLUDED:
            known = f"{count_of(place.view.population.excluded)} excluded, and an analyzer can leave out {MOST_EXCLUDED}"
            return column.blocked(place.everyone, known, "Exclude fewer accounts, then plan again.", who=SETTINGS_OWNER)
        aside = aside_cells(place.service, self.name, place.view.population, place.region)
        return (*aside, *self._wanted_cells(place, column, str(wanted.age)))

    def _wanted_cells(self, place: Here, column: Column, age: str) -> Cells:
        """Who is looked at, and after how many days: nothing of that is changed in an analyzer that does not work."""
        ages, us = place.column(self.name, AGE, age), frozenset({place.delegated})
        standing, found = self.standing(place, column, place.everyone), place.seen.ours(self.kind)
        if any(cell.gap is Gap.BLOCKED or cell.status is Status.UNKNOWN for cell in standing):
            return standing
        if found is None:
            absent = ages.to_do(us, "comes with the analyzer", ABSENT) if place.whole else ages.unmanaged(us, ABSENT, BEYOND)
            return (*standing, *absent)
        configured = found.configuration
        if not isinstance(configured, Known):
            return column.unseen(place.everyone, configured, "comes with the analyzer") if configured else standing
        out = configured.value.excluded & place.everyone
        known = f"analyzer {found.name} leaves it out"
        left_out = column.to_do(out, known, LEFT_OUT) if place.whole else column.unmanaged(out, LEFT_OUT, BEYOND)
        return (*self.standing(place, column, place.everyone - out), *left_out, *self._age(place, ages, str(configured.value.age)))

    def _age(self, place: Here, column: Column, observed: str) -> Cells:
        if observed != column.desired and not place.whole:
            return column.unmanaged({place.delegated}, observed, BEYOND)
        return self.compared(place, column, observed)

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> list[Step]:
        if stage == "lowering":
            return [self._change(place, cell, planned.usable, stage) for cell in self.lowering(place, cells)]
        if stage != "delegated":
            return []
        raising = self.raising(place, cells)
        made: list[Step] = [self._make(place, cell, planned.usable) for cell in raising if _missing(cell)]
        changed = [cell for cell in raising if cell.observed != ABSENT and (cell.item == AGE or cell.observed == LEFT_OUT)]
        if made or self.open_without_call(place, cells):
            made.append(self.awaited(place, (*planned.usable, *(step.id for step in made))))
        return [*made, *self._changes(place, changed, (*planned.usable, *(step.id for step in made)))]

    def _make(self, place: Here, cell: Cell, after: tuple[str, ...]) -> Action:
        excluded = place.view.population.excluded - {place.delegated}
        return self.creation(place, cell, after, configuration=as_parameters(self._wanted(place), excluded))

    def _changes(self, place: Here, changed: list[Cell], after: tuple[str, ...]) -> list[Action]:
        """One call for both: it takes the whole configuration."""
        if not changed:
            return []
        ages = [cell for cell in changed if cell.item == AGE]
        return [self._change(place, ages[0] if ages else changed[0], after, "delegated", *changed)]

    def _change(self, place: Here, cell: Cell, after: tuple[str, ...], stage: str, *beside: Cell) -> Action:
        analyzer = place.seen.ours(self.kind)
        assert analyzer is not None
        assert isinstance(analyzer.configuration, Known)
        now: Configuration = analyzer.configuration.value
        age = self._wanted(place) if cell.item == AGE else now.age
        config = as_parameters(age, now.excluded - place.everyone, now.others)
        reasons = sorted({f"{each.item}: {each.reason}" for each in (cell, *beside)})
        return place.action(
            UPDATE,
            {"analyzerName": analyzer.name, "configuration": config},
            after=after,
            stage=stage,
            affects=place.everyone,
            reason="; ".join(reasons),
            before=_words(now.age, now.excluded),
            becomes=_words(age, now.excluded - place.everyone),
            direction=Direction.LOWERS if stage == "lowering" else Direction.RAISES,
            back_out=BackOut(
                "Sets the earlier configuration.",
                UPDATE,
                {"analyzerName": analyzer.name, "configuration": as_parameters(now.age, now.excluded, now.others)},
            ),
            lane=f"{UPDATE} {place.region}",
        )

    def _wanted(self, place: Here) -> int:
        assert place.section.unused_access is not None
        return place.section.unused_access.age

    def effect(self, action: Action, reader: Reader) -> Progress:
        if action.operation != UPDATE:
            return super().effect(action, reader)
        found = read_configuration(action.account, action.region, action.parameters["analyzerName"], reader)
        there = _same(found, action.parameters["configuration"])
        return Progress(WHOLE if there else NONE, {}, _words(found.age, found.excluded))

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        """AWS answers a change with the configuration that holds now: one that is not as asked for has not been made."""
        if action.operation != UPDATE or "configuration" not in answer:
            return outcomes(action, Verdict.APPLIED)
        if _same(configuration_of(answer["configuration"]), action.parameters["configuration"]):
            return outcomes(action, Verdict.APPLIED)
        return outcomes(action, Verdict.FAILED, "NotChanged", "AWS took the call and left the analyzer as it was")


def paid_twice(cells: Cells, others: Sequence[str], unread: Sequence[Unknown]) -> Cells:
    """The cells, blocked where an analyzer of unused access is to be made beside others, and unknown where nobody knows."""
    made: list[Cell] = []
    for cell in cells:
        if not _missing(cell):
            made.append(cell)
            continue
        column = Column(cell.service, cell.region, cell.aspect, cell.item, cell.desired)
        if others:
            step = "Delete it, name its Region as home_region if it is in the delegated account, or take unused_access out."
            known = f"IAM is the same in every Region, and this looks already: {', '.join(others)}"
            made += column.blocked(cell.accounts, known, step, ABSENT)
        elif unread:
            made += column.unseen(cell.accounts, unread[0], "")
        else:
            made.append(cell)
    return tuple(made)


def _missing(cell: Cell) -> bool:
    """Whether a cell asks for an analyzer to be made."""
    return (cell.aspect, cell.item, cell.observed, cell.gap) == (UnusedAccess.name, ANALYZER, ABSENT, Gap.TO_DO)


def _same(found: Configuration, wanted: Mapping[str, Any]) -> bool:
    asked = configuration_of(wanted)
    return (found.age, found.excluded) == (asked.age, asked.excluded)


def _words(age: int, excluded: frozenset[str]) -> str:
    return f"unused after {age} days" + (f", {count_of(excluded)} left out" if excluded else "")
