"""Execute one notebook by papermill so that the saved copy tells the truth, however the execution ends.

papermill alone marks cells that never ran as completed after a time-out or a signal, only warns of unknown parameters, and kills
the kernel in the middle of a call. Here a time-out, SIGINT and SIGTERM interrupt the kernel: the apply cell ends the calls in
flight, records them and stops.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from runbook_lib.base.notebook_format import nbformat
from runbook_lib.cli.kernels import Kernel, Kernels

# isort: split
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError

ENGINE = "runbook"
COMPLETED = "completed"
"""papermill's word for a cell that has ended in order."""
HALT = "Halt"
"""The error with which a cell says in plain lines what happened and what to do."""
INTERRUPTS = 5
"""A cell that goes on after so many interrupts, each after one more time-out, is given up together with its kernel."""
KERNEL_START_SECONDS = 120
LAST_OUTPUT_SECONDS = 120
"""For the output of a cell that has ended. nbclient's four seconds are not enough where a machine is busy; that a kernel is dead is
noticed at once."""


@dataclass(frozen=True)
class Executed:
    """How an execution ended: the signal that interrupted it ("" for none), the error a cell ended with ("" for none), how long."""

    interrupted: str
    error: str
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        return bool(self.interrupted or self.error)


class _Client(PapermillNotebookClient):  # type: ignore[misc] # papermill has no types
    """Says which step runs and what it prints; keeps the kernel's process id for signals."""

    def __init__(self, *arguments: Any, say: Callable[[str], None], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.say = say
        self.overdue: list[int] = []

    def process_message(self, *arguments: Any, **options: Any) -> Any:
        output = super().process_message(*arguments, **options)
        if output and output.output_type == "stream" and output.name == "stdout":
            for line in "".join(output.text).splitlines():
                if line.strip():
                    self.say(line)
        return output

    def papermill_execute_cells(self) -> None:
        """A kernel whose every cell has ended in order, and so has its run, has nothing more to do: nobody waits for its end."""
        super().papermill_execute_cells()
        if all(cell.metadata.papermill["status"] == COMPLETED for cell in self.nb.cells):
            self.shutdown_kernel = "immediate"

    async def _async_handle_timeout(self, timeout: int, cell: Any = None) -> Any:  # noqa: ASYNC109 nbclient's own signature
        """Interrupt the kernel and wait for the cell to end in order; give it up when it heeds no interrupt."""
        self.overdue.append(id(cell))
        times = self.overdue.count(id(cell))
        self.say(f"The cell has taken {times * timeout} s: interrupting it, waiting for the calls in flight")
        await super()._async_handle_timeout(timeout, cell)
        if times < INTERRUPTS:
            return None
        evalue = f"the cell took longer than {timeout} s and does not end"
        return {"content": {"status": "error", "ename": "CellTimeout", "evalue": evalue, "traceback": [f"CellTimeout: {evalue}"]}}


class _Engine(Engine):  # type: ignore[misc] # papermill has no types
    """papermill's engine with our client: signals and time-outs interrupt the kernel instead of killing it."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> None:
        caught: list[str] = options["caught"]
        kernels: Kernels = options["kernels"]
        kernel = kernels.take()
        died: Callable[[str], None] | None = None
        try:
            client = cls._client(nb_man, kernel, kernels, options)
            with _interrupting(client, caught), _saving_code(nb_man):
                client.execute(cleanup_kc=True)
        except (DeadKernelError, RuntimeError):
            died = options["say"]
            raise
        finally:
            kernels.give_back(kernel, died=died)
        if client.overdue:
            caught.append("time-out")

    @classmethod
    def _client(cls, nb_man: Any, kernel: Kernel, kernels: Kernels, options: Mapping[str, Any]) -> _Client:
        client = _Client(
            nb_man,
            km=kernel.manager,
            say=options["say"],
            timeout=options["seconds_per_cell"],
            interrupt_on_timeout=True,
            startup_timeout=KERNEL_START_SECONDS,
            iopub_timeout=LAST_OUTPUT_SECONDS,
        )
        announce = _announce(nb_man.nb, options["say"])

        async def begins(cell: Any, cell_index: int) -> None:
            announce(cell, cell_index)
            await kernels.prepare()

        client.on_cell_start = begins
        return client


def _announce(notebook: Any, say: Callable[[str], None]) -> Callable[..., None]:
    """Name the section of a cell when its first cell starts."""
    section: dict[int, str] = {}
    heading = ""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            heading = cell.source.splitlines()[0].removeprefix("## ").strip()
        section[index] = heading
    said = {""}

    def start(cell: Any, cell_index: int) -> None:
        if cell.cell_type == "code" and (name := section[cell_index]) not in said:
            said.add(name)
            say(f"[{name}]")

    return start


@contextmanager
def _saving_code(nb_man: Any) -> Iterator[None]:
    """While the notebook runs, papermill writes it before and after each cell of code, and not for each paragraph besides."""
    begin, save = nb_man.cell_start, nb_man.save

    def started(cell: Any, *arguments: Any, **options: Any) -> None:
        nb_man.save = save if cell.cell_type == "code" else lambda **_: None
        begin(cell, *arguments, **options)

    nb_man.cell_start = started
    try:
        yield
    finally:
        nb_man.cell_start, nb_man.save = begin, save


@contextmanager
def _interrupting(client: _Client, caught: list[str]) -> Iterator[None]:
    """While the notebook runs, SIGINT and SIGTERM to this process become an interrupt of the kernel."""

    def forward(number: int, frame: FrameType | None) -> None:
        caught.append(signal.Signals(number).name)
        kernel = getattr(getattr(client.km, "provisioner", None), "pid", None)
        if kernel is None:
            raise KeyboardInterrupt
        os.kill(kernel, signal.SIGINT)

    before = {number: signal.signal(number, forward) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


papermill_engines.register(ENGINE, _Engine)


def execute(
    notebook: Path,
    output: Path,
    parameters: Mapping[str, str],
    *,
    kernels: Kernels,
    say: Callable[[str], None],
    seconds_per_cell: int | None = None,
) -> Executed:
    """Run `notebook` with `parameters` into `output`; in a kernel of its own.

    Raises neither for a failed cell nor for a kernel that died: how it ended is in what is returned.
    """
    caught: list[str] = []
    error = ""
    began = time.monotonic()
    try:
        papermill.execute_notebook(
            notebook,
            output,
            parameters=dict(parameters),
            engine_name=ENGINE,
            progress_bar=False,
            autosave_cell_every=1,
            caught=caught,
            kernels=kernels,
            say=say,
            seconds_per_cell=seconds_per_cell,
        )
    except PapermillExecutionError as failure:
        error = failure.evalue if failure.ename == HALT else f"{failure.ename}: {failure.evalue}"
    except CellTimeoutError:
        error = f"the output of a cell that has ended did not come within {LAST_OUTPUT_SECONDS} s"
    except (DeadKernelError, RuntimeError) as failure:
        # jupyter_client says with a bare RuntimeError that a kernel died while it started.
        error = f"the kernel died: {failure}"
    except KeyboardInterrupt:
        if not caught:
            raise
    finally:
        _tell_the_truth(output)
    return Executed(", ".join(dict.fromkeys(caught)), error, time.monotonic() - began)


def _tell_the_truth(output: Path) -> None:
    """Mark cells that never ran as pending again: papermill calls them completed after a signal or a time-out."""
    if not output.exists():
        return
    notebook = nbformat.read(output, as_version=4)  # type: ignore[no-untyped-call]  # nbformat has no types
    for cell in notebook.cells:
        record = cell.metadata.get("papermill", {})
        if cell.cell_type == "code" and cell.get("execution_count") is None and record.get("status") == COMPLETED:
            record.update(status="pending", end_time=None, duration=None)
    nbformat.write(notebook, output)  # type: ignore[no-untyped-call]  # as above
