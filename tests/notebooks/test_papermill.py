"""The notebooks by plain papermill, as a pipeline without our command would run them: the same refusals, the same record.

Each notebook goes once through papermill, approved. What it does without an approval, or with a wrong one, its cells do, and this
process shows it too.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cells import Executed, in_process, latest
from doors import PAPERMILL, ROOT, Served, lines, outputs, served, states
from simulated import ENABLING

from runbook_lib.base.clock import Clock
from runbook_lib.evidence.run.folder import RunFolder, find_runs
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve

Finished = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One organization of seven accounts for this module; its tests build on each other in the order of the file."""
    with served("seven", tmp_path_factory.mktemp("seven")) as organization:
        yield organization


def execute(served: Served, phase: str, out: Path, *more: str, folder: Path | None = None, **parameters: str) -> Finished:
    """`papermill notebook out -p …`, and nothing of ours."""
    given = {"parameters_file": str(served.settings), **parameters}
    options = [part for name, value in given.items() for part in ("-r", name, value)]
    notebook = ROOT / "notebooks" / f"{phase}.ipynb"
    return served.run([*PAPERMILL, str(notebook), str(out), "--no-progress-bar", *options, *more], folder=folder)


def cell(out: Path, call: str) -> str:
    """What the cell of `run.<call>()` shows."""
    order = ("parameters", "injected", "card", "observe", "explore", "plan", "confirm", "apply", "verify", "back_out", "finish")
    return outputs(out)[order.index(call)]


@pytest.fixture(scope="module")
def planned(seven: Served) -> dict[str, Executed]:
    """All phases executed without an approval."""
    return {phase: in_process(seven, phase) for phase in ENABLING}


@pytest.mark.parametrize("phase", ENABLING)
def test_without_approval_it_plans_and_records_not_attempted(seven: Served, planned: dict[str, Executed], phase: str) -> None:
    run = latest(seven, phase)
    record = run.record()
    assert record["status"] == "left-over"
    assert record["exit_code"] == 2
    results = record["phases"][phase]["results"]
    assert results["state"] == "not attempted"
    assert results["actions"] == len(plan_file.load(run.phase(phase).plan_json).actions) > 0
    assert "Not attempted" in planned[phase].shown["apply"]
    assert results["fingerprint"] in planned[phase].shown["plan"]
    assert (planned[phase].halted, [*planned[phase].shown][-1]) == ("", "finish")
    assert not run.phase(phase).journal.exists()
    assert not seven.changes


@pytest.fixture(scope="module")
def approvals(seven: Served, planned: dict[str, Executed]) -> dict[str, Path]:
    """An approval of each of those plans, beside it."""
    for phase in planned:
        folder = latest(seven, phase).phase(phase)
        plan = plan_file.load(folder.plan_json)
        approve(plan, approver="tests", ticket="T-1", now=Clock().now()).write(folder.approval)
    return {phase: latest(seven, phase).phase(phase).approval for phase in planned}


OTHER = dict(zip(ENABLING, (*ENABLING[1:], ENABLING[0]), strict=True))
"""Each phase is offered the approval of another one."""


@pytest.mark.parametrize("phase", ENABLING)
def test_a_wrong_approval_is_refused_in_the_gate_cell(seven: Served, approvals: dict[str, Path], phase: str) -> None:
    done = in_process(seven, phase, approval=str(approvals[OTHER[phase]]))
    refused(seven, phase, done.halted)
    assert [*done.shown][-1] == "confirm"


def refused(seven: Served, phase: str, said: str) -> None:
    assert len(said.splitlines()) <= 2
    assert f"approval refused: it is for phase {OTHER[phase]}, this is {phase}" in said.splitlines()[0]
    record = latest(seven, phase).record()
    assert (record["status"], record["exit_code"]) == ("failed", 1)
    assert record["phases"][phase]["results"]["state"] == "refused"
    assert not seven.changes


def test_papermill_fails_at_the_gate_cell_and_leaves_the_rest_pending(
    seven: Served, approvals: dict[str, Path], tmp_path: Path
) -> None:
    phase, out = ENABLING[-1], tmp_path / "out.ipynb"
    done = execute(seven, phase, out, approval=str(approvals[OTHER[phase]]))
    assert done.returncode == 1
    refused(seven, phase, cell(out, "confirm"))
    before, after = states(out)[: states(out).index("failed")], states(out)[states(out).index("failed") + 1 :]
    assert set(before) == {"completed"}
    assert set(after) == {"pending"}
    assert len(after) >= 4


def test_approved_it_applies_and_leaves_the_whole_record(seven: Served, approvals: dict[str, Path], tmp_path: Path) -> None:
    """Started in a folder elsewhere, with a path of the settings that starts at the project."""
    relative = os.path.relpath(seven.settings, ROOT)
    for phase in ENABLING:
        out = tmp_path / f"{phase}.ipynb"
        before = len(seven.changes)
        run = RunFolder.create(
            seven.runs, "rehearsal", Clock().now(), settings=seven.settings.read_bytes(), command=["papermill"],
            organization=seven.front.world.organization.id,
        )  # fmt: skip
        done = execute(
            seven, phase, out, folder=tmp_path, parameters_file=relative, approval=str(approvals[phase]), run_folder=str(run.path)
        )
        assert done.returncode == 0, done.stderr
        assert set(states(out)) == {"completed"}
        record = run.record()["phases"][phase]
        assert (record["status"], record["results"]["state"]) == ("done", "applied")
        assert (record["results"]["gap"], record["results"]["unknown"]) == (0, 0)
        folder = run.phase(phase)
        kept = {path.name for path in folder.path.iterdir()}
        assert {"plan.json", "plan.md", "approval.json", "journal.jsonl", "coverage-before.csv", "coverage-after.html"} <= kept
        intents = [line for line in lines(folder.journal) if line["kind"] == "intent"]
        sent = [entry.invocation for entry in seven.changes[before:]]
        assert sorted(line["invocation"] for line in intents) == sorted(sent)
        assert run.record()["status"] == "running", "whoever made the run folder ends the run"


def test_unknown_and_mistyped_parameters_are_refused_before_any_call(seven: Served, tmp_path: Path) -> None:
    calls, runs = len(seven.front.log.entries), len(find_runs(seven.runs))
    out = tmp_path / "out.ipynb"
    done = execute(seven, "20_guardduty", out, "-p", "hom_region", "x", "-p", "scope", "5")
    assert done.returncode == 1
    said = cell(out, "card").splitlines()
    assert len(said) == 2
    assert "hom_region is not a parameter of this notebook" in said[0]
    assert "scope is int 5" in said[0]
    assert len(seven.front.log.entries) == calls
    assert len(find_runs(seven.runs)) == runs, "a run exists from the moment its parameters are valid"


def test_a_damaged_configuration_of_aws_is_said_in_two_lines(seven: Served, tmp_path: Path) -> None:
    damaged = tmp_path / "config"
    damaged.write_text("[profile rehearsal-runner]\nregion = us-east-1\n[profile rehearsal-runner]\n", encoding="utf-8")
    calls = len(seven.front.log.entries)
    done = in_process(seven, "90_coverage", {"AWS_CONFIG_FILE": str(damaged)})
    assert [*done.shown][-1] == "card"
    said = done.halted.splitlines()
    assert len(said) == 2
    assert said[0].startswith(f"{damaged}, line 3: section [profile rehearsal-runner] is there twice")
    assert len(seven.front.log.entries) == calls
    assert latest(seven, "90_coverage").record()["status"] == "failed"


def test_an_unknown_key_in_the_scope_is_refused(seven: Served) -> None:
    calls = len(seven.front.log.entries)
    done = in_process(seven, "90_coverage", scope=json.dumps({"region": ["us-east-1"]}))
    assert [*done.shown][-1] == "card"
    said = done.halted.splitlines()
    assert len(said) == 2
    assert "region" in said[0]
    assert "regions, accounts, organizational_units" in said[0]
    assert len(seven.front.log.entries) == calls


def test_a_wave_is_a_part_with_a_name(seven: Served) -> None:
    """The scope parameter names it; the plan is that part's, and says what waits for later waves."""
    settings = seven.settings.with_name("waves.yaml")
    waves = "\nwaves:\n  - { name: canary, organizational_units: [ou-reh1-platform1] }\n"
    settings.write_text(seven.settings.read_text(encoding="utf-8") + waves, encoding="utf-8")
    done = in_process(seven, "10_security_hub", parameters_file=str(settings), scope='{"wave": "canary"}')
    assert done.halted == ""
    folder = latest(seven, "10_security_hub").phase("10_security_hub")
    assert plan_file.load(folder.plan_json).scope.organizational_units == ("ou-reh1-platform1",)
    document = folder.plan_document.read_text(encoding="utf-8")
    assert "| Wave | Wave 1 of 2: canary |" in document
    assert "| Waits for later waves | rest (" in document
