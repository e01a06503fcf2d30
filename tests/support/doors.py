"""A simulated organization on a loopback port, for what only whole processes show: kernels, commands, signals."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulated import fitting, home

from runbook_lib.base.notebook_format import nbformat
from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.environment import environment
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.log import Entry
from runbook_lib.rehearsal.server import serve
from runbook_lib.rehearsal.state import write_state

ROOT = Path(__file__).parents[2]
BASE_INSTALL = ROOT / "tests" / "base_install"
PAPERMILL = [sys.executable, "-m", "papermill"]
RUNBOOK = [sys.executable, "-m", "runbook_lib"]
PATIENCE = 240.0
"""Seconds after which something that was begun is taken for hung: far longer than anything takes on a busy machine."""
UNUSED = ("sts", "AssumeRole")


@dataclass
class Served:
    """One simulated organization, settings for it, a folder for runs, and the environment that leads there and nowhere else."""

    front: Front
    url: str
    runs: Path
    settings: Path
    environment: Mapping[str, str] = field(repr=False)

    @property
    def changes(self) -> list[Entry]:
        """Every mutating request that arrived, in order."""
        return [entry for entry in self.front.log.entries if entry.mutating and (entry.service, entry.operation) != UNUSED]

    def run(self, command: Iterable[str], *, folder: Path | None = None, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            list(command), cwd=folder or ROOT, env={**self.environment, **more}, capture_output=True, text=True, timeout=PATIENCE,
            check=False,
        )  # fmt: skip

    @contextmanager
    def begun(self, command: Iterable[str]) -> Iterator["subprocess.Popen[str]"]:
        """A command that runs while the block does; it is gone at its end."""
        with subprocess.Popen(
            list(command), cwd=ROOT, env=dict(self.environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def journals(self) -> list[Path]:
        return sorted(self.runs.glob("*/*/journal.jsonl"))


@contextmanager
def served(seed: str, folder: Path, *, slow: Callable[[Entry], float] | None = None, **options: Any) -> Iterator[Served]:
    """Serve a seed in a thread; the runbook's commands find it as the kept server.

    `slow` gives the seconds after which the answer to a change is sent; a Gate holds answers until it is opened.
    """
    front = build_app(seed, **({"moto": False} | options))
    runs = folder / "runs"
    with serve(_Late(front, slow) if slow else front) as url:
        place = runs / "simulated-organization"
        path = os.pathsep.join([str(BASE_INSTALL), *filter(None, [os.environ.get("PYTHONPATH")])])
        own = environment(place, url, home(front)) | {"RUNBOOK_RUNS": str(runs), "PYTHONPATH": path}
        write_state(place / "server.json", {"url": url, "pid": os.getpid(), "region": home(front), "token": front.control.token})
        settings = folder / "settings.yaml"
        settings.write_text(fitting(front))
        yield Served(front, url, runs, settings, own)


class _Late:
    """Answers come late, after a change was made: what is in flight stays so for a while."""

    def __init__(self, front: Front, seconds: Callable[[Entry], float]) -> None:
        self.front, self.seconds = front, seconds
        self.handled = threading.local()
        add = front.log.add

        def noted(entry: Entry) -> None:
            self.handled.entry = entry
            add(entry)

        front.log.add = noted  # type: ignore[method-assign] # the log's own thread knows which request it is about

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self.handled.entry = None
        answer = self.front(environ, start_response)
        entry: Entry | None = self.handled.entry
        if entry is not None and (entry.mutating or isinstance(self.seconds, Gate)):
            time.sleep(self.seconds(entry))
        return answer


class Gate:
    """A gate before answers. What a test needs to be in flight stays there until the test lets it go."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        """How late answers to changes are besides."""
        self._free: int | None = None
        self._fits: Callable[[Entry], bool] = _changing
        self._calls = threading.Condition()
        self._standing = 0

    def close(self, number: int = 1, fits: Callable[[Entry], bool] | None = None) -> None:
        """Hold the answer to the `number`-th change (or request that `fits`) from now on, and all after it; made they are."""
        with self._calls:
            self._free, self._fits = number - 1, fits or _changing

    def open(self) -> None:
        """Let every answer go, those that stand at the gate too."""
        with self._calls:
            self._free = None
            self._calls.notify_all()

    @property
    def reached(self) -> bool:
        """Whether an answer is held."""
        return self._standing > 0

    def __call__(self, entry: Entry) -> float:
        with self._calls:
            if self._free is not None and self._fits(entry):
                self._free -= 1
                if self._free < 0:
                    self._standing += 1
                    self._calls.wait_for(lambda: self._free is None, PATIENCE)
                    self._standing -= 1
        return self.seconds if entry.mutating else 0.0


def _changing(entry: Entry) -> bool:
    return entry.mutating and (entry.service, entry.operation) != UNUSED


def lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a journal that may be being written."""
    data = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in data.splitlines(keepends=True) if line.endswith("\n")]


def wait_for(condition: Callable[[], Any], process: "subprocess.Popen[str]", seconds: float = PATIENCE) -> Any:
    """Wait until something is so while a process runs; what the process said is the message when it is never so."""
    deadline = time.monotonic() + seconds
    going = True
    while going and time.monotonic() < deadline:
        going = process.poll() is None  # asked first: what came true right before the end counts
        if found := condition():
            return found
        threading.Event().wait(0.01)
    said = process.communicate()[0] if process.poll() is not None else "still running"
    raise AssertionError(f"it never came so far: {said}")


def outputs(notebook: Path) -> list[str]:
    """What each executed code cell shows as text, errors included."""
    shown = []
    for cell in nbformat.read(notebook, as_version=4).cells:  # type: ignore[no-untyped-call] # nbformat has no types
        if cell.cell_type == "code":
            parts = [
                each.get("text") or "\n".join(each.get("traceback", ())) or each.get("data", {}).get("text/plain", "")
                for each in cell.outputs
            ]
            shown.append("\n".join(parts))
    return shown


def states(notebook: Path) -> list[str]:
    """papermill's record of each code cell: completed, failed or pending."""
    cells = nbformat.read(notebook, as_version=4).cells  # type: ignore[no-untyped-call] # nbformat has no types
    return [cell.metadata["papermill"]["status"] for cell in cells if cell.cell_type == "code"]


class Decoy:
    """A port that nobody may ever connect to; closes whoever does.

    It has a loopback address of its own: a Jupyter client of a test beside this one may still be knocking at a port of 127.0.0.1
    that its kernel has given back.
    """

    ADDRESS = "127.0.66.1"

    def __init__(self) -> None:
        self.socket = socket.create_server((self.ADDRESS, 0))
        self.port = self.socket.getsockname()[1]
        self.url = f"http://{self.ADDRESS}:{self.port}"
        self.visitors: list[str] = []
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                # A client that was interrupted, or gave up, came all the same.
                with suppress(OSError):
                    self.visitors.append(connection.recv(200).decode(errors="replace"))

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


def leading_away(decoy: Decoy, folder: Path) -> dict[str, str]:
    """Everything with which a shell leads AWS clients somewhere else."""
    config = folder / "elsewhere"
    config.write_text(
        f"[profile production]\nregion = eu-west-1\nendpoint_url = {decoy.url}\n"
        f"[profile rehearsal-runner]\nregion = eu-west-1\nendpoint_url = {decoy.url}\n"
    )
    return {
        "HTTP_PROXY": decoy.url, "http_proxy": decoy.url, "HTTPS_PROXY": decoy.url, "ALL_PROXY": decoy.url, "NO_PROXY": "",
        "AWS_PROFILE": "production", "AWS_CONFIG_FILE": str(config),
        "AWS_ENDPOINT_URL_STS": decoy.url, "AWS_ENDPOINT_URL_ORGANIZATIONS": decoy.url, "AWS_ENDPOINT_URL": decoy.url,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{decoy.url}/credentials",
        "AWS_ACCESS_KEY_ID": "elsewhere", "AWS_SECRET_ACCESS_KEY": "elsewhere",
    }  # fmt: skip
