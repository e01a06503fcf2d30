"""One finding: who answers, what to ask, what the runbook changed in its account, and that nothing of what was found is shown."""

import json
from pathlib import Path

import pytest
from test_register import SAMPLE
from test_replay import of_day

from runbook_lib.apply.journal import Journal
from runbook_lib.base.clock import Clock
from runbook_lib.cli.finding import finding_command
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.plan import Action, BackOut

ACCOUNT, OTHER = "333333333333", "444444444444"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    file = tmp_path / "findings.json"
    found = of_day("2026-11-01", "HIGH", Id="f-1", AwsAccountId=ACCOUNT, Region="us-east-1", Title="An open door")
    strange = {**found, "Id": "f-2", "ProductArn": "arn:aws:securityhub:us-east-1::product/acme/scanner"}
    file.write_text(json.dumps([found, strange]), encoding="utf-8")
    return file


def changed(runs: Path, account: str) -> None:
    """A run that called something about an account."""
    clock = Clock()
    run = RunFolder.create(runs, "rehearsal", clock.now(), settings=b"", command=["test"])
    folder = run.start_phase("20_guardduty", clock.now())
    action = Action(
        "guardduty", "CreateMembers", "222222222222", "us-east-1", {}, "why", frozenset({account}), "a", "b", BackOut("no"),
        "delegated", targets=(account,),
    )  # fmt: skip
    with Journal(folder.journal, run.name, clock) as journal:
        journal.intent(action, 1, "0" * 8)


def test_who_answers_and_what_was_changed_there(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = tmp_path / "runs"
    for account in (ACCOUNT, OTHER):
        changed(runs, account)
    assert finding_command("f-1", SAMPLE, 30, kept, str(runs)) == 0
    said = capsys.readouterr().out
    assert "f-1: guardduty/Recon, HIGH, NEW, account 333333333333, us-east-1" in said
    assert "owner: Incident response" in said
    assert "in the last 30 days: 1 call" in said
    assert "guardduty:CreateMembers in us-east-1" in said
    assert "An open door" not in said


def test_nobody_answers_for_what_is_of_no_class(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert finding_command("f-2", SAMPLE, 30, kept, str(tmp_path)) == 2
    assert "owner: nobody" in capsys.readouterr().out


def test_a_finding_that_is_not_there_is_said(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert finding_command("f-3", SAMPLE, 30, kept, str(tmp_path)) == 1
    assert "has no finding f-3" in capsys.readouterr().err
