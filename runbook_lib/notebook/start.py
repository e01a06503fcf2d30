"""The start page: where each phase stands, by the latest runs and by a quick read; makes no run and changes nothing."""

import os
from collections.abc import Sized
from dataclasses import dataclass
from typing import Any

from runbook_lib.aws.access import Access, AccessRefused
from runbook_lib.aws.errors import CallFailed
from runbook_lib.base.clock import Clock
from runbook_lib.base.project import root, runs_root
from runbook_lib.coverage import count
from runbook_lib.coverage.summary import percent
from runbook_lib.display import sections
from runbook_lib.display.notes import Facts, Notes
from runbook_lib.display.sections import PhaseProgress
from runbook_lib.evidence.run.folder import RunFolderError, find_runs
from runbook_lib.notebook.cells import parameters_path, refuse_strangers, settle_shell
from runbook_lib.organization import Organization
from runbook_lib.organization.reads import READS
from runbook_lib.phase_run.record import plainly
from runbook_lib.phase_run.scope_parameter import read_scope
from runbook_lib.runbook import Runbook, managed
from runbook_lib.services.implementations import SERVICES
from runbook_lib.services.remarks import PreconditionsFailed
from runbook_lib.settings import settings_digest
from runbook_lib.settings.file import load
from runbook_lib.settings.register import register_for

DONE, UNREAD = "done", "could not be read"


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
        self.managed = managed(self.settings)

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

    def phases(self) -> Notes:
        """Where each phase stood at the end of its latest run of this mode and organization, and where it stands now."""
        latest = self._latest()
        with (
            plainly(),
            Access(
                self.settings,
                reads=READS.union(*(service.reads for service in SERVICES)),
                mutations=frozenset(),
                run="start",
                clock=self.clock,
            ) as access,
        ):
            register = register_for(self.settings, self.parameters).digest
            runbooks = [Runbook(phase, self.settings, access, self.clock, self.scope, register=register) for phase in self.managed]
            try:
                organization = runbooks[0].organization()
                nows = [_now(runbook, organization) for runbook in runbooks]
            except (CallFailed, AccessRefused, PreconditionsFailed) as error:
                nows = [_Now(UNREAD, next=str(error)) for _ in runbooks]
        return sections.by_phase(
            [
                PhaseProgress(phase, _last(latest.get(phase.name)), now.words, now.coverage, now.next, now.words == DONE)
                for phase, now in zip(self.managed, nows, strict=True)
            ]
        )

    def _latest(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Phase → its latest run, and what that run's record says of it."""
        latest: dict[str, tuple[str, dict[str, Any]]] = {}
        for run in find_runs(self.runs) if self.runs.is_dir() else ():
            try:
                record = run.record()
            except RunFolderError:
                continue
            if (record["mode"], record["organization"]) == (self.settings.mode, self.settings.organization.id):
                latest |= {name: (run.name, phase) for name, phase in record["phases"].items()}
        return latest

    def listed(self) -> Notes:
        """The latest runs, newest first."""
        return sections.runs(self.runs)


@dataclass(frozen=True)
class _Now:
    """Where a phase stands by a read made now."""

    words: str
    coverage: str = ""
    next: str = ""


def _now(runbook: Runbook, organization: Organization) -> _Now:
    """Where one phase stands in the organization that was read for all of them."""
    runbook.observer.take(organization)
    try:
        seen = runbook.observe()
        plan = runbook.plan(seen)
    except (CallFailed, AccessRefused, PreconditionsFailed) as error:
        return _Now(UNREAD, next=str(error))
    counted = count(cell for cell in seen.cells if cell.in_scope)
    calls, waits, blockers = (
        _counted(each, name) for each, name in ((plan.actions, "call"), (plan.waits, "wait"), (plan.blockers, "blocker"))
    )
    unread = f"{counted.unknown:,} answers {UNREAD}" if counted.unknown else ""
    left = ", ".join(part for part in (calls, waits, blockers, unread) if part)
    state = "pending" if calls or waits else "blocked" if blockers else ""
    if calls:
        then = f"open the notebook and decide on {calls}"
    elif blockers:
        then = plan.blockers[0].next_step
    else:
        then = "AWS is still working on it; look again later" if waits else ""
    return _Now(": ".join(part for part in (state, left) if part) or DONE, percent(counted), then)


def _last(found: tuple[str, dict[str, Any]] | None) -> str:
    """What the record of the latest run says of a phase."""
    if found is None:
        return "not started"
    run, record = found
    results = record.get("results", {})
    said = f"{record['status']}: {results['state']}" if results.get("state") else record["status"]
    return f"{said} in run {run}"


def _counted(several: Sized, name: str) -> str:
    return f"{len(several):,} {name}{'s' * (len(several) != 1)}" if several else ""
