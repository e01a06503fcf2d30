"""Schedules of faults on a simulated organization, from a bare one or from the beginning of a phase on."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from simulated import ENABLING, Simulated, copied, open_cells, simulated

from runbook_lib.aws.credentials import AccessRefused
from runbook_lib.aws.errors import CallFailed
from runbook_lib.plan import Plan
from runbook_lib.plan.approval import Approval, ApprovalRefused
from runbook_lib.plan.outcome import Verdict
from runbook_lib.rehearsal.log import Entry
from runbook_lib.rehearsal.scenario import Scenario
from runbook_lib.rehearsal.world import World
from runbook_lib.runbook.phases import PHASES
from runbook_lib.services.remarks import PreconditionsFailed

REFUSED = (CallFailed, PreconditionsFailed, ApprovalRefused, AccessRefused)
"""What a run may end with in one line while faults last; anything else is a defect."""
UNAPPROVED = "not in the approved plan"
"""How apply begins its refusal of a call that the approval does not cover."""
OF_PHASE = {phase.name: phase.service for phase in PHASES}


@dataclass
class Begun:
    """The organization as it is before each phase, the earlier ones applied: where schedules begin."""

    simulated: Simulated
    worlds: dict[str, World]
    folder: Path
    schedules: int = 0


def prepared(folder: Path, patch: pytest.MonkeyPatch, before: Callable[[str], World]) -> Begun:
    made = simulated("seven", folder, patch)
    made.front.pause = made.clock.sleep
    return Begun(made, {phase: before(phase) for phase in ENABLING}, folder)


@dataclass
class Story:
    """One schedule, lived through: every plan that was approved, and every refusal while faults lasted."""

    simulated: Simulated
    phases: tuple[str, ...]
    approved: list[tuple[Plan, Approval]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    well: set[str] = field(default_factory=set)
    """Approvals under which everything went well at once."""

    def under_faults(self) -> None:
        """Plan, approve and apply each phase once, come what may."""
        for phase in self.phases:
            try:
                self._pass(phase)
            except REFUSED as refusal:
                self.refusals.append(f"{phase}: {type(refusal).__name__}: {refusal}")

    def _pass(self, phase: str) -> None:
        plan = self.simulated.plan(phase)
        approval = self.simulated.approve(plan)
        self.approved.append((plan, approval))
        if self.simulated.apply(phase, plan, approval).ok:
            self.well.add(approval.id)

    def again(self) -> None:
        """The faults are over: the same approvals once more, then a fresh plan of each phase where something is left."""
        for plan, approval in list(self.approved):
            if approval.id in self.well:
                continue
            try:
                self.simulated.apply(plan.phase, plan, approval, self._applied(approval))
            except (PreconditionsFailed, ApprovalRefused) as refusal:
                self.refusals.append(f"{plan.phase} again: {refusal}")
        for phase in self.phases:
            if self._anew(phase) == UNAPPROVED:
                assert self._anew(phase) == ""

    def _anew(self, phase: str) -> str:
        """Plan what is left of a phase, approve and apply it; UNAPPROVED where what it lacks was seen only after the plan.

        So it is with an account that joined a moment ago: until AWS has switched on what new accounts get, nothing tells what else
        there is to do. Apply must refuse that, and the next plan has it.
        """
        plan = self.simulated.plan(phase)
        assert plan.blockers == ()
        if not plan.steps:
            return ""
        approval = self.simulated.approve(plan)
        self.approved.append((plan, approval))
        report = self.simulated.apply(phase, plan, approval)
        if report.refused and all(reason.startswith(UNAPPROVED) for reason in report.refused):
            return UNAPPROVED
        assert (report.refused, report.stopped) == ((), "")
        assert [str(problem) for _, stage in report.stages for problem in stage.problems] == []
        return ""

    def _applied(self, approval: Approval) -> frozenset[tuple[str, str]]:
        lines = self.simulated.journaled("outcome")
        done = {(line["unit"], each["account"]) for line in lines for each in line["outcomes"] if each["verdict"] == "applied"}
        return frozenset(done)

    def check(self) -> None:
        made = self.simulated
        cells = made.cells() if len(self.phases) > 1 else made.phase_cells(*self.phases)
        assert open_cells(cells) == []
        check_record(made.mutating(), made.journaled("intent"), (plan for plan, _ in self.approved))
        check_truth(made.mutating(), made.journaled("outcome"))


def check_record(calls: Sequence[Entry], announced: Sequence[dict[str, Any]], approved_plans: Iterable[Plan]) -> None:
    """Every mutating request has exactly one attempt in a journal and the other way round, and each was approved.

    The server records a request also where the scenario cut its connection, so no attempt is without a record.
    """
    assert Counter(call.invocation for call in calls) == Counter(intent["invocation"] for intent in announced)
    assert {call.attempt for call in calls} <= {1}
    intents = {intent["invocation"]: intent for intent in announced}
    approved = frozenset[tuple[str, str]]().union(*(plan.units for plan in approved_plans))
    for call in calls:
        intent = intents[call.invocation]
        about = tuple(intent[name] for name in ("service", "operation", "account", "region"))
        assert about == (call.service, call.operation, call.account, call.region)
        assert {(intent["unit"], target) for target in intent["target_accounts"] or [""]} <= approved


def check_truth(calls: Sequence[Entry], outcomes: Sequence[dict[str, Any]]) -> None:
    """No attempt that the server refused, or gave no answer to, stands as applied in the journal."""
    refused = {call.invocation: call for call in calls if call.code}
    for line in outcomes:
        if line["invocation"] in refused:
            verdicts = {each["verdict"] for each in line["outcomes"]}
            assert str(Verdict.APPLIED) not in verdicts, (refused[line["invocation"]], line)


def live_through(begun: Begun, phases: tuple[str, ...], scenario: Scenario) -> Story:
    """One scenario from the first phase's beginning on, until the phases are run again without faults."""
    made = begun.simulated
    begun.schedules += 1
    made.folder = begun.folder / f"{begun.schedules:05}"
    made.folder.mkdir()
    made.front.scenario = scenario
    made.front.adopt(copied(begun.worlds[phases[0]]))
    made.clock.hook = made.front.world.skip
    made.front.log.clear()
    story = Story(made, phases)
    story.under_faults()
    made.front.faults.end()
    story.again()
    return story


def schedule(phases: tuple[str, ...], number: int, faults: int) -> Scenario:
    services = () if len(phases) > 1 else (OF_PHASE[phases[0]], "organizations", "account", "sts")
    return Scenario.model_validate({"name": "drawn", "seed": number, "drawn": {"faults": faults, "services": services}})
