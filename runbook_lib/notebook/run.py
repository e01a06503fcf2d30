"""One notebook's run: opening, observing, planning and ending it, with everything left in the run folder."""

import functools
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

from runbook_lib.audit.ending import sealing
from runbook_lib.aws.access import Counters
from runbook_lib.base.clock import Clock
from runbook_lib.base.errors import OURS, RunbookError
from runbook_lib.base.files import write_text
from runbook_lib.base.garbage import collect_rarely
from runbook_lib.base.log import json_log
from runbook_lib.base.privacy import masked
from runbook_lib.base.project import resolve, root
from runbook_lib.coverage import Cells, count
from runbook_lib.coverage.files import text_table, write_coverage
from runbook_lib.display import sections
from runbook_lib.display.notes import Facts, Notes, Part
from runbook_lib.evidence.listing import write_page
from runbook_lib.evidence.run.answers import Answers
from runbook_lib.evidence.run.earlier_reads import BEGUN, EarlierReads, earlier_reads
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder, RunStatus, runs_root
from runbook_lib.evidence.run.versions import described
from runbook_lib.notebook import screen
from runbook_lib.notebook.cells import (
    Halt,
    RunEnded,
    headless,
    kernel,
    read_scope,
)
from runbook_lib.notebook.executed import Listener
from runbook_lib.notebook.joining import joined
from runbook_lib.notebook.parts import Parts
from runbook_lib.notebook.second_person import SecondPerson
from runbook_lib.organization import Organization
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import ApprovalRefused, read_approval
from runbook_lib.plan.cost import Costs
from runbook_lib.plan.decision import Decision, given
from runbook_lib.plan.document import Change, plan_document
from runbook_lib.runbook import ApplyReport, Runbook, access_for, managed
from runbook_lib.runbook.observer import Assessment
from runbook_lib.runbook.phases import phase_named
from runbook_lib.services.remarks import SCOPE, Contradicted, PreconditionsFailed, Remark
from runbook_lib.services.waves import later_words, wave_words
from runbook_lib.settings import Settings, settings_digest
from runbook_lib.settings.file import SettingsContradicted, load, located

P = ParamSpec("P")
R = TypeVar("R")
LOG = logging.getLogger(__name__)
REFUSALS = (ApprovalRefused, PreconditionsFailed, SettingsContradicted)


@contextmanager
def plainly_in(notebook: "NotebookRun | None" = None, step: str = "") -> Iterator[None]:
    """Turn what is expected to go wrong into two lines; record every failure in the run folder."""
    try:
        yield
        if notebook is not None and step:
            notebook.note(step)
    except Halt:
        raise
    except RunbookError as error:
        LOG.exception("halted")
        if notebook is not None and not isinstance(error, RunEnded):
            notebook.state = "refused" if isinstance(error, REFUSALS) else "failed"
            notebook.error = str(error)
            notebook.end(RunStatus.FAILED)
        raise Halt(error.said) from None
    except BaseException as error:
        LOG.exception("failed")
        if notebook is not None:
            notebook.state, notebook.error = "failed", f"{type(error).__name__}: {error}".rstrip(": ")
            notebook.end(RunStatus.FAILED)
        if isinstance(error, Exception):
            error.add_note(OURS)
        raise


def plainly(method: Callable[P, R]) -> Callable[P, R]:
    """Run a NotebookRun's method under `_plainly`."""

    @functools.wraps(method)
    def run(*arguments: P.args, **options: P.kwargs) -> R:
        notebook = arguments[0]
        assert isinstance(notebook, NotebookRun)
        with plainly_in(notebook, method.__name__):
            return method(*arguments, **options)

    return run


def awaited(method: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """`plainly` for methods that a cell awaits."""

    @functools.wraps(method)
    async def run(*arguments: P.args, **options: P.kwargs) -> R:
        notebook = arguments[0]
        assert isinstance(notebook, NotebookRun)
        with plainly_in(notebook, method.__name__):
            return await method(*arguments, **options)

    return run


class NotebookRun:
    """What every notebook does before anything is decided, and how its run ends."""

    def __init__(self, phase: str, parameters: Path, scope: str, approval: str, run_folder: str) -> None:
        collect_rarely()
        self.clock = Clock()
        self.started = self.clock.monotonic()
        self.parameters, self.approval = parameters, approval
        self.settings = load(parameters, self.clock.now().date())
        asked = read_scope(scope, self.settings)
        chosen = phase_named(phase)
        self.plans = bool(chosen.service)
        self.owns_run = not run_folder
        if approval and self.owns_run:
            given(resolve(approval))  # what is no approval begins no run; whether it may be used here is the gate's to say
        self.run = self._open_run(run_folder, phase)
        self.folder: PhaseFolder = self.run.start_phase(chosen.name, self.clock.now())
        self.log = ExitStack()
        self.log.enter_context(json_log(self.run.log))
        self.listener = None if headless() else Listener(kernel(), self.folder)
        self.earlier: tuple[str, ...] = ()
        self.state = "failed"
        self.error = ""
        self.results: dict[str, Any] = {}
        self.decision: Decision | None = None
        self.before: Assessment | None = None
        self.cells: Cells = ()
        self.cells_before: Cells = ()
        self.planned: Plan | None = None
        self.parts: Parts | None = None
        self.report: ApplyReport | None = None
        self.asked: dict[str, screen.Asked] = {}
        self.others: SecondPerson | None = None
        self.explorer: Any = None
        self.looked = ""
        self.ended: RunStatus | None = None
        self.evidence: tuple[str, ...] = ()
        self.answers, self.earlier_reads, self.begun = Answers(), EarlierReads(), self.clock.now()
        with plainly_in(self):
            self._refuse_other_mode()
            access = access_for(self.settings, chosen, self.run.name, self.clock)
            access.on_answer = self.answers.keep
            if self.plans:  # what proves in the end what was done rests on nothing that was read earlier
                self.earlier_reads = earlier_reads(self.run, self.clock.now())
                access.recall = self.earlier_reads.recall
            self.runbook = self.acting = Runbook(chosen, self.settings, access, self.clock, asked)
            self.organization, self.remarks = self._preflight()
            self.run.add_callers(self.organization.callers)

    def _preflight(self) -> tuple[Organization, tuple[Remark, ...]]:
        """Hold the settings against AWS; what it contradicts is said with its place in the file."""
        try:
            organization, remarks = self.runbook.preflight()
        except Contradicted as found:
            problems = [remark.problem for remark in found.remarks]
            name = str(self.parameters)
            text = self.run.settings.read_text(encoding="utf-8-sig")
            raise SettingsContradicted(name, located(name, text, problems, SCOPE)) from None
        if remarks:
            self.results["remarks"] = [f"{remark.severity}: {remark}" for remark in remarks]
        return organization, remarks

    def _refuse_other_mode(self) -> None:
        """An approval of the other mode is refused before anything is read; all else about it is the gate's to say."""
        if not self.approval:
            return
        try:
            mode = read_approval(resolve(self.approval)).mode
        except ApprovalRefused:
            return
        if mode != self.settings.mode:
            raise ApprovalRefused([f"it was given in mode {mode}, this run is {self.settings.mode}"])

    def _open_run(self, run_folder: str, phase: str) -> RunFolder:
        if run_folder:
            return joined(resolve(run_folder), self.settings, self.clock.now().date())
        return RunFolder.create(
            runs_root("", os.environ, root()), self.settings.mode, self.clock.now(), settings=self.parameters.read_bytes(),
            command=[f"notebook {phase}"], organization=self.settings.organization.id,
        )  # fmt: skip

    def abandon(self) -> None:
        """The notebook is opened anew: panels are void, and a run that has not ended is recorded as stopped."""
        self.close_explorer()
        ballots = [asked.ballot for asked in self.asked.values()]
        for ballot in [*ballots, *([self.others.ballot] if self.others else [])]:
            ballot.close("The notebook was opened anew; this panel is void.")
        if self.ended is None:
            self.state, self.error = "stopped", "the notebook was opened anew"
            self.end(RunStatus.STOPPED)
        self.runbook.access.close()

    def end(self, status: RunStatus) -> None:
        """Record how this notebook ended, in run.json; ends the run too where this notebook began it."""
        if self.ended is not None:
            return
        self.note("end")
        self.close_explorer()
        self.ended = status
        reads = self.runbook.access.reads_made() if hasattr(self, "runbook") else {}
        if hasattr(self, "runbook"):
            self.run.add_endpoints(self.runbook.access.endpoints)
        now, results = self.clock.now(), {"state": self.state, "error": masked(self.error), "reads": reads, **self.results}
        self.run.finish_phase(self.folder.name, status, now, results)
        if self.owns_run:
            self.run.finish(status, now, error=self.error)
        self.log.close()
        if self.listener is not None:
            self.listener.close()
        if self.owns_run:
            self.evidence = tuple(sealing(self.run, self.settings, os.environ))
            write_page(self.run.path.parent)

    def note(self, step: str) -> None:
        """A line in the run's log: how far this notebook is, after how many seconds and calls."""
        counters = self.runbook.access.counters if hasattr(self, "runbook") else Counters()
        fields = {
            "phase": self.folder.name, "state": self.state, "seconds": round(self.clock.monotonic() - self.started, 1),
            "calls": counters.calls.total(), "throttles": counters.throttles, "retries": counters.retries, **self.results,
        }  # fmt: skip
        LOG.info(step, extra={"fields": fields})

    def card(self) -> Facts:
        """Where this run acts, and as whom, and until when."""
        organization, settings, runbook = self.organization, self.settings, self.runbook
        regions = sorted({region for phase in managed(settings) for region in regions_of(settings, phase.service)})
        facts: dict[str, object] = {
            "Phase": f"{runbook.phase.name}: {runbook.phase.title}",
            "Organization": f"{organization.id} ({len(organization.accounts)} accounts)",
            "Management account": organization.management_account,
            "Delegated security account": organization.delegated_account,
            **{
                f"Acting in {account} as": f"{arn}, {self._lasts(account)}" for account, arn in sorted(organization.callers.items())
            },
            "Regions": ", ".join(regions),
            **({"Regions of members": self.earlier_reads.words} if self.earlier_reads.words else {}),
            "Settings": f"{self.parameters.name}, digest {settings_digest(settings)[:16]}, {described(self.parameters)}",
            "Scope": sections.scope_words(runbook.scope),
            **({"Wave": wave_words(runbook.scope, settings)} if runbook.in_waves else {}),
            "Settings held against AWS": sections.preflight_words(self.remarks),
            "Ticket": self._ticket(),
            "Run": self.run.name,
        }
        if self.earlier:
            facts["Earlier runs"] = "; ".join(self.earlier)
        return sections.card(settings.mode, facts)

    def _lasts(self, account: str) -> str:
        until = self.runbook.access.lasts(account)
        return f"session until {until:%H:%M} UTC, renewed in time" if until else "for as long as these credentials last"

    def _ticket(self) -> str:
        if self.approval:
            try:
                return given(resolve(self.approval)).approval.ticket
            except ApprovalRefused:
                return "none: the approval cannot be read"
        return os.environ.get("RUNBOOK_TICKET") or "none yet; asked for at the decision"

    @plainly
    def observe(self) -> Notes:
        """Read what is there, keep it as coverage, and show it."""
        self._look("before" if self.plans else "after")
        if self.folder.name == "00_prerequisites":
            return sections.checks(self.cells)
        return sections.observed(self.cells, self.organization)

    def _look(self, which: Literal["before", "after"]) -> None:
        self._must_run()
        if self.plans:
            self.before = self.runbook.observe()
            self.cells, self.organization = self.before.cells, self.before.organization
            if which == "before":
                self.cells_before = self.cells
        else:
            self.organization, self.cells = self.runbook.survey()
        self.looked = which
        facts = {"mode": self.settings.mode, "phase": self.folder.name, "run": self.run.name}
        write_coverage(self.folder.path, which, self.cells, self.organization, facts)
        write_text(self.folder.path / f"coverage-{which}.txt", text_table(self.cells, self.organization))
        about = {
            "scope": asdict(self.runbook.scope), "callers": dict(self.organization.callers),
            BEGUN: (self.earlier_reads.begun or self.begun).isoformat(),
        }  # fmt: skip
        self.answers.write(self.folder.path / f"answers-{which}.jsonl.gz", about)
        counted = count(cell for cell in self.cells if cell.in_scope)
        self.results |= {
            "covered": counted.covered, "gap": counted.gap, "unknown": counted.unknown,
            "excluded": counted.excluded, "not applicable": counted.not_applicable,
        }  # fmt: skip

    @plainly
    def explore(self) -> Notes | None:
        """The newest coverage account by account: at the screen to search, filter and sort; headless its counts."""
        head = sections.explorable(self.cells, f"coverage-{self.looked or 'before'}.csv of the run folder")
        if headless():
            return head
        self.close_explorer()
        try:
            from runbook_lib.display.cell_table import CellTable  # noqa: PLC0415 not needed on headless runners
            from runbook_lib.display.explorer import Explorer  # noqa: PLC0415 widgets are not installed there
        except ModuleNotFoundError:
            return head
        self.explorer = Explorer(CellTable(self.cells, self.organization), head)
        self.explorer.show()
        if self.ended is not None:
            self.explorer.close_unused()
        return None

    def close_explorer(self) -> None:
        """Leave counts in its place, so that the saved notebook is a plain record."""
        if self.explorer is not None:
            self.explorer.close()
            self.explorer = None

    @plainly
    def plan(self) -> Notes:
        """Decide what to call, keep it, and show it. Under an approval, plan.json stays the approved plan."""
        assert self.before is not None, "run observe() first"
        self._must_run()
        for asked in self.asked.values():
            if asked.outcome is not None:
                raise RunEnded(f"The plan of run {self.run.name} has been decided on; it is not made again under the same run.")
            asked.ballot.close("The plan was made anew; this panel is void.")
        self.asked.clear()
        if self.others is not None:
            if self.decision is not None:
                raise RunEnded(f"The plan of run {self.run.name} has been decided on; it is not made again under the same run.")
            self.others.ballot.close("The plan was made anew; this panel is void.")
            self.others = None
        self.acting, self.parts = self.runbook, Parts(self.runbook, self.before)
        return Notes(*self._take_up(self.runbook.plan(self.before)).parts, *self._waves(verified=False))

    def _take_up(self, plan: Plan) -> Notes:
        """Make a plan the one that is decided about: keep it, and show it."""
        assert self.before is not None, "run observe() first"
        self.planned = plan
        seen = self.before if self.acting is self.runbook else self.acting.narrowed(self.before)
        costs = self.acting.costs(seen, plan)
        self._keep(plan, "plan-at-apply" if self.approval else "plan", costs)
        self.results |= {
            "actions": len(plan.actions), "blockers": len(plan.blockers), "fingerprint": plan.fingerprint, "may cost": costs.words,
        }  # fmt: skip
        self.state = "planned"
        return sections.planned(plan, self.settings.concurrency, costs)

    def _waves(self, *, verified: bool) -> Iterator[Part]:
        """How far each wave has come, by the latest observation, and what comes next."""
        if self.before is None or not self.runbook.in_waves:
            return
        if self.runbook.scope.whole:
            yield from sections.waves(self.runbook.wave_progress(self.before), verified=verified)
        elif later := later_words(self.runbook.scope, self.settings):
            yield f"This is {wave_words(self.runbook.scope, self.settings)}. Next: {later}."

    def _keep(self, plan: Plan, stem: str, costs: Costs | None = None) -> None:
        """Write a plan for machines and for a change board."""
        write_text(self.folder.path / f"{stem}.json", plan_file.dumps(plan))
        organization = self.settings.organization
        change = Change(
            title=f"{self.runbook.phase.title} across organization {self.settings.organization.id}",
            purpose=self.runbook.phase.purpose,
            roles={organization.management_account: "management account", organization.delegated_account: "delegated account"},
            concurrency=self.settings.concurrency,
            wave=wave_words(plan.scope, self.settings) if self.runbook.in_waves else "",
            later=later_words(plan.scope, self.settings) if self.runbook.in_waves else "",
            stages={stage.name: stage.title for stage in self.runbook.phase.stages},
            costs=costs,
        )
        write_text(self.folder.path / f"{stem}.md", plan_document(plan, change))

    def _must_run(self) -> None:
        if self.ended is not None:
            raise RunEnded(f"The run {self.run.name} has ended ({self.state}).")


def regions_of(settings: Settings, service: str) -> tuple[str, ...]:
    """The Regions that settings name for a service; none where it is not managed."""
    section = settings.sections().get(service)
    return section.regions if section else ()
