"""A run that was refused before its first call is sealed and verified like any other; one that had called has a journal."""

from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made

from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.seal.sealing import seal

PHASE = "20_guardduty"
NONE = {"applied": 0, "already so": 0, "failed": 0, "not attempted": 0}


@pytest.mark.parametrize(
    ("results", "found"),
    [
        ({"state": "refused", "actions": 3}, False),
        ({"state": "not attempted", "actions": 3}, False),
        ({"state": "refused", **NONE}, True),
        ({"state": "refused", **NONE, "applied": 3}, True),
        ({"state": "applied"}, True),
    ],
)
def test_a_phase_that_came_to_its_calls_has_a_journal(tmp_path: Path, results: dict[str, Any], found: bool) -> None:
    run = RunFolder.create(tmp_path, "rehearsal", made.BEGIN, settings=b"", command=[], organization=made.ORGANIZATION)
    made.apply_phase(run, PHASE, made.BEGIN, made.approval(PHASE))
    run.phase(PHASE).journal.unlink()
    record = run.record()
    record["phases"][PHASE]["results"] = results
    made.of_process(run, made.ended_process(), phases=record["phases"])
    run.finish(RunStatus.FAILED, made.BEGIN)
    seal(run, made.desk(tmp_path))
    faults = [fault.text for fault in made.checked(tmp_path).faults]
    assert faults == [f"the phase is said to be {results['state']}, and there is no journal.jsonl"] * found
