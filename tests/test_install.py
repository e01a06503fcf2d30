"""`make install`: an environment is made anew rather than mixed, and what pip says of a failure is shown with what to do."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import install
import pytest

NOW = install.wanted(Path("/here/.venv"))


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment as far as `install` looks at it: its Python is the one of the tests."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    folder = tmp_path / ".venv"
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").touch()
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("was", "chosen", "why"),
    [
        ({}, False, ""),
        ({}, True, ""),
        ({"python": "/other/python3.11"}, False, "Python {version} (/other/python3.11) made it, and now it is Python"),
        ({"version": "3.99.1"}, False, "Python 3.99.1 ({python}) made it, and now it is Python"),
        ({"version": "3.99.1", "chosen": "yes"}, False, "Python 3.99.1 ({python}) made it, and now it is Python"),
        ({"python": "/other/python3.11", "chosen": "yes"}, False, ""),
        (
            {"python": "/other/python3.11", "chosen": "yes"},
            True,
            "Python {version} (/other/python3.11) made it, and now it is Python",
        ),
        ({"place": "/moved/.venv"}, False, "It was made as /moved/.venv"),
        ({"lock": "1234"}, False, "The lock has changed"),
        ({"project": "1234"}, False, ""),
        (None, False, "It is not complete"),
    ],
)
def test_an_environment_of_another_python_place_or_lock_is_made_anew(
    venv: Path, was: dict[str, str] | None, chosen: bool, why: str
) -> None:
    record = {} if was is None else {**NOW, **was}
    said = install.why_anew(venv, record, NOW, chosen=chosen)
    assert said.startswith(why.format(**NOW))
    assert bool(said) == bool(why)


def test_an_environment_whose_python_is_gone_is_made_anew(venv: Path) -> None:
    python = venv / "bin" / "python"
    python.unlink()
    python.symlink_to("/gone/python3.11")
    record = {**NOW, "python": "/gone/python3.11", "chosen": "yes"}
    assert install.why_anew(venv, record, NOW, chosen=False) == "Its Python, /gone/python3.11, is gone; installing anew"


@pytest.mark.parametrize("record", ["", "[]", "{", "\udc80"])
def test_a_record_that_cannot_be_read_is_none(venv: Path, record: str) -> None:
    (venv / "installed").write_bytes(record.encode(errors="surrogateescape"))
    assert install.found(venv) == {}


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    done: list[str] = []

    def made(venv: Path) -> None:
        done.append("made")
        venv.mkdir(exist_ok=True)
        (venv / "bin").mkdir(exist_ok=True)
        (venv / "bin" / "python").symlink_to(sys.executable)

    monkeypatch.setattr(install, "made", made)
    monkeypatch.setattr(install, "project", lambda venv: done.append("project"))
    return done


def test_what_is_in_place_is_left_alone_and_a_change_of_the_project_installs_the_project(tmp_path: Path, steps: list[str]) -> None:
    venv = tmp_path / ".venv"
    install.install(venv, chosen=False)
    install.install(venv, chosen=False)
    assert steps == ["made", "project"]
    record = install.found(venv)
    (venv / "installed").write_text(json.dumps({**record, "project": "of before"}), encoding="utf-8")
    install.install(venv, chosen=False)
    assert steps == ["made", "project", "project"]
    assert install.found(venv) == record


def test_an_installation_that_failed_is_not_taken_for_complete(
    tmp_path: Path, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(venv: Path) -> None:
        raise install.Failed("pip says no")

    venv = tmp_path / ".venv"
    with monkeypatch.context() as patch:
        patch.setattr(install, "project", fails)
        with pytest.raises(install.Failed):
            install.install(venv, chosen=False)
    assert install.why_anew(venv, install.found(venv), install.wanted(venv), chosen=False) == "It is not complete; installing anew"


@pytest.mark.parametrize(
    "make", [lambda venv: (venv / "thesis.txt").touch(), lambda venv: (venv.rmdir(), venv.symlink_to(venv.parent))]
)
def test_what_is_no_virtual_environment_is_not_removed(tmp_path: Path, make: Callable[[Path], object]) -> None:
    venv = tmp_path / ".venv"
    venv.mkdir()
    make(venv)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(install.Failed, match="is not a virtual environment; move it away"):
        install.made(venv)
    assert sorted(tmp_path.rglob("*")) == before


def wheel(folder: Path, name: str, version: str, *requires: str) -> None:
    """The smallest package that pip takes."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as file:
        needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


def test_pips_own_words_about_a_conflict_are_shown(venv: Path, tmp_path: Path) -> None:
    for name, version, *requires in [("one", "1", "shared==1"), ("two", "1", "shared==2"), ("shared", "1"), ("shared", "2")]:
        wheel(tmp_path, name, version, *requires)
    with pytest.raises(install.Failed) as failed:
        install.pip(venv, "install", "--no-index", "--find-links", str(tmp_path), "--dry-run", "one", "two")
    said = str(failed.value)
    assert "one 1 depends on shared==1" in said
    assert "two 1 depends on shared==2" in said
    assert "ResolutionImpossible" in said
    assert "Looking in links" not in said
    assert said.splitlines()[-1].startswith(f"Installing into {venv} failed; pip says why above")
    assert "Looking in links" in (venv / "install.log").read_text(encoding="utf-8")


def test_a_file_that_is_not_the_one_in_the_lock_is_not_installed(venv: Path, tmp_path: Path) -> None:
    wheel(tmp_path, "one", "1")
    (tmp_path / "lock.txt").write_text(f"one==1 --hash=sha256:{'2' * 64}\n", encoding="utf-8")
    with pytest.raises(install.Failed, match="A file is not the one in the lock") as failed:
        install.pip(
            venv,
            "install",
            "--no-index",
            "--find-links",
            str(tmp_path),
            *install.EXACTLY,
            "--target",
            str(tmp_path / "x"),
            "-r",
            str(tmp_path / "lock.txt"),
        )
    assert "2" * 64 in str(failed.value)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(("arguments", "chosen"), [((), False), (("PYTHON=/usr/bin/python3.12",), True)])
def test_make_says_whether_a_python_was_asked_for(
    arguments: tuple[str, ...], chosen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTHON", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL"):
        monkeypatch.delenv(name, raising=False)
    said = subprocess.run(
        ["make", "-n", "install", *arguments], cwd=install.ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert "requirements/install.py" in said
    assert ("--chosen" in said) == chosen
