"""Settings that ask for every service there is: rehearsed from the beginning to the end, and nothing to do the second time."""

from pathlib import Path

import pytest
from simulated import PARAMETERS, fitting, open_cells, settings_for, simulated

from runbook_lib.runbook import managed
from runbook_lib.services.registry import by_name

EVERYTHING = PARAMETERS.with_name("rehearsal-all.yaml")


@pytest.mark.parametrize("seed", ["seven", pytest.param("default", marks=pytest.mark.soak)])
def test_every_service_is_covered_and_the_second_time_makes_no_call(
    seed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = simulated(seed, tmp_path, monkeypatch, moto=True)
    made.settings = settings_for(made.front, fitting(made.front, EVERYTHING))
    assert set(made.settings.sections()) == set(by_name())
    phases = [phase.name for phase in managed(made.settings)]
    applied = made.enable(phases)
    unfinished = [each.plan.phase for each in applied if not each.report.ok]
    # What an account has suspended by itself shows only once it is a member: the next plan resumes it.
    assert bool(unfinished) == (seed == "default")
    applied += made.enable(unfinished)
    assert all(each.report.ok for each in applied[-len(unfinished) :] if unfinished)
    assert [blocker for each in applied for blocker in each.plan.blockers] == []
    cells = made.cells()
    assert open_cells(cells) == []
    assert {cell.service for cell in cells} >= {*by_name(), "response"}
    calls = len(made.mutating())
    for phase in phases:
        again = made.plan(phase)
        assert (again.steps, [each for each in again.blockers if each.holds_up]) == ((), [])
        assert made.apply(phase, again, made.approve(again)).ok
    assert len(made.mutating()) == calls
    assert not made.front.log.unhandled
