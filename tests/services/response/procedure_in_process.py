"""A procedure on the simulated organization, as a process has it: each look and each apply opens everything anew."""

from abc import ABC, abstractmethod

from simulated import Simulated

from runbook_lib.apply.journal import Journal
from runbook_lib.base.clock import Stop
from runbook_lib.coverage import Cell
from runbook_lib.plan import Plan, Scope
from runbook_lib.rehearsal.inproc import InProcess
from runbook_lib.runbook import ApplyReport, Runbook
from runbook_lib.runbook.access import access_for
from runbook_lib.runbook.phases import Phase
from runbook_lib.services.protocol import Procedure


class ProcedureInProcess(ABC):
    """One procedure of the response."""

    phase: Phase

    def __init__(self, made: Simulated) -> None:
        self.made, self.permit = made, made.permit

    @abstractmethod
    def doing(self) -> Procedure:
        """What is done, read anew as a new process reads it."""

    @abstractmethod
    def key(self, cell: Cell) -> str:
        """By what a test names a cell."""

    def runbook(self) -> Runbook:
        made = self.made
        made.runs += 1
        doing, attach = self.doing(), made.attach or InProcess(made.front).attach
        run = f"20260601T000000Z-rehearsal-{made.runs:04x}"
        access = access_for(made.settings, self.phase, run, made.clock, attach, doing=doing)
        return Runbook(self.phase, made.settings, access, made.clock, Scope(), doing)

    def plan(self) -> Plan:
        runbook = self.runbook()
        with runbook.access:
            return runbook.plan(runbook.observe())

    def apply(self, plan: Plan, applied_before: frozenset[tuple[str, str]] = frozenset()) -> ApplyReport:
        made, runbook = self.made, self.runbook()
        with runbook.access, Journal(made.journal(f"{self.phase.name}-{made.runs}"), "test", made.clock) as journal:
            return runbook.apply(
                made.approve(plan), plan, permit=self.permit, journal=journal, stop=Stop(), progress=lambda tick: None,
                applied_before=applied_before,
            )  # fmt: skip

    def cells(self) -> dict[str, Cell]:
        runbook = self.runbook()
        with runbook.access:
            return {self.key(each): each for each in runbook.observe().cells}

    def through(self) -> dict[str, Cell]:
        """Plan, apply and verify."""
        report = self.apply(self.plan())
        assert report.ok, [result for _, stage in report.stages for each in stage.steps for result in each.results]
        return self.cells()
