"""A phase decided gate by gate, as at the screen: each approval is held against the calls of its own plan."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
import sealed_runs as made

from runbook_lib.apply.journal import Journal
from runbook_lib.base.clock import FakeClock
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.seal.sealing import seal
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.outcome import Outcome, Verdict

PHASE = "20_guardduty"
GATES = ("management", "delegated")


@pytest.mark.parametrize(("decided", "faults"), [(10, []), (11, ["used outside its window"])])
def test_each_decision_is_held_against_its_own_calls(tmp_path: Path, decided: int, faults: list[str]) -> None:
    """The second gate's first call went out ten minutes after the first gate's; its decision must not be later than that."""
    run = RunFolder.create(tmp_path, "rehearsal", made.BEGIN, settings=b"", command=[], organization=made.ORGANIZATION)
    folder, whole, clock = run.start_phase(PHASE, made.BEGIN), made.plan(PHASE), FakeClock(made.BEGIN)
    for gate, minutes in zip(GATES, (0, decided), strict=True):
        own = replace(whole, steps=tuple(step for step in whole.steps if step.stage == gate))
        name = f"plan-{gate}.json"
        (folder.path / name).write_text(plan_file.dumps(own))
        begin = made.BEGIN + dt.timedelta(minutes=minutes)
        given = {"id": gate, "fingerprint": own.fingerprint, "plan": name, "plan_sha256": made.digest(own), "not_before": begin}
        made.approval(PHASE, **given).write(folder.path / f"approval-{gate}.json")
        with Journal(folder.journal, run.name, clock) as journal:
            journal.intent(own.actions[0], 1, gate)
            done = [Outcome(each, Verdict.APPLIED) for each in own.actions[0].targets or ("",)]
            journal.outcome(own.actions[0], 1, gate, done, status=200)
        clock.sleep(600)
    run.finish_phase(PHASE, RunStatus.DONE, clock.now(), {"state": "applied"})
    run.finish(RunStatus.DONE, clock.now())
    made.of_process(run, made.ended_process())
    seal(run, made.desk(tmp_path))
    assert [fault.text for fault in made.checked(tmp_path).faults] == faults
