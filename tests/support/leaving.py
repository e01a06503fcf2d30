"""The way out on a simulated organization in which every service is covered: twelve accounts, two Regions, nobody excluded."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from simulated import PARAMETERS, Simulated, copied, permitted

from runbook_lib.apply.journal import Journal
from runbook_lib.base.clock import Stop
from runbook_lib.coverage import Cells
from runbook_lib.plan import Blocker, NoChange, Plan, Scope, Step
from runbook_lib.plan.approval import Approval, approve
from runbook_lib.rehearsal.inproc import InProcess
from runbook_lib.rehearsal.operations.events.state import state_of
from runbook_lib.rehearsal.world import World
from runbook_lib.runbook import ApplyReport, Runbook
from runbook_lib.runbook.access import access_for
from runbook_lib.runbook.phases import COVERAGE, OFFBOARDING, Phase
from runbook_lib.runbook.way_out import WayOut, look
from runbook_lib.services.departure import Ground
from runbook_lib.services.departures import leaving
from runbook_lib.services.registry import RESPONSE, by_name
from runbook_lib.settings import MemberDoor, Settings
from runbook_lib.settings.offboarding import OffboardingSection

EVERYTHING = PARAMETERS.with_name("rehearsal-all.yaml")
ACCOUNTS, REGIONS = 12, ("us-east-1", "us-east-2")
SERVICES = tuple(by_name())
UNTIL = dt.date(2099, 12, 31)
FEW = [pytest.param(each, marks=[pytest.mark.soak] * (each not in (SERVICES[2], SERVICES[-1]))) for each in SERVICES]
"""One service with members and the one without; the others with `make soak`."""


@dataclass
class Out:
    """One service on its way out of an organization."""

    simulated: Simulated
    service: str
    runs: int = field(default=0)

    @property
    def world(self) -> World:
        return self.simulated.front.world

    def allow(self, levels: Iterable[str], leave: str = "hand-over", *, wanted: bool = False) -> None:
        """Settings as they have to be for these levels: allowed by name, and the service no longer asked for."""
        section = OffboardingSection.model_validate(
            {"service": self.service, "levels": list(levels), "exit": leave, "reason": "tests", "owner": "tests", "expires": UNTIL}
        )
        changes: dict[str, Any] = {"offboarding": (section,)}
        if not wanted:
            changes[self.service if self.service == RESPONSE else by_name()[self.service].section] = None
        self.simulated.settings = self.simulated.settings.model_copy(update=changes)

    def runbook(self, phase: Phase, level: str = "", scope: Scope | None = None) -> Runbook:
        self.runs += 1
        simulated, doing = self.simulated, leaving(self.service, level)
        attach = simulated.attach or InProcess(simulated.front).attach
        run = f"20260601T000000Z-rehearsal-{self.runs:04x}"
        access = access_for(simulated.settings, phase, run, simulated.clock, attach, doing)
        return Runbook(phase, simulated.settings, access, simulated.clock, scope or Scope(), doing)

    def look(self, scope: Scope | None = None) -> WayOut:
        runbook = self.runbook(COVERAGE, scope=scope)
        with runbook.access:
            return look(runbook)

    def plan(self, level: str, regions: tuple[str, ...] = ()) -> Plan:
        runbook = self.runbook(OFFBOARDING, level, Scope(regions))
        with runbook.access:
            return runbook.plan(runbook.observe())

    def cells(self, level: str, regions: tuple[str, ...] = ()) -> Cells:
        runbook = self.runbook(OFFBOARDING, level, Scope(regions))
        with runbook.access:
            return runbook.observe().cells

    def ground(self, level: str) -> Ground[Any]:
        """What a level is held against."""
        runbook = self.runbook(OFFBOARDING, level)
        with runbook.access:
            _, (seen,) = runbook.observer.look([runbook.service])
        found: Ground[Any] = runbook.service.ground(seen.state, seen.view)  # type: ignore[attr-defined]
        return found

    def said(self, levels: Iterable[str]) -> dict[str, list[Step | NoChange | Blocker]]:
        """What the plan of each of these levels would hold, from one look."""
        runbook = self.runbook(COVERAGE)
        with runbook.access:
            _, (seen,) = runbook.observer.look([runbook.service])
        doing = {level: leaving(self.service, level) for level in levels}
        return {name: list(each.plan(each.assess(seen.state, seen.view), seen.state, seen.view)) for name, each in doing.items()}

    def apply(self, level: str, plan: Plan, approval: Approval | None = None, **more: Any) -> ApplyReport:
        """Apply a plan, approved with every loss typed unless an approval is given."""
        simulated = self.simulated
        given = approval or approve(plan, approver="tests", ticket="T-1", now=simulated.clock.now(), loses=plan.to_type)
        runbook = self.runbook(OFFBOARDING, level, plan.scope)
        with runbook.access, Journal(simulated.journal(OFFBOARDING.name), "test", simulated.clock) as journal:
            return runbook.apply(
                given,
                plan,
                permit=permitted,
                journal=journal,
                stop=more.pop("stop", None) or Stop(),
                progress=more.pop("progress", None) or (lambda tick: None),
                **more,
            )

    def do(self, level: str, regions: tuple[str, ...] = ()) -> tuple[Plan, ApplyReport]:
        """Plan one level, type what it takes away, apply it."""
        plan = self.plan(level, regions)
        return plan, self.apply(level, plan)


def entered_by_role(out: Out) -> None:
    """Settings name a role in members."""
    settings = out.simulated.settings
    door = MemberDoor(role_name="RunbookMember", via="delegated")
    out.simulated.settings = settings.model_copy(update={"access": settings.access.model_copy(update={"members": door})})


def muted(world: World) -> None:
    """Nothing is sent any more by any rule: what stands in the way of leaving Security Hub."""
    _states(world, "DISABLED")


def enabled_routes(world: World) -> None:
    """Every rule sends again."""
    _states(world, "ENABLED")


def _states(world: World, state: str) -> None:
    for bus in (bus for buses in state_of(world).buses.values() for bus in buses.values()):
        for rule in bus.rules.values():
            rule.state = state


def at(made: Simulated, service: str, settings: Settings | None = None) -> Out:
    """A service in a copy of the covered organization."""
    made.front.adopt(copied(made.front.world))
    return Out(replace(made, settings=settings or made.settings), service)
