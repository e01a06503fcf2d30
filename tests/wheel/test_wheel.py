"""Installed like any Python tool: the wheel is whole, and works in an empty folder beside nothing of the checkout."""

import json
import signal
import subprocess
import time
import urllib.request
import zipfile
from contextlib import suppress
from pathlib import Path

import carried
import pytest
from doors import PATIENCE
from installed_wheel import ROOT, Installed, bare_environment, tracked
from setuptools.errors import FileError


def test_the_wheel_has_every_file_that_git_has_and_no_other(wheel: Path) -> None:
    top_level = [*tracked("notebooks", "parameters"), "requirements/base.txt"]
    wanted = {name: name for name in tracked("runbook_lib")} | {f"runbook_lib/carried/{name}": name for name in top_level}
    with zipfile.ZipFile(wheel) as archive:
        there = {name for name in archive.namelist() if ".dist-info/" not in name}
        assert there == set(wanted)
        assert [name for name, source in wanted.items() if archive.read(name) != (ROOT / source).read_bytes()] == []


def test_no_index_takes_it_by_accident(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        assert "\nClassifier: Private :: Do Not Upload\n" in archive.read(metadata).decode()


def test_what_a_notebook_showed_somebody_is_not_carried(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    notebook = tmp_path / "notebooks" / "90_coverage.ipynb"
    notebook.write_text(json.dumps({"cells": [{"cell_type": "markdown"}, {"outputs": []}]}), encoding="utf-8")
    assert carried.carried(tmp_path) == [Path("notebooks/90_coverage.ipynb")]
    notebook.write_text(json.dumps({"cells": [{"outputs": [{"text": "111122223333"}]}]}), encoding="utf-8")
    with pytest.raises(FileError, match=r"90_coverage\.ipynb: has outputs, which no wheel carries"):
        carried.carried(tmp_path)


def test_what_is_run_is_the_wheel_and_not_the_checkout(installed: Installed, tmp_path: Path) -> None:
    asked = "from runbook_lib.base import project; print(project.root(), project.shipped(), project.example('rehearsal.yaml'))"
    done = installed.run("python", "-c", asked, at=tmp_path)
    carried_ = installed.folder.resolve() / "lib"
    root, shipped, example = map(Path, done.stdout.split())
    assert root == tmp_path
    assert shipped.is_relative_to(carried_)
    assert example == shipped / "parameters" / "rehearsal.yaml"


@pytest.mark.soak
def test_the_whole_runbook_is_rehearsed_in_an_empty_folder(installed: Installed, tmp_path: Path) -> None:
    done = installed.run("runbook", "rehearse", "--organization", "seven", at=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "Nothing remains in scope." in done.stdout
    assert ", verified" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    listed = installed.run("runbook", "run", "list", at=tmp_path)
    assert listed.returncode == 0, listed.stdout
    assert "rehearsal" in listed.stdout


@pytest.mark.soak
def test_a_plan_is_made_in_an_empty_folder(installed: Installed, tmp_path: Path) -> None:
    started = installed.run("runbook", "simulate", "--organization", "seven", at=tmp_path)
    try:
        assert started.returncode == 0, started.stdout
        settings = "runs/simulated-organization/settings.yaml"
        done = installed.run("runbook", "plan", "-p", settings, "--phase", "10_security_hub", at=tmp_path)
        assert done.returncode == 2, done.stdout
        assert "fingerprint" in done.stdout
    finally:
        installed.run("runbook", "simulate", "--stop", at=tmp_path)


@pytest.mark.soak
def test_the_lab_opens_in_an_empty_folder(installed: Installed, tmp_path: Path) -> None:
    (folder := tmp_path / "acme").mkdir()
    runtime = tmp_path / "jupyter"
    own = {f"JUPYTER_{name}_DIR": str(runtime / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [installed.folder / "bin" / "runbook", "lab", "--no-browser", "--port", "0", "--organization", "seven"]
    with (
        (tmp_path / "lab.log").open("wb") as log,
        subprocess.Popen(
            [*map(str, command), "--", "--allow-root"], cwd=folder, env={**bare_environment(), **own}, stdout=log,
            stderr=subprocess.STDOUT,
        ) as lab,
    ):  # fmt: skip
        try:
            said = told(runtime / "RUNTIME", lab)
            asked = f"{said['url']}api/contents/notebooks/start.ipynb?content=0"
            request = urllib.request.Request(asked, headers={"Authorization": f"token {said['token']}"})
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                assert json.load(answer)["path"] == "notebooks/start.ipynb"
        finally:
            lab.send_signal(signal.SIGTERM)
            lab.wait(PATIENCE)
    assert {path.name for path in folder.iterdir()} == {"notebooks", "runs"}
    assert (folder / "notebooks" / "start.ipynb").read_bytes() == (ROOT / "notebooks" / "start.ipynb").read_bytes()


def told(runtime: Path, lab: subprocess.Popen[bytes]) -> dict[str, str]:
    """Address and token, once it listens: JupyterLab leaves them where only its user can read."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and lab.poll() is None:
        for file in runtime.glob("jpserver-*.json"):
            with suppress(ValueError):  # it is being written
                found: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
                return found
        time.sleep(0.2)
    raise AssertionError("it does not listen")
