"""A simulated organization in process, and the runbook on it as a pipeline would drive it: plan, approve, apply."""

import copy
import datetime as dt
import functools
import itertools
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.apply.journal import Journal
from runbook_lib.apply.report import Tick
from runbook_lib.base.clock import FakeClock, Stop
from runbook_lib.cli.rehearsal_settings import Simulation, fitted
from runbook_lib.coverage import Cell, Count, Status, count
from runbook_lib.plan import Action, Blocker, NoChange, Plan, Scope
from runbook_lib.plan.approval import Approval, approve
from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.environment import environment
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import InProcess
from runbook_lib.rehearsal.log import Entry
from runbook_lib.rehearsal.organization import home_region
from runbook_lib.rehearsal.registry import HANDLERS, Call, Handler
from runbook_lib.rehearsal.simulated import by_name
from runbook_lib.rehearsal.world import World
from runbook_lib.runbook import ApplyReport, Permit, Runbook, managed
from runbook_lib.runbook.access import access_for
from runbook_lib.runbook.phases import phase_named
from runbook_lib.settings import Settings
from runbook_lib.settings.file import parse

PARAMETERS = Path(__file__).parents[2] / "parameters" / "rehearsal.yaml"
ASKED = parse(PARAMETERS.read_text(encoding="utf-8"), dt.date(2026, 6, 1), str(PARAMETERS))
ENABLING = tuple(phase.name for phase in managed(ASKED))
"""The phases that change something and that the rehearsal's settings ask for, in order."""
SERVICE_OF = {phase.name: phase.service for phase in managed(ASKED) if phase.enables}
"""Phase → the service that it enables, of these."""
URL = "http://127.0.0.1:9"
"""Never dialled: the in-process transport takes every request before a socket is opened."""


def permitted(approval: Approval) -> None:
    """Any approval may be used: who gave it is not what is tried."""


@dataclass
class Applied:
    """One phase, planned, approved and applied."""

    plan: Plan
    approval: Approval
    report: ApplyReport


@dataclass
class Simulated:
    """One simulated organization and settings for it. `attach` wraps what carries requests (to break it, to count)."""

    front: Front
    settings: Settings
    folder: Path
    clock: FakeClock = field(default_factory=lambda: FakeClock(dt.datetime(2026, 6, 1, tzinfo=dt.UTC)))
    attach: Callable[[Any], Any] | None = None
    runs: int = 0
    permit: Permit = permitted

    def __post_init__(self) -> None:
        self.clock.hook = self._pass

    def _pass(self, seconds: float) -> None:
        """Time goes by for whichever world is served now."""
        self.front.world.skip(seconds)

    def set_clock(self, to: dt.datetime) -> None:
        """The runner's clock shows another time from now on: of many attempts each may begin at the same one."""
        self.clock = FakeClock(to, self._pass)

    def runbook(self, phase: str, scope: Scope | None = None) -> Runbook:
        """A fresh process's view: nothing is remembered from an earlier one."""
        self.runs += 1
        chosen = phase_named(phase)
        attach = self.attach or InProcess(self.front).attach
        access = access_for(self.settings, chosen, f"20260601T000000Z-rehearsal-{self.runs:04x}", self.clock, attach)
        return Runbook(chosen, self.settings, access, self.clock, scope or Scope())

    def plan(self, phase: str, scope: Scope | None = None) -> Plan:
        runbook = self.runbook(phase, scope)
        with runbook.access:
            return runbook.plan(runbook.observe())

    def approve(self, plan: Plan) -> Approval:
        return approve(plan, approver="tests", ticket="T-1", now=self.clock.now())

    def apply(
        self,
        phase: str,
        plan: Plan,
        approval: Approval,
        applied_before: frozenset[tuple[str, str]] = frozenset(),
        *,
        stop: Stop | None = None,
        progress: Callable[[Tick], None] = lambda tick: None,
    ) -> ApplyReport:
        runbook = self.runbook(phase, plan.scope)
        with runbook.access, Journal(self.journal(phase), "test", self.clock) as journal:
            return runbook.apply(
                approval, plan, permit=self.permit, journal=journal, stop=stop or Stop(), progress=progress,
                applied_before=applied_before,
            )  # fmt: skip

    def journal(self, phase: str) -> Path:
        return self.folder / f"{phase}.jsonl"

    def enable(self, phases: Iterable[str] = ENABLING) -> list[Applied]:
        """Plan, approve and apply each phase in turn."""
        made = []
        for phase in phases:
            plan = self.plan(phase)
            approval = self.approve(plan)
            made.append(Applied(plan, approval, self.apply(phase, plan, approval)))
        return made

    def approved_plans(self, phases: Iterable[str] = ENABLING) -> list[tuple[Plan, Approval]]:
        """Every phase planned and approved at once, before anything is applied."""
        plans = [self.plan(phase) for phase in phases]
        return [(plan, self.approve(plan)) for plan in plans]

    def enable_as_approved(self, approved: Iterable[tuple[Plan, Approval]]) -> list[Applied]:
        """Apply plans that were approved beforehand, in their order."""
        return [Applied(plan, approval, self.apply(plan.phase, plan, approval)) for plan, approval in approved]

    def cells(self) -> tuple[Cell, ...]:
        runbook = self.runbook("90_coverage")
        with runbook.access:
            return runbook.survey()[1]

    def phase_cells(self, phase: str) -> tuple[Cell, ...]:
        """The cells of one phase's own service."""
        runbook = self.runbook(phase)
        with runbook.access:
            return runbook.observe().cells

    def mutating(self) -> list[Entry]:
        """The server's record of mutating requests, sessions (AssumeRole) apart."""
        return [entry for entry in self.front.log.select(mutating="True") if entry.service != "sts"]

    def journaled(self, kind: str) -> list[dict[str, Any]]:
        """Lines of one kind from the journals of all phases."""
        lines = [json.loads(line) for path in sorted(self.folder.glob("*.jsonl")) for line in path.read_text().splitlines()]
        return [line for line in lines if line["kind"] == kind]

    def coverage(self) -> Count:
        return count(cell for cell in self.cells() if cell.in_scope)


def copied(world: World) -> World:
    """The same world once more, to be changed on its own: the lock is the only thing that cannot be copied."""
    return copy.deepcopy(world, {id(world.lock): threading.RLock()})


def throttle(patch: pytest.MonkeyPatch, service: str, every: int) -> None:
    """Let a simulated service refuse every such call of all, the first ones not, as it refuses whoever asks too often."""
    numbers, refusal = itertools.count(1), by_name()[service].throttle

    def throttled(inner: Handler) -> Handler:
        def now_and_then(call: Call, **parameters: Any) -> dict[str, Any] | None:
            if next(numbers) % every == 0:
                raise refusal()
            return inner(call, **parameters)

        return now_and_then

    for key in [key for key in HANDLERS if key[0] == service]:
        patch.setitem(HANDLERS, key, throttled(HANDLERS[key]))


def open_cells(cells: Iterable[Cell]) -> list[Cell]:
    """What is asked for and not there: gaps and unknowns in scope."""
    return [cell for cell in cells if cell.in_scope and cell.status in (Status.GAP, Status.UNKNOWN)]


def units_of(report: ApplyReport) -> frozenset[tuple[str, str]]:
    """Every unit that an apply reports on: tried, already so, or no longer possible."""
    tried = {
        unit for _, stage in report.stages for each in stage.steps if isinstance(each.step, Action) for unit in each.step.units
    }
    return frozenset(tried).union(*(covered.already_so | covered.dropped for _, covered in report.covered))


def named(plan: Plan) -> set[tuple[str, str]]:
    """Every (account, Region) that a plan names in a step, a NoChange or a Blocker."""
    found = set()
    for step in plan.steps:
        accounts = {step.account, *step.targets} | (step.affects if isinstance(step, Action) else set())
        found |= {(account, step.region) for account in accounts}
    for each in (*plan.no_changes, *plan.blockers):
        assert isinstance(each, NoChange | Blocker)
        found |= {(account, each.region) for account in each.accounts}
    return found


def home(front: Front) -> str:
    """The home Region: us-east-1, or the partition's like."""
    return home_region(front.world)


def fitting(front: Front, file: Path = PARAMETERS) -> str:
    """The text of the rehearsal's settings (or another file's), made to fit a simulated organization."""
    organization = front.world.organization
    units = {organization.root, *organization.units}
    there = Simulation.of(front.control.health(), organization.accounts, units, home(front))
    return _fitted(file.read_text(encoding="utf-8"), there)


@functools.cache
def _fitted(text: str, there: Simulation) -> str:
    return fitted(text, there, everywhere=True).text


def settings_for(front: Front, text: str | None = None, **changes: Any) -> Settings:
    """The rehearsal's settings (or `text`) for the simulated organization; `changes` replace whole sections."""
    settings = parse(text or fitting(front), dt.date(2026, 6, 1), str(PARAMETERS))
    return settings.model_copy(update=changes) if changes else settings


def simulated(seed: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *, moto: bool = False, **options: Any) -> Simulated:
    """A seed's organization, with this process's environment being the rehearsal's own.

    What is asynchronous settles by reads alone, so that a machine that is slow changes nothing; unless by time alone is asked for.
    """
    front = build_app(seed, moto=moto, **options)
    if front.world.settle_polls is not None:
        front.world.settle_seconds = None
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    for name, value in environment(folder, URL, home(front), {}).items():
        monkeypatch.setenv(name, value)
    return Simulated(front, settings_for(front), folder)
