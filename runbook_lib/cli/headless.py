"""Execute one notebook by papermill so that the saved copy tells the truth, however the execution ends.

papermill alone marks cells that never ran as completed after a time-out or a signal, only warns of unknown parameters, and kills
the kernel in the middle of a call. Here a time-out, SIGINT and SIGTERM interrupt the kernel: the apply cell ends the calls in
flight, records them and stops.
"""

import logging
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

from runbook_lib.base.notebook_format import nbformat
from runbook_lib.base.privacy import masked
from runbook_lib.base.socket_folder import socket_folder

# isort: split
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

LOG = logging.getLogger(__name__)
ENGINE = "runbook"
HALT = "Halt"
"""The error with which a cell says in plain lines what happened and what to do."""
INTERRUPTS = 5
"""A cell that goes on after so many interrupts, each after one more time-out, is given up together with its kernel."""
KERNEL_START_SECONDS = 120
# At its end a kernel that is idle may log that it was interrupted: no news for anybody.
KERNEL_LOG = "--IPKernelApp.log_level=CRITICAL"
LAST_LINES = 10
"""So much of what a kernel that died wrote past its notebook is said; the run's log has all."""


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
        with socket_folder(len("kernel-1")) as sockets, tempfile.TemporaryDirectory(prefix="runbook-") as ipython:
            client = cls._client(nb_man, kernel_name, sockets, options)
            # What a person has IPython do at its start has no business in a run that is evidence.
            environment = {**options["environment"], "IPYTHONDIR": ipython}
            with _interrupting(client, caught), _aside(options["say"]) as aside:
                client.execute(env=environment, stdout=aside, stderr=aside)
        if client.overdue:
            caught.append("time-out")

    @classmethod
    def _client(cls, nb_man: Any, kernel_name: str, sockets: Path | None, options: Mapping[str, Any]) -> _Client:
        client = _Client(
            nb_man,
            say=options["say"],
            kernel_name=kernel_name,
            timeout=options["seconds_per_cell"],
            interrupt_on_timeout=True,
            startup_timeout=KERNEL_START_SECONDS,
            extra_arguments=[KERNEL_LOG],
            config=Config({"KernelManager": _transport(sockets)}),
        )
        client.on_cell_start = _announce(nb_man.nb, options["say"])
        return client


def _transport(sockets: Path | None) -> dict[str, str]:
    """Sockets in a folder that only this user can enter; ports of this machine, encrypted, where no such folder can be made."""
    if sockets is None:
        return {"transport": "tcp", "transport_encryption": "auto"}
    return {"transport": "ipc", "ip": str(sockets / "kernel")}


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
def _aside(say: Callable[[str], None]) -> Iterator[IO[bytes]]:
    """A file for what a kernel writes past its notebook, as its threads do that lose their sockets while it ends.

    All of it goes to the run's log. It is said only where the kernel died: there it may be the reason.
    """
    died = False
    with tempfile.TemporaryFile() as aside:
        try:
            yield aside
        except (DeadKernelError, RuntimeError):
            died = True
            raise
        finally:
            aside.seek(0)
            if words := masked(aside.read().decode("utf-8", "replace")).strip():
                LOG.warning("the kernel wrote past its notebook", extra={"fields": {"text": words}})
                for line in words.splitlines()[-LAST_LINES:] if died else ():
                    say(line)


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
    environment: Mapping[str, str],
    say: Callable[[str], None],
    seconds_per_cell: int | None = None,
) -> Executed:
    """Run `notebook` with `parameters` into `output`; the kernel gets exactly `environment`.

    Raises neither for a failed cell nor for a kernel that died: how it ended is in what is returned.
    """
    caught: list[str] = []
    error = ""
    began = time.monotonic()
    try:
        papermill.execute_notebook(
            notebook, output, parameters=dict(parameters), engine_name=ENGINE, progress_bar=False, autosave_cell_every=1,
            caught=caught, environment=environment, say=say, seconds_per_cell=seconds_per_cell,
        )  # fmt: skip
    except PapermillExecutionError as failure:
        error = failure.evalue if failure.ename == HALT else f"{failure.ename}: {failure.evalue}"
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
        if cell.cell_type == "code" and cell.get("execution_count") is None and record.get("status") == "completed":
            record.update(status="pending", end_time=None, duration=None)
    nbformat.write(notebook, output)  # type: ignore[no-untyped-call]  # as above
