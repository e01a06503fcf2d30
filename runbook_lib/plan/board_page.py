"""change.html: one change on at most two printed pages, for a board that decides about it. Pure; account ids stand in an annex.

What, why, reach, risk, cost, window, way back, where it was rehearsed, and the fingerprints that an approval names. All calls are
in plan.html, to which it leads.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from runbook_lib import __version__
from runbook_lib.base import html
from runbook_lib.base.account_sets import count_of
from runbook_lib.base.documents import short
from runbook_lib.base.moments import moment_words
from runbook_lib.base.text import counted
from runbook_lib.plan import Action, Direction, Plan
from runbook_lib.plan import groups as plan_groups
from runbook_lib.plan.blocks import Block, Heading, Points, Table, Text, as_html
from runbook_lib.plan.document import Change
from runbook_lib.plan.estimate import blast_radius, estimate, for_everybody
from runbook_lib.plan.gates import gates, part
from runbook_lib.plan.groups import Group, concerned

LINES = 14
"""Kinds of calls that are listed; what is more is counted."""
POINTS = 6
"""Effects inside accounts, and blockers, that are said each."""
WIDTH = 240
"""Characters of one text from AWS or settings."""
_DIRECTIONS = {
    Direction.RAISES: "raise protection",
    Direction.EQUAL: "leave protection as it is",
    Direction.LOWERS: "lower protection",
}
STYLE = """
body { max-width: 60rem } h2 { margin-top: 1.1rem; margin-bottom: .3rem } table { margin: .3rem 0 .6rem }
td { overflow-wrap: anywhere } p { margin: .3rem 0 } ul { margin: .2rem 0 } .annex { margin-top: 3rem }
.annex p { font-size: .8rem }
@page { size: A4 portrait; margin: 14mm }
@media print { body { font-size: 9pt } table { font-size: 8pt } h1 { font-size: 14pt; margin: 0 } h2 { font-size: 11pt }
  .annex { break-before: page; margin: 0 } .annex p { font-size: 7pt } }
"""


def board_page(plan: Plan, change: Change, rehearsed: str, pages: Iterable[tuple[str, str]] = ()) -> str:
    """The page. `rehearsed`: in which run, in words; `pages`: where it leads."""
    calls = plan_groups.actions_by_call(plan)
    blocks = [*_what(plan, calls), *_risk(plan), *_terms(plan, change, rehearsed), *_way_back(calls), *_decisions(plan)]
    title = f"Change: {change.title}"
    parts = [html.rows_of(_head(plan, change)), *as_html(blocks), _annex(plan)]
    return html.page(title, parts, ways=html.ways(pages), style=STYLE)


def _head(plan: Plan, change: Change) -> list[tuple[str, str]]:
    named = plan.scope.words
    return [
        ("Why", change.purpose),
        ("Organization", f"{plan.organization}, {plan.mode.upper()}"),
        ("Made for", f"{count_of(plan.population)}; {f'only {named}' if named else 'the whole of what the settings name'}"),
        *([("Wave", change.wave)] if change.wave else []),
        ("Reach", blast_radius(plan) if plan.actions else "nothing is called"),
        ("Made", f"{moment_words(plan.created)}, runbook {__version__}"),
    ]


def _what(plan: Plan, calls: Sequence[Group[Action]]) -> Iterator[Block]:
    yield Heading(2, f"What: {len(plan.actions):,} call{'s' * (len(plan.actions) != 1)}")
    if not calls:
        yield Text("Nothing is called: everything that is asked for is so already, or blocked.")
        return
    rows = [
        (
            f"{group.first.service} {group.first.operation}",
            f"{len(group.entries):,}",
            "all accounts, also those to come" if for_everybody(group.first) else count_of(group.accounts),
            _regions(group.regions),
            short(f"{group.first.before} → {group.first.becomes}", WIDTH),
        )
        for group in calls[:LINES]
    ]
    yield Table(("Call", "Calls", "Accounts", "Regions", "Before → after"), rows)
    if more := calls[LINES:]:
        yield Text(f"{counted(len(more), 'more kind')}, {counted(sum(len(each.entries) for each in more), 'call')}, in plan.html.")


def _regions(regions: Sequence[str]) -> str:
    return ", ".join(regions) if len(regions) <= 3 else counted(len(regions), "Region")


def _risk(plan: Plan) -> Iterator[Block]:
    yield Heading(2, "Risk")
    directions = Counter(action.direction for action in plan.actions)
    said = "; ".join(f"{_DIRECTIONS[direction]}: {number:,}" for direction, number in sorted(directions.items()))
    said = f"Calls that {said}" if said else ""
    yield Text(f"{said or 'Nothing is called'}. A call that is not listed in plan.html is not made.")
    if plan.losses:
        yield Text("Taken away:")
        yield _points([f"{each.words}{' (for good)' if each.for_good else ''}" for each in plan.losses])
    effects = list(dict.fromkeys(action.inside_accounts for action in plan.actions if action.inside_accounts))
    if effects:
        yield Text("Acts inside accounts:")
        yield _points(effects)
    else:
        yield Text("No effect inside accounts is known.")
    if plan.blockers:
        yield Text(f"Not possible now, and left out ({len(plan.blockers):,}):")
        yield _points([f"{one.first.reason}. {one.first.next_step}" for one in plan_groups.blockers(plan)])


def _points(texts: Sequence[str]) -> Points:
    more = [f"{len(texts) - POINTS:,} more, in plan.html"] * (len(texts) > POINTS)
    return Points([*(short(each, WIDTH) for each in texts[:POINTS]), *more])


def _terms(plan: Plan, change: Change, rehearsed: str) -> Iterator[Block]:
    guess = estimate(plan, change.concurrency)
    yield Heading(2, "Cost, window and rehearsal")
    yield Table(
        ("", ""),
        [
            ("Cost", change.costs.words if change.costs else "see the page of the plan as it was made"),
            ("Window", f"{guess.duration}, reading before and after not included" if plan.steps else "none is needed"),
            ("Interruption", "may be stopped at any call; a later run makes what is left, and nothing twice"),
            ("Applied before", ", ".join(plan.requires) or "nothing is required"),
            ("Rehearsed", rehearsed),
        ],
    )


def _way_back(calls: Sequence[Group[Action]]) -> Iterator[Block]:
    yield Heading(2, "Way back")
    lost = [group for group in calls if not group.first.back_out.operation]
    number = sum(len(group.entries) for group in calls)
    no = sum(len(group.entries) for group in lost)
    if not calls:
        yield Text("Nothing to take back.")
        return
    yield Text(f"{number - no:,} of {number:,} calls have a reverse call, listed in plan.html last first.")
    if lost:
        yield Text("Not reversible by a call:")
        yield _points([f"{group.first.service} {group.first.operation}: {group.first.back_out.why}" for group in lost])


def _decisions(plan: Plan) -> Iterator[Block]:
    yield Heading(2, "What an approval names")
    asked = [(gate, part(plan, gate)) for gate in gates(plan)]
    rows = [
        (f"decision {place} of {len(asked)}: {gate.title}", f"{len(each.actions):,}", each.fingerprint)
        for place, (gate, each) in enumerate(asked, 1)
    ]
    yield Table(("", "Calls", "Fingerprint"), [*rows, ("the whole plan, in a file", f"{len(plan.actions):,}", plan.fingerprint)])


def _annex(plan: Plan) -> str:
    """The ids, after the two pages."""
    named = frozenset[str]().union(*(concerned(action) for action in plan.actions if not for_everybody(action)))
    parts = [html.heading("Annex: accounts by id"), html.heading(f"Made for {count_of(plan.population)}", 3)]
    parts += [html.paragraph(" ".join(sorted(plan.population)))]
    if named and named != plan.population:
        parts += [html.heading(f"Named by calls: {count_of(named)}", 3), html.paragraph(" ".join(sorted(named)))]
    return html.element("section", "".join(parts), class_="annex")
