"""Runs and what lies beside them are for their owner alone, by whichever door; what is made to be given away is not."""

import datetime as dt
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from doors import PAPERMILL, PATIENCE, ROOT, RUNBOOK, Served, served

from runbook_lib import cli
from runbook_lib.base import owner_only
from runbook_lib.evidence.run.folder import BESIDE, RunFolder, find_runs
from runbook_lib.evidence.seal import archive
from runbook_lib.evidence.seal.chain import FolderStore
from runbook_lib.notebook import open_phase
from runbook_lib.rehearsal import environment

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


def readable(folder: Path) -> list[str]:
    """What below a folder somebody else may read, write or enter; links apart, which have no rights."""
    found = [folder, *folder.rglob("*")]
    return [f"{path} {mode:o}" for path in found if not path.is_symlink() and (mode := stat.S_IMODE(path.stat().st_mode)) & 0o077]


@pytest.fixture
def open_shell() -> Iterator[None]:
    """The umask of most shells: everybody may read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served("seven", tmp_path_factory.mktemp("seven")) as made:
        yield made


def run(served: Served, runs: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    """A command of a shell in which everybody may read what is made; its runs have a folder of their own."""
    place = served.runs / "simulated-organization"
    (runs / "simulated-organization").mkdir(parents=True)
    for name in ("server.json", "aws-config", "aws-credentials"):
        (runs / "simulated-organization" / name).write_bytes((place / name).read_bytes())
    return subprocess.run(
        command, cwd=ROOT, env={**served.environment, "RUNBOOK_RUNS": str(runs)}, capture_output=True, text=True, timeout=PATIENCE,
        check=False, umask=0o022,
    )  # fmt: skip


def test_a_command_s_run_is_its_owner_s(seven: Served, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    done = run(seven, runs, *RUNBOOK, "plan", "-p", str(seven.settings), "--phase", "00")
    assert done.returncode == 2, done.stdout + done.stderr
    made = find_runs(runs)[0]
    assert {path.name for path in made.path.rglob("*")} >= {"run.json", "settings.yaml", "notebook.html", "plan.json", "log.jsonl"}
    beside = [path for path in runs.iterdir() if path.name != "simulated-organization"]
    assert {path.name for path in beside} >= {made.name, "keys", "chain", "index.html"}
    assert [each for path in beside for each in readable(path)] == []


def test_papermill_s_run_is_its_owner_s(seven: Served, tmp_path: Path) -> None:
    runs, out = tmp_path / "runs", tmp_path / "out.ipynb"
    notebook = [*PAPERMILL, str(ROOT / "notebooks" / "00_prerequisites.ipynb"), str(out), "--no-progress-bar"]
    done = run(seven, runs, *notebook, "-r", "parameters_file", str(seven.settings))
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(out.stat().st_mode) == 0o644, "the notebook that papermill writes is where its user wants it"
    assert [each for path in runs.iterdir() if path.name != "simulated-organization" for each in readable(path)] == []


@pytest.mark.usefixtures("open_shell")
def test_a_kernel_s_run_is_its_owner_s(seven: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the screen too, where another program started the kernel."""
    for name, value in {**seven.environment, "RUNBOOK_RUNS": str(tmp_path / "runs")}.items():
        monkeypatch.setenv(name, value)
    notebook = open_phase("00_prerequisites", str(seven.settings), "", "", "")
    notebook.observe()
    notebook.plan()
    notebook.finish()
    assert readable(tmp_path / "runs") == []


@pytest.mark.usefixtures("open_shell")
def test_the_server_s_folder_is_its_owner_s(tmp_path: Path) -> None:
    environment.start(tmp_path / "runs" / "simulated-organization", "seven")
    try:
        assert stat.S_IMODE((tmp_path / "runs" / "simulated-organization").stat().st_mode) == 0o700
    finally:
        environment.stop(tmp_path / "runs" / "simulated-organization")


@pytest.mark.usefixtures("open_shell")
def test_folders_of_earlier_versions_are_tightened_and_nobody_else_s(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for name in ("20261101T000000Z-rehearsal-beef/10_security_hub", "withheld/20261101T000000Z-rehearsal-beef", "keys", "mine",
                 "chain/live/o-acme000001", "simulated-organization", "redacted"):  # fmt: skip
        (runs / name).mkdir(parents=True)
    (runs / "20261101T000000Z-rehearsal-0123").symlink_to(runs / "mine")
    made = RunFolder.create(runs, "rehearsal", NOW, settings=b"", command=["test"])
    made.phase("10_security_hub")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in runs.iterdir()}
    private = {made.name, "20261101T000000Z-rehearsal-beef", *BESIDE}
    assert {name for name, mode in modes.items() if mode == 0o700} == private
    assert {name for name, mode in modes.items() if mode == 0o755} == {"mine", "redacted", "20261101T000000Z-rehearsal-0123"}
    assert stat.S_IMODE(runs.stat().st_mode) == 0o755, "the folder was there before"
    assert stat.S_IMODE(made.phase("10_security_hub").path.stat().st_mode) == 0o700
    assert {archive.CHAINS, archive.KEYS, archive.ASIDE} < BESIDE


@pytest.mark.parametrize(("rights", "entry"), [(0o700, 0o600), (0o755, 0o644), (0o2770, 0o640), (0o2775, 0o644)])
def test_a_shared_store_is_as_readable_as_its_folder(tmp_path: Path, rights: int, entry: int) -> None:
    """Machines and people that share a chain read each other's entries; the runs' own chain nobody else reads."""
    shared, chain = tmp_path / "shared", "live/o-acme000001"
    shared.mkdir()
    shared.chmod(rights)
    with owner_only.owner_only():
        assert FolderStore(shared, shared=True).create(chain, 1, b"entry")
        assert FolderStore(tmp_path / "own").create(chain, 1, b"entry")
    assert stat.S_IMODE((shared / chain / "00000001.intoto.jsonl").stat().st_mode) == entry
    assert [stat.S_IMODE((shared / each).stat().st_mode) for each in ("live", chain)] == [rights, rights]
    assert readable(tmp_path / "own") == []


@pytest.mark.usefixtures("open_shell")
def test_what_is_given_away_has_the_rights_of_the_shell(tmp_path: Path) -> None:
    with owner_only.owner_only():
        (tmp_path / "own").touch()
        with owner_only.handed_over():
            (tmp_path / "given").touch()
        (tmp_path / "own too").touch()
    (tmp_path / "afterwards").touch()
    with owner_only.handed_over():
        (tmp_path / "without a command").touch()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"own": 0o600, "given": 0o644, "own too": 0o600, "afterwards": 0o644, "without a command": 0o644}


@pytest.mark.usefixtures("open_shell")
def test_a_command_gives_the_shell_s_umask_back() -> None:
    with pytest.raises(SystemExit):
        cli.main(["schema"])
    assert os.umask(0o022) == 0o022
    assert sys.platform != "win32"
