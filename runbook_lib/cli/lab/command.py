"""`runbook lab`: JupyterLab on loopback with its token, with the simulated organization beside it when the mode is rehearsal.

What it promises holds under any configuration of the user or the site: who can talk to its server runs code with the operator's AWS
credentials, and approves plans.
"""

import datetime as dt
import importlib.util
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

import click

from runbook_lib.base.project import ROOT_VARIABLE, example, root
from runbook_lib.cli.lab.arguments import refused
from runbook_lib.cli.lab.laid_out import lay_out
from runbook_lib.cli.lab.surroundings import surroundings
from runbook_lib.cli.runs import runs_folder
from runbook_lib.cli.simulation import Asked, ready
from runbook_lib.cli.stack_rehearsing import for_a_notebook
from runbook_lib.settings.file import load

LONGEST_END = 30.0
"""Seconds that JupyterLab has to end after a request. It gives its kernels five; what takes longer hangs."""


def lab_command(
    parameters: Path | None, organization: str, ticket: str, port: int, browser: bool, runs: str, jupyter: tuple[str, ...]
) -> int:
    """Open the notebooks in JupyterLab."""
    if problem := refused(jupyter):
        raise click.UsageError(problem)
    file = parameters.resolve() if parameters else example("rehearsal.yaml")
    settings = load(file, dt.datetime.now(dt.UTC).date())
    project = root()
    for line in lay_out(project):
        click.echo(line)
    kept = runs_folder(runs)
    environment: Mapping[str, str] = os.environ
    of_a_stack: Mapping[str, str] = {}
    if settings.mode == "rehearsal":
        asked = Asked(runs, parameters, organization)
        made = ready(asked, click.echo)
        file, environment, of_a_stack = made.file.absolute(), made.server.environment, for_a_notebook(made, asked)
    kernels = {**environment, **of_a_stack, "RUNBOOK_PARAMETERS": str(file), "RUNBOOK_RUNS": str(kept), "RUNBOOK_TICKET": ticket}
    # A kernel starts in the folder of its notebook, and has to find the project that this command found.
    kernels[ROOT_VARIABLE] = str(project)
    return serve(["--port", str(port), *([] if browser else ["--no-browser"]), *jupyter], kernels)


def serve(options: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run JupyterLab until it ends. Ctrl-C is JupyterLab's, which asks back; a request to end this process ends it too.

    A JupyterLab that does not end is killed: a pipeline or a service manager that asked has to see an end. Kernels notice, and go.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise click.ClickException("JupyterLab is not installed; install the project with its extras, for example: make install")
    command = [sys.executable, "-m", "runbook_lib.cli.lab", *options]
    own = surroundings(environment, secrets.token_hex(24))
    asked = threading.Event()
    process: subprocess.Popen[bytes] | None = None

    def end(number: int, frame: FrameType | None) -> None:
        asked.set()
        if process is not None:
            _end(process)

    # Before there is a process: nobody would end one whose parent was ended while it started it.
    before = signal.signal(signal.SIGTERM, end), signal.getsignal(signal.SIGINT)
    try:
        process = subprocess.Popen(command, env=own, cwd=root())  # noqa: S603 our own interpreter
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if asked.is_set():
            _end(process)
        process.wait()
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
    return int(process.returncode > 0)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    last = threading.Timer(LONGEST_END, process.kill)
    last.daemon = True
    last.start()
