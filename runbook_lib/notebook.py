"""What the notebooks call: one object per executed notebook, whose methods each show what they did and leave it in the run folder.

Headless without an approval is no error: apply records *not attempted*, the rest runs. What went wrong is two lines in the cell
that noticed it (what happened, what to do); the traceback is in the run's log.
"""

import functools
import json
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Literal, ParamSpec, TypeVar

from runbook_lib import plan_file
from runbook_lib.access import AccessRefused
from runbook_lib.approval import ApprovalRefused
from runbook_lib.atomic_file import write_text
from runbook_lib.clock import Clock, Stop
from runbook_lib.confirm import Decision, given
from runbook_lib.coverage import Cells, Status, count
from runbook_lib.coverage_files import text_table, write_coverage
from runbook_lib.display import sections
from runbook_lib.display.notes import Facts, Notes
from runbook_lib.evidence.attempts import applied_before
from runbook_lib.evidence.run_folder import PhaseFolder, RunFolder, RunFolderError, RunStatus, runs_root
from runbook_lib.journal import Journal, JournalBroken
from runbook_lib.json_log import json_log
from runbook_lib.organization import Organization
from runbook_lib.phases import UnknownPhase, phase_named
from runbook_lib.plan import Plan, Scope
from runbook_lib.plan_document import Change, plan_document
from runbook_lib.progress import progress as progress_of
from runbook_lib.project import ProjectNotFound, resolve, root
from runbook_lib.runbook import ApplyReport, Assessment, PreconditionsFailed, Runbook, access_for
from runbook_lib.services import CallFailed
from runbook_lib.settings import settings_digest
from runbook_lib.settings_file import SettingsError, load

P = ParamSpec("P")
R = TypeVar("R")
LOG = logging.getLogger(__name__)
PARAMETERS = ("parameters_file", "scope", "approval", "run_folder")


class Halt(Exception):
    """What a notebook cell shows instead of a traceback: what happened, and what to do."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


class BadParameter(ValueError):
    """A notebook parameter that is unknown, of the wrong type, or not what it should be."""


EXPECTED = {
    SettingsError: "Mend the settings file, then run again. Nothing was called.",
    BadParameter: "Give the four parameters as strings; see the first cell.",
    ApprovalRefused: "Nothing of what it refused was called. Plan again and have that plan approved.",
    PreconditionsFailed: "Nothing was changed. Take the steps named, then run again.",
    AccessRefused: "Nothing was changed. Mend the settings or the environment, then run again.",
    CallFailed: "Nothing more was called. Find out why AWS refused, then run again.",
    RunFolderError: "Give the folder of a run of this organization and mode, or leave run_folder empty.",
    JournalBroken: "Do not go on with this run folder: keep it as it is, and start a new run.",
    ProjectNotFound: "Start the notebook from the project's folder.",
    UnknownPhase: "Open one of the notebooks as it came.",
}

EXPECTED_KINDS: tuple[type[Exception], ...] = tuple(EXPECTED)


def open_phase(phase: str, parameters_file: str, scope: str, approval: str, run_folder: str) -> "Notebook":
    """Read the settings, find out who and where we are, and open the run. Raises Halt, in two lines, when any is wrong."""
    with _plainly():
        _refuse_strangers({"parameters_file": parameters_file, "scope": scope, "approval": approval, "run_folder": run_folder})
        return Notebook(phase, resolve(parameters_file), read_scope(scope), approval, run_folder)


def read_scope(text: str) -> Scope:
    """The scope parameter: JSON with any of regions, accounts, organizational_units as lists of strings; "" is all."""
    if not text.strip():
        return Scope()
    try:
        given_ = json.loads(text)
    except ValueError as error:
        raise BadParameter(f'scope: not JSON ({error}); for example {{"regions": ["us-east-1"]}}') from None
    names = ("regions", "accounts", "organizational_units")
    if not isinstance(given_, dict) or any(name not in names for name in given_):
        raise BadParameter(f"scope: {text}: a JSON object with any of {', '.join(names)} is expected")
    for name, listed in given_.items():
        if not (isinstance(listed, list) and listed and all(isinstance(each, str) for each in listed)):
            raise BadParameter(f"scope.{name}: {listed!r}: a list of strings is expected; account ids are quoted")
    return Scope(*(tuple(sorted(given_.get(name, ()))) for name in names))


def _refuse_strangers(given_: dict[str, Any]) -> None:
    """Papermill injects whatever it is given and only warns: refuse wrong types and, headless, names nobody reads."""
    wrong = [f"{name} is {type(value).__name__} {value!r}" for name, value in given_.items() if not isinstance(value, str)]
    kernel = _kernel()
    if kernel is not None and headless():
        ours = {*PARAMETERS, "open_phase", "In", "Out", "get_ipython", "exit", "quit", "open"}
        strangers = sorted(name for name in kernel.user_ns if not name.startswith("_") and name not in ours)
        wrong += [f"{name} is no parameter of this notebook" for name in strangers]
    if wrong:
        raise BadParameter("; ".join(wrong))


def _kernel() -> Any:
    """The running IPython shell, if there is one."""
    from IPython.core.getipython import get_ipython  # noqa: PLC0415 the library is used without a kernel too

    return get_ipython()


def headless() -> bool:
    """Whether nobody can answer: papermill and its like run cells without a way to ask."""
    kernel = _kernel()
    parent = kernel.get_parent() if kernel is not None and hasattr(kernel, "get_parent") else {}
    return not parent.get("content", {}).get("allow_stdin", False)


@contextmanager
def _plainly(notebook: "Notebook | None" = None) -> Iterator[None]:
    """Turn what is expected to go wrong into two lines; record every failure in the run folder."""
    try:
        yield
    except EXPECTED_KINDS as error:
        LOG.exception("halted")
        what_to_do = next(text for kind, text in EXPECTED.items() if isinstance(error, kind))
        if notebook is not None:
            notebook.state = "refused" if isinstance(error, ApprovalRefused | PreconditionsFailed) else "failed"
            notebook.error = str(error)
            notebook.end(RunStatus.FAILED)
        raise Halt(f"{error}\n{what_to_do}") from None
    except BaseException as error:
        if notebook is not None:
            notebook.state, notebook.error = "failed", type(error).__name__
            notebook.end(RunStatus.FAILED)
        raise


def plainly(method: Callable[P, R]) -> Callable[P, R]:
    """Run a Notebook's method under `_plainly`."""

    @functools.wraps(method)
    def run(*arguments: P.args, **options: P.kwargs) -> R:
        notebook = arguments[0]
        assert isinstance(notebook, Notebook)
        with _plainly(notebook):
            return method(*arguments, **options)

    return run


EXITS = {0: RunStatus.DONE, 1: RunStatus.FAILED, 2: RunStatus.LEFT_OVER}


class Notebook:
    """One executed notebook: observe, plan, confirm, apply, verify, back_out, finish, in that order."""

    def __init__(self, phase: str, parameters: Path, scope: Scope, approval: str, run_folder: str) -> None:
        self.clock = Clock()
        self.parameters, self.approval = parameters, approval
        self.settings = load(parameters, self.clock.now().date())
        chosen = phase_named(phase)
        self.plans = bool(chosen.service)
        self.owns_run = not run_folder
        self.run = self._open_run(run_folder, phase)
        self.folder: PhaseFolder = self.run.start_phase(chosen.name, self.clock.now())
        self.log = ExitStack()
        self.log.enter_context(json_log(self.run.log))
        self.state = "failed"
        self.error = ""
        self.results: dict[str, Any] = {}
        self.decision: Decision | None = None
        self.before: Assessment | None = None
        self.cells: Cells = ()
        self.planned: Plan | None = None
        self.report: ApplyReport | None = None
        with _plainly(self):
            access = access_for(self.settings, chosen, self.run.name, self.clock)
            self.runbook = Runbook(chosen, self.settings, access, self.clock, scope)
            self.organization: Organization = self.runbook.organization()
            self.run.add_callers(self.organization.callers)

    def _open_run(self, run_folder: str, phase: str) -> RunFolder:
        if run_folder:
            return RunFolder.open(resolve(run_folder))
        return RunFolder.create(
            runs_root("", os.environ, root()), self.settings.mode, self.clock.now(), settings=self.parameters.read_bytes(),
            command=[f"notebook {phase}"], organization=self.settings.organization.id,
        )  # fmt: skip

    def end(self, status: RunStatus) -> None:
        """Record how this notebook ended, in run.json; ends the run too where this notebook began it."""
        now, results = self.clock.now(), {"state": self.state, "error": self.error, **self.results}
        self.run.finish_phase(self.folder.name, status, now, results)
        if self.owns_run:
            self.run.finish(status, now, error=self.error)
        self.log.close()

    def card(self) -> Facts:
        """Where this run acts, and as whom."""
        organization, settings, runbook = self.organization, self.settings, self.runbook
        facts: dict[str, object] = {
            "Mode": settings.mode.upper(),
            "Phase": f"{runbook.phase.name}: {runbook.phase.title}",
            "Organization": f"{organization.id} ({len(organization.accounts)} accounts)",
            "Management account": organization.management_account,
            "Delegated security account": organization.delegated_account,
            **{f"Acting in {account} as": arn for account, arn in sorted(organization.callers.items())},
            "Settings": f"{self.parameters.name}, digest {settings_digest(settings)[:16]}",
            "Scope": "the whole organization" if runbook.scope.whole else str(runbook.scope),
            "Run": self.run.name,
        }
        return Facts("REHEARSAL: a simulated organization" if settings.mode == "rehearsal" else "LIVE: a real organization", facts)

    @plainly
    def observe(self) -> Notes:
        """Read what is there, keep it as coverage, and show it."""
        self._look("before" if self.plans else "after")
        if self.folder.name == "00_prerequisites":
            return sections.checks(self.cells)
        return sections.observed(self.cells, self.organization)

    def _look(self, which: Literal["before", "after"]) -> None:
        if self.plans:
            self.before = self.runbook.observe()
            self.cells, self.organization = self.before.cells, self.before.organization
        else:
            self.organization, self.cells = self.runbook.survey()
        facts = {"mode": self.settings.mode, "phase": self.folder.name, "run": self.run.name}
        write_coverage(self.folder.path, which, self.cells, self.organization, facts)
        write_text(self.folder.path / f"coverage-{which}.txt", text_table(self.cells, self.organization))
        counted = count(cell for cell in self.cells if cell.in_scope)
        self.results |= {
            "covered": counted.covered, "gap": counted.gap, "unknown": counted.unknown,
            "excluded": counted.excluded, "not applicable": counted.not_applicable,
        }  # fmt: skip

    @plainly
    def plan(self) -> Notes:
        """Decide what to call, keep it, and show it. Under an approval, plan.json stays the approved plan."""
        assert self.before is not None, "run observe() first"
        self.planned = self.runbook.plan(self.before)
        self._keep(self.planned, "plan-at-apply" if self.approval else "plan")
        self.results |= {
            "actions": len(self.planned.actions), "blockers": len(self.planned.blockers), "fingerprint": self.planned.fingerprint,
        }  # fmt: skip
        self.state = "planned"
        return sections.planned(self.planned, self.settings.concurrency)

    def _keep(self, plan: Plan, stem: str) -> None:
        """Write a plan for machines and for a change board."""
        write_text(self.folder.path / f"{stem}.json", plan_file.dumps(plan))
        organization = self.settings.organization
        change = Change(
            title=f"{self.runbook.phase.title} across organization {self.settings.organization.id}",
            purpose=self.runbook.phase.purpose,
            roles={organization.management_account: "management account", organization.delegated_account: "delegated account"},
            concurrency=self.settings.concurrency,
        )
        write_text(self.folder.path / f"{stem}.md", plan_document(plan, change))

    @plainly
    def confirm(self) -> Facts:
        """Take up the approval that was given, or say that there is none. Raises Halt when it may not be used."""
        if not self.approval:
            return Facts("No approval was given", {"Consequence": "nothing will be called; apply records: not attempted"})
        self.decision = given(resolve(self.approval))
        self.runbook.refuse(self.decision.approval, self.decision.approved)
        if self.decision.approval_file.parent.resolve() != self.folder.path.resolve():
            self._keep(self.decision.approved, "plan")
            self.decision.approval.model_copy(update={"plan": "plan.json"}).write(self.folder.approval)
        return sections.decision(self.decision.approval, self.decision.approved)

    @plainly
    def apply(self) -> Notes:
        """Make the approved calls that are still to be made; without an approval, record that nothing was attempted."""
        assert self.planned is not None, "run plan() first"
        if self.decision is None:
            self.state = "not attempted"
            return sections.not_attempted(self.planned)
        self.state, stop = "failed", Stop()
        before = applied_before(self.run.path.parent, self.decision.approval.id)
        with (
            Journal(self.folder.journal, self.run.name, self.clock) as journal,
            _interruptible(stop),
            progress_of(self.runbook.phase.title) as progress,
        ):
            self.report = self.runbook.apply(
                self.decision.approval, self.decision.approved, journal=journal, stop=stop,
                progress=lambda tick: progress.update(tick.done, tick.total, sections.tick(tick)), applied_before=before,
            )  # fmt: skip
        ended = self.report
        self.state = "stopped" if ended.stopped else "refused" if ended.refused else "applied" if ended.ok else "failed"
        self.error = "; ".join(ended.refused) or ended.stopped
        self.results |= sections.counted(ended)
        return sections.applied(ended)

    @plainly
    def verify(self) -> Notes:
        """Read again, keep it as coverage-after, and show what remains and why."""
        if self.decision is not None:
            self._look("after")
        elif not self.plans:
            self.state = "observed"
        return sections.remaining(self.cells, self.organization)

    @plainly
    def back_out(self) -> Notes:
        """The reverse calls of the plan, last first; never made here."""
        plan = self.decision.approved if self.decision else self.planned
        assert plan is not None, "run plan() first"
        return sections.back_out(plan)

    def finish(self) -> Facts:
        """End the run: say what was left where, and fail when something went wrong, so that a pipeline sees it."""
        self.runbook.access.close()
        left = [cell for cell in self.cells if cell.in_scope and cell.status in (Status.GAP, Status.UNKNOWN)]
        pending = self.decision is None and self.planned is not None and (self.planned.actions or self.planned.blockers)
        code = 1 if self.state in ("failed", "refused", "stopped") else 2 if left or pending else 0
        self.end(RunStatus.STOPPED if self.state == "stopped" else EXITS[code])
        if code == 1:
            said = self.error or "some calls failed: the table above and the journal say which"
            raise Halt(
                f"{self.state}: {said}\nRun again with the same approval to go on from there; nothing applied is sent twice."
            )
        files = ", ".join(sorted(path.name for path in self.folder.path.iterdir()))
        return Facts("Done" if code == 0 else "Done, with something left", {"Run": self.run.name, self.folder.name: files})


@contextmanager
def _interruptible(stop: Stop) -> Iterator[None]:
    """Interrupting the kernel while apply runs ends the calls in flight and starts no other, instead of breaking off."""

    def ask(number: int, frame: FrameType | None) -> None:
        stop.request("interrupted")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
