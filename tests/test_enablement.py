"""The whole runbook on a simulated organization: covered at the end, nothing left to do, nothing called that was not approved."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from simulated import ENABLING, SERVICE_OF, Applied, Simulated, copied, named, open_cells, simulated, units_of

from runbook_lib.coverage import Cell, Status
from runbook_lib.plan import Plan
from runbook_lib.services.remarks import PreconditionsFailed


@dataclass
class Enabled:
    """An organization whose phases were all planned and approved while it was bare, and then applied one after the other."""

    simulated: Simulated
    applied: list[Applied]
    called_by_planning: int
    bare_cells: tuple[Cell, ...]
    cells: tuple[Cell, ...]
    second: dict[str, Plan]
    called_by_looking: int


@pytest.fixture(scope="module", params=["seven", "default"])
def enabled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Enabled]:
    with pytest.MonkeyPatch.context() as patch:
        made = simulated(request.param, tmp_path_factory.mktemp("enabled"), patch)
        approved = made.approved_plans()
        bare = made.cells()
        planning = len(made.mutating())
        applied = made.enable_as_approved(approved)
        applying = len(made.mutating())
        cells, second = made.cells(), {phase: made.plan(phase) for phase in ENABLING}
        yield Enabled(made, applied, planning, bare, cells, second, len(made.mutating()) - applying)


def test_every_phase_ends_well_under_the_approval_of_its_bare_plan(enabled: Enabled) -> None:
    problems = [
        f"{each.plan.phase} {stage} {step.region} {result}"
        for each in enabled.applied
        for stage, report in each.report.stages
        for step, result in report.problems
    ]
    assert problems == []
    assert [each.report.refused for each in enabled.applied] == [()] * len(ENABLING)
    assert not any(plan.blockers for plan in (each.plan for each in enabled.applied))


def test_everything_asked_for_is_covered(enabled: Enabled) -> None:
    assert open_cells(enabled.cells) == []
    answers = {cell.status for cell in enabled.cells if cell.in_scope}
    assert answers <= {Status.COVERED, Status.EXCLUDED, Status.NOT_APPLICABLE}
    assert all(cell.reason for cell in enabled.cells if cell.status in (Status.EXCLUDED, Status.NOT_APPLICABLE))
    assert open_cells(enabled.bare_cells) != []


def test_a_second_pass_has_nothing_to_do_and_says_why(enabled: Enabled) -> None:
    for phase, plan in enabled.second.items():
        assert (phase, plan.steps, plan.blockers) == (phase, (), ())
        assert plan.no_changes
        assert all(each.reason for each in plan.no_changes)


def test_what_was_planned_on_the_bare_organization_is_what_was_done(enabled: Enabled) -> None:
    for each in enabled.applied:
        assert units_of(each.report) == each.plan.units
        left_out = [covered.dropped | covered.appeared for _, covered in each.report.covered]
        assert left_out == [frozenset()] * len(left_out)


def test_every_mutating_call_was_approved_and_stands_in_the_journal_once(enabled: Enabled) -> None:
    calls, intents = enabled.simulated.mutating(), enabled.simulated.journaled("intent")
    assert Counter(call.invocation for call in calls) == Counter(intent["invocation"] for intent in intents)
    assert max(Counter(call.invocation for call in calls).values()) == 1
    assert {call.attempt for call in calls} == {1}
    announced = {intent["invocation"]: intent for intent in intents}
    approved = frozenset[tuple[str, str]]().union(*(each.plan.units for each in enabled.applied))
    for call in calls:
        intent = announced[call.invocation]
        about = tuple(intent[name] for name in ("service", "operation", "account", "region"))
        assert about == (call.service, call.operation, call.account, call.region)
        assert {(intent["unit"], target) for target in intent["target_accounts"] or [""]} <= approved


def test_every_attempt_has_its_outcome_in_the_journal(enabled: Enabled) -> None:
    intents = [line["invocation"] for line in enabled.simulated.journaled("intent")]
    outcomes = [line["invocation"] for line in enabled.simulated.journaled("outcome")]
    assert sorted(intents) == sorted(outcomes)


def test_looking_calls_nothing_that_changes(enabled: Enabled) -> None:
    assert enabled.called_by_planning == 0
    assert enabled.called_by_looking == 0


@pytest.mark.parametrize("which", ["bare", "second"])
def test_every_account_and_region_asked_for_is_in_the_plan(enabled: Enabled, which: str) -> None:
    cells = enabled.bare_cells if which == "bare" else enabled.cells
    plans = {each.plan.phase: each.plan for each in enabled.applied} if which == "bare" else enabled.second
    for phase, service in SERVICE_OF.items():
        asked = {
            (account, cell.region)
            for cell in cells
            if cell.service == service and cell.in_scope and cell.status in (Status.COVERED, Status.GAP, Status.UNKNOWN)
            for account in cell.accounts
        }
        assert asked
        assert asked - named(plans[phase]) == set()


def test_a_phase_is_refused_before_the_one_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("seven", tmp_path, monkeypatch)
    approved = made.approved_plans()
    for plan, approval in reversed(approved[1:]):
        with pytest.raises(PreconditionsFailed, match="apply 00_prerequisites first"):
            made.apply(plan.phase, plan, approval)
    made.apply(approved[0][0].phase, *approved[0])
    done = len(made.mutating())
    for plan, approval in reversed(approved[2:]):
        with pytest.raises(PreconditionsFailed, match="apply 10_security_hub first"):
            made.apply(plan.phase, plan, approval)
    assert len(made.mutating()) == done


def test_an_organization_can_be_copied_and_changed_on_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("seven", tmp_path, monkeypatch)
    before = copied(made.front.world)
    made.enable()
    made.front.adopt(before)
    assert open_cells(made.cells()) != []
