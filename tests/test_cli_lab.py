"""`runbook lab`: what JupyterLab is started with, without starting it."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from runbook_lib.cli import lab as cli_lab

PROJECT = Path(__file__).parents[1]


class Started:
    """Takes the place of JupyterLab's process."""

    def __init__(self, code: int = 0) -> None:
        self.returncode = code
        self.command: Sequence[str] = ()
        self.env: Mapping[str, str] = {}

    def __call__(self, command: Sequence[str], env: Mapping[str, str], **_: Any) -> "Started":
        self.command, self.env = command, env
        return self

    def wait(self) -> None:
        pass


@pytest.fixture
def live(tmp_path: Path) -> Path:
    file = tmp_path / "acme.yaml"
    text = (PROJECT / "parameters" / "rehearsal.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace("mode: rehearsal", "mode: live"), encoding="utf-8")
    return file


def test_loopback_token_and_what_kernels_are_told(live: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = Started()
    monkeypatch.setattr(subprocess, "Popen", started)
    monkeypatch.setenv("AWS_PROFILE", "mine")
    options = ["-p", str(live), "--ticket", "CHG-1", "--no-browser", "--runs", str(tmp_path), "--", "--allow-root"]
    assert CliRunner().invoke(cli_lab.lab, options, catch_exceptions=False, standalone_mode=False).return_value == 0
    assert "--ServerApp.ip=127.0.0.1" in started.command
    assert "--LabApp.default_url=/lab/tree/notebooks/start.ipynb" in started.command
    assert started.command[-2:] == ["--no-browser", "--allow-root"]
    assert not any("token" in each.lower() for each in started.command), "JupyterLab makes its own"
    told = {name: started.env[name] for name in ("RUNBOOK_PARAMETERS", "RUNBOOK_TICKET", "RUNBOOK_RUNS", "AWS_PROFILE")}
    assert told == {
        "RUNBOOK_PARAMETERS": str(live),
        "RUNBOOK_TICKET": "CHG-1",
        "RUNBOOK_RUNS": str(tmp_path),
        "AWS_PROFILE": "mine",
    }


def test_jupyterlab_s_failure_is_ours(live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", Started(3))
    assert CliRunner().invoke(cli_lab.lab, ["-p", str(live)], catch_exceptions=False, standalone_mode=False).return_value == 1
