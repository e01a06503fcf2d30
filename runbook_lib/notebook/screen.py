"""Deciding and applying at the screen: cells that await, so that clicks arrive while they run, and never wait on a dead end.

The kernel looks four times a second. A panel that no front end reports within ten seconds ends its cell with what to do instead;
the same panel stays usable. The run folder is the truth: whatever a page shows can be lost, and is shown again from there.
"""

import asyncio
import contextvars
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, TypeVar

from runbook_lib.apply.report import Tick
from runbook_lib.base.clock import Clock, Stop
from runbook_lib.base.identity import user
from runbook_lib.base.project import root
from runbook_lib.base.text import counted
from runbook_lib.display.notes import Link, Notes
from runbook_lib.evidence.run.folder import PhaseFolder
from runbook_lib.phase_run.halt import Halt
from runbook_lib.plan.decision import Ballot

T = TypeVar("T")
LOOK = 0.25
"""Seconds between two looks: an interrupt is noticed only when the kernel's loop wakes."""
PATIENCE = 10.0
"""Seconds for a front end to report that it has drawn the panel."""


class Interrupted(Exception):
    """The kernel was interrupted while it waited for a decision; nothing was called."""


class StopWithKernel(Stop):
    """A Stop that is also set once the kernel ends: no call is begun that nobody would record."""

    def __init__(self) -> None:
        self._reason = ""
        super().__init__()

    @property
    def reason(self) -> str:  # an attribute there
        return self._reason or ("" if threading.main_thread().is_alive() else "the kernel ended")

    @reason.setter
    def reason(self, value: str) -> None:
        self._reason = value


def no_widgets(missing: ModuleNotFoundError) -> Halt:
    """The library that draws panels is not installed here."""
    return Halt(
        f"Nobody can be asked here: {missing.name} is not installed.\n"
        "Install the project with its lab extra, or give an approval file."
    )


def way_to_plan(folder: PhaseFolder) -> None:
    """Above a panel, a link to the plan as a page; its place where a link from the notebooks' folder does not lead there."""
    from IPython.display import display  # noqa: PLC0415 as with widgets

    page, project = folder.plan_document.resolve(), root()
    if page.is_relative_to(project):
        display(Notes(Link("The whole plan: ", page.name, os.path.relpath(page, project / "notebooks"))))  # type: ignore[no-untyped-call]  # IPython has no types
    else:
        display(Notes(f"The whole plan: {page}"))  # type: ignore[no-untyped-call]  # as above


class Awaited(Protocol):
    """What a cell waits for: a panel, its ballot, and whether something was pressed that counts."""

    panel: Any

    @property
    def ballot(self) -> Ballot: ...

    @property
    def taken(self) -> bool: ...


async def answered(asked: Awaited, look: Callable[[], None] | None = None) -> None:
    """Wait until something was pressed that counts, looking on meanwhile.

    Raises Halt when no front end is there (the panel stays), Interrupted, never a time-out.
    """
    halt, waited, focused = Stop(), 0.0, False
    panel, ballot = asked.panel, asked.ballot
    with interruptible(halt):
        while not asked.taken:
            try:
                await asyncio.sleep(LOOK)
            except asyncio.CancelledError:
                halt.request("interrupted")
            if halt.is_set():
                ballot.close("The kernel was interrupted: this panel is void.")
                raise Interrupted("Interrupted before a decision; nothing was called.")
            waited += LOOK
            if look is not None:
                look()
            panel.settle()
            if panel.seen and not focused:
                panel.focus()
                focused = True
            if not panel.seen and waited >= PATIENCE:
                raise Halt(
                    "No click can reach this kernel while a cell runs, or nobody sees the panel.\n"
                    "Decide in the panel above, then run the next cell (or this one again) to go on."
                )


async def beside(work: Callable[[], T], stop: Stop, look: Callable[[], None]) -> T:
    """Do `work` in a thread of its own (with this cell's context, so that its outputs land here), looking on meanwhile.

    Interrupting the kernel asks to stop and goes on looking: the calls in flight end and are recorded.
    """
    box: Future[T] = Future()

    def run() -> None:
        try:
            box.set_result(work())
        except BaseException as broken:  # noqa: BLE001 whatever it is goes to the awaiting cell, which raises it
            box.set_exception(broken)

    threading.Thread(target=contextvars.copy_context().run, args=(run,), name="apply").start()
    with interruptible(stop):
        while not box.done():
            try:
                await asyncio.sleep(LOOK)
            except asyncio.CancelledError:
                stop.request("interrupted")
            look()
    return box.result()


@contextmanager
def interruptible(stop: Stop) -> Iterator[None]:
    """Interrupting the kernel ends the calls in flight and starts no other, instead of breaking off."""

    def ask(number: int, frame: FrameType | None) -> None:
        stop.request("interrupted")

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def operator(callers: Mapping[str, str]) -> str:
    """Who decides: the user of this system, and as whom AWS knows them."""
    arns = ", ".join(sorted(set(callers.values())))
    return f"{user()} ({arns})" if arns else user()


class Troubles:
    """What the journal says was refused so far, read on from where the last look ended."""

    def __init__(self, journal: Path) -> None:
        self._journal, self._read = journal, journal.stat().st_size if journal.exists() else 0
        self._calls: dict[str, tuple[str, str]] = {}
        self._seen: dict[tuple[str, str, str, str], set[str]] = {}

    def lines(self) -> list[str]:
        """One line per operation, Region and code, with how many accounts; the latest last."""
        if self._journal.exists():
            with self._journal.open("rb") as file:
                file.seek(self._read)
                new = file.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._read += len(whole)
            for line in whole.splitlines():
                self._take(json.loads(line))
        return [
            f"{operation} in {region}: {code} ({counted(len(accounts), 'account')}) {message}"
            for (operation, region, code, message), accounts in self._seen.items()
        ][-8:]

    def _take(self, line: dict[str, Any]) -> None:
        if line["kind"] == "intent":
            self._calls[line["invocation"]] = (line["operation"], line["region"])
        for each in line.get("outcomes", ()):
            if each["verdict"] == "failed":
                called = self._calls.get(line["invocation"], ("a call", "an earlier run"))
                self._seen.setdefault((*called, each["code"], each["message"]), set()).add(each["account"])


class Latest:
    """The newest tick of a worker, for whoever looks."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._began, self._before = clock, clock.monotonic(), 0
        self.tick: Tick | None = None

    def put(self, tick: Tick) -> None:
        if self.tick is None:
            self._began, self._before = self._clock.monotonic(), tick.done
        self.tick = tick

    def left(self, now: Tick | None) -> float | None:
        """Seconds that the rest takes if it goes on like this; None while nobody can tell."""
        if now is None or not self._before < now.done < now.total:
            return None
        passed = self._clock.monotonic() - self._began
        return passed / (now.done - self._before) * (now.total - now.done) if passed > 1 else None
