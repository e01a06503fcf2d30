"""The project is found from where one stands, and another project's folders of the same names are not taken for it."""

import os
from pathlib import Path

import pytest

from runbook_lib.base import project
from runbook_lib.base.project import SCHEMA, ProjectNotFound, example, resolve, root, shipped
from runbook_lib.cli.commands import NotFound, notebook_of
from runbook_lib.runbook.phases import phase_named

CHECKOUT = Path(__file__).parents[1]
OURS = '{"cells": [{"source": ["from runbook_lib.notebook import open_phase"]}]}'
THEIRS = '{"cells": [{"source": ["import pandas"]}]}'


def made(folder: Path, **notebooks: str) -> Path:
    for name in ("notebooks", "parameters"):
        (folder / name).mkdir(parents=True)
    for name, text in notebooks.items():
        (folder / "notebooks" / f"{name}.ipynb").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("below", ["", "notebooks", "parameters/deep/down"])
def test_the_folder_above_the_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str) -> None:
    ours = made(tmp_path / "ours", **{"90_coverage": OURS})
    (ours / below).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(ours / below)
    assert root() == ours
    assert resolve("parameters/acme.yaml") == ours / "parameters" / "acme.yaml"


@pytest.mark.parametrize("notebooks", [{}, {"start": THEIRS}, {"20_guardduty": THEIRS, "start": THEIRS}])
def test_another_project_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notebooks: dict[str, str]) -> None:
    monkeypatch.chdir(made(tmp_path / "theirs", **notebooks))
    assert root() == CHECKOUT


def test_ours_above_theirs_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = made(tmp_path / "ours", start=OURS)
    monkeypatch.chdir(made(ours / "vendor", start=THEIRS))
    assert root() == ours


def test_what_is_no_file_is_no_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = made(tmp_path / "theirs")
    os.mkfifo(theirs / "notebooks" / "start.ipynb")
    monkeypatch.chdir(theirs)
    assert root() == CHECKOUT


def test_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(project, "__file__", str(tmp_path / "site-packages" / "runbook_lib" / "project.py"))
    with pytest.raises(ProjectNotFound, match="notebooks/ of this runbook and parameters/"):
        root()


def test_a_notebook_of_the_same_name_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made(tmp_path / "theirs", **{"20_guardduty": THEIRS, "analysis": OURS}))
    with pytest.raises(NotFound, match=r"20_guardduty\.ipynb: this is not a notebook of the runbook"):
        notebook_of(phase_named("20_guardduty"))


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a wheel carries, and the library as if it came with it."""
    packages = tmp_path / "site-packages"
    carried = made(packages / "runbook_lib" / "carried", **{"20_guardduty": OURS})
    (carried / "parameters" / "rehearsal.yaml").touch()
    monkeypatch.setattr(project, "__file__", str(packages / "runbook_lib" / "base" / "project.py"))
    monkeypatch.setattr(project, "CARRIED", carried)
    return carried


def test_a_wheel_works_in_any_folder(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty := tmp_path / "empty").mkdir()
    monkeypatch.chdir(empty)
    assert root() == empty
    assert shipped() == wheel
    assert notebook_of(phase_named("20_guardduty")) == wheel / "notebooks" / "20_guardduty.ipynb"
    assert example("rehearsal.yaml") == wheel / "parameters" / "rehearsal.yaml"


def test_a_wheel_finds_the_repository_above(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = tmp_path / "acme"
    (repository / SCHEMA).parent.mkdir(parents=True)
    (repository / SCHEMA).touch()
    (repository / "parameters" / "rehearsal.yaml").touch()
    monkeypatch.chdir(repository / "parameters")
    assert root() == repository
    assert example("rehearsal.yaml") == repository / "parameters" / "rehearsal.yaml"


def test_a_wheel_runs_the_notebooks_of_its_own_version(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that lie in a folder may be of another: a checkout, or what an earlier version laid out."""
    monkeypatch.chdir(made(tmp_path / "ours", **{"20_guardduty": OURS}))
    assert root() == tmp_path / "ours"
    assert notebook_of(phase_named("20_guardduty")) == wheel / "notebooks" / "20_guardduty.ipynb"
