"""What a notebook cell says when something goes wrong, and whether anybody is there to answer."""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runbook_lib.base.documents import DocumentError, short
from runbook_lib.base.documents.characters import odd_characters
from runbook_lib.base.documents.json_text import read_json
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.project import resolve
from runbook_lib.notebook.shell import assigned_before_opening, settle
from runbook_lib.plan import Scope
from runbook_lib.services.waves import UnknownWave, wave_named
from runbook_lib.settings import Settings

LOG = logging.getLogger(__name__)
_SCOPE = {"regions": r"[a-z]{2,4}(-[a-z]+)+-[0-9]", "accounts": r"[0-9]{12}", "organizational_units": r"(ou|r)-[a-z0-9-]{4,65}"}
"""What a scope may name, and the form of each name."""
_SCOPE_WORDS = {
    "regions": "is no name of a Region, such as us-east-1",
    "accounts": "is no account id of 12 digits",
    "organizational_units": "is no id of an organizational unit (ou-…) or root (r-…)",
}
_LEADING_ZERO = re.compile(r"[\[,:\s]0[0-9]")
PARAMETERS = ("parameters_file", "scope", "approval", "run_folder")


class Halt(Exception):
    """What a notebook cell shows instead of a traceback: what happened, and what to do."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


class BadParameter(RunbookError, ValueError):
    """A notebook parameter that is unknown, of the wrong type, or not what it should be."""

    advice = "Correct the parameter, then run again; a notebook's four are strings, see its first cell."


class RunEnded(RunbookError):
    """The run of this notebook has ended: rejected, stopped, refused or done. Nothing more is called under it."""

    advice = "Run the notebook again from the top (Run All Cells): that makes a new run, which goes on from what is there now."


@contextmanager
def plainly_said() -> Iterator[None]:
    """Turn what is expected to go wrong into two lines."""
    try:
        yield
    except RunbookError as error:
        LOG.exception("halted")
        raise Halt(error.said) from None


def read_scope(text: str, settings: Settings) -> Scope:
    """The scope parameter: JSON with any of regions, accounts, organizational_units as lists of strings; "" is all.

    Or with the name of a wave of settings alone.
    """
    if not text.strip():
        return Scope()
    try:
        given_ = read_json(text, "scope")
    except DocumentError as error:
        quotes = " (account ids in quotes)" if _LEADING_ZERO.search(text) else ""
        raise BadParameter(f'{error.findings[0].sentence}{quotes}; for example {{"regions": ["us-east-1"]}}') from None
    if isinstance(given_, dict) and isinstance(given_.get("wave"), str) and len(given_) == 1:
        try:
            return wave_named(given_["wave"], settings).scope
        except UnknownWave as error:
            raise BadParameter(f"scope.wave: {error}") from None
    if not isinstance(given_, dict) or any(name not in _SCOPE for name in given_):
        raise BadParameter(f"scope: {short(text)}: a JSON object with any of {', '.join(_SCOPE)}, or with wave alone, is expected")
    for name, listed in given_.items():
        if not (isinstance(listed, list) and listed and all(isinstance(each, str) for each in listed)):
            raise BadParameter(f"scope.{name}: {short(repr(listed))}: a list of strings is expected; account ids in quotes")
        if wrong := [each for each in listed if not re.fullmatch(_SCOPE[name], each)]:
            found = next(odd_characters(wrong[0]), None)
            odd = f" ({found})" if found else ""
            raise BadParameter(f"scope.{name}: '{short(wrong[0])}'{odd}: {_SCOPE_WORDS[name]}")
    return Scope(*(tuple(sorted(given_.get(name, ()))) for name in _SCOPE))


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
