import datetime as dt
import functools
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
import sealed_runs as made

from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal.sealing import seal

RUNS = 1000


def time_of(number: int) -> dt.datetime:
    return made.BEGIN + number * dt.timedelta(minutes=10)


def copies(root: Path) -> list[RunFolder]:
    """A thousand runs with everything a run has; one is made, the others are its copies under names of their own."""
    template = made.ended_run(root / "template")
    found = []
    for number in range(RUNS):
        when = time_of(number)
        name = f"{when:%Y%m%dT%H%M%SZ}-rehearsal-{number:04x}"
        shutil.copytree(template.path, root / name)
        run = RunFolder(root / name)
        for phase in run.phases():
            approval = json.loads(phase.approval.read_text())
            phase.approval.write_text(json.dumps(approval | {"id": f"{name}-{phase.name}"}))
        run.record_file.write_text(json.dumps(template.record() | {"run": name, "started": f"{when:%Y-%m-%dT%H:%M:%SZ}"}))
        found.append(run)
    shutil.rmtree(root / "template")
    return found


@pytest.mark.soak
def test_a_thousand_runs_are_sealed_and_verified_in_seconds(tmp_path: Path) -> None:
    runs = copies(tmp_path)
    desk = made.desk(tmp_path)
    begun = time.perf_counter()
    for number, run in enumerate(runs):
        seal(run, replace(desk, now=functools.partial(time_of, number)))
    sealed = time.perf_counter()
    found = made.checked(tmp_path)
    verified = time.perf_counter()
    assert found.faults == ()
    assert len(found.runs) == RUNS
    assert sealed - begun < 120
    assert verified - sealed < 60
    (runs[500].path / "20_guardduty" / "plan.md").write_text("other")
    assert [fault.where for fault in made.checked(tmp_path).faults] == [f"{runs[500].name}/20_guardduty/plan.md"]
