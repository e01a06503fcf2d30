"""Whatever a scenario does to calls and organization: once it has ended and the runbook is run again, everything is covered.

Nothing was called outside the approved plans, and every mutating request that reached the server stands in the journal once.
A failing schedule is two lines of YAML, printed as `seed:` and `drawn:`; `runbook rehearse --scenario FILE` replays it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from simulated import ENABLING, Simulated, copied, open_cells, simulated

from runbook_lib.approval import Approval, ApprovalRefused
from runbook_lib.credentials import AccessRefused
from runbook_lib.plan import Plan
from runbook_lib.rehearsal.scenario import Scenario
from runbook_lib.rehearsal.world import World
from runbook_lib.runbook import PreconditionsFailed
from runbook_lib.services import CallFailed

REFUSED = (CallFailed, PreconditionsFailed, ApprovalRefused, AccessRefused)
"""What a run may end with in one line while faults last; anything else is a defect."""
LARGEST = 12


OF_PHASE = {
    "00_prerequisites": "organizations",
    "10_security_hub": "securityhub",
    "20_guardduty": "guardduty",
    "30_inspector": "inspector2",
}


@dataclass
class Begun:
    """The organization as it is before each phase, the earlier ones applied: where schedules begin."""

    simulated: Simulated
    worlds: dict[str, World]
    folder: Path
    schedules: int = 0


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begun]:
    with pytest.MonkeyPatch.context() as patch:
        yield prepared(tmp_path_factory.mktemp("schedules"), patch)


def prepared(folder: Path, patch: pytest.MonkeyPatch) -> Begun:
    made = simulated("seven", folder, patch)
    made.front.pause = made.clock.sleep
    worlds = {}
    for phase in ENABLING:
        worlds[phase] = copied(made.front.world)
        made.enable([phase])
    return Begun(made, worlds, folder)


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
            plan = self.simulated.plan(phase)
            assert plan.blockers == ()
            if plan.steps:
                approval = self.simulated.approve(plan)
                self.approved.append((plan, approval))
                report = self.simulated.apply(phase, plan, approval)
                assert (report.refused, report.stopped) == ((), "")
                assert [str(problem) for _, stage in report.stages for problem in stage.problems] == []

    def _applied(self, approval: Approval) -> frozenset[tuple[str, str]]:
        lines = self.simulated.journaled("outcome")
        done = {(line["unit"], each["account"]) for line in lines for each in line["outcomes"] if each["verdict"] == "applied"}
        return frozenset(done)

    def check(self) -> None:
        made = self.simulated
        cells = made.cells() if len(self.phases) > 1 else made.phase_cells(*self.phases)
        assert open_cells(cells) == []
        calls = made.mutating()
        announced = made.journaled("intent")
        assert Counter(call.invocation for call in calls) == Counter(intent["invocation"] for intent in announced)
        assert {call.attempt for call in calls} <= {1}
        intents = {intent["invocation"]: intent for intent in announced}
        approved = frozenset[tuple[str, str]]().union(*(plan.units for plan, _ in self.approved))
        for call in calls:
            intent = intents[call.invocation]
            about = tuple(intent[name] for name in ("service", "operation", "account", "region"))
            assert about == (call.service, call.operation, call.account, call.region)
            assert {(intent["unit"], target) for target in intent["target_accounts"] or [""]} <= approved


def live_through(begun: Begun, phases: tuple[str, ...], number: int, faults: int) -> Story:
    """One schedule from the first phase's beginning on, until the phases are run again without faults."""
    made = begun.simulated
    begun.schedules += 1
    made.folder = begun.folder / f"{begun.schedules:05}"
    made.folder.mkdir()
    made.front.scenario = schedule(phases, number, faults)
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


def holds(begun: Begun, phases: tuple[str, ...], number: int, faults: int) -> None:
    note(f"phases {', '.join(phases)}, scenario {schedule(phases, number, faults).model_dump(exclude_defaults=True)}")
    live_through(begun, phases, number, faults).check()


NUMBERS, FAULTS = st.integers(min_value=0, max_value=2**32 - 1), st.integers(min_value=1, max_value=LARGEST)
STEADY = settings(
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@given(phase=st.sampled_from(ENABLING), number=NUMBERS, faults=FAULTS)
@settings(STEADY, max_examples=25, derandomize=True)
def test_a_phase_outlives_its_faults(begun: Begun, phase: str, number: int, faults: int) -> None:
    holds(begun, (phase,), number, faults)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@given(number=NUMBERS, faults=FAULTS)
@settings(STEADY, max_examples=1000)
def test_the_whole_runbook_outlives_its_faults(begun: Begun, number: int, faults: int) -> None:
    holds(begun, ENABLING, number, faults)
