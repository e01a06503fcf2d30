"""plan.md and plan.html: a plan as a document for whoever decides about it. Pure; never an e-mail address."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runbook_lib import __version__
from runbook_lib.base import html
from runbook_lib.base.account_sets import AccountSets, count_of
from runbook_lib.base.moments import moment_words
from runbook_lib.base.text import counted
from runbook_lib.plan import Action, Plan, Scope
from runbook_lib.plan import groups as plan_groups
from runbook_lib.plan.blocks import Block, Code, Heading, Points, Table, Text, as_html, as_markdown
from runbook_lib.plan.cli_line import back_out_line, cli_line
from runbook_lib.plan.cost import COST_COLUMNS, Costs, cost_rows
from runbook_lib.plan.estimate import EVERYBODY, estimate, for_everybody
from runbook_lib.plan.gates import gates, part
from runbook_lib.plan.groups import Group, concerned, places
from runbook_lib.services.spec import GLOBAL

_WRAP = 8
"""Account ids per line in the lists at the end."""


@dataclass(frozen=True)
class Change:
    """What the plan itself does not say: a title, what the change is for, which account is what, and how many calls at once."""

    title: str
    purpose: str
    roles: Mapping[str, str]
    """Account id → what it is, for example "management account"."""
    concurrency: int = 8
    wave: str = ""
    """Which wave of a roll-out it is; "" where there are none."""
    later: str = ""
    """What waits for later waves."""
    stages: Mapping[str, str] = field(default_factory=dict)
    """Name of a stage → what its calls are."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Account id → its name, where people are to see names; the ids stand beside them."""
    costs: Costs | None = None
    """None where the plan is written down again without looking at AWS."""


def plan_document(plan: Plan, change: Change) -> str:
    """The text of plan.md; the same for equal plans."""
    return as_markdown(plan_blocks(plan, change, plan.created))


def plan_page(plan: Plan, change: Change, pages: Iterable[tuple[str, str]] = ()) -> str:
    """plan.html: the same to read in a browser and to print, with the reader's own time. `pages`: where it leads."""
    title, *blocks = plan_blocks(plan, change, moment_words(plan.created))
    assert isinstance(title, Heading)
    return html.page(title.text, as_html(blocks), ways=html.ways(pages))


def plan_blocks(plan: Plan, change: Change, made: str) -> list[Block]:
    """The document: its title, then its sections. `made`: when, in words."""
    sets = AccountSets(names=change.names)
    calls = plan_groups.actions_by_call(plan)
    sections: list[Iterable[Block]] = [
        _head(plan, change, sets, made),
        _losses(plan, sets),
        _decisions(plan),
        _calls(calls, change, sets),
        _waits(plan),
        _blast_radius(plan, sets),
        _side_effects(plan, sets),
        _costs(change.costs),
        _blockers(plan, sets),
        _no_changes(plan, sets),
        _back_out(calls),
        _sets(plan, sets),
    ]
    return [block for section in sections for block in section]


def _head(plan: Plan, change: Change, sets: AccountSets, made: str) -> Iterator[Block]:
    guess = estimate(plan, change.concurrency)
    callers = frozenset(step.account for step in plan.steps)
    yield from (Heading(1, change.title), Heading(2, "Purpose"), Text(change.purpose))
    yield Table(
        ("", ""),
        [
            ("Phase", plan.phase),
            *((("About", plan.about),) if plan.about else ()),
            ("Mode", plan.mode),
            ("Organization", plan.organization),
            ("Made for", f"{count_of(plan.population)} of the organization; {_scope(plan.scope)}"),
            *((("Wave", change.wave),) if change.wave else ()),
            *((("Waits for later waves", change.later),) if change.later else ()),
            ("Calls are made as", _roles(callers, change.roles, sets) if callers else "nobody: there is nothing to call"),
            ("Changing calls", f"{guess.calls:,}; planned waits: {guess.waits:,}"),
            ("Estimated duration", f"{guess.duration}, reading before and after not included" if plan.steps else "none"),
            ("Blocked", f"see below ({len(plan.blockers):,})" if plan.blockers else "nothing"),
            ("Requires", ", ".join(plan.requires) or "nothing"),
            ("Settings digest", plan.settings_digest),
            *([("Register of workflows, digest", plan.register)] if plan.register else []),
            ("Fingerprint of this plan", plan.fingerprint),
            ("Made", f"{made}, runbook {__version__}"),
        ],
    )
    yield Text("An approval names the fingerprint. Nothing else is called, even if the organization changes in the meantime.")


def _losses(plan: Plan, sets: AccountSets) -> Iterator[Block]:
    """What a procedure takes away; nothing in a phase's plan."""
    if not plan.losses:
        return
    yield Heading(2, "What is lost")
    rows = [
        (each.words, sets.phrase(each.accounts), "yes" if each.for_good else "no", "yes" if each.typed else "no", each.note)
        for each in plan.losses
    ]
    yield Table(("What", "Accounts", "For good", "To be typed", "Note"), rows)
    yield Text("An approval holds only where somebody has typed each of these that has to be typed, in these words.")


def _decisions(plan: Plan) -> Iterator[Block]:
    """What is asked one after the other at the screen: each is about a part of this plan, with a fingerprint of its own."""
    asked = gates(plan)
    yield Heading(2, "Decisions")
    if not asked:
        yield Text("None is needed: there is nothing to call.")
        return
    parts = [(gate, part(plan, gate)) for gate in asked]
    rows = [
        (f"{number} of {len(parts)}: {gate.title}", f"{len(each.actions):,}", each.fingerprint)
        for number, (gate, each) in enumerate(parts, 1)
    ]
    yield Table(("Decision", "Calls", "Fingerprint"), rows)
    yield Text(
        "At the screen each is approved separately, and its panel shows this fingerprint; an approval file names the plan's."
    )


def _scope(scope: Scope) -> str:
    named = scope.words
    return f"only {named}" if named else "the whole of what the settings name"


def _roles(accounts: frozenset[str], roles: Mapping[str, str], sets: AccountSets) -> str:
    """The calling accounts: those with a part to play by name of it, the others by id or number."""
    parts = [f"{account} ({roles[account]})" for account in sorted(accounts) if account in roles]
    others = accounts.difference(roles)
    return "; ".join([*parts, sets.phrase(others)] if others else parts)


def _calls(groups: Sequence[Group[Action]], change: Change, sets: AccountSets) -> Iterator[Block]:
    yield Heading(2, "Calls")
    if not groups:
        yield Text("None: everything asked for is in place already, or blocked.")
    stage = ""
    for number, group in enumerate(groups, 1):
        if group.first.stage != stage:
            stage = group.first.stage
            title = change.stages.get(stage, "")
            yield Heading(3, f"Stage {stage}{f': {title}' if title else ''}")
        yield from _call(number, group, change, sets)


def _call(number: int, group: Group[Action], change: Change, sets: AccountSets) -> Iterator[Block]:
    action = group.first
    calls = counted(len(group.entries), "call")
    yield Heading(4, f"{action.service} {action.operation}: {calls}", number=f"{number}. ")
    rows = [
        ("Called as", _roles(frozenset(entry.account for entry in group.entries), change.roles, sets)),
        ("Regions", ", ".join(group.regions)),
        ("Accounts concerned", sets.phrase(group.accounts)),
        ("Before", _shared(group, lambda each: each.before)),
        ("After", _shared(group, lambda each: each.becomes)),
        ("Protection", action.direction.words),
        *(("Reason", reason) for reason in group.reasons[:5]),
    ]
    if more := len(group.reasons) - 5:
        rows += [("Further reasons", f"{more:,} more, in plan.json")] if more > 0 else []
    yield Table(("", ""), rows)
    yield Code(_same_elsewhere(cli_line(action), group))


def _shared(group: Group[Action], of: Callable[[Action], str]) -> str:
    return "; ".join(dict.fromkeys(of(entry) for entry in group.entries))


def _same_elsewhere(line: str, group: Group[Action]) -> str:
    """The line of the first call, and that the others are like it."""
    others = len(group.entries) - 1
    return f"{line}; and {others} more such calls" if others else line


def _waits(plan: Plan) -> Iterator[Block]:
    groups = plan_groups.waits(plan)
    if groups:
        yield Heading(2, "Waits between the calls")
        rows = [
            (
                one.first.stage,
                one.first.waits_for,
                f"{one.first.service} {one.first.operation}",
                ", ".join(one.regions),
                f"{one.first.deadline} s",
            )
            for one in groups
        ]
        yield Table(("Stage", "Until", "Seen by", "Regions", "At most"), rows)


def _blast_radius(plan: Plan, sets: AccountSets) -> Iterator[Block]:
    yield Heading(2, "Blast radius")
    services = sorted({action.service for action in plan.actions})
    rows = [_reach(service, [action for action in plan.actions if action.service == service], sets) for service in services]
    yield Table(("Service", "Calls", "Accounts", "Regions"), [*rows, _reach("all", plan.actions, sets)])


def _reach(name: str, actions: Sequence[Action], sets: AccountSets) -> tuple[str, str, str, str]:
    """Whom some calls reach: the accounts that they name, and everybody where they hold for the whole organization."""
    wide = sum(for_everybody(action) for action in actions)
    accounts = frozenset[str]().union(*(concerned(action) for action in actions if not for_everybody(action)))
    everybody = [f"{EVERYBODY} ({wide} call{'s' * (wide != 1)})"] if wide else []
    named = [sets.phrase(accounts)] if accounts or not wide else []
    regions = [place for place in places(actions) if place != GLOBAL]
    where = [GLOBAL] * (GLOBAL in places(actions)) + [f"{len(regions)}: {', '.join(regions)}"] * bool(regions)
    return name, str(len(actions)), "; ".join(everybody + named), "; ".join(where)


def _side_effects(plan: Plan, sets: AccountSets) -> Iterator[Block]:
    yield Heading(2, "Changes inside accounts")
    effects: dict[str, list[Action]] = {}
    for action in plan.actions:
        if action.inside_accounts:
            effects.setdefault(action.inside_accounts, []).append(action)
    if not effects:
        yield Text("None is known.")
        return
    rows = [
        (
            text,
            ", ".join(sorted({f"{action.service} {action.operation}" for action in actions})),
            ", ".join(places(actions)),
            sets.phrase(frozenset[str]().union(*(concerned(action) for action in actions))),
        )
        for text, actions in effects.items()
    ]
    yield Table(("Effect", "By", "Regions", "Accounts"), rows)


def _costs(costs: Costs | None) -> Iterator[Block]:
    yield Heading(2, "What it may cost")
    if costs is None:
        yield Text("See the document of the plan as it was made.")
        return
    yield Text(f"{costs.words}.")
    if costs.lines:
        yield Table(COST_COLUMNS, [tuple(map(str, row)) for row in cost_rows(costs)])
        yield from (Text("Not estimated:"), Points(costs.not_estimated))


def _blockers(plan: Plan, sets: AccountSets) -> Iterator[Block]:
    yield Heading(2, "What is blocked")
    groups = plan_groups.blockers(plan)
    if not groups:
        yield Text("Nothing.")
        return
    rows = [
        (one.service, one.aspect, ", ".join(group.regions), sets.phrase(group.accounts), one.reason, one.next_step, one.who)
        for group in groups
        for one in [group.first]
    ]
    yield Table(("Service", "Aspect", "Regions", "Accounts", "Reason", "Next step", "Who"), rows)


def _no_changes(plan: Plan, sets: AccountSets) -> Iterator[Block]:
    yield Heading(2, "Not changed, and why")
    groups = plan_groups.no_changes(plan)
    if not groups:
        yield Text("Nothing.")
        return
    rows = [
        (group.first.service, group.first.aspect, ", ".join(group.regions), sets.phrase(group.accounts), group.first.reason)
        for group in groups
    ]
    yield Table(("Service", "Aspect", "Regions", "Accounts", "Reason"), rows)


def _back_out(groups: Sequence[Group[Action]]) -> Iterator[Block]:
    yield Heading(2, "Back-out, in reverse order")
    if not groups:
        yield Text("Nothing to take back.")
        return
    yield Text(
        "For calls that were made; the journal says which. `runbook back-out RUN` plans them from it, in the order that works, and "
        "leaves alone what is not as that run left it any longer."
    )
    for number, group in reversed(list(enumerate(groups, 1))):
        action = group.first
        lead = f"Of call {number}, {action.service} {action.operation}"
        if line := back_out_line(action):
            yield Text(action.back_out.why, lead)
            yield Code(_same_elsewhere(line, group))
        else:
            yield Text(f"not reversible. {action.back_out.why}", lead)


def _sets(plan: Plan, sets: AccountSets) -> Iterator[Block]:
    yield Heading(2, "Accounts")
    for title, accounts in [(f"The plan was made for ({count_of(plan.population)})", sorted(plan.population)), *sets.listed()]:
        lines = [" ".join(accounts[start : start + _WRAP]) for start in range(0, len(accounts), _WRAP)]
        yield Heading(3, title)
        yield Code("\n".join(lines))
