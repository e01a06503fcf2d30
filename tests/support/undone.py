"""Phases applied on a simulated organization with a record like a run's, and taken back by it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from leaving import ACCOUNTS, EVERYTHING, REGIONS
from simulated import Simulated, copied, fitting, permitted, settings_for, simulated

from runbook_lib.apply.journal import Journal
from runbook_lib.base.clock import Stop
from runbook_lib.coverage import Cells
from runbook_lib.coverage.files import write_coverage
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.phase_run.undone import applied_units, change_of
from runbook_lib.plan import Plan, Scope
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import Approval, approve
from runbook_lib.rehearsal.inproc import InProcess
from runbook_lib.rehearsal.world import World
from runbook_lib.runbook import ApplyReport, Runbook, managed
from runbook_lib.runbook.access import access_for
from runbook_lib.runbook.phases import BACK_OUT, phase_named
from runbook_lib.runbook.undoing import of_change
from runbook_lib.services.undoing import Undoing


def asked(made: Simulated) -> list[str]:
    """Let settings ask for everything, and name the phases that do it, in order."""
    made.settings = settings_for(made.front, fitting(made.front, EVERYTHING), exclusions=())
    return [phase.name for phase in managed(made.settings)]


@dataclass
class Change:
    """One phase of one run, and what takes it back."""

    simulated: Simulated
    run: RunFolder
    phase: str

    def undoing(self) -> Undoing:
        found = of_change(change_of(self.run.path.parent, self.simulated.settings, self.run.name, self.phase))
        assert isinstance(found, Undoing)
        return found

    def runbook(self) -> Runbook:
        self.simulated.runs += 1
        made, doing = self.simulated, self.undoing()
        attach = made.attach or InProcess(made.front).attach
        access = access_for(made.settings, BACK_OUT, f"20260601T000000Z-rehearsal-{made.runs:04x}", made.clock, attach, doing)
        return Runbook(BACK_OUT, made.settings, access, made.clock, Scope(), doing)

    def plan(self) -> Plan:
        runbook = self.runbook()
        with runbook.access:
            return runbook.plan(runbook.observe())

    def cells(self) -> Cells:
        runbook = self.runbook()
        with runbook.access:
            return runbook.observe().cells

    def approve(self, plan: Plan) -> Approval:
        return approve(plan, approver="tests", ticket="T-1", now=self.simulated.clock.now(), loses=plan.to_type)

    def apply(self, plan: Plan, approval: Approval | None = None, stop: Stop | None = None, progress: Any = None) -> ApplyReport:
        """What an earlier attempt applied is known from its journal, as it is to a run."""
        runbook, file = self.runbook(), self.simulated.journal("back-out")
        earlier = frozenset(applied_units(file)) if file.exists() else frozenset[tuple[str, str]]()
        with runbook.access, Journal(file, "test", self.simulated.clock) as journal:
            return runbook.apply(
                approval or self.approve(plan), plan, permit=permitted, journal=journal, stop=stop or Stop(),
                progress=progress or (lambda tick: None), applied_before=earlier,
            )  # fmt: skip


@dataclass
class Told:
    """One phase of a roll-out: the world before and after it, how it stood before, and its record."""

    change: Change
    before: World
    after: World
    stood: list[str]


def rolled_out(folder: Path, patch: pytest.MonkeyPatch) -> dict[str, Told]:
    """Every phase applied in turn, on twelve accounts in two Regions; after the last one everything is covered."""
    made = simulated("seven", folder, patch, accounts=ACCOUNTS, regions=REGIONS)
    found: dict[str, Told] = {}
    for phase in asked(made):
        before, stood = copied(made.front.world), standing(made, phase)
        found[phase] = Told(applied(made, phase), before, copied(made.front.world), stood)
    return found


def applied(made: Simulated, phase: str, hook: Callable[[Runbook], None] = lambda runbook: None) -> Change:
    """Plan, approve and apply a phase, leaving what a run leaves."""
    run = RunFolder.create(
        made.folder / "runs", made.settings.mode, made.clock.now(), settings=b"", command=["tests"],
        organization=made.settings.organization.id,
    )  # fmt: skip
    folder, runbook = run.start_phase(phase, made.clock.now()), made.runbook(phase)
    with runbook.access, Journal(folder.journal, run.name, made.clock) as journal:
        seen = runbook.observe()
        write_coverage(folder.path, "before", seen.cells, seen.organization, {"mode": made.settings.mode})
        plan = runbook.plan(seen)
        folder.plan_json.write_text(plan_file.dumps(plan), encoding="utf-8")
        hook(runbook)
        report = runbook.apply(
            made.approve(plan), plan, permit=permitted, journal=journal, stop=Stop(), progress=lambda tick: None
        )  # fmt: skip
    assert report.ok, report
    return Change(made, run, phase)


def standing(made: Simulated, phase: str) -> list[str]:
    """How everything of a phase stands, as its own notebook sees it: what is compared before and after."""
    cells = made.phase_cells(phase_named(phase).name)
    return sorted(
        json.dumps([each.region, each.aspect, each.item, each.status, each.observed, sorted(each.accounts)]) for each in cells
    )
