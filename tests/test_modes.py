"""A rehearsal's approval offered to a live run is refused before a socket is opened."""

import datetime as dt
import socket
from pathlib import Path

import pytest
from test_plan import create_members, plan_of

from runbook_lib.notebook import Halt, open_phase
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve
from runbook_lib.settings.file import load

ROOT = Path(__file__).parents[1]


def test_refused_without_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = ROOT / "parameters" / "example.yaml"
    assert load(parameters, dt.datetime.now(dt.UTC).date()).mode == "live"
    plan = plan_of(create_members(("444444444444",)))
    (tmp_path / "plan.json").write_text(plan_file.dumps(plan), encoding="utf-8")
    approve(plan, approver="Ada", ticket="CHG-1", now=dt.datetime.now(dt.UTC)).write(tmp_path / "approval.json")
    monkeypatch.setenv("RUNBOOK_RUNS", str(tmp_path / "runs"))

    def refuse(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(Halt, match="given in mode rehearsal, this run is live"):
        open_phase("20_guardduty", str(parameters), "", str(tmp_path / "approval.json"), "")


def test_no_run_is_begun_for_what_is_no_approval(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBOOK_RUNS", str(tmp_path / "runs"))
    (tmp_path / "approval.json").write_text("{}")
    for given in ("zzz", str(tmp_path / "approval.json")):
        with pytest.raises(Halt, match=r"approval refused: .*\nNothing of what it refused was called"):
            open_phase("20_guardduty", str(ROOT / "parameters" / "rehearsal.yaml"), "", given, "")
    assert not (tmp_path / "runs").exists()
