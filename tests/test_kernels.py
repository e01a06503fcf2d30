"""The kernel of the next notebook comes up while this one works: new for each, clean, and ended where nobody asked for it."""

import os
import signal
from pathlib import Path

import nbformat
import pytest

from runbook_lib.cli import kernels as module
from runbook_lib.cli.headless import execute
from runbook_lib.cli.kernels import Kernels

pytestmark = pytest.mark.slow

SEEN = """
import os, sys
print(os.getpid(), 'runbook_lib.notebook' in sys.modules, sorted(name for name in globals() if not name.startswith('_')))
"""
NAMES = "['In', 'Out', 'exit', 'get_ipython', 'open', 'os', 'quit', 'sys']"


def seen(kernels: Kernels, folder: Path) -> list[str]:
    """What the cell of a notebook sees: its process, whether the library has been imported, and the names that are there."""
    kernelspec = {"name": "python3", "display_name": "Python 3"}
    cells = [nbformat.v4.new_code_cell(SEEN)]  # type: ignore[no-untyped-call]  # nbformat has no types
    document = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec})  # type: ignore[no-untyped-call]  # as above
    nbformat.write(document, folder / "in.ipynb")  # type: ignore[no-untyped-call]  # as above
    said: list[str] = []
    done = execute(folder / "in.ipynb", folder / "out.ipynb", {}, kernels=kernels, say=said.append)
    assert not done.failed
    return said[0].split(" ", 2)


def alive(process: int) -> bool:
    return Path(f"/proc/{process}").exists() and "zombie" not in Path(f"/proc/{process}/status").read_text(encoding="utf-8")


def ahead(kernels: Kernels) -> int:
    """The process that waits for the next notebook."""
    assert kernels._next is not None
    process: int = getattr(kernels._next.manager.provisioner, "pid")  # noqa: B009 only provisioners of processes have one
    return process


def test_each_notebook_has_a_kernel_of_its_own_and_the_next_one_waits_for_it(tmp_path: Path) -> None:
    kernels = Kernels(dict(os.environ))
    kernels.expect(2)
    begun = ahead(kernels)
    first, imported, names = seen(kernels, tmp_path)
    assert (first, imported, names) == (str(begun), "True", NAMES)
    waiting = ahead(kernels)
    second, imported, names = seen(kernels, tmp_path)
    assert (imported, names) == ("True", NAMES)
    assert first != second == str(waiting)
    assert kernels._next is None, "nobody else is expected"
    kernels.close()
    assert seen(kernels, tmp_path)[1] == "False", "nobody was expected"
    assert not alive(int(first))
    assert not alive(waiting)


def test_one_that_nobody_asked_for_is_ended(tmp_path: Path) -> None:
    kernels = Kernels(dict(os.environ))
    kernels.expect(2)
    seen(kernels, tmp_path)
    waiting = ahead(kernels)
    assert alive(waiting)
    kernels.close()
    assert not alive(waiting)
    kernels.close()


def test_one_that_died_meanwhile_is_replaced(tmp_path: Path) -> None:
    kernels = Kernels(dict(os.environ))
    kernels.expect(2)
    seen(kernels, tmp_path)
    waiting = ahead(kernels)
    os.kill(waiting, signal.SIGKILL)
    os.waitid(os.P_PID, waiting, os.WEXITED | os.WNOWAIT)
    assert seen(kernels, tmp_path)[0] != str(waiting)
    kernels.close()


def test_a_library_that_cannot_be_imported_is_the_notebook_s_to_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IMPORTED", module.IMPORTED.replace("runbook_lib", "nowhere_to_be_found"))
    kernels = Kernels(dict(os.environ))
    kernels.expect(2)
    seen(kernels, tmp_path)
    assert seen(kernels, tmp_path)[1:] == ["False", NAMES]
    kernels.close()


def test_one_that_cannot_be_started_ahead_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = Kernels(dict(os.environ))
    started = module.Kernel.start

    async def full(kernel: module.Kernel, *arguments: str) -> None:
        if arguments:
            raise OSError(28, "No space left on device")
        await started(kernel)

    monkeypatch.setattr(module.Kernel, "start", full)
    kernels.expect(2)
    for _ in range(2):
        assert seen(kernels, tmp_path)[1:] == ["False", NAMES]
        assert kernels._next is None
    kernels.close()
