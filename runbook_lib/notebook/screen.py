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
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, TypeVar

from runbook_lib.apply.report import Tick
from runbook_lib.base.clock import Clock, Stop
from runbook_lib.base.identity import user
from runbook_lib.display.sections import scope_words
from runbook_lib.phase_run.halt import Halt
from runbook_lib.plan import Plan
from runbook_lib.plan.decision import Ballot, Question
from runbook_lib.plan.estimate import blast_radius, estimate
from runbook_lib.plan.gates import Gate, gates, part
from runbook_lib.runbook.phases import Phase
from runbook_lib.services.waves import wave_words
from runbook_lib.settings import Settings

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


def question(whole: Plan, gate: Gate, phase: Phase, settings: Settings, not_yet: str = "", may_cost: str = "") -> Question:
    """What is asked at one gate, and what the whole plan may cost."""
    plan, asked = part(whole, gate), gates(whole)
    number = f"Decision {asked.index(gate) + 1} of {len(asked)}: " if len(asked) > 1 else "Decision: "
    asked_about = question_about(plan, number + gate.title, phase, settings, not_yet)
    cost = {"The whole plan may cost": may_cost} if may_cost else {}
    return replace(asked_about, facts={**asked_about.facts, **cost})


def question_about(plan: Plan, title: str, phase: Phase, settings: Settings, not_yet: str = "") -> Question:
    """What is asked about all calls of a plan. Live ones, and sensitive stages of settings, take typing how many there are."""
    guess = estimate(plan, settings.concurrency)
    typing = plan.mode == "live" or bool({action.stage for action in plan.actions} & set(settings.confirm_by_typing))
    return Question(
        title=title,
        mode=plan.mode,
        facts={
            **({"Wave": wave_words(plan.scope, settings)} if settings.waves and phase.requires else {}),
            **({"Part": scope_words(plan.scope)} if not plan.scope.whole else {}),
            "What": "; ".join(stage.title for stage in phase.stages if any(step.stage == stage.name for step in plan.steps)),
            "Calls": f"{guess.calls}, about {guess.duration}",
            "Blast radius": blast_radius(plan),
            "Operations": ", ".join(dict.fromkeys(f"{action.service}:{action.operation}" for action in plan.actions)),
            "Called as": ", ".join(sorted({action.account for action in plan.actions})[:5]),
            "Fingerprint": plan.fingerprint,
        },
        phrase=f"apply {len(plan.actions)}" if typing else "",
        needs_ticket=plan.mode == "live",
        ticket=os.environ.get("RUNBOOK_TICKET", ""),
        not_yet=not_yet,
    )


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
            f"{operation} in {region}: {code} ({len(accounts)} accounts) {message}"
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
        self._clock, self._began = clock, clock.monotonic()
        self.tick: Tick | None = None

    def put(self, tick: Tick) -> None:
        if self.tick is None:
            self._began = self._clock.monotonic()
        self.tick = tick

    @property
    def now(self) -> Tick | None:
        """The newest tick with the rate up to this moment: a worker that waits sends no new one."""
        passed = self._clock.monotonic() - self._began
        return self.tick and replace(self.tick, rate=self.tick.done / max(passed, 1.0))

    @property
    def left(self) -> float | None:
        """Seconds that the rest takes if it goes on like this; None while nobody can tell."""
        if self.tick is None or not 0 < self.tick.done < self.tick.total:
            return None
        passed = self._clock.monotonic() - self._began
        return passed / self.tick.done * (self.tick.total - self.tick.done) if passed > 1 else None
