"""The start page: where each phase stands, by the latest runs and by a quick read; makes no run and changes nothing."""

import os
from typing import Any

from runbook_lib.aws.access import Access, AccessRefused
from runbook_lib.aws.errors import CallFailed
from runbook_lib.base.clock import Clock
from runbook_lib.base.project import root, runs_root
from runbook_lib.coverage import Status
from runbook_lib.display import sections
from runbook_lib.display.notes import Facts, Notes
from runbook_lib.evidence.run.folder import RunFolderError, find_runs
from runbook_lib.notebook.cells import parameters_path, refuse_strangers, settle_shell
from runbook_lib.organization import Organization
from runbook_lib.organization.reads import READS
from runbook_lib.phase_run.record import plainly
from runbook_lib.phase_run.scope_parameter import read_scope
from runbook_lib.runbook import Runbook, managed
from runbook_lib.runbook.phases import Phase
from runbook_lib.services.implementations import SERVICES
from runbook_lib.services.remarks import PreconditionsFailed
from runbook_lib.settings import settings_digest
from runbook_lib.settings.file import load


def open_start(parameters_file: str, scope: str, approval: str, run_folder: str) -> "Start":
    """Read the settings. Raises Halt, in two lines, when they are wrong."""
    with plainly():
        settle_shell()
        refuse_strangers({"parameters_file": parameters_file, "scope": scope, "approval": approval, "run_folder": run_folder})
        return Start(parameters_file, scope)


class Start:
    """What an operator wants to know before opening a notebook."""

    def __init__(self, parameters_file: str, scope: str) -> None:
        self.clock = Clock()
        self.parameters = parameters_path(parameters_file)
        self.settings = load(self.parameters, self.clock.now().date())
        self.scope = read_scope(scope, self.settings)
        self.runs = runs_root("", os.environ, root())
        self.phases = managed(self.settings)

    def card(self) -> Facts:
        """Which organization, by the settings; nothing is asked of AWS yet."""
        organization = self.settings.organization
        return sections.card(
            self.settings.mode,
            {
                "Organization": organization.id,
                "Management account": organization.management_account,
                "Delegated security account": organization.delegated_account,
                "Settings": f"{self.parameters.name}, digest {settings_digest(self.settings)[:16]}",
                "Runs": self.runs.name,
            },
        )

    def recorded(self) -> Notes:
        """Where each phase stood at the end of its latest run of this mode and organization."""
        latest: dict[str, tuple[str, dict[str, Any]]] = {}
        if self.runs.is_dir():
            for run in find_runs(self.runs):
                try:
                    record = run.record()
                except RunFolderError:
                    continue
                if (record["mode"], record["organization"]) == (self.settings.mode, self.settings.organization.id):
                    latest |= {name: (run.name, phase) for name, phase in record["phases"].items()}
        return sections.by_phase("By the latest runs", [self._by_record(phase, latest.get(phase.name)) for phase in self.phases])

    def _by_record(self, phase: Phase, found: tuple[str, dict[str, Any]] | None) -> tuple[str, str, str, str]:
        if found is None:
            return phase.name, phase.title, "unknown", "no run yet"
        run, record = found
        results = record.get("results", {})
        if record["status"] == "done":
            state = "done"
        else:
            state = "blocked" if results.get("blockers") and not results.get("actions") else "pending"
        said = f"{record['status']}: {results['state']}" if results.get("state") else record["status"]
        return phase.name, phase.title, state, f"{said} in run {run}"

    def read(self) -> Notes:
        """Where each phase stands now: what its plan would hold. Reads only."""
        with plainly(), Access(
            self.settings, reads=READS.union(*(service.reads for service in SERVICES)), mutations=frozenset(),
            run="start", clock=self.clock,
        ) as access:  # fmt: skip
            runbooks = [Runbook(phase, self.settings, access, self.clock, self.scope) for phase in self.phases]
            try:
                organization = runbooks[0].organization()
                rows = [self._now(runbook, organization) for runbook in runbooks]
            except (CallFailed, AccessRefused, PreconditionsFailed) as error:
                rows = [(phase.name, phase.title, "unknown", str(error)) for phase in self.phases]
        return sections.by_phase("By a quick read now", rows)

    def _now(self, runbook: Runbook, organization: Organization) -> tuple[str, str, str, str]:
        """Where one phase stands in the organization that was read for all of them."""
        phase = runbook.phase
        runbook.observer.take(organization)
        try:
            seen = runbook.observe()
            plan = runbook.plan(seen)
        except (CallFailed, AccessRefused, PreconditionsFailed) as error:
            return phase.name, phase.title, "unknown", str(error)
        unread = sum(len(cell.accounts) for cell in seen.cells if cell.in_scope and cell.status is Status.UNKNOWN)
        said = _counted({"calls": len(plan.actions), "waits": len(plan.waits), "blockers": len(plan.blockers), "unknown": unread})
        if not plan.actions and plan.blockers:
            return phase.name, phase.title, "blocked", f"{said}; first: {plan.blockers[0].next_step}"
        return phase.name, phase.title, "pending" if plan.actions or plan.waits else "done", said or "nothing to call"

    def listed(self) -> Notes:
        """The latest runs, newest first."""
        return sections.runs(self.runs)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number)
