"""A summary is made from the journal wherever the notebook did not come to its end, and counts its calls in any case."""

from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made

from runbook_lib.apply.journal import Journal
from runbook_lib.base.clock import FakeClock
from runbook_lib.evidence.run.called import called
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder, RunStatus
from runbook_lib.plan.outcome import Outcome, Verdict

PHASE = "20_guardduty"
ALPHA, BETA = "444444444444", "555555555555"
NOTHING: dict[str, Any] = {"calls": 0}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(
        tmp_path, "rehearsal", made.BEGIN, settings=b"mode: rehearsal\n", command=[], organization=made.ORGANIZATION
    )


def call(folder: PhaseFolder, attempt: int, *verdicts: Verdict) -> None:
    """One attempt for two accounts; without verdicts it is one whose answer never came."""
    action = next(each for each in made.plan(PHASE).actions if len(each.targets) > 1).only({ALPHA, BETA})
    with Journal(folder.journal, folder.path.parent.name, FakeClock(made.BEGIN)) as journal:
        journal.intent(action, attempt, f"invocation-{attempt}")
        if verdicts:
            outcomes = [Outcome(target, verdict) for target, verdict in zip((ALPHA, BETA), verdicts, strict=True)]
            journal.outcome(action, attempt, f"invocation-{attempt}", outcomes, status=200)


def test_the_last_answer_to_each_unit_counts(run: RunFolder) -> None:
    folder = run.start_phase(PHASE, made.BEGIN)
    assert called(folder.journal) == NOTHING
    call(folder, 1, Verdict.APPLIED, Verdict.RETRY)
    assert called(folder.journal) == {"calls": 1, "applied": 1, "already so": 0, "failed": 0, "not settled": 1}
    call(folder, 2, Verdict.APPLIED, Verdict.FAILED)
    assert called(folder.journal) == {"calls": 2, "applied": 1, "already so": 0, "failed": 1, "not settled": 0}
    call(folder, 3)
    assert called(folder.journal) == {"calls": 3, "applied": 0, "already so": 0, "failed": 0, "not settled": 2}


def test_a_phase_that_was_cut_off_is_summed_up_from_its_journal(run: RunFolder) -> None:
    """The plan was made by an earlier execution of the same phase, which had no approval."""
    folder = run.start_phase(PHASE, made.BEGIN)
    run.finish_phase(PHASE, RunStatus.LEFT_OVER, made.BEGIN, {"state": "not attempted", "actions": 1, "covered": 0})
    assert run.record()["phases"][PHASE]["results"] == {"state": "not attempted", "actions": 1, "covered": 0, "calls": 0}
    run.start_phase(PHASE, made.BEGIN)
    assert run.record()["phases"][PHASE]["results"] == {}
    call(folder, 1, Verdict.APPLIED, Verdict.RETRY)
    run.finish(RunStatus.STOPPED, made.BEGIN)
    assert run.record()["phases"][PHASE]["results"] == {
        "state": "stopped", "calls": 1, "applied": 1, "already so": 0, "failed": 0, "not settled": 1,
    }  # fmt: skip


def test_what_a_notebook_counted_stays_and_the_calls_are_the_journals(run: RunFolder) -> None:
    folder = run.start_phase(PHASE, made.BEGIN)
    call(folder, 1, Verdict.APPLIED, Verdict.CONFIRM)
    run.finish_phase(PHASE, RunStatus.DONE, made.BEGIN, {"state": "applied", "applied": 2, "calls": 99})
    results = run.record()["phases"][PHASE]["results"]
    assert (results["applied"], results["calls"]) == (2, 1)


def test_a_broken_journal_keeps_no_run_from_ending(run: RunFolder) -> None:
    folder = run.start_phase(PHASE, made.BEGIN)
    call(folder, 1)
    folder.journal.write_text("{}\n")
    run.finish_phase(PHASE, RunStatus.FAILED, made.BEGIN, {"state": "failed"})
    assert run.record()["phases"][PHASE]["results"]["journal"].startswith("journal.jsonl, line 1")
