"""What a notebook is given, by whom, and whether anybody is there to answer."""

import os
from pathlib import Path
from typing import Any

from runbook_lib.base.project import example, resolve
from runbook_lib.notebook.shell import assigned_before_opening, settle
from runbook_lib.phase_run.scope_parameter import BadParameter

PARAMETERS = ("parameters_file", "scope", "approval", "run_folder")


def parameters_path(given_: str) -> Path:
    """The settings file: the one given; at the screen else the one JupyterLab was started with; else the rehearsal's."""
    started_with = "" if headless() else os.environ.get("RUNBOOK_PARAMETERS", "")
    named = given_ or started_with
    return resolve(named) if named else example("rehearsal.yaml").resolve()


def refuse_strangers(given_: dict[str, Any]) -> None:
    """Papermill injects whatever it is given and only warns: refuse wrong types and, headless, names nobody reads."""
    wrong = [f"{name} is {type(value).__name__} {value!r}" for name, value in given_.items() if not isinstance(value, str)]
    running = kernel()
    if running is not None and headless():
        strangers = sorted(set(assigned_before_opening(running)).difference(PARAMETERS, given_))
        wrong += [f"{name} is not a parameter of this notebook" for name in strangers]
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
