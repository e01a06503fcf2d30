"""Sockets lie where their path is short enough, in a folder that nobody else can enter; else they are encrypted ports."""

import tempfile
from pathlib import Path

import pytest

from runbook_lib.base import socket_folder as module
from runbook_lib.base.socket_folder import LONGEST, socket_folder
from runbook_lib.cli import headless
from runbook_lib.cli.kernels import Kernels, transport

NAME = len("kernel-1")


def test_the_folder_is_private_short_and_gone_at_the_end() -> None:
    with socket_folder(NAME) as folder:
        assert folder is not None
        assert folder.stat().st_mode & 0o777 == 0o700
        assert len(str(folder / "kernel-1").encode()) <= LONGEST
        (folder / "kernel-1").touch()
    assert not folder.exists()


@pytest.mark.parametrize("name", ["x" * 90, "é" * 45, "x/" * 50])
def test_a_long_folder_for_temporary_files_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / name))
    with socket_folder(NAME) as folder:
        assert folder is not None
        assert tmp_path not in folder.parents


def test_a_place_where_nothing_can_be_made_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "_places", lambda longest: iter([str(tmp_path / "gone"), str(tmp_path)]))
    with socket_folder(NAME) as folder:
        assert folder is not None
        assert folder.parent == tmp_path


def test_without_any_such_place_ports_are_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_places", lambda longest: iter(()))
    with socket_folder(NAME) as folder:
        assert transport(folder) == {"transport": "tcp", "transport_encryption": "auto"}


def test_a_notebook_runs_over_encrypted_ports_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import nbformat

    monkeypatch.setattr(module, "_places", lambda longest: iter(()))
    kernelspec = {"name": "python3", "display_name": "Python 3"}
    asked = (
        "from ipykernel.kernelapp import IPKernelApp\napp = IPKernelApp.instance()\n"
        "assert app.curve_secretkey and app.transport == 'tcp'"
    )
    cells = [nbformat.v4.new_code_cell(asked)]  # type: ignore[no-untyped-call]  # nbformat has no types
    document = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec})  # type: ignore[no-untyped-call]  # as above
    nbformat.write(document, tmp_path / "in.ipynb")  # type: ignore[no-untyped-call]  # as above
    done = headless.execute(tmp_path / "in.ipynb", tmp_path / "out.ipynb", {}, kernels=Kernels({}), say=print)
    assert done.error == ""
