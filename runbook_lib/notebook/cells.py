"""What a notebook cell says when something goes wrong, and whether anybody is there to answer."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runbook_lib.access import AccessRefused
from runbook_lib.approval import ApprovalRefused
from runbook_lib.evidence.run_folder import NoRunsFolder, RunFolderError
from runbook_lib.journal import JournalBroken
from runbook_lib.notebook.shell import assigned_before_opening, settle
from runbook_lib.phases import UnknownPhase
from runbook_lib.plan import Scope
from runbook_lib.preflight import PreconditionsFailed
from runbook_lib.project import ProjectNotFound, resolve
from runbook_lib.services import CallFailed
from runbook_lib.settings import Settings
from runbook_lib.settings.file import SettingsContradicted, SettingsError
from runbook_lib.waves import UnknownWave, wave_named

LOG = logging.getLogger(__name__)
PARAMETERS = ("parameters_file", "scope", "approval", "run_folder")


class Halt(Exception):
    """What a notebook cell shows instead of a traceback: what happened, and what to do."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


class BadParameter(ValueError):
    """A notebook parameter that is unknown, of the wrong type, or not what it should be."""


class RunEnded(Exception):
    """The run of this notebook has ended: rejected, stopped, refused or done. Nothing more is called under it."""


EXPECTED: dict[type[Exception], str] = {
    SettingsContradicted: "Mend the settings (or the scope), or the credentials, then run again. Nothing was changed.",
    SettingsError: "Mend the settings file, then run again. Nothing was called.",
    BadParameter: "Give the four parameters as strings; see the first cell.",
    ApprovalRefused: "Nothing of what it refused was called. Plan again and have that plan approved.",
    PreconditionsFailed: "Nothing was changed. Take the steps named, then run again.",
    AccessRefused: "Nothing was changed. Mend the settings or the environment, then run again.",
    CallFailed: "Nothing more was called. Find out why AWS refused, then run again.",
    NoRunsFolder: "Name a folder, or unset the variable, then start this kernel again.",
    RunFolderError: "Give the folder of a run of this organization and mode, or leave run_folder empty.",
    JournalBroken: "Do not go on with this run folder: keep it as it is, and start a new run.",
    ProjectNotFound: "Start the notebook from the project's folder.",
    UnknownPhase: "Open one of the notebooks as it came.",
    RunEnded: "Run the notebook again from the top (Run All Cells): that makes a new run, which goes on from what is there now.",
}
KINDS: tuple[type[Exception], ...] = tuple(EXPECTED)


def advice(error: Exception) -> str:
    """What to do about an expected error."""
    if isinstance(error, CallFailed) and error.code == "NoCredentialsError":
        return "There are no keys. Name a profile that has some; in a rehearsal set the variables that runbook simulate prints."
    if isinstance(error, CallFailed) and not error.status:
        return "AWS gave no answer. Mend the profile, the credentials or the network, then run again."
    return next(text for kind, text in EXPECTED.items() if isinstance(error, kind))


@contextmanager
def plainly_said() -> Iterator[None]:
    """Turn what is expected to go wrong into two lines."""
    try:
        yield
    except KINDS as error:
        LOG.exception("halted")
        raise Halt(f"{error}\n{advice(error)}") from None


def read_scope(text: str, settings: Settings) -> Scope:
    """The scope parameter: JSON with any of regions, accounts, organizational_units as lists of strings; "" is all.

    Or with the name of a wave of settings alone.
    """
    if not text.strip():
        return Scope()
    try:
        given_ = json.loads(text)
    except ValueError as error:
        raise BadParameter(f'scope: not JSON ({error}); for example {{"regions": ["us-east-1"]}}') from None
    if isinstance(given_, dict) and isinstance(given_.get("wave"), str) and len(given_) == 1:
        try:
            return wave_named(given_["wave"], settings).scope
        except UnknownWave as error:
            raise BadParameter(f"scope.wave: {error}") from None
    names = ("regions", "accounts", "organizational_units")
    if not isinstance(given_, dict) or any(name not in names for name in given_):
        raise BadParameter(f"scope: {text}: a JSON object with any of {', '.join(names)}, or with wave alone, is expected")
    for name, listed in given_.items():
        if not (isinstance(listed, list) and listed and all(isinstance(each, str) for each in listed)):
            raise BadParameter(f"scope.{name}: {listed!r}: a list of strings is expected; account ids are quoted")
    return Scope(*(tuple(sorted(given_.get(name, ()))) for name in names))


def parameters_path(given_: str) -> Path:
    """The settings file: the one given; at the screen else the one JupyterLab was started with; else the rehearsal's."""
    started_with = "" if headless() else os.environ.get("RUNBOOK_PARAMETERS", "")
    return resolve(given_ or started_with or "parameters/rehearsal.yaml")


def refuse_strangers(given_: dict[str, Any]) -> None:
    """Papermill injects whatever it is given and only warns: refuse wrong types and, headless, names nobody reads."""
    wrong = [f"{name} is {type(value).__name__} {value!r}" for name, value in given_.items() if not isinstance(value, str)]
    running = kernel()
    if running is not None and headless():
        strangers = sorted(set(assigned_before_opening(running)).difference(PARAMETERS))
        wrong += [f"{name} is no parameter of this notebook" for name in strangers]
    if wrong:
        raise BadParameter("; ".join(wrong))


def settle_shell() -> None:
    """Whatever IPython's configuration says: cells may await, and headless nobody is asked by a debugger."""
    if (running := kernel()) is not None:
        settle(running, headless=headless())


def kernel() -> Any:
    """The running IPython shell, if there is one."""
    from IPython.core.getipython import get_ipython  # noqa: PLC0415 the library is used without a kernel too

    return get_ipython()


def headless() -> bool:
    """Whether nobody can answer: papermill and its like run cells without a way to ask."""
    running = kernel()
    parent = running.get_parent() if running is not None and hasattr(running, "get_parent") else {}
    return not parent.get("content", {}).get("allow_stdin", False)
