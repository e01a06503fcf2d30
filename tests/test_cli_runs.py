"""Where a command looks for runs: beside the person who gave the name, and never in a folder that is not there."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from runbook_lib.base.project import NoRunsFolder, runs_root
from runbook_lib.cli import cli
from runbook_lib.cli.runs import KEPT_RUNS, RUNS, runs_folder
from runbook_lib.phase_run.halt import Halt
from runbook_lib.phase_run.record import plainly

MAKING = {"plan", "apply", "coverage", "drill", "remediate", "rehearse", "simulate", "lab", "inventory", "evidence verify"}
MAKING |= {
    "checklist",
    "handover",
    "doctor",
    "init",
    "offboard",
    "back-out",
    "finding",
    "replay",
    "stack deploy",
    "stack update",
    "stack check",
    "workflows",
    "stack status",
    "stack recover",
    "stack delete",
}
"""Commands that make runs or what lies beside them, or do without runs; and verify, for which a copy is enough.

All others look at runs.
"""


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, words, standalone_mode=False)


def commands(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield path + name, command


def callback(option: object) -> object:
    @option  # type: ignore[operator] # a decorator of click's
    @click.command()
    def command(runs: str) -> None: ...

    return command.params[0].callback


def test_every_command_has_one_of_the_two_options() -> None:
    kinds = {
        name: parameter.callback for name, command in commands(cli) for parameter in command.params if parameter.name == "runs"
    }
    assert len(kinds) >= 16
    assert {name for name, kind in kinds.items() if kind is callback(RUNS)} == MAKING
    assert {name for name, kind in kinds.items() if kind is not callback(KEPT_RUNS)} == MAKING


def test_a_relative_path_starts_at_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "r6" / "20261123T074611Z-rehearsal-7f3a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert "is not a run folder" not in call("evidence", "recompute", "x", "--runs", "r6").output
    recomputed = call("evidence", "recompute", "20261123T074611Z-rehearsal-7f3a", "--runs", "r6")
    assert str(tmp_path / "r6") in str(recomputed.exception)
    assert call("simulate", "--stop", "--runs", "new").output == (
        f"No simulated organization is running in {tmp_path}/new/simulated-organization.\n"
    )


@pytest.mark.parametrize("words", [("run", "list"), ("evidence", "verify", "--all"), ("evidence", "seal", "x")])
def test_a_folder_that_is_not_there_has_not_simply_no_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = call(*words, "--runs", "nosuch").exception
    assert isinstance(refused, click.ClickException)
    assert re.match(rf"{re.escape(str(tmp_path))}/nosuch: there is no such folder[;,] .*name the (one|folder)", str(refused))
    monkeypatch.setenv("RUNBOOK_RUNS", str(tmp_path / "gone"))
    refused = call(*words).exception
    assert re.match(rf"{re.escape(str(tmp_path))}/gone( \(RUNBOOK_RUNS\))?: there is no such folder[;,] .*name the", str(refused))
    (tmp_path / "nosuch").mkdir()
    assert not isinstance(call(*words, "--runs", "nosuch").exception, click.BadParameter)


@pytest.mark.parametrize("words", [("run", "list"), ("simulate", "--stop"), ("plan", "-p", "x")])
def test_a_file_is_refused_by_every_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    assert str(call(*words, "--runs", "file").exception) == "file: is a file; the folder that runs are kept in is expected"


def test_a_file_in_the_environment_is_refused_in_a_notebook_too(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NoRunsFolder, match=r"is a file; .*RUNBOOK_RUNS"):
        runs_root("", {"RUNBOOK_RUNS": "file"}, tmp_path)
    with pytest.raises(Halt, match="unset the variable"), plainly():
        runs_root("", {"RUNBOOK_RUNS": "file"}, tmp_path)


def test_an_auditor_who_names_a_folder_needs_no_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runbook_lib.base import project

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(project, "__file__", str(tmp_path / "site-packages" / "runbook_lib" / "project.py"))
    assert runs_folder(str(tmp_path)) == tmp_path
    assert call("run", "list", "--runs", ".").exception is None
