"""`runbook status`: how far a run has come, told from its folder while another process writes it."""

import datetime as dt
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from simulated import simulated

from runbook_lib.apply.journal import Journal
from runbook_lib.base.clock import FakeClock
from runbook_lib.cli import cli
from runbook_lib.evidence.progress import NothingRuns, calls_of, latest, told
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.outcome import Outcome, Verdict

START = dt.datetime(2026, 6, 1, 12, 0, tzinfo=dt.UTC)
PHASE = "00_prerequisites"


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    made = simulated("seven", tmp_path, monkeypatch).plan(PHASE)
    assert len(made.actions) == 4
    return made


def under_way(root: Path, plan: Plan, answered: int, failed: int = 0) -> RunFolder:
    """A run of this process in the middle of applying: some calls have their answer, the next one is on its way."""
    run = RunFolder.create(root, "rehearsal", START, settings=b"{}", command=["runbook", "apply"], organization="o-rehearsal001")
    folder = run.start_phase(PHASE, START)
    folder.plan_json.write_text(plan_file.dumps(plan), encoding="utf-8")
    clock = FakeClock(START)
    with Journal(folder.journal, run.name, clock) as journal:
        for number, action in enumerate(plan.actions[: answered + 1]):
            journal.intent(action, 1, "invocation")
            clock.sleep(10)
            if number < answered:
                verdict = Verdict.FAILED if number < failed else Verdict.APPLIED
                code, message = ("AccessDeniedException", "not allowed") if number < failed else ("", "")
                outcome = Outcome("", verdict, code, message)
                journal.outcome(
                    action, 1, "invocation", [outcome], status=200, request_id="r", date="d", code=code, message=message
                )
    return run


def test_a_run_under_way_says_how_far_how_long_and_how_it_is_stopped(tmp_path: Path, plan: Plan) -> None:
    run = under_way(tmp_path / "runs", plan, answered=2)
    said = "\n".join(told(run, START + dt.timedelta(seconds=20)))
    assert f"{run.name}: running for 20 s" in said
    assert f"> {PHASE}: now, for 20 s, 2 of 4 calls answered, about 20 s left" in said
    assert "last error: none" in said
    assert f"kill -INT {os.getpid()}" in said


def test_a_line_that_is_being_written_is_left_for_the_next_look(tmp_path: Path, plan: Plan) -> None:
    run = under_way(tmp_path / "runs", plan, answered=2, failed=1)
    folder = run.phase(PHASE)
    with folder.journal.open("a", encoding="utf-8") as file:
        file.write('{"kind": "outcome", "action": "half')
    calls = calls_of(folder)
    assert (calls.done, calls.planned, calls.failed) == (2, 4, 1)
    assert "AccessDeniedException: not allowed" in "\n".join(told(run, START))


def test_the_run_that_works_comes_before_a_newer_one_that_has_ended(tmp_path: Path, plan: Plan) -> None:
    root = tmp_path / "runs"
    with pytest.raises(NothingRuns, match="no run yet"):
        latest(root)
    running = under_way(root, plan, answered=1)
    ended = RunFolder.create(root, "rehearsal", START + dt.timedelta(hours=1), settings=b"{}", command=[])
    ended.finish(RunStatus.DONE, START + dt.timedelta(hours=2))
    assert latest(root) == running
    assert "kill" not in "\n".join(told(ended, START))


@pytest.mark.parametrize(("status", "code"), [(RunStatus.LEFT_OVER, 2), (RunStatus.FAILED, 1), (RunStatus.DONE, 0)])
def test_the_exit_code_is_the_runs_own(status: RunStatus, code: int, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "rehearsal", START, settings=b"{}", command=[])
    assert CliRunner().invoke(cli, ["status", "--runs", str(tmp_path)], standalone_mode=False).return_value == 0
    run.finish(status, START, error="it went wrong" if status is RunStatus.FAILED else "")
    done = CliRunner().invoke(cli, ["status", run.name, "--runs", str(tmp_path)], standalone_mode=False)
    assert done.return_value == code
    assert ("error: it went wrong" in done.output) == (status is RunStatus.FAILED)
