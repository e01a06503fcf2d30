"""Tables of what was checked, made and can be taken back."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from runbook_lib.apply.report import Final, Result
from runbook_lib.base.account_sets import FEW, NAMELESS, Names, few_or_count, named
from runbook_lib.base.text import counted
from runbook_lib.coverage import Cell, Status
from runbook_lib.display.tables import frame
from runbook_lib.plan import Action, Plan, Step
from runbook_lib.services.spec import place_of

MOST_BACK_OUT = 60
"""Reverse calls that a notebook shows: each has a command line, and a large organization has thousands."""
FEW_REGIONS = 3
"""So many are named in a line of their sum; all are beneath it."""
OUTCOMES = {
    Final.APPLIED: "applied",
    Final.ALREADY_SO: "no change needed",
    Final.FAILED: "failed",
    Final.NOT_ATTEMPTED: "not attempted",
}
"""How outcomes are shown, in their order; records keep their own words."""
ANSWERS = {
    Status.COVERED: "pass",
    Status.GAP: "FAIL",
    Status.UNKNOWN: "UNKNOWN",
    Status.EXCLUDED: "excluded",
    Status.NOT_APPLICABLE: "not applicable",
}


def checks_table(cells: Iterable[Cell], names: Names = NAMELESS) -> pd.DataFrame:
    """Prerequisites, those that need somebody first; Regions with the same answer share a line."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for cell in cells:
        account = few_or_count(cell.accounts, names=names)
        key = (ANSWERS[cell.status], cell.aspect, cell.item, account, cell.reason.replace(cell.region, "the Region"), cell.code)
        groups.setdefault((*key, cell.next_step.replace(cell.region, "the Region"), cell.who), []).append(cell.region)
    order = {answer: number for number, answer in enumerate(("FAIL", "UNKNOWN", "pass", "excluded", "not applicable"))}
    rows = [
        (answer, aspect, item, ", ".join(dict.fromkeys(regions)), account, reason, code, step, who)
        for (answer, aspect, item, account, reason, code, step, who), regions in groups.items()
    ]
    rows.sort(key=lambda row: order[row[0]])
    return frame(rows, ("answer", "check", "of", "Regions", "account", "reason", "code", "next step", "who"))


def outcome_table(rows: Mapping[tuple[str, str, str, str, Final], int]) -> pd.DataFrame:
    """(stage, service, Region, step, outcome) → how many accounts, as one line per step with a column per outcome."""
    steps = list(dict.fromkeys(key[:4] for key in rows))
    lines = [(*step, *(rows.get((*step, final), 0) for final in Final)) for step in steps]
    return frame(lines, ("stage", "service", "Region", "step", *OUTCOMES.values()))


def calls_table(rows: Mapping[tuple[str, str, str, str, Final], int]) -> pd.DataFrame:
    """The same over all Regions: one line per operation, with how many Regions and a column per outcome."""
    sums: Counter[tuple[str, str, Final]] = Counter()
    regions: dict[tuple[str, str], set[str]] = {}
    for (_, service, region, operation, final), number in rows.items():
        sums[service, operation, final] += number
        regions.setdefault((service, operation), set()).add(region)
    lines = [
        (f"{service}:{operation}", _few_regions(found), *(sums[service, operation, final] for final in Final))
        for (service, operation), found in regions.items()
    ]
    return frame(lines, ("call", "Regions", *OUTCOMES.values()))


def _few_regions(regions: set[str]) -> str:
    """By name where they are few."""
    return ", ".join(sorted(regions)) if len(regions) <= FEW_REGIONS else counted(len(regions), "Region")


def journal_table(lines: Iterable[Mapping[str, Any]], accounts: Names = NAMELESS) -> pd.DataFrame:
    """Attempts and outcomes per operation, Region and account, from a journal's lines; an intent without outcome is in doubt."""
    calls: dict[str, tuple[str, str, str]] = {}
    open_: set[str] = set()
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    for line in lines:
        if line["kind"] == "intent":
            key = (f"{line['service']}:{line['operation']}", line["region"], line["account"])
            calls[line["invocation"]] = key
            open_.add(line["invocation"])
            counts.setdefault(key, Counter())["attempts"] += 1
        elif line["kind"] == "outcome":
            open_.discard(line["invocation"])
            if line["invocation"] in calls:
                counts[calls[line["invocation"]]].update(each["verdict"] for each in line["outcomes"])
    for invocation in open_:
        counts[calls[invocation]]["no answer"] += 1
    names = ("attempts", "applied", "already so", "failed", "retry", "confirm", "no answer")
    rows = [
        (call, region, named([account], accounts), *(counted[name] for name in names))
        for (call, region, account), counted in counts.items()
    ]
    return frame(rows, ("call", "Region", "as", *names))


def problem_table(problems: Sequence[tuple[Step, Result]], names: Names = NAMELESS) -> pd.DataFrame:
    """What failed or was not attempted, grouped by AWS's code and words; the accounts where they are few."""
    groups: dict[tuple[str, ...], set[str]] = {}
    for step, result in problems:
        what = step.operation if isinstance(step, Action) else f"wait: {step.waits_for}"
        groups.setdefault((result.final.value, place_of(step.service, step.region), what, result.code, result.message), set()).add(
            result.account or step.account
        )
    rows = [(*key[:3], few_or_count(accounts, FEW, names), *key[3:]) for key, accounts in groups.items()]
    return frame(rows, ("outcome", "Region", "step", "accounts", "code", "message"))


def back_out_table(plan: Plan, line: Callable[[Action], str]) -> pd.DataFrame:
    """The reverse calls, last first, or why there is none: of as many Actions as have room in a notebook."""
    rows = [
        (
            place_of(action.service, action.region),
            action.operation,
            len(action.targets or action.affects),
            line(action) or "not reversible",
            action.back_out.why,
        )
        for action in plan.actions[: -MOST_BACK_OUT - 1 : -1]
    ]
    return frame(rows, ("Region", "reverses", "accounts", "call", "note"))
