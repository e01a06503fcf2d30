"""A stack's functions in this process: the handlers themselves, under their own role's keys, without an interpreter for each.

The template, CloudFormation and the state machine are as ever. That the bundle has what they need, and that a function can be
killed, only processes show (test_deployed.py).
"""

import importlib
import io
import json
import logging
import os
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

from runbook_lib.cli.surroundings import entered
from runbook_lib.rehearsal import functions
from runbook_lib.rehearsal.functions import Function, Functions, Invoked
from runbook_lib.stack import work
from runbook_lib.stack.bundle import Bundle
from runbook_lib.stack.installing import Installer

_ONE_AT_A_TIME = threading.Lock()
"""A process has one environment, and so one function that looks at it."""


@cache
def nothing() -> Bundle:
    """A bundle of which no file is imported."""
    packed = io.BytesIO()
    zipfile.ZipFile(packed, "w").close()
    return Bundle(packed.getvalue(), "0" * 64, 0, b"{}\n")


def in_this_process(patch: pytest.MonkeyPatch) -> None:
    """From now on functions run here; whoever follows a stack goes on when none of them has this process's environment any more."""
    follow = Installer.follow

    def followed(installer: Installer, stack: str, seen: set[str], wanted: str = "") -> str:
        try:
            return follow(installer, stack, seen, wanted)
        finally:
            with _ONE_AT_A_TIME:
                pass

    patch.setattr(functions, "_ended", _ended)
    patch.setattr(Installer, "follow", followed)


def _ended(
    made: Functions, function: Function, code: Path, event: str, environment: dict[str, str], killed: float | None
) -> Invoked:
    assert killed is None, "what is killed needs a process of its own"
    with _ONE_AT_A_TIME, _alone(environment), _listening(made):
        until = time.monotonic() + function.seconds
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: int(1000 * (until - time.monotonic())))
        module, _, name = function.handler.rpartition(".")
        try:
            answer = getattr(importlib.import_module(module), name)(json.loads(event), context)
        except Exception as error:  # noqa: BLE001 as an interpreter tells of it
            return Invoked(error=type(error).__name__, message=str(error))
        return Invoked(payload=json.loads(json.dumps(answer)))


@contextmanager
def _alone(environment: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    with entered(environment), pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "tempfile", SimpleNamespace(gettempdir=lambda: environment["TMPDIR"]))
        os.environ.update(environment)
        try:
            yield
        finally:
            for name in [*os.environ]:
                if name not in before:
                    del os.environ[name]
            os.environ.update(before)


@contextmanager
def _listening(made: Functions) -> Iterator[None]:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger("runbook_lib").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("runbook_lib").removeHandler(handler)
        made.logs.append(written.getvalue())
