"""What `runbook evidence verify` ends with: nothing to verify is no success, and one broken file ends no verification."""

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest
import sealed_runs as made
from click.testing import CliRunner

from runbook_lib.cli import cli
from runbook_lib.evidence.run.folder import RunFolder


def call(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["evidence", "verify", *map(str, words)], standalone_mode=False)
    return (done.return_value if done.exception is None else 1), done.output + str(done.exception or "")


def test_a_folder_that_is_not_there_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (("--all", "--runs", tmp_path / "gone"), ("--runs", tmp_path / "gone"), ("--live", "--runs", tmp_path / "gone")):
        code, said = call(*words)
        assert code == 1
        assert f"{tmp_path / 'gone'}: there is no such folder" in said
    monkeypatch.setenv("RUNBOOK_RUNS", str(tmp_path / "gone"))
    code, said = call("--all")
    assert (code, "there is no such folder" in said) == (1, True)


def test_a_folder_without_runs_is_no_success(tmp_path: Path) -> None:
    assert call("--all", "--runs", tmp_path) == (1, f"Nothing to verify: no run in {tmp_path}\n")
    made.sealed_run(tmp_path / "runs")
    shutil.rmtree(tmp_path / "runs" / "chain")
    for run in (tmp_path / "runs").glob("2026*"):
        shutil.rmtree(run)
    assert call("--all", "--runs", tmp_path / "runs") == (1, f"Nothing to verify: no run in {tmp_path / 'runs'}\n")


def test_live_without_a_live_run_is_no_success(tmp_path: Path) -> None:
    made.sealed_run(tmp_path)
    code, said = call("--live", "--runs", tmp_path)
    assert (code, said.splitlines()[-1]) == (1, f"Nothing to verify: no live run in {tmp_path}")
    code, said = call("--runs", tmp_path)
    assert (code, said.splitlines()[-1]) == (0, "1 run: verified")


def test_a_run_under_way_is_not_verified(tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    run = RunFolder.create(tmp_path, "rehearsal", now, settings=b"", command=[], organization=made.ORGANIZATION)
    assert call("--runs", tmp_path) == (1, f"Nothing to verify: 1 run under way, none sealed in {tmp_path}\n")
    made.sealed_run(tmp_path)
    assert call("--runs", tmp_path)[1].splitlines()[-1] == "1 run: verified, 1 more without a seal"
    code, said = call(run.name, "--runs", tmp_path)
    assert (code, said.splitlines()[-1].partition(":")[0]) == (1, "Nothing to verify")


@pytest.mark.parametrize(
    ("record", "named"),
    [({"host": "elsewhere"}, False), ({"host": "elsewhere", "days": 2}, True), ({"days": 2}, False), ({"days": 20}, True)],
)
def test_a_run_that_says_for_days_that_it_is_running_is_named(tmp_path: Path, record: dict[str, object], named: bool) -> None:
    """Elsewhere after a day: its machine may be gone, or its folder a copy. Here its process lives; no approval lasts so long."""
    made.sealed_run(tmp_path)
    began = dt.datetime.now(dt.UTC) - dt.timedelta(days=int(str(record.pop("days", 0))), minutes=1)
    run = RunFolder.create(tmp_path, "rehearsal", began, settings=b"", command=[], organization=made.ORGANIZATION)
    run.record_file.write_text(json.dumps(run.record() | record))
    code, said = call("--runs", tmp_path)
    assert (code, "and has no end" in said) == (int(named), named)


def test_one_broken_record_ends_neither_verify_nor_the_list(tmp_path: Path) -> None:
    run, _ = made.sealed_run(tmp_path)
    broken = tmp_path / "20261101T000000Z-rehearsal-dead"
    broken.mkdir()
    (broken / "run.json").write_text('{"format": "runbook run 1"}')
    run.settings.write_text("another")
    code, said = call("--all", "--runs", tmp_path, "--against-cloudtrail", events(tmp_path))
    assert code == 1
    assert f"changed: {run.name}/settings.yaml: differs from what was sealed" in said
    assert f"not sealed: {broken.name}: run.json cannot be judged: run: " in said
    assert f"{run.name}: 0 of 2 journaled calls are in CloudTrail" in said
    done = CliRunner().invoke(cli, ["run", "list", "--runs", str(tmp_path)], standalone_mode=False)
    assert done.exception is None
    assert [line.split()[:2] for line in done.output.splitlines()[1:]] == [[broken.name, "unreadable"], ["1", run.name]]


def events(folder: Path) -> Path:
    path = folder.with_name("events.json")
    path.write_text('{"Records": []}')
    return path


def test_a_name_makes_no_line_of_its_own(tmp_path: Path) -> None:
    run, _ = made.sealed_run(tmp_path)
    (run.path / "x\n1 runs: verified").write_text("")
    code, said = call("--runs", tmp_path)
    assert (code, said.splitlines()[-1]) == (1, "1 run: 1 fault")
    assert f"added: {run.name}/x\\n1 runs: verified: was not there when the run was sealed" in said.splitlines()


def test_a_fault_shows_what_cannot_be_seen(tmp_path: Path) -> None:
    """A no-break space in a name is another name, and looks the same."""
    run, _ = made.sealed_run(tmp_path)
    (run.path / "settings\u00a0.yaml").write_text("")
    _, said = call("--runs", tmp_path)
    assert f"added: {run.name}/settings\\xa0.yaml: was not there when the run was sealed" in said.splitlines()


def test_a_pinned_key_that_cannot_be_read_hides_nothing(tmp_path: Path) -> None:
    run, _ = made.sealed_run(tmp_path)
    run.settings.write_text("another")
    (pin,) = (tmp_path / "keys").glob("*.pub.pem")
    pin.write_text("no key")
    code, said = call("--runs", tmp_path)
    assert code == 1
    assert f"cannot be judged: keys/{pin.name}: no public key in PEM" in said
    assert f"changed: {run.name}/settings.yaml" in said
