"""Plans and coverage as pandas tables, grouped so that a large organization stays readable. Account ids stay text.

`shown` wraps a table for a notebook: nothing cut off, every text escaped, readable also where HTML is not.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import pandas as pd

from runbook_lib.base import html
from runbook_lib.base.account_sets import NAMELESS, Names, few_or_count
from runbook_lib.base.text import visible
from runbook_lib.coverage import Cell
from runbook_lib.coverage import summary as summaries
from runbook_lib.coverage.beside import pairs
from runbook_lib.coverage.files import remaining_row
from runbook_lib.organization import Organization
from runbook_lib.plan import Plan
from runbook_lib.plan import groups as plan_groups
from runbook_lib.plan.estimate import span
from runbook_lib.services.spec import place_of

BESIDE_COLUMNS = ("what", "of", "Regions", "accounts", "before", "now")
ACTION_COLUMNS = (
    "stage",
    "service",
    "Region",
    "operation",
    "called as",
    "calls",
    "accounts",
    "direction",
    "before",
    "after",
    "reason",
)
WAIT_COLUMNS = ("stage", "service", "Regions", "read", "accounts", "waits for", "at most")
NO_CHANGE_COLUMNS = ("service", "Regions", "aspect", "accounts", "reason")
BLOCKER_COLUMNS = ("service", "Regions", "aspect", "accounts", "reason", "next step", "who")
REMAINING_COLUMNS = ("answer", "service", "aspect", "Regions", "accounts", "cells", "reason", "code", "next step", "who")


def frame(rows: Iterable[Sequence[object]], columns: Sequence[str]) -> pd.DataFrame:
    """Texts with hidden characters shown; numbers stay numbers."""
    clean = [[value if isinstance(value, int) else visible(str(value)) for value in row] for row in rows]
    return pd.DataFrame(clean, columns=list(columns))


def plan_table(plan: Plan) -> pd.DataFrame:
    """The planned calls by service, Region and operation: how many calls, how many accounts, why."""
    rows = [
        (
            one.stage,
            one.service,
            place_of(one.service, one.region),
            one.operation,
            few_or_count(each.account for each in group.entries),
            len(group.entries),
            len(group.accounts),
            one.direction.value,
            one.before,
            one.becomes,
            one.reason,
        )
        for group in plan_groups.actions_by_region(plan)
        for one in [group.first]
    ]
    return frame(rows, ACTION_COLUMNS)


def plan_summary(plan: Plan, names: Names = NAMELESS) -> pd.DataFrame:
    """The planned calls by stage and operation over all Regions: how many, for how many accounts, in which direction."""
    rows = [
        (
            one.stage,
            f"{one.service}:{one.operation}",
            ", ".join(group.regions),
            few_or_count((each.account for each in group.entries), names=names),
            len(group.entries),
            len(group.accounts),
            one.direction.words,
        )
        for group in plan_groups.actions_by_call(plan)
        for one in [group.first]
    ]
    return frame(rows, ("stage", "call", "Regions", "called as", "calls", "accounts", "protection"))


def waits_table(plan: Plan) -> pd.DataFrame:
    """The planned waits: for what, where, at most how long."""
    rows = [
        (
            group.first.stage,
            group.first.service,
            ", ".join(group.regions),
            group.first.operation,
            len(group.accounts),
            group.first.waits_for,
            span(group.first.deadline),
        )
        for group in plan_groups.waits(plan)
    ]
    return frame(rows, WAIT_COLUMNS)


def no_change_table(plan: Plan) -> pd.DataFrame:
    """What is not changed, and why."""
    rows = [
        (group.first.service, ", ".join(group.regions), group.first.aspect, len(group.accounts), group.first.reason)
        for group in plan_groups.no_changes(plan)
    ]
    return frame(rows, NO_CHANGE_COLUMNS)


def blockers_table(plan: Plan, names: Names = NAMELESS) -> pd.DataFrame:
    """What cannot be planned, the next step, and who can take it; the accounts where they are few."""
    rows = [
        (
            group.first.service,
            ", ".join(group.regions),
            group.first.aspect,
            few_or_count(group.accounts, names=names),
            group.first.reason,
            group.first.next_step,
            group.first.who,
        )
        for group in plan_groups.blockers(plan)
    ]
    return frame(rows, BLOCKER_COLUMNS)


def coverage_table(cells: Iterable[Cell], organization: Organization, by: summaries.By = "service") -> pd.DataFrame:
    """Cells in scope counted by one dimension; the last line is the sum of all."""
    inside = [cell for cell in cells if cell.in_scope]
    return frame(summaries.rows(inside, by, organization), (by, *summaries.COLUMNS))


def totals_table(cells: Iterable[Cell]) -> pd.DataFrame:
    """The sums for what is in scope and for everything that was read."""
    return frame([summaries.row(name, each) for name, each in summaries.totals(cells).items()], ("cells", *summaries.COLUMNS))


def beside_tables(before: Iterable[Cell], now: Iterable[Cell], names: Names = NAMELESS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How everything in scope stood before and stands now, in one line: what has changed, and what has not."""
    changed: list[tuple[str, ...]] = []
    same: list[tuple[str, ...]] = []
    for pair in pairs(before, now):
        where, accounts = ", ".join(pair.regions), few_or_count(pair.accounts, names=names)
        row = (pair.aspect, pair.item, where, accounts, pair.before or "nothing was said", pair.now or "nothing is said")
        (same if pair.before == pair.now else changed).append(row)
    return frame(changed, BESIDE_COLUMNS), frame(same, BESIDE_COLUMNS)


def remaining_table(cells: Iterable[Cell], names: Names = NAMELESS) -> pd.DataFrame:
    """What is not covered and why, the unknown first; the accounts where they are few."""
    phrase = partial(few_or_count, names=names)
    return frame([remaining_row(entry, phrase) for entry in summaries.remaining(cells)], REMAINING_COLUMNS)


class Shown:
    """A table as a notebook shows it: whole, escaped, with a caption; and as plain text for logs and terminals."""

    def __init__(self, frame: pd.DataFrame, caption: str) -> None:
        self.frame, self.caption = frame, caption

    def _repr_html_(self) -> str:
        return html.framed(self.inside())

    def inside(self) -> str:
        if self.frame.empty:
            return html.paragraph(f"{self.caption}: none.")
        rows: list[list[Any]] = self.frame.astype(object).to_numpy().tolist()
        return html.table([str(name) for name in self.frame.columns], rows, self.caption)

    def __repr__(self) -> str:
        if self.frame.empty:
            return f"{visible(self.caption)}: none."
        with pd.option_context("display.max_colwidth", None, "display.width", None):
            return f"{visible(self.caption)}\n{self.frame.to_string(index=False, justify='left')}"


def shown(frame: pd.DataFrame, caption: str) -> Shown:
    """Wrap a table for a notebook cell's last line."""
    return Shown(frame, caption)
