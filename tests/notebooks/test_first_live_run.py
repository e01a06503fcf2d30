"""The notebook of the first live run: the checklist asked, its record in the run and sealed with it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cells import Executed, executed
from doors import ROOT, Served, served

from runbook_lib.cli import main
from runbook_lib.evidence.run.folder import RunFolder, find_runs
from runbook_lib.inventory.checklist import questions

NAME = "05_first_live_run"


@pytest.fixture(scope="module")
def organization(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served("half-done", tmp_path_factory.mktemp("first")) as made:
        yield made


def run(organization: Served, **parameters: str) -> Executed:
    given = {"parameters_file": str(organization.settings), **parameters}
    return executed(ROOT / "notebooks" / f"{NAME}.ipynb", organization.environment, **given)


def latest(organization: Served) -> RunFolder:
    return list(find_runs(organization.runs))[-1]


def command(organization: Served, monkeypatch: pytest.MonkeyPatch, *words: str) -> Any:
    for name, value in organization.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main([*words, "--runs", str(organization.runs)])
    return ended.value.code


def test_every_question_is_in_the_run_sealed_and_as_the_command_writes_it(
    organization: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = len(organization.front.log.entries)
    done = run(organization)
    assert ([*done.shown], done.halted) == (["", "card", "observe", "verify", "finish"], "")
    assert not [each for each in list(organization.front.log.entries)[before:] if each.mutating and each.service != "sts"]
    assert "Not as assumed, or not known (0)" in done.shown["observe"]
    assert "custom-action-limits: " not in done.shown["observe"]
    assert "custom-action-limits" in done.shown["verify"]
    assert "Done, with something left" in done.shown["finish"]
    made = latest(organization)
    record = made.record()
    assert (record["status"], record["phases"][NAME]["results"]["differs"]) == ("left-over", 0)
    assert set(record["callers"]) == {"111111111111", "222222222222"}
    kept = json.loads((made.phase(NAME).path / "checklist.json").read_text(encoding="utf-8"))
    assert [each["id"] for each in kept["answers"]] == [each.id for each in questions()]
    code = command(organization, monkeypatch, "checklist", "-p", str(organization.settings), "--output", str(tmp_path / "c.json"))
    assert code == 2
    written = json.loads((tmp_path / "c.json").read_text(encoding="utf-8"))
    assert written | {"asked": ""} == kept | {"asked": ""}
    capsys.readouterr()
    assert command(organization, monkeypatch, "evidence", "verify", made.name) == 0, capsys.readouterr()
    changed = made.phase(NAME).path / "checklist.json"
    text = changed.read_text(encoding="utf-8")
    try:
        changed.write_text(text.replace('"as assumed"', '"differs"', 1), encoding="utf-8")
        assert command(organization, monkeypatch, "evidence", "verify", made.name) == 1
        assert "checklist.json" in capsys.readouterr().out
    finally:
        changed.write_text(text, encoding="utf-8")


def test_what_is_not_used_is_refused_and_begins_no_run(organization: Served) -> None:
    there = [each.name for each in find_runs(organization.runs)]
    assert "scope: the checklist asks about AWS" in run(organization, scope='{"regions": ["us-east-1"]}').halted
    assert "approval: the checklist asks about AWS" in run(organization, approval="approval.json").halted
    assert [each.name for each in find_runs(organization.runs)] == there


def test_another_organization_is_not_asked_in_this_one_s_name(organization: Served, tmp_path: Path) -> None:
    text = organization.settings.read_text(encoding="utf-8")
    (other := tmp_path / "other.yaml").write_text(text.replace("o-rehearsal001", "o-another0001"), encoding="utf-8")
    done = run(organization, parameters_file=str(other))
    assert "o-another0001" in done.halted
    made = latest(organization)
    assert made.record()["status"] == "failed"
    assert not (made.phase(NAME).path / "checklist.json").exists()
    shutil.rmtree(made.path)
