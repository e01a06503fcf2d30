"""The way out on a simulated organization in which every service is covered: twelve accounts, two Regions, nobody excluded."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from simulated import PARAMETERS, Simulated, copied, fitting, settings_for, simulated

from runbook_lib.plan import Scope
from runbook_lib.rehearsal.inproc import InProcess
from runbook_lib.rehearsal.world import World
from runbook_lib.runbook import Runbook, access_for, managed
from runbook_lib.runbook.phases import COVERAGE, Phase
from runbook_lib.runbook.way_out import WayOut, look
from runbook_lib.services.departures import departure_of
from runbook_lib.services.leaving import Leaving
from runbook_lib.services.registry import by_name
from runbook_lib.settings import Settings
from runbook_lib.settings.offboarding import OffboardingSection

EVERYTHING = PARAMETERS.with_name("rehearsal-all.yaml")
ACCOUNTS, REGIONS = 12, ("us-east-1", "us-east-2")
SERVICES = tuple(by_name())
UNTIL = dt.date(2099, 12, 31)


def covered(folder: Path, patch: pytest.MonkeyPatch) -> Simulated:
    """Everything applied; whoever wants to change the world takes a copy of it (`at`)."""
    made = simulated("seven", folder, patch, accounts=ACCOUNTS, regions=REGIONS)
    made.settings = settings_for(made.front, fitting(made.front, EVERYTHING), exclusions=())
    made.enable(phase.name for phase in managed(made.settings))
    return made


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
            changes[by_name()[self.service].section] = None
        self.simulated.settings = self.simulated.settings.model_copy(update=changes)

    def runbook(self, phase: Phase, level: str = "", scope: Scope | None = None) -> Runbook:
        self.runs += 1
        simulated, doing = self.simulated, Leaving(departure_of(self.service), level)
        attach = simulated.attach or InProcess(simulated.front).attach
        run = f"20260601T000000Z-rehearsal-{self.runs:04x}"
        access = access_for(simulated.settings, phase, run, simulated.clock, attach, doing)
        return Runbook(phase, simulated.settings, access, simulated.clock, scope or Scope(), doing)

    def look(self, scope: Scope | None = None) -> WayOut:
        runbook = self.runbook(COVERAGE, scope=scope)
        with runbook.access:
            return look(runbook)


def at(made: Simulated, service: str, settings: Settings | None = None) -> Out:
    """A service in a copy of the covered organization."""
    made.front.adopt(copied(made.front.world))
    return Out(replace(made, settings=settings or made.settings), service)
