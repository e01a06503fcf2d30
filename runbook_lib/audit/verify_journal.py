"""The journals of sealed runs held against what was approved: every call that they announce must be one of an approved plan."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from runbook_lib.apply.journal import TORN
from runbook_lib.base.own_files import FileBroken, data_of
from runbook_lib.evidence.run.called import JOURNAL
from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.run.phase_evidence import PhaseEvidence, units_of
from runbook_lib.evidence.seal.reading import Entry
from runbook_lib.plan import Action

_TORN = re.compile(rf"{re.escape(JOURNAL + TORN)}(0|[1-9][0-9]{{0,9}})")
_WHERE = ("service", "operation", "account", "region")
_MOST = 5
"""Calls outside the plan that are named; more are counted."""
_COUNTED = "applied"
"""What the result of a phase counts, be it none, once its journal was begun; a state of this name says so too. One that was refused
before that has neither."""


def journal_faults(phase: PhaseEvidence, seal: Entry) -> Iterator[Fault]:
    """Everything in one phase that contradicts what was approved for it."""
    reasons = [*_of_the_file(phase, seal), *_strangers(phase, seal.run), *_outside(phase), *_answers(phase)]
    for reason in reasons:
        yield Fault(phase.where, Kind.JOURNAL, reason)


def start_defects(phases: Iterable[PhaseEvidence], seal: Entry, starts: Iterable[Entry]) -> Iterator[Fault]:
    """Approvals that the chain says a run began under, and which do not lie in it as they were then."""
    there = {(phase.path.name, each.approval.id): each.approval.fingerprint for phase in phases for each in phase.given}
    for start in starts:
        for name, said in start.approvals.items():
            identity, fingerprint = str(said.get("annotations", {}).get("id")), start.subjects.get(f"plan of {name}")
            if there.get((name, identity)) != fingerprint:
                text = f"it began under the approval {identity}, which is not there as it was then"
                yield Fault(f"{seal.run}/{name}", Kind.APPROVAL, text)


def _of_the_file(phase: PhaseEvidence, seal: Entry) -> Iterator[str]:
    if phase.broken:
        yield f"{JOURNAL} is broken: {phase.broken}"
    if str(seal.result.get("journal", "")) == f"broken: {phase.path.name}":
        yield f"{JOURNAL} was broken when the run was sealed"
    result = seal.result.get("phases", {}).get(phase.path.name, {})
    begun = _COUNTED in result or result.get("state") == _COUNTED
    if begun and not os.path.lexists(phase.path / JOURNAL):
        yield f"the phase is said to be {result.get('state')}, and there is no {JOURNAL}"
    for file in sorted(phase.path.glob("journal*")):
        if file.name != JOURNAL and (why := _no_torn_line(file, len(phase.lines))):
            yield f"{file.name}: {why}"


def _no_torn_line(file: Path, lines: int) -> str:
    """Why a file beside the journal is not the last line that was cut off before the journal was gone on with; "" where it is."""
    match = _TORN.fullmatch(file.name)
    if match is None:
        return "no run leaves a file of this name"
    if int(match.group(1)) > lines:
        return f"the journal beside it has no {int(match.group(1))} lines"
    try:
        return "holds whole lines of a journal" if b"\n" in data_of(file, 2**24) else ""
    except (FileBroken, FileNotFoundError) as broken:
        return str(broken)


def _strangers(phase: PhaseEvidence, run: str) -> Iterator[str]:
    others = sorted({line["run"] for line in phase.lines} - {run})
    if others:
        numbers = [line["seq"] for line in phase.lines if line["run"] != run]
        yield f"{len(numbers)} lines, the first is number {numbers[0]}, are of another run: {', '.join(others[:_MOST])}"


def _outside(phase: PhaseEvidence) -> Iterator[str]:
    """Calls that no approved plan beside the journal holds; where there is no approval at all, that is a fault of its own."""
    if not phase.given:
        return
    found = [said for line in phase.intents if (said := _is_outside(line, phase))]
    yield from found[:_MOST]
    if len(found) > _MOST:
        yield f"and {len(found) - _MOST} more calls that no approved plan holds"


def _is_outside(line: dict[str, Any], phase: PhaseEvidence) -> str:
    called = f"line {line['seq']}: {line['service']}:{line['operation']} as {line['account']} in {line['region']}"
    if line["targets"] != len(line["target_accounts"]):
        return f"{called}: says {line['targets']} targets, and names {len(line['target_accounts'])}"
    actions = [phase.approved.get(unit) for unit in units_of(line)]
    if missing := sum(action is None for action in actions):
        return f"{called}: {missing} of {len(actions)} units are in no plan that was approved here"
    if any(_place(action) != tuple(line[name] for name in _WHERE) for action in actions if action is not None):
        return f"{called}: the approved plan has another call under this unit"
    return ""


def _place(action: Action) -> tuple[str, ...]:
    return action.service, action.operation, action.account, action.region


def _answers(phase: PhaseEvidence) -> Iterator[str]:
    """Answers to calls that were not announced before, or that are about other accounts."""
    waiting = dict[tuple[Any, ...], set[str]]()
    for line in phase.lines:
        key = tuple(line.get(name) for name in ("action", "unit", "attempt", "invocation"))
        if line["kind"] == "intent":
            if key in waiting:
                yield f"line {line['seq']}: announces a call that is under way"
            waiting[key] = set(line["target_accounts"]) or {""}
        elif line["kind"] == "outcome":
            about = [each["account"] for each in line["outcomes"]]
            announced = waiting.pop(key, None)
            if announced is None:
                yield f"line {line['seq']}: answers a call that was not announced"
            elif not announced.issuperset(about) or len(about) != len(set(about)):
                yield f"line {line['seq']}: is about other accounts than the call that it answers"
