"""Into which run a notebook may write that was given one: every contradiction is refused in a sentence, before anything is read."""

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.base.identity import system_user
from runbook_lib.evidence.run.folder import RunFolder, RunFolderError, RunStatus
from runbook_lib.phase_run.joining import joined
from runbook_lib.settings.file import parse
from runbook_lib.settings.register import Register

NOW = dt.datetime(2026, 11, 28, tzinfo=dt.UTC)
TODAY = NOW.date()
TEXT = (Path(__file__).parents[1] / "parameters" / "rehearsal.yaml").read_text(encoding="utf-8")
SETTINGS = parse(TEXT, TODAY, "p")
NONE = Register(Path(), (), "")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setenv("RUNBOOK_RUNS", str(tmp_path / "runs"))
    return made(tmp_path / "runs")


def made(root: Path, mode: str = "rehearsal", organization: str = SETTINGS.organization.id) -> RunFolder:
    return RunFolder.create(root, mode, NOW, settings=TEXT.encode(), command=[], organization=organization)


def changed(there: RunFolder, **values: Any) -> None:
    there.record_file.write_text(json.dumps(there.record() | values))


def elsewhere(run: RunFolder) -> Path:
    return Path(shutil.copytree(run.path, run.path.parents[1] / "elsewhere" / run.name))


def linked(run: RunFolder) -> Path:
    """A link among the runs to a folder that lies elsewhere."""
    outside = elsewhere(run)
    shutil.rmtree(run.path)
    run.path.symlink_to(outside)
    return run.path


def renamed(run: RunFolder) -> Path:
    """A rehearsal that is called live: the name is what its seal is kept under."""
    other = run.path.rename(run.path.with_name(run.name.replace("rehearsal", "live")))
    changed(RunFolder(other), run=other.name)
    return other


def nested(run: RunFolder) -> Path:
    return Path(shutil.copytree(run.path, run.path / "20_guardduty" / run.name))


def ended(run: RunFolder) -> None:
    run.finish(RunStatus.DONE, NOW)


def one_more_setting(run: RunFolder) -> None:
    run.settings.write_text(f"{TEXT}\nconcurrency: 3\n")


def one_more_workflow(run: RunFolder) -> None:
    run.workflows.mkdir()
    (run.workflows / "mine.yaml").write_text("id: mine\n")


CASES: dict[str, tuple[Callable[[RunFolder], Path | None], str]] = {
    "another folder": (elsewhere, "does not lie in the folder of runs, "),
    "a link to another folder": (linked, "does not lie in the folder of runs, "),
    "below a run": (nested, "does not lie in the folder of runs, "),
    "a name of another mode": (renamed, "its run.json says mode rehearsal, its name live"),
    "a record of another mode": (lambda run: changed(run, mode="live"), "its run.json says mode live, its name rehearsal"),
    "a run of another mode": (lambda run: made(run.path.parent, "live").path, "it is a run of mode live, settings say rehearsal"),
    "another organization": (
        lambda run: made(run.path.parent, organization="o-victim00001").path,
        f"it is a run on organization o-victim00001, settings name {SETTINGS.organization.id}",
    ),
    "no organization": (
        lambda run: made(run.path.parent, organization="").path,
        f"it is a run on organization unknown, settings name {SETTINGS.organization.id}",
    ),
    "another machine": (lambda run: changed(run, host="far-away"), "it is a run of the machine far-away, this is "),
    "another user": (
        lambda run: changed(run, user={"name": "bob", "uid": 54321}),
        f"bob (uid 54321) began it, and {system_user().name} (uid {system_user().uid}) runs this",
    ),
    "ended": (ended, "the run has ended (done); start a new one"),
    "other settings": (one_more_setting, "its settings.yaml says something else than parameters_file"),
    "another register": (one_more_workflow, "its register of workflows is another one than beside parameters_file"),
    "settings that cannot be read": (lambda run: run.settings.unlink(), "its settings.yaml cannot be used: "),
    "no run": (lambda run: run.record_file.unlink(), "is not a run folder: it has no run.json"),
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(CASES))
def test_a_run_that_does_not_fit_is_refused(run: RunFolder, case: str) -> None:
    change, said = CASES[case]
    path = change(run) or run.path
    before = sorted(path.rglob("*"))
    with pytest.raises(RunFolderError) as refused:
        joined(path, SETTINGS, NONE, TODAY)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)
    fits = ("run_folder empty",) if case == "no run" else ("run_folder empty", "still running", "this machine", "same settings")
    assert all(each in refused.value.advice for each in fits)
    assert sorted(path.rglob("*")) == before


def test_a_run_that_was_killed_is_not_gone_on_with(run: RunFolder) -> None:
    import subprocess
    import sys

    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    changed(run, process=process.pid)
    with pytest.raises(RunFolderError, match=r"the run has ended \(killed\)"):
        joined(run.path, SETTINGS, NONE, TODAY)


def test_a_run_that_fits_is_joined(run: RunFolder, tmp_path: Path) -> None:
    assert joined(run.path, SETTINGS, NONE, TODAY) == RunFolder(run.path.resolve())
    (tmp_path / "by a link").symlink_to(tmp_path / "runs")
    assert joined(tmp_path / "by a link" / run.name, SETTINGS, NONE, TODAY).path == run.path.resolve()
    changed(run, user=None)
    assert joined(run.path, SETTINGS, NONE, TODAY).user is None
