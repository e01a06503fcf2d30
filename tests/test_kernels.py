"""The kernel of the next notebook comes up while this one works: new for each, clean, and ended where nobody asked for it."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from doors import PATIENCE

from runbook_lib.cli import forking
from runbook_lib.cli import kernels as module
from runbook_lib.cli.headless import Executed, execute
from runbook_lib.cli.kernels import Kernels

code: Any = nbformat.v4.new_code_cell
prose: Any = nbformat.v4.new_markdown_cell

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


def dies(process: int) -> None:
    """Wait for its end, and that of its threads: until then it has not ended for whoever waits for it."""
    until = time.monotonic() + PATIENCE
    tasks = Path(f"/proc/{process}/task")
    while alive(process) or (tasks.exists() and len(list(tasks.iterdir())) > 1):
        assert time.monotonic() < until
        time.sleep(0.05)


def ahead(kernels: Kernels) -> int:
    """The process that waits for the next notebook."""
    assert kernels._next is not None
    process: int = getattr(kernels._next.manager.provisioner, "pid")  # noqa: B009 only provisioners of processes have one
    return process


FORKED = pytest.mark.skipif(not forking.possible(), reason="kernels are started here, and not forked")
HOW = [pytest.param(True, marks=FORKED, id="forked"), pytest.param(False, id="started")]


@pytest.fixture
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether kernels are forked; otherwise they are started, as on other systems."""
    if not request.param:
        monkeypatch.setattr(forking, "possible", lambda: False)
    return bool(request.param)


@pytest.mark.parametrize("how", HOW, indirect=True)
def test_each_notebook_has_a_kernel_of_its_own_and_the_next_one_waits_for_it(tmp_path: Path, how: bool) -> None:
    kernels = Kernels(dict(os.environ))
    kernels.expect(2)
    begun = None if how else str(ahead(kernels))
    first, imported, names = seen(kernels, tmp_path)
    assert (begun or first, imported, names) == (first, "True", NAMES)
    waiting = ahead(kernels)
    assert parent(waiting) == (kernels._server.process.pid if kernels._server else os.getpid())
    assert bool(kernels._server) == how
    second, imported, names = seen(kernels, tmp_path)
    assert (imported, names) == ("True", NAMES)
    assert first != second == str(waiting)
    assert kernels._next is None, "nobody else is expected"
    kernels.close()
    assert seen(kernels, tmp_path)[1] == "False", "nobody was expected"
    assert not alive(int(first))
    assert not alive(waiting)


def parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])


PROCESS = """
import os, signal, subprocess, sys, threading
children = subprocess.run(["true"]).returncode
groups = os.getpgrp() == os.getpid() == os.getsid(0)
print([children, groups, sys.stdin.read() if sys.stdin else '', signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL,
       sorted(os.environ), sys.path, os.getcwd(), sys.flags, sys.argv[0],
       sorted(sys.modules['__main__'].__dict__)])
"""


@FORKED
def test_a_forked_kernel_is_as_one_that_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment, where it imports from, its folder, its group, its names; and the server is gone with the command."""
    said: list[str] = []
    environment = {**os.environ, "ONLY_FOR": "kernels"}
    monkeypatch.setenv("NOT_FOR", "kernels")
    for notebooks in (2, 1):
        kernels = Kernels(environment)
        kernels.expect(notebooks)
        server = kernels._server
        assert bool(server) == (notebooks == 2)
        assert not ended(tmp_path, code(PROCESS.strip()), kernels=kernels, say=said.append).failed
        kernels.close()
        assert server is None or server.process.returncode == 0
    assert said[0].split(", ") == said[1].split(", ")
    assert "'ONLY_FOR'" in said[0]
    assert "'NOT_FOR'" not in said[0]


@FORKED
def test_kernels_end_when_what_they_are_forked_from_does(tmp_path: Path) -> None:
    kernels = Kernels(dict(os.environ))
    kernels.expect(3)
    seen(kernels, tmp_path)
    waiting, server = ahead(kernels), kernels._server
    assert server is not None
    server.process.kill()
    server.process.wait()
    dies(waiting)
    assert seen(kernels, tmp_path)[0] != str(waiting), "the next one is started"
    kernels.close()


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
    dies(waiting)
    assert seen(kernels, tmp_path)[0] != str(waiting)
    kernels.close()


def test_a_library_that_cannot_be_imported_is_the_notebook_s_to_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = "nowhere_to_be_found"
    monkeypatch.setattr(module, "IMPORTED", module.IMPORTED.replace("runbook_lib", nowhere))
    monkeypatch.setattr(forking, "LIBRARY", nowhere)
    kernels = Kernels(dict(os.environ))
    kernels.expect(2)
    seen(kernels, tmp_path)
    assert seen(kernels, tmp_path)[1:] == ["False", NAMES]
    kernels.close()


def test_one_that_cannot_be_started_ahead_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = Kernels(dict(os.environ))
    started = module.Kernel.start

    async def full(kernel: module.Kernel, *arguments: str, server: forking.ForkServer | None = None) -> None:
        if arguments:
            raise OSError(28, "No space left on device")
        await started(kernel)

    monkeypatch.setattr(module.Kernel, "start", full)
    kernels.expect(2)
    for _ in range(2):
        assert seen(kernels, tmp_path)[1:] == ["False", NAMES]
        assert kernels._next is None
    kernels.close()


LEAVING = "import atexit, time\natexit.register(lambda: (time.sleep({seconds}), open({file!r}, 'w').close()))\n"


def ended(folder: Path, *cells: Any, kernels: Kernels | None = None, say: Callable[[str], None] = print) -> Executed:
    """How a notebook of these cells ended, once its kernel has."""
    document = nbformat.v4.new_notebook(cells=list(cells), metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})  # type: ignore[no-untyped-call]  # nbformat has no types
    nbformat.write(document, folder / "in.ipynb")  # type: ignore[no-untyped-call]  # as above
    kernels = kernels or Kernels(dict(os.environ))
    return execute(folder / "in.ipynb", folder / "out.ipynb", {}, kernels=kernels, say=say)


def test_nobody_waits_for_the_end_of_a_kernel_that_has_done_its_work(tmp_path: Path) -> None:
    source = LEAVING.format(seconds=PATIENCE, file=str(tmp_path / "left"))
    done = ended(tmp_path, code(source))
    assert not done.failed
    assert not (tmp_path / "left").exists()


def test_one_whose_cell_failed_ends_in_its_own_time(tmp_path: Path) -> None:
    source = LEAVING.format(seconds=0, file=str(tmp_path / "left"))
    done = ended(tmp_path, code(f"{source}raise ValueError('no')"), code("1"))
    assert done.error == "ValueError: no"
    assert (tmp_path / "left").exists()


def test_the_notebook_is_written_where_code_begins_and_ends_and_not_for_prose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[list[str]] = []

    def counted(notebook: Any, path: str) -> None:
        written.append([cell.metadata.papermill["status"] for cell in notebook.cells])

    monkeypatch.setattr("papermill.engines.write_ipynb", counted)
    done = ended(tmp_path, prose("# One"), code("1"), prose("Two"), prose("Three"), code("2"), prose("Four"))
    assert not done.failed
    assert written[0] == ["pending"] * 6
    assert written[1] == ["completed", "running", *["pending"] * 4]
    assert written[2] == ["completed", "completed", *["pending"] * 4]
    assert written[3] == [*["completed"] * 4, "running", "pending"]
    assert written[4] == [*["completed"] * 5, "pending"]
    assert written[5:] == [["completed"] * 6], "whole at the end"
