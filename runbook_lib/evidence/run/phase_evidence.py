"""What a phase folder holds of decisions and calls, read once: approvals, the plans they name, and the journal."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from runbook_lib.apply.journal import JournalBroken, complete_lines
from runbook_lib.base.own_files import FileBroken
from runbook_lib.evidence.run.called import JOURNAL
from runbook_lib.evidence.run.contents import ATTACHED, file_digest
from runbook_lib.plan import Action, Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import Approval, ApprovalRefused, read_approval

Unit = tuple[str, str]
"""A unit key and a target account; "" for a call without targets."""


@dataclass(frozen=True)
class Given:
    """An approval as it lies there, and the plan that it names; None, with the reason, where that is not the approved one."""

    approval: Approval
    plan: Plan | None
    defect: str = ""


@dataclass(frozen=True)
class PhaseEvidence:
    """One phase of one run. `unreadable`: name of an approval → why it cannot be read. `broken`: why the journal cannot be."""

    path: Path
    given: tuple[Given, ...]
    lines: tuple[dict[str, Any], ...]
    unreadable: Mapping[str, str] = field(default_factory=dict)
    broken: str = ""

    @property
    def where(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}"

    @cached_property
    def intents(self) -> tuple[dict[str, Any], ...]:
        """The calls that the journal announced."""
        return tuple(line for line in self.lines if line["kind"] == "intent")

    @cached_property
    def approved(self) -> Mapping[Unit, Action]:
        """The units of all plans that approvals were given for, each with its call."""
        plans = [each.plan for each in self.given if each.plan is not None]
        return {unit: action for plan in plans for action in plan.actions for unit in action.units}

    def called_under(self, given: Given) -> list[str]:
        """When calls went out under an approval: those of its plan; all, where that is not there."""
        plan = given.plan
        return [line["time"] for line in self.intents if plan is None or not plan.units.isdisjoint(units_of(line))]


def units_of(intent: Mapping[str, Any]) -> set[Unit]:
    """The units that one line of a journal is about."""
    return {(intent["unit"], target) for target in intent["target_accounts"] or ("",)}


def read_phases(run: Path) -> Iterator[PhaseEvidence]:
    """The phases of a run, in order. A folder that cannot be listed is a fault of the run's contents."""
    try:
        with os.scandir(run) as found:
            folders = sorted(each.name for each in found if each.is_dir(follow_symlinks=False) and each.name != ATTACHED)
    except OSError:
        return
    for name in folders:
        yield read_phase(run / name)


def read_phase(path: Path) -> PhaseEvidence:
    """What one phase folder holds."""
    given, unreadable = list[Given](), dict[str, str]()
    for file in sorted(path.glob("approval*.json")):
        try:
            given.append(_with_plan(read_approval(file), path))
        except ApprovalRefused as refused:
            unreadable[file.name] = "; ".join(reason.removeprefix(f"{file}: ") for reason in refused.reasons)
    lines, broken = list[dict[str, Any]](), ""
    try:
        lines = complete_lines(path / JOURNAL)
    except FileNotFoundError:
        pass
    except JournalBroken as problem:
        broken = str(problem).removeprefix(f"{path / JOURNAL}").lstrip(":, ")
    return PhaseEvidence(path, tuple(given), tuple(lines), unreadable, broken)


def _with_plan(approval: Approval, phase: Path) -> Given:
    name = approval.plan_name
    if approval.plan != name or name in ("", ".", ".."):
        return Given(approval, None, f"names a plan that does not lie beside it: {approval.plan}")
    try:
        plan = plan_file.load(phase / name)
    except plan_file.PlanFileError as error:
        said = "is not there" if not os.path.lexists(phase / name) else str(error).removeprefix(f"{phase / name}: ")
        return Given(approval, None, f"the plan that it names, {name}: {said}")
    if plan.fingerprint != approval.fingerprint:
        return Given(approval, None, "given for another plan than the one beside it")
    if not _is_the_file(phase / name, approval):
        return Given(approval, None, "the plan beside it is not the file that was approved")
    return Given(approval, plan)


def _is_the_file(beside: Path, approval: Approval) -> bool:
    """Whether the very file that an approval names lies beside it; version 1 names none."""
    try:
        return approval.version == 1 or approval.names(file_digest(beside))
    except (FileBroken, FileNotFoundError):
        return False
