"""What a failed phase holds up: those that require it, later waves of itself, and nothing else."""

import datetime as dt
from functools import partial
from pathlib import Path

import pytest
from simulated import PARAMETERS

from runbook_lib.cli import commands
from runbook_lib.cli.commands import Command
from runbook_lib.cli.in_turn import Course, Turn
from runbook_lib.cli.kernels import Kernels
from runbook_lib.cli.phase_result import PhaseResult
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder, RunStatus
from runbook_lib.runbook.phases import Phase
from runbook_lib.settings.file import load

DONE, FAILED, STOPPED, LEFT = RunStatus.DONE, RunStatus.FAILED, RunStatus.STOPPED, RunStatus.LEFT_OVER


def phase(name: str, *requires: str) -> Phase:
    return Phase(name, name, "", (), "", requires)


PHASES = (phase("0"), phase("1", "0"), phase("2", "0", "1"), phase("3", "0", "1"), phase("4", "0"))


def result(phase: Phase, status: RunStatus) -> PhaseResult:
    error = f"{phase.name} has its reasons" if status is FAILED else ""
    return PhaseResult(phase, PhaseFolder(Path(phase.name)), status, {}, error)


def course(ends: dict[str, RunStatus], *waves: str) -> tuple[list[str], Course]:
    """What runs, in order, where phase and wave end so, and all else well."""
    ran, made = [], Course()

    def run(phase: Phase, wave: str) -> PhaseResult:
        ran.append(f"{phase.name}{wave}")
        return result(phase, ends.get(ran[-1], DONE))

    turns = [Turn(phase, partial(run, phase, wave), wave) for wave in waves or ("",) for phase in PHASES]
    made.take(turns, lambda line: None)
    return ran, made


@pytest.mark.parametrize(
    ("ends", "waves", "expected"),
    [
        ({"2": FAILED}, "", "0 1 2 3 4"),
        ({"2": LEFT}, "", "0 1 2 3 4"),
        ({"1": FAILED}, "", "0 1 4"),
        ({"0": FAILED}, "", "0"),
        ({"2": STOPPED}, "", "0 1 2"),
        ({"2a": FAILED}, "ab", "0a 1a 2a 3a 4a 0b 1b 3b 4b"),
        ({"1a": FAILED}, "ab", "0a 1a 4a 0b 4b"),
        ({"3a": STOPPED}, "ab", "0a 1a 2a 3a"),
    ],
)
def test_what_runs_after(ends: dict[str, RunStatus], waves: str, expected: str) -> None:
    ran, made = course(ends, *waves)
    assert ran == expected.split()
    assert len(ran) + len(made.not_attempted) == len(PHASES) * (len(waves) or 1)


def test_the_reason_is_the_phase_or_the_wave_that_failed() -> None:
    _, made = course({"1": FAILED})
    assert made.summary == ("not attempted: 2, 3: 1 failed, and has to come first",)
    _, waved = course({"2a": FAILED}, "a", "b")
    assert waved.not_attempted == {"2 in wave b": "2 in wave a failed, and has to come first"}
    _, stopped = course({"3": STOPPED})
    assert stopped.not_attempted == {"4": "the command was stopped"}


def test_what_was_not_attempted_is_said_and_recorded(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "rehearsal", dt.datetime.now(dt.UTC), settings=b"", command=["runbook", "plan"])
    said: list[str] = []
    command = Command(load(PARAMETERS, dt.datetime.now(dt.UTC).date()), tmp_path, run, Kernels({}), said.append)
    _, made = course({"1": FAILED})
    assert commands.finish(command, made, result(PHASES[0], LEFT)) == 1
    why = "1 failed, and has to come first"
    assert said == [f"not attempted: 2, 3: {why}"]
    record = run.record()
    assert record["status"] == "failed"
    assert record["error"] == f"1 has its reasons; {said[0]}"
    assert record["results"] == {"not attempted": {"2": why, "3": why}}


def test_what_is_left_to_the_next_plan_stands_beneath_the_counts() -> None:
    left = PhaseResult(
        PHASES[0], PhaseFolder(Path("0")), LEFT, {"applied": 3, "failed": 0, "not attempted": 1}, "", later=("a", "b"), seconds=2
    )
    assert left.words.splitlines() == [
        "left-over: 3 changes applied, 1 not attempted; took 2 s", "  left to the next plan: a", "  left to the next plan: b"
    ]  # fmt: skip
