"""What each section of a notebook shows: Observe, Plan, Confirm, Apply, Verify, Back out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.apply.report import Final, Result, Tick
from runbook_lib.base.account_sets import NAMELESS, Names, count_of, named
from runbook_lib.base.text import counted
from runbook_lib.coverage import Cell, Gap, Status, count
from runbook_lib.coverage import summary as summaries
from runbook_lib.coverage.matrix import matrices
from runbook_lib.coverage.summary import By
from runbook_lib.display import outcome_tables, tables
from runbook_lib.display.notes import Card, Facts, Folded, Lines, Link, Notes, Part
from runbook_lib.evidence import listing
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Plan, Scope, Step
from runbook_lib.plan import groups as plan_groups
from runbook_lib.plan.approval import Approval
from runbook_lib.plan.cli_line import back_out_line, cli_line
from runbook_lib.plan.cost import COST_COLUMNS, Costs, cost_rows
from runbook_lib.plan.decision import Decision, Rejection
from runbook_lib.plan.estimate import blast_radius, estimate, span
from runbook_lib.plan.gates import Gate
from runbook_lib.plan.groups import Group
from runbook_lib.runbook import ApplyReport
from runbook_lib.runbook.phases import COVERAGE, Phase
from runbook_lib.runbook.scorecard import Principle, Verdict
from runbook_lib.runbook.wave_progress import WaveProgress
from runbook_lib.services.implementations import SERVICES
from runbook_lib.services.remarks import Remark
from runbook_lib.services.spec import place_of

SHORT = 60
"""Characters of a change that are shown before anything is unfolded."""
SHOWN_LINES = 5
"""Command lines shown per group of calls; all are in plan.json."""
ANSWERS = ("covered", "gap", "unknown", "excluded", "not_applicable")
PRINCIPLES = ("principle", "verdict", "shown by", "next step")
TITLES = {service.name: service.title for service in SERVICES}


def observed(cells: Sequence[Cell], organization: Organization) -> Notes:
    """The sums and the picture first; by aspect, Region and organizational unit on demand."""
    names: dict[By, str] = {"aspect": "aspect", "region": "Region", "organizational unit": "organizational unit"}
    by = [tables.shown(tables.coverage_table(cells, organization, each), f"By {name}, in scope") for each, name in names.items()]
    return Notes(
        tables.shown(tables.totals_table(cells), "Coverage"),
        *summaries.sentences(cells, TITLES),
        *matrices(cells, organization, TITLES),
        Folded("By aspect, Region and organizational unit", *by),
    )


def explorable(cells: Sequence[Cell], which: str) -> Notes:
    """The answers account by account, as counts; what stays of the table that is searched at the screen."""
    counted = count(cells)
    listed = ", ".join(f"{getattr(counted, name):,} {name.replace('_', ' ')}" for name in ANSWERS)
    return Notes(
        f"{counted.total:,} answers, account by account, out of scope included: {listed}.",
        f"All are in {which}. In JupyterLab this cell opens them to search, filter and sort; run it again for those of later.",
    )


def card(mode: str, facts: Mapping[str, object]) -> Card:
    """Where a notebook acts, and as whom; a rehearsal and a live run look unlike at a glance."""
    return Card(mode, facts)


def scope_words(scope: Scope) -> str:
    """What a notebook is about: everything, or which part."""
    if scope.whole and scope.door:
        return f"the whole organization, by {scope.words}"
    return f"only {scope.words}; steps that reach beyond wait for the whole" if scope.words else "the whole organization"


def preflight_words(remarks: Sequence[Remark]) -> str:
    """What was found when settings were held against AWS, where nothing refused the plan."""
    said = [f"{remark.severity}: {remark}" for remark in remarks]
    return "\n".join(["no conflicts", *said])


@dataclass(frozen=True)
class PhaseProgress:
    """Where one phase stands: at the end of its latest run, now, and what comes next; coverage as a percentage, "" if not known."""

    phase: Phase
    last: str
    now: str
    coverage: str
    next: str
    done: bool


def by_phase(standings: Sequence[PhaseProgress]) -> Notes:
    """Where each phase stands, and the way to the first that is not done."""
    first = next((each.phase for each in standings if not each.done), COVERAGE)
    rows = [(f"{each.phase.title} ({each.phase.name})", each.last, each.now, each.coverage, each.next) for each in standings]
    table = tables.shown(tables.frame(rows, ("phase", "last run", "now", "coverage now", "next")), "Where each phase stands")
    return Notes(table, Link("Next: ", f"{first.title} ({first.name})", f"{first.name}.ipynb"))


def runs(root: Path, most: int = 12) -> Notes:
    """The latest runs, newest first."""
    rows = [row.cells for row in reversed(listing.rows(root, most))]
    return Notes(tables.shown(tables.frame(rows, listing.COLUMNS), "Latest runs"))


def checks(cells: Sequence[Cell], names: Names = NAMELESS) -> Notes:
    """The prerequisites: what needs somebody first, each with the next step; what passed, folded."""
    table = outcome_tables.checks_table(cells, names)
    urgent, rest = table[table["answer"].isin(["FAIL", "UNKNOWN"])], table[~table["answer"].isin(["FAIL", "UNKNOWN"])]
    said = ", ".join(f"{number} {answer}" for answer, number in table["answer"].value_counts().items())
    return Notes(
        tables.shown(urgent, f"Prerequisites that need somebody ({said})"),
        Folded("Checks that passed or do not apply", tables.shown(rest, "Other checks")),
    )


def planned(plan: Plan, concurrency: int, costs: Costs, names: Names = NAMELESS) -> Notes:
    """The plan: what is called, waited for, blocked and left alone, and what it may cost."""
    guess = estimate(plan, concurrency)
    inside, groups = plan_groups.changes_inside(plan), plan_groups.actions_by_call(plan)
    alike = {operation for operation, number in Counter(group.first.operation for group in groups).items() if number > 1}
    head = Facts(
        f"{counted(len(plan.actions), 'call')} planned" if plan.actions else "Nothing to call",
        {
            "Fingerprint": plan.fingerprint,
            "Blast radius": blast_radius(plan),
            "Changing calls": guess.calls,
            "Duration": guess.duration if plan.steps else "none",
            "May cost": costs.words,
            "Blockers": len(plan.blockers),
            "Changes inside accounts": "see below" if inside else "none",
            "Requires": ", ".join(plan.requires) or "nothing",
        },
    )
    return Notes(
        head,
        tables.shown(tables.blockers_table(plan, names), "Blocked"),
        tables.shown(tables.plan_summary(plan, names), "Calls"),
        *(_group(group, alike=group.first.operation in alike) for group in groups),
        *([Folded("Changes inside accounts", Lines(inside))] if inside else []),
        *([_costs(costs)] if costs.lines else []),
        Folded(f"Waits between the calls ({len(plan.waits)})", tables.shown(tables.waits_table(plan), "Waits")),
        Folded("Not changed, and why", tables.shown(tables.no_change_table(plan), "Not changed")),
    )


def waves(progress: Sequence[WaveProgress], *, verified: bool) -> tuple[Part, Part]:
    """How far each wave of a roll-out has come, and which comes next."""
    beyond = "everything that is left, and steps that reach beyond a part"
    rows = [(each.wave.title, each.wave.scope.words or beyond, each.words) for each in progress]
    left = next((each.wave for each in progress if not each.done), None)
    do = "to go on, run the notebook again (Run All Cells)" if verified else "it is the one to decide about"
    said = f"Next: {left.title}; {do}. By command: --wave {left.name}." if left else "Every wave is done."
    return tables.shown(tables.frame(rows, ("wave", "part", "status")), "Waves"), said


def _costs(costs: Costs) -> Folded:
    """What is paid for, feature by feature; what is unknown and what is not estimated."""
    return Folded(
        f"What it may cost: {_many(len(costs.lines), 'paid feature')}",
        tables.shown(tables.frame(cost_rows(costs), COST_COLUMNS), "Paid features that the plan switches on"),
        "Not estimated:",
        Lines(costs.not_estimated),
    )


def _group(group: Group[Action], *, alike: bool) -> Folded:
    """One call in all its Regions and batches: reason, before and after, and the exact line. `alike`: others are called so too."""
    first = group.first
    change = f"{first.before} → {first.becomes}"
    facts = {
        "Reason": "; ".join(group.reasons[:3])
        + (f"; {len(group.reasons) - 3} more, in plan.json" if len(group.reasons) > 3 else ""),
        "Before → after": change,
        "Accounts": f"{len(group.accounts)} in {', '.join(group.regions)}",
        "Changes inside accounts": first.inside_accounts or "none",
    }
    lines = [cli_line(action) for action in group.entries[:SHOWN_LINES]]
    more = len(group.entries) - SHOWN_LINES
    calls = _many(len(group.entries), "call")
    return Folded(
        f"{first.service}:{first.operation}: {calls} for {count_of(group.accounts)} in {', '.join(group.regions)}"
        + (f", {change}" if alike or len(change) <= SHORT else ""),
        Facts("", facts),
        Lines([*lines, f"# and {more} more such calls, in plan.json"] if more > 0 else lines),
    )


def decision(approval: Approval, approved: Plan) -> Facts:
    """Who approved what, under which ticket, for how long."""
    return Facts(
        "Approved",
        {
            "Approver": approval.approver,
            "Ticket": approval.ticket,
            "Reason": approval.reason or "none given",
            "Mode": approval.mode,
            "Fingerprint": approval.fingerprint,
            "Valid from": f"{approval.not_before:%Y-%m-%d %H:%M} UTC",
            "Valid until": f"{approval.not_after:%Y-%m-%d %H:%M} UTC",
            "Covers": f"{len(approved.units):,} changes in {len(approved.actions):,} API calls",
        },
    )


def answer(outcome: Decision | Rejection, phase: Phase, gate: Gate) -> Facts:
    """The plain record that takes the panel's place."""
    if isinstance(outcome, Decision):
        approved = decision(outcome.approval, outcome.approved)
        return Facts(f"Approved: {gate.title}", {"Phase": phase.title, **approved.facts})
    return rejected(outcome, phase, gate.title)


def rejected(outcome: Rejection, phase: Phase, what: str) -> Facts:
    """Who said no to what, and why."""
    facts = {
        "Phase": phase.title,
        "Rejected by": outcome.rejected_by,
        "Reason": outcome.reason,
        "Ticket": outcome.ticket or "none given",
        "At": outcome.at,
        "Mode": outcome.mode,
        "Fingerprint": outcome.fingerprint,
        "Consequence": "nothing of it was called",
    }
    return Facts(f"Rejected: {what}", facts)


def recorded(
    run: str,
    approvals: Sequence[Approval],
    rejections: Sequence[Mapping[str, str]],
    lines: Sequence[Mapping[str, Any]],
    names: Names = NAMELESS,
) -> Notes:
    """What the run folder says: decisions, and what the journal has of each call."""
    parts: list[Part] = [
        Facts(
            f"Record of {run}", {"Approvals": len(approvals), "Rejections": len(rejections), "Journal": _many(len(lines), "line")}
        )
    ]
    for each in approvals:
        facts = {"Approver": each.approver, "Ticket": each.ticket, "Reason": each.reason or "none given"}
        facts |= {"Fingerprint": each.fingerprint, "At": f"{each.not_before:%Y-%m-%d %H:%M} UTC"}
        parts.append(Facts("Approved", facts))
    parts += [Facts("Rejected", each) for each in rejections]
    if lines:
        parts.append(tables.shown(outcome_tables.journal_table(lines, names), "Calls as the journal has them"))
    return Notes(*parts)


def running(now: Tick | None, left: float | None) -> str:
    """Progress for the view at the screen: how many steps are done, how long the rest takes, what is going on."""
    if now is None:
        return ""
    rest = f"about {span(left)} left" if left is not None else "time left not known yet" * (now.done < now.total)
    said = [f"{now.done:,} of {now.total:,} steps done", rest, *_doing(now), *_trouble(now)]
    return ", ".join(part for part in said if part) + "."


def not_attempted(plan: Plan) -> Notes:
    """There is no approval: what would have been called was not attempted."""
    if not plan.actions:
        return Notes("There is nothing to apply.")
    return Notes(f"Not attempted: {len(plan.actions)} planned calls. There is no approval; nothing was called.")


def applied(report: ApplyReport, names: Names = NAMELESS) -> Notes:
    """What came of it in one sentence, one line per call, and every account for which it did not succeed; Regions on demand."""
    calls: Counter[tuple[str, str, str, str, Final]] = Counter()
    waits: Counter[tuple[str, str, str, str, Final]] = Counter()
    problems: list[tuple[Step, Result]] = []
    for stage, each in report.stages:
        for one in each.steps:
            step = one.step
            kind = step.operation if isinstance(step, Action) else f"wait: {step.waits_for}"
            (calls if isinstance(step, Action) else waits).update(
                (stage, step.service, place_of(step.service, step.region), kind, result.final) for result in one.results
            )
        problems += each.problems
    parts: list[Part] = [outcome_words(report)]
    parts += [f"Refused, nothing of that stage was called: {reason}" for reason in report.refused]
    if report.stopped:
        parts.append(f"Stopped: {report.stopped}. Calls in flight ended and were recorded; the rest was not attempted.")
    if problems:
        parts.append(tables.shown(outcome_tables.problem_table(problems, names), "Not successful"))
    if calls:
        parts.append(tables.shown(outcome_tables.calls_table(calls), "Result by step"))
    for stage, covered in report.covered:
        parts += [f"Stage {stage}: {text}." for text in _left_out(covered.already_so, covered.dropped, covered.appeared, names)]
    if calls or waits:
        by_region = outcome_tables.outcome_table(calls + waits)
        parts.append(
            Folded(f"By Region, with waits ({_many(len(by_region), 'line')})", tables.shown(by_region, "Result by step and Region"))
        )
    return Notes(*parts)


def outcome_words(report: ApplyReport) -> str:
    """What came of an apply, in one sentence: "482 changes in 11 API calls, none failed."."""
    counted = report.counted
    changed, sent = counted[Final.APPLIED.value], report.calls
    said = [f"{_many(changed, 'change')} in {_many(sent, 'API call')}" if sent else "No API call was made"]
    if sent:
        said.append(f"{counted[Final.FAILED.value]:,} failed" if counted[Final.FAILED.value] else "none failed")
    left = {Final.ALREADY_SO: "needed no change", Final.NOT_ATTEMPTED: "not attempted"}
    said += [f"{counted[final.value]:,} {words}" for final, words in left.items() if counted[final.value]]
    if unsettled := report.unsettled:
        said.append(f"{_many(unsettled, 'state')} waited for did not settle")
    return ", ".join(said) + "."


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _left_out(
    already: frozenset[tuple[str, str]], dropped: frozenset[tuple[str, str]], appeared: frozenset[str], names: Names
) -> Iterable[str]:
    if already:
        yield f"{len(already):,} approved changes were not needed"
    if dropped:
        yield f"{len(dropped):,} approved changes are no longer possible (accounts: {named({a for _, a in dropped}, names)})"
    if appeared:
        yield f"accounts that were not in the approved plan are left out: {named(appeared, names)}"


def remaining(cells: Sequence[Cell], organization: Organization, before: Sequence[Cell] = ()) -> Notes:
    """What is not covered and why; the sums, before and after, and the picture; what is left out on purpose, folded."""
    inside = [cell for cell in cells if cell.in_scope]
    left = [cell for cell in inside if cell.status in (Status.GAP, Status.UNKNOWN)]
    aside = [cell for cell in inside if cell.status in (Status.EXCLUDED, Status.NOT_APPLICABLE)]
    beyond = [cell for cell in cells if not cell.in_scope]
    waiting = sorted({cell.reason for cell in left if cell.gap is Gap.IN_PROGRESS})
    names = organization.account_names
    return Notes(
        *([tables.shown(tables.totals_table(before), "Coverage before")] if before else []),
        tables.shown(tables.totals_table(cells), "Coverage now" if before else "Coverage"),
        tables.shown(tables.coverage_table(cells, organization, "service"), "By service, in scope"),
        *matrices(cells, organization, TITLES),
        *([f"AWS is still working on it: {'; '.join(waiting)}. Run this cell again in a while."] if waiting else []),
        tables.shown(tables.remaining_table(left, names), "What remains in scope, and why"),
        Folded(
            f"Excluded or not applicable ({len(aside)} groups)",
            tables.shown(tables.remaining_table(aside, names), "Excluded or not applicable"),
        ),
        Folded(
            f"Outside the scope ({len(beyond)} groups)", tables.shown(tables.remaining_table(beyond, names), "Outside the scope")
        ),
    )


def beside(before: Sequence[Cell], now: Sequence[Cell], names: Names = NAMELESS) -> Notes:
    """Before and after side by side, what has changed first: for what is about single cells and not about their sums."""
    changed, same = tables.beside_tables(before, now, names)
    return Notes(
        tables.shown(changed, "Before and now, where it has changed"),
        Folded(f"Before and now, where it has not ({_many(len(same), 'line')})", tables.shown(same, "As before")),
    )


def principles(kept: Sequence[Principle]) -> Notes:
    """How the organization stands to the design principles of the source document."""
    rows = [(each.name, each.verdict.value, each.evidence, each.next_step) for each in kept]
    sums = Counter(each.verdict for each in kept)
    said = ", ".join(f"{sums[verdict]} {verdict.value}" for verdict in Verdict)
    return Notes(tables.shown(tables.frame(rows, PRINCIPLES), f"Design principles: {said}"))


def back_out(plan: Plan) -> Notes:
    """The reverse calls, last first."""
    if not plan.actions:
        return Notes("There is nothing to back out.")
    table = outcome_tables.back_out_table(plan, back_out_line)
    more = len(plan.actions) - len(table)
    rest = [f"{more:,} more, of the calls before these, are in plan.md and plan.json."] if more > 0 else []
    return Notes(tables.shown(table, "Reverse calls, last first; none is made here"), *rest)


def tick(now: Tick) -> str:
    """Progress in a few words."""
    return ", ".join([*_doing(now), f"{now.rate:.1f} calls/s", *_trouble(now)])


def _doing(now: Tick) -> list[str]:
    """The call that is in flight; nothing once all is done."""
    where = place_of(now.service, now.region)
    return [f"{now.service}:{now.operation} {where}" if now.operation else "waiting"] * (now.done < now.total)


def _trouble(now: Tick) -> list[str]:
    return [f"{now.failed:,} failed"] * bool(now.failed) + [f"{now.throttles:,} throttled"] * bool(now.throttles)
