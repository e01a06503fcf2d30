import datetime as dt
import errno
import fcntl
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.base import files as atomic_file
from runbook_lib.base.project import runs_root
from runbook_lib.evidence.listing import rows
from runbook_lib.evidence.run import versions
from runbook_lib.evidence.run.folder import NAME, RunFolder, RunFolderError, RunStatus, find_runs

NOW = dt.datetime(2026, 11, 23, 7, 46, 11, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(minutes=5)
SETTINGS = b"mode: rehearsal\r\n# \xc3\xbc\n"


def create(root: Path, **others: Any) -> RunFolder:
    defaults: dict[str, Any] = {
        "mode": "rehearsal", "now": NOW, "settings": SETTINGS, "command": ["runbook", "plan"], "organization": "o-rehearsal001",
        "callers": {"111111111111": "arn:made-up:caller"},
    }  # fmt: skip
    return RunFolder.create(root, **(defaults | others))


def test_a_new_run_has_its_name_settings_and_record(tmp_path: Path) -> None:
    run = create(tmp_path / "runs")
    assert NAME.fullmatch(run.name)
    assert run.name.startswith("20261123T074611Z-rehearsal-")
    assert run.settings.read_bytes() == SETTINGS
    record = run.record()
    assert (record["run"], record["mode"], record["status"]) == (run.name, "rehearsal", "running")
    assert (record["started"], record["finished"], record["exit_code"]) == ("2026-11-23T07:46:11Z", None, None)
    assert record["command"] == ["runbook", "plan"]
    assert record["callers"] == {"111111111111": "arn:made-up:caller"}
    assert RunFolder.open(run.path) == run


def test_the_name_is_in_utc_wherever_the_clock_is(tmp_path: Path) -> None:
    elsewhere = NOW.astimezone(dt.timezone(dt.timedelta(hours=9)))
    assert create(tmp_path, now=elsewhere).name.startswith("20261123T074611Z-")


def test_a_name_that_is_taken_is_not_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody else begins a run between the look and the making."""
    numbers, made = iter([0x1111, 0, 7]), Path.mkdir

    def beaten(self: Path, *given: Any, **more: Any) -> None:
        if self.name.endswith("-1112"):
            made(self)
        made(self, *given, **more)

    monkeypatch.setattr("secrets.randbelow", lambda most: next(numbers))
    first = create(tmp_path)
    monkeypatch.setattr(Path, "mkdir", beaten)
    assert [first.name[-4:], create(tmp_path).name[-4:]] == ["1111", "111a"]


def test_runs_of_one_second_sort_as_they_were_made(tmp_path: Path) -> None:
    runs = [create(tmp_path) for _ in range(50)]
    assert find_runs(tmp_path) == runs


def test_a_second_that_has_no_number_after_the_last_takes_another(tmp_path: Path) -> None:
    (tmp_path / "20261123T074611Z-rehearsal-ffff").mkdir()
    assert NAME.fullmatch(create(tmp_path).name)


def test_many_runs_of_one_second_get_a_folder_each(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: create(tmp_path), range(16)))
    assert len({run.name for run in runs}) == 16
    assert find_runs(tmp_path) == sorted(runs, key=lambda run: run.name)


def test_when_every_name_is_taken_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.randbelow", lambda most: most - 1)
    (tmp_path / "20261123T074611Z-rehearsal-ffff").mkdir()
    with pytest.raises(RunFolderError, match="no free name"):
        create(tmp_path)


def test_an_unknown_mode_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="rehearsal or live"):
        create(tmp_path / "runs", mode="test")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("status", "code"), [(RunStatus.DONE, 0), (RunStatus.LEFT_OVER, 2), (RunStatus.FAILED, 1), (RunStatus.STOPPED, 1)]
)
def test_a_run_ends_once_with_the_exit_code_of_its_status(tmp_path: Path, status: RunStatus, code: int) -> None:
    run = create(tmp_path)
    assert run.finish(status, LATER, {"applied": 3}, error="what happened") == code
    record = run.record()
    assert (record["status"], record["exit_code"], record["finished"]) == (status.value, code, "2026-11-23T07:51:11Z")
    assert record["results"] == {"applied": 3}
    with pytest.raises(RunFolderError, match="has ended"):
        run.finish(RunStatus.DONE, LATER)
    with pytest.raises(RunFolderError, match="has ended"):
        run.start_phase("10_security_hub", LATER)
    assert run.record() == record


def test_a_run_cannot_be_done_while_a_phase_runs_and_a_failed_run_says_that_it_was_stopped(tmp_path: Path) -> None:
    run = create(tmp_path)
    run.start_phase("10_security_hub", NOW)
    with pytest.raises(RunFolderError, match="phase has not ended"):
        run.finish(RunStatus.DONE, LATER)
    assert run.record()["status"] == "running"
    run.finish(RunStatus.FAILED, LATER)
    assert run.record()["phases"]["10_security_hub"]["status"] == "stopped"


def test_a_phase_keeps_its_start_and_not_what_an_earlier_execution_counted(tmp_path: Path) -> None:
    run = create(tmp_path)
    folder = run.start_phase("10_security_hub", NOW)
    run.finish_phase("10_security_hub", RunStatus.LEFT_OVER, LATER, {"planned": 4})
    run.start_phase("10_security_hub", LATER)
    run.finish_phase("10_security_hub", RunStatus.DONE, LATER, {"applied": 4})
    phase = run.record()["phases"]["10_security_hub"]
    assert (phase["started"], phase["status"], phase["results"]) == ("2026-11-23T07:46:11Z", "done", {"applied": 4, "calls": 0})
    assert run.phases() == [folder]
    with pytest.raises(RunFolderError, match="without having started"):
        run.finish_phase("20_guardduty", RunStatus.DONE, LATER)
    with pytest.raises(RunFolderError, match="cannot end as running"):
        run.finish_phase("10_security_hub", RunStatus.RUNNING, LATER)


def test_the_files_of_a_phase_have_fixed_names(tmp_path: Path) -> None:
    phase = create(tmp_path).phase("10_security_hub")
    assert phase.name == "10_security_hub"
    assert [path.name for path in (phase.plan_json, phase.plan_document, phase.approval, phase.journal)] == [
        "plan.json", "plan.md", "approval.json", "journal.jsonl",
    ]  # fmt: skip
    notebooks = (phase.notebook(), phase.notebook_html(), phase.notebook("plan"), phase.notebook_html("plan"))
    assert [path.name for path in notebooks] == [
        "notebook.ipynb", "notebook.html", "notebook-plan.ipynb", "notebook-plan.html",
    ]  # fmt: skip
    assert phase.coverage("before", "csv").name == "coverage-before.csv"


@pytest.mark.parametrize("name", ["../up", "a/b", "", "Über"])
def test_a_phase_cannot_lead_out_of_the_run(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunFolderError, match="not the name of a phase"):
        create(tmp_path).phase(name)


def test_two_processes_change_one_record_without_losing_a_word(tmp_path: Path) -> None:
    run = create(tmp_path)
    program = (
        "import sys, pathlib\nfrom runbook_lib.evidence.run.folder import RunFolder\n"
        "run = RunFolder.open(pathlib.Path(sys.argv[1]))\n"
        "[run.add_callers({sys.argv[2] + str(n): 'arn'}) for n in range(10)]"
    )
    children = [subprocess.Popen([sys.executable, "-c", program, str(run.path), name]) for name in ("a", "b")]
    assert [child.wait(60) for child in children] == [0, 0]
    assert len(run.record()["callers"]) == 21


def test_endpoints_of_all_notebooks_come_together(tmp_path: Path) -> None:
    run = create(tmp_path)
    run.add_endpoints({})
    assert "endpoints" not in run.record()
    run.add_endpoints({"guardduty": {"guardduty.{region}.amazonaws.com": ["us-east-2", "us-east-1"]}})
    own = {"vpce-1.guardduty.{region}.vpce.amazonaws.com": ["us-east-1"]}
    run.add_endpoints({"guardduty": {"guardduty.{region}.amazonaws.com": ["eu-west-1", "us-east-1"], **own}})
    run.add_endpoints({"kms": {"kms.{region}.amazonaws.com": ["eu-central-1"]}})
    assert run.record()["endpoints"] == {
        "guardduty": {
            "guardduty.{region}.amazonaws.com": ["eu-west-1", "us-east-1", "us-east-2"],
            "vpce-1.guardduty.{region}.vpce.amazonaws.com": ["us-east-1"],
        },
        "kms": {"kms.{region}.amazonaws.com": ["eu-central-1"]},
    }


def test_a_change_waits_for_the_one_who_is_changing_the_record(tmp_path: Path) -> None:
    run = create(tmp_path)
    folder = os.open(run.path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    with ThreadPoolExecutor(1) as pool:
        change = pool.submit(run.add_callers, {"222222222222": "arn"})
        assert not wait([change], timeout=0.5).done
        os.close(folder)
        change.result(timeout=30)
    assert "222222222222" in run.record()["callers"]


def test_a_run_whose_process_is_gone_is_listed_as_killed(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, datetime as dt\nfrom runbook_lib.evidence.run.folder import RunFolder\n"
        "RunFolder.create(pathlib.Path(sys.argv[1]), 'live', dt.datetime.now(dt.UTC), settings=b'', command=[])"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60)
    (run,) = find_runs(tmp_path)
    assert run.status == "killed"
    assert create(tmp_path).status == "running"


def test_the_list_of_runs_leaves_other_folders_out_and_shows_the_unreadable(tmp_path: Path) -> None:
    run = create(tmp_path)
    run.start_phase("00_prerequisites", NOW)
    run.finish_phase("00_prerequisites", RunStatus.DONE, LATER)
    run.finish(RunStatus.DONE, LATER)
    (tmp_path / "notes").mkdir()
    (tmp_path / "20990101T000000Z-live-0000").mkdir()
    listed = rows(tmp_path)
    assert [(row.run, row.result) for row in listed] == [(run.name, "done"), ("20990101T000000Z-live-0000", "unreadable")]
    assert (listed[0].mode, listed[0].organization, listed[0].started) == ("REHEARSAL", "o-rehearsal001", "2026-11-23 07:46:11")
    assert rows(tmp_path, 1) == listed[1:]
    assert rows(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "has no run.json"),
        ("{", "is not JSON"),
        ("[]", "an object is expected"),
        ('{"format": "runbook run 0"}', "format: .*runbook run 0"),
    ],
)
def test_a_folder_without_a_proper_record_is_no_run(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text, encoding="utf-8")
    with pytest.raises(RunFolderError, match=words):
        RunFolder.open(tmp_path)


def test_a_renamed_run_is_refused(tmp_path: Path) -> None:
    renamed = create(tmp_path).path.rename(tmp_path / "20261123T074611Z-rehearsal-ffff0")
    with pytest.raises(RunFolderError, match="keeps its name"):
        RunFolder.open(renamed)


def test_where_runs_are_kept(tmp_path: Path) -> None:
    assert runs_root("", {}, tmp_path) == tmp_path / "runs"
    assert runs_root("", {"RUNBOOK_RUNS": "elsewhere"}, tmp_path) == tmp_path / "elsewhere"
    assert runs_root("given", {"RUNBOOK_RUNS": "elsewhere"}, tmp_path) == tmp_path / "given"
    assert runs_root(str(tmp_path / "whole"), {}, Path("project")) == tmp_path / "whole"


def test_versions_name_the_library_python_dependencies_and_commit(tmp_path: Path) -> None:
    found = create(tmp_path).record()["versions"]
    assert found["runbook"] == "0.1.0"
    assert found["python"].startswith("3.")
    assert {"boto3", "papermill", "pandas"} <= set(found["dependencies"])


def test_a_checkout_tells_its_commit_and_whether_it_is_changed(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True, timeout=60)

    (tmp_path / "__init__.py").write_text("", encoding="utf-8")
    assert versions.commit(tmp_path) is None
    git("init")
    assert versions.commit(tmp_path) is None
    git("add", "__init__.py")
    git("commit", "-m", "First")
    clean = versions.commit(tmp_path)
    assert clean is not None
    assert len(clean["commit"]) == 40
    assert clean["dirty"] is False
    (tmp_path / "__init__.py").write_text("changed = True\n", encoding="utf-8")
    assert versions.commit(tmp_path) == clean | {"dirty": True}
    installed = tmp_path / "installed"
    installed.mkdir()
    (installed / "__init__.py").write_text("", encoding="utf-8")
    assert versions.commit(installed) is None


def test_without_git_there_is_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert versions.commit(Path(__file__).parent) is None


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    atomic_file.write_text(path, "old")

    def interrupted() -> None:
        with atomic_file.written(path) as file:
            file.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text(encoding="utf-8") == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["run.json"]


def test_a_full_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left") as failed:
        atomic_file.write_text(tmp_path / "run.json", "new")
    assert failed.value.filename == str(tmp_path / "run.json")
    assert list(tmp_path.iterdir()) == []


def test_files_have_the_permissions_of_ordinary_files(tmp_path: Path) -> None:
    (tmp_path / "ordinary").write_text("", encoding="utf-8")
    atomic_file.write_bytes(tmp_path / "atomic", b"\x00\r\n")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "ordinary").stat().st_mode
    assert (tmp_path / "atomic").read_bytes() == b"\x00\r\n"


def test_the_record_is_json_that_others_can_read(tmp_path: Path) -> None:
    record = json.loads(create(tmp_path).record_file.read_text(encoding="utf-8"))
    assert record["process"] == os.getpid()
    assert record["resumes"] is None
