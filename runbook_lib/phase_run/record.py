"""What the run of one phase records of itself: how far it is, what went wrong, and how it ends."""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.apply.journal import Replica
from runbook_lib.audit.ending import sealing
from runbook_lib.aws.access import Access, Counters
from runbook_lib.base.clock import Clock
from runbook_lib.base.errors import OURS, RunbookError
from runbook_lib.base.privacy import masked
from runbook_lib.evidence.index_page import write_page
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder, RunStatus
from runbook_lib.phase_run.halt import Halt, RunEnded
from runbook_lib.phase_run.handing_over import Taken
from runbook_lib.plan import Scope
from runbook_lib.plan.approval import ApprovalRefused
from runbook_lib.plan.decision import Rejection
from runbook_lib.runbook.phases import Phase
from runbook_lib.services.protocol import Procedure
from runbook_lib.services.remarks import PreconditionsFailed
from runbook_lib.settings import Settings
from runbook_lib.settings.file import SettingsContradicted
from runbook_lib.settings.register import Register

LOG = logging.getLogger(__name__)
REFUSALS = (ApprovalRefused, PreconditionsFailed, SettingsContradicted)


@dataclass(eq=False)
class RunRecord:
    """One phase in one run folder, from when the folder is there to when its end is written down."""

    phase: Phase
    settings: Settings
    parameters: Path
    """The settings file."""
    scope: Scope
    approval: Path | None
    """The approval file that was given."""
    run: RunFolder
    folder: PhaseFolder
    owns_run: bool
    """Whether the run was begun for this phase alone, and ends with it."""
    clock: Clock
    replica: Replica | None = None
    """Keeps the journal's lines elsewhere too, before each call."""
    doing: Procedure | None = None
    """What does the work of a procedure; None in a phase."""
    register: Register = field(default_factory=lambda: Register(Path(), (), ""))
    """The workflows beside the settings, where these manage a response."""
    taken: Taken = field(default_factory=Taken)
    """What the holder of the other door handed over, in a run with one."""
    access: Access | None = None
    """Whose reads, calls and endpoints are recorded, once there is one."""
    state: str = "failed"
    error: str = ""
    results: dict[str, Any] = field(default_factory=dict)
    ended: RunStatus | None = None
    evidence: tuple[str, ...] = ()
    """What was said when the run was sealed."""
    closing: ExitStack = field(default_factory=ExitStack)
    """What is closed when the phase has ended, before the run is sealed."""

    def __post_init__(self) -> None:
        self._started = self.clock.monotonic()

    def must_run(self) -> None:
        """Raise RunEnded once it has."""
        if self.ended is not None:
            raise RunEnded(f"The run {self.run.name} has ended ({self.state}).")

    def reject(self, no: Rejection) -> None:
        """The plan, or a part of it, was rejected."""
        self.state, self.error = "rejected", f"Rejected by {no.rejected_by}: {no.reason}"

    def stop(self, why: str) -> None:
        """End as stopped."""
        self.state, self.error = "stopped", why
        self.end(RunStatus.STOPPED)

    def end(self, status: RunStatus) -> None:
        """Record how this phase ended, in run.json; ends the run too where it was begun for this phase."""
        if self.ended is not None:
            return
        self.note("end")
        self.ended = status
        reads = self.access.reads_made() if self.access else {}
        if self.access:
            self.run.add_endpoints(self.access.endpoints)
        now, results = self.clock.now(), {"state": self.state, "error": masked(self.error), "reads": reads, **self.results}
        self.run.finish_phase(self.folder.name, status, now, results)
        if self.owns_run:
            self.run.finish(status, now, error=self.error)
        self.closing.close()
        if self.owns_run:
            self.evidence = tuple(sealing(self.run, self.settings, os.environ))
            write_page(self.run.path.parent)

    def note(self, step: str) -> None:
        """A line in the run's log: how far this phase is, after how many seconds and calls."""
        counters = self.access.counters if self.access else Counters()
        fields = {
            "phase": self.folder.name,
            "state": self.state,
            "seconds": round(self.clock.monotonic() - self._started, 1),
            "calls": counters.calls.total(),
            "throttles": counters.throttles,
            "retries": counters.retries,
            **self.results,
        }
        LOG.info(step, extra={"fields": fields})

    def failed(self, error: BaseException) -> None:
        """A step broke off by this error: the phase has ended with it. A run that had ended before stays as it ended."""
        if isinstance(error, RunEnded):
            return
        self.state = "refused" if isinstance(error, REFUSALS) else "failed"
        self.error = str(error) if isinstance(error, RunbookError) else f"{type(error).__name__}: {error}".rstrip(": ")
        self.end(RunStatus.FAILED)


@contextmanager
def plainly(record: RunRecord | None = None, step: str = "") -> Iterator[None]:
    """Turn what is expected to go wrong into a Halt. In a `record` every failure is the end, and a step that went well a line."""
    try:
        yield
        if record is not None and step:
            record.note(step)
    except Halt:
        raise
    except RunbookError as error:
        LOG.exception("halted")
        if record is not None:
            record.failed(error)
        raise Halt(error.said) from None
    except BaseException as error:
        if record is not None:
            LOG.exception("failed")
            record.failed(error)
        if isinstance(error, Exception):
            error.add_note(OURS)
        raise
