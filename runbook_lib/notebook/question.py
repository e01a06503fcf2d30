"""What a person is asked at the screen: what one decision does, where, how much, its cost and risk, and of which plan it is."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from runbook_lib.display.sections import scope_words
from runbook_lib.plan import Direction, Plan
from runbook_lib.plan.decision import Question
from runbook_lib.plan.estimate import blast_radius, estimate
from runbook_lib.plan.gates import Gate, gates, part
from runbook_lib.plan.groups import changes_inside
from runbook_lib.runbook.phases import Phase
from runbook_lib.services.waves import wave_words
from runbook_lib.settings import Settings

SHORT = 16
"""Characters of a plan's fingerprint by which a person finds it in plan.md."""
WORKLOADS = "workloads"
"""The stage whose calls act on workloads; others set up no more than roles and sources inside accounts."""
_INSIDE = {True: "Changes to workloads", False: "Changes inside accounts"}
SHORT_CHANGE = 60
"""Characters of a change that are shown with its call; longer ones are in the plan."""


def question(
    whole: Plan, gate: Gate, phase: Phase, settings: Settings, not_yet: str = "", may_cost: str = "", ticket: str = ""
) -> Question:
    """What is asked at one gate. `ticket`: the one given at an earlier gate of the run."""
    plan, asked = part(whole, gate), gates(whole)
    number = f"{asked.index(gate) + 1} of {len(asked)}"
    title = f"Decision {number if len(asked) > 1 else ''}".rstrip() + f": {gate.title}"
    about = question_about(plan, title, phase, settings, not_yet, may_cost)
    of = {"Plan": f"decision {number} of plan {whole.fingerprint[:SHORT]}…; plan.md lists all with their fingerprints"}
    facts = {**about.facts, **of, "Fingerprint": plan.fingerprint}
    return replace(about, facts=facts, ticket=ticket or about.ticket)


def question_about(plan: Plan, title: str, phase: Phase, settings: Settings, not_yet: str = "", may_cost: str = "") -> Question:
    """What is asked about all calls of a plan. Live ones, and sensitive stages of settings, take typing how many there are."""
    guess = estimate(plan, settings.concurrency)
    typing = plan.mode == "live" or bool({action.stage for action in plan.actions} & set(settings.confirm_by_typing))
    regions = sorted({action.region for action in plan.actions})
    return Question(
        title=title,
        mode=plan.mode,
        calls=guess.calls,
        facts={
            "What": _operations(plan),
            "Where": f"{len(regions)} Region{'s' * (len(regions) != 1)}: {', '.join(regions)}",
            "How many": f"{guess.calls:,} call{'s' * (guess.calls != 1)}; {guess.duration}",
            "Blast radius": blast_radius(plan),
            **({"May cost": may_cost} if may_cost else {}),
            "Risk": _risk(plan),
            **({"Lost": "; ".join(_lost(plan))} if plan.losses else {}),
            _INSIDE[all(action.stage == WORKLOADS for action in plan.actions)]: _inside(plan),
            "Called as": _callers(plan, settings),
            **({"Wave": wave_words(plan.scope, settings)} if settings.waves and phase.requires else {}),
            **({"Part": scope_words(plan.scope)} if not plan.scope.whole else {}),
        },
        phrase=f"apply {len(plan.actions)}" if typing else "",
        losses=tuple(sorted(plan.to_type)),
        needs_ticket=plan.mode == "live",
        ticket=os.environ.get("RUNBOOK_TICKET", ""),
        not_yet=not_yet,
    )


def _operations(plan: Plan) -> str:
    """Each call with how often it is made, and what changes by it where that is short."""
    counted: Counter[str] = Counter()
    changes: dict[str, set[str]] = {}
    for action in plan.actions:
        name = f"{action.service}:{action.operation}"
        counted[name] += 1
        changes.setdefault(name, set()).add(f"{action.before} → {action.becomes}")
    return "; ".join(f"{name} × {number:,}{_change(changes[name])}" for name, number in counted.items())


def _change(changes: set[str]) -> str:
    change = next(iter(changes))
    return f" ({change})" if len(changes) == 1 and len(change) <= SHORT_CHANGE else ""


def _risk(plan: Plan) -> str:
    """In which direction protection goes, and how many calls cannot be taken back."""
    directions = Counter(action.direction for action in plan.actions)
    if len(directions) == 1:
        said = next(iter(directions)).words
    else:
        said = ", ".join(f"{each.words} in {directions[each]:,}" for each in Direction if directions[each])
    final = sum(not action.back_out.operation for action in plan.actions)
    undone = f"{final:,} of {len(plan.actions):,} calls cannot be reversed" if final else "every call can be reversed"
    return f"{said}; {undone}"


def _lost(plan: Plan) -> list[str]:
    return [f"{each.words}{' (for good)' if each.for_good else ''}" for each in plan.losses]


def _inside(plan: Plan) -> str:
    return " ".join(changes_inside(plan)) or "none"


def _callers(plan: Plan, settings: Settings) -> str:
    """The calling accounts, those with a part to play by name of it."""
    organization = settings.organization
    roles: Mapping[str, str] = {
        organization.management_account: "management account",
        organization.delegated_account: "delegated account",
    }
    callers = sorted({action.account for action in plan.actions})
    named = [f"{account} ({roles[account]})" if account in roles else account for account in callers[:5]]
    return ", ".join(named) + (f" and {len(callers) - 5:,} more" if len(callers) > 5 else "")
