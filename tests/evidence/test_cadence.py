import datetime as dt
from pathlib import Path

import pytest
import sealed_runs as made

from runbook_lib.audit.verify import Cadence
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.seal.sealing import seal

HOUR = dt.timedelta(hours=1)


def coverage_run(root: Path, hours: int, status: RunStatus = RunStatus.DONE) -> None:
    when = made.BEGIN + hours * HOUR
    run = RunFolder.create(root, "rehearsal", when, settings=b"", command=[], organization=made.ORGANIZATION)
    run.start_phase("90_coverage", when)
    run.finish_phase("90_coverage", status, when, {"covered": 1})
    run.finish(status, when)
    seal(run, made.desk(root))


@pytest.mark.parametrize(
    ("hours", "begin", "end", "faults"),
    [
        ([0, 20, 40], None, 60, []),
        ([0, 20, 50], None, 60, ["between 2026-11-24T03:46:11Z and 2026-11-25T09:46:11Z (30 hours)"]),
        ([0, 20], None, 45, ["between 2026-11-24T03:46:11Z and 2026-11-25T04:46:11Z (25 hours)"]),
        ([30], 0, 40, ["between 2026-11-23T07:46:11Z and 2026-11-24T13:46:11Z (30 hours)"]),
        ([0, 30], 10, 40, []),
        ([0], 30, 70, ["between 2026-11-24T13:46:11Z and 2026-11-26T05:46:11Z (40 hours)"]),
    ],
)
def test_days_without_a_sealed_coverage_run_are_named(
    tmp_path: Path, hours: list[int], begin: int | None, end: int, faults: list[str]
) -> None:
    for each in hours:
        coverage_run(tmp_path, each)
    cadence = Cadence(24 * HOUR, made.BEGIN + end * HOUR, None if begin is None else made.BEGIN + begin * HOUR)
    assert [fault.text for fault in made.checked(tmp_path, cadence=cadence).faults] == faults


def test_a_run_that_failed_or_read_only_a_phase_does_not_count(tmp_path: Path) -> None:
    made.sealed_run(tmp_path)
    cadence = Cadence(24 * HOUR, made.BEGIN + HOUR)
    (fault,) = made.checked(tmp_path, cadence=cadence).faults
    assert (fault.kind, fault.text) == ("no sealed coverage run", "at no time")
    coverage_run(tmp_path, 1, RunStatus.FAILED)
    assert made.kinds(made.checked(tmp_path, cadence=cadence)) == {"no sealed coverage run"}
    assert made.checked(tmp_path, cadence=cadence, mode="live").faults == ()
