"""What the commands do, over the library: run notebooks headlessly, one phase after the other, into one run folder."""

import datetime as dt
import json
import logging
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_lib.base.errors import RunbookError
from runbook_lib.base.files import write_text
from runbook_lib.base.project import is_ours, shipped
from runbook_lib.cli.in_turn import Course, Turn
from runbook_lib.cli.kernels import Kernels
from runbook_lib.cli.phase_result import PhaseResult
from runbook_lib.evidence.listing import address_of
from runbook_lib.evidence.run.called import called
from runbook_lib.evidence.run.contents import file_digest
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder, RunStatus, find_runs
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import Approval, ApprovalRefused, approve, read_approval
from runbook_lib.plan.decision import given as decision_of
from runbook_lib.plan.forecast import forecast as forecast_of
from runbook_lib.runbook import managed
from runbook_lib.runbook.phases import COVERAGE, Kind, Phase, UnknownPhase, phase_named
from runbook_lib.services.waves import waves
from runbook_lib.settings import Settings

if TYPE_CHECKING:
    from runbook_lib.cli.headless import Executed

Say = Callable[[str], None]
LOG = logging.getLogger(__name__)
MOST_BLOCKERS = 5
"""So many are said in the log of a command; plan.md has all."""


class NotFound(RunbookError):
    """An approval, a plan or a notebook that a command was given is not there."""


@dataclass(frozen=True)
class Command:
    """One command's run: settings and their file, the run folder, the kernels of its notebooks, where to speak to."""

    settings: Settings
    parameters: Path
    run: RunFolder
    kernels: Kernels
    say: Say
    seconds_per_cell: int | None = None
    given: Path | None = None
    """The settings file that the user knows; `parameters` is the run's copy, with the same lines."""
    executed: list[PhaseResult] = field(default_factory=list)
    """Every execution of a notebook so far."""

    def phase(
        self,
        phase: Phase,
        scope: str = "",
        approval: Path | None = None,
        *,
        planning: bool = False,
        about: Mapping[str, str] | None = None,
    ) -> PhaseResult:
        """Execute one notebook into the run folder; the executed copy is kept, as .ipynb and as one HTML page.

        `about`: the further parameters of a procedure.
        """
        from runbook_lib.cli.headless import execute  # noqa: PLC0415 it takes a second, which kernels and most commands need not spend
        from runbook_lib.display.notebook_page import write_notebook_html  # noqa: PLC0415 as above

        folder = self.run.phase(phase.name)
        kind = "plan" if planning else ""
        notebook = notebook_of(phase)
        what = "plan" if planning else "apply" if approval else "plan" if phase.plans else "read"
        self.say(f"{phase.name}: {what}")
        parameters = {
            "parameters_file": str(self.parameters),
            "scope": scope,
            "approval": str(approval) if approval else "",
            "run_folder": str(self.run.path),
            **(about or {}),
        }
        output = folder.notebook("plan" if kind else "")
        done = execute(
            notebook,
            output,
            parameters,
            kernels=self.kernels,
            say=lambda line: self.say(f"  {line}"),
            seconds_per_cell=self.seconds_per_cell,
        )
        result = self._result(phase, folder, done, planned=phase.plans and approval is None)
        self.executed.append(result)
        LOG.info("notebook executed", extra={"fields": {"phase": phase.name, "what": what, "result": result.words}})
        page = folder.notebook_html("plan" if kind else "")
        title: str = self.settings.mode
        more = {"Run": self.run.name, "Result": result.words}
        if approval is not None and (emergency := read_approval(approval).emergency):
            more, title = {"EMERGENCY": emergency, **more}, f"{title}, EMERGENCY"
        write_notebook_html(output, page, mode=title, phase=phase.name, more=more, back=address_of(self.run.name))
        for remark in result.remarks:
            self.say(f"  {remark}")
        self.say(f"  {result.words}")
        return result

    def _result(self, phase: Phase, folder: PhaseFolder, done: "Executed", *, planned: bool) -> PhaseResult:
        recorded = self.run.record()["phases"].get(phase.name, {})
        status = RunStatus(recorded.get("status", "failed"))
        results = dict(recorded.get("results", {}))
        if status is RunStatus.RUNNING or (done.failed and status is not RunStatus.STOPPED):
            # The kernel never came to its last cell, or fell over in another: whatever it recorded is not how this ended.
            status = RunStatus.STOPPED if done.interrupted else RunStatus.FAILED
            results["error"] = results.get("error") or done.error or done.interrupted
            results = {"state": status.value, **called(folder.journal), **results}
            if recorded:
                self.run.finish_phase(phase.name, status, dt.datetime.now(dt.UTC), results)
        error = str(results.get("error") or done.error or done.interrupted).replace(
            str(self.parameters), str(self.given or self.parameters)
        )
        counts = {key: value for key, value in results.items() if isinstance(value, int)}
        remarks, costs = tuple(results.get("remarks", ())), str(results.get("may cost", ""))
        later = () if planned else tuple(results.get("left to the next plan", ()))
        back = tuple(results.get("coming back", ()))
        return PhaseResult(
            phase, folder, status, counts, error, planned, done.seconds, remarks, later, back, costs, results.get("reads", {})
        )


def notebook_of(phase: Phase) -> Path:
    """The notebook of a phase. Raises NotFound."""
    notebook = shipped() / "notebooks" / f"{phase.name}.ipynb"
    if not notebook.is_file():
        raise NotFound(f"{notebook}: the notebook of phase {phase.name} is not there; restore it")
    if not is_ours(notebook):
        raise NotFound(
            f"{notebook}: this is not a notebook of the runbook, though it has the name of phase {phase.name}; restore that"
        )
    return notebook


def chosen(settings: Settings, names: Sequence[str]) -> tuple[Phase, ...]:
    """The phases named, in their order, or all that settings manage. Raises UnknownPhase."""
    there = managed(settings)
    wanted = {phase_named(name) for name in names}
    if strangers := sorted(phase.name for phase in wanted.difference(there)):
        names_ = ", ".join(phase.name for phase in there)
        raise UnknownPhase(f"{', '.join(strangers)}: nothing is planned there under these settings; there are {names_}")
    return tuple(phase for phase in there if phase in wanted or not wanted)


def finish(command: Command, course: Course, final: PhaseResult | None = None) -> int:
    """End the run: the worst of its phases decides, or, where nothing went wrong, `final` (the last look) and its procedures.

    What was not attempted is said and recorded, each with the reason.
    """
    results = [*course.results, *([final] if final else [])]
    bad = [result for result in results if result.exit_code == 1]
    status = RunStatus.DONE
    if bad:
        status = RunStatus.STOPPED if any(result.status is RunStatus.STOPPED for result in bad) else RunStatus.FAILED
    elif 2 in {each.exit_code for each in results if final in (None, each) or each.phase.kind is Kind.PROCEDURE}:
        status = RunStatus.LEFT_OVER
    for line in course.summary:
        command.say(line)
    error = "; ".join(dict.fromkeys([*(result.error for result in results if result.error), *course.summary]))
    left = {"not attempted": dict(course.not_attempted)} if course.not_attempted else {}
    return command.run.finish(status, dt.datetime.now(dt.UTC), left, error)


def plan(command: Command, phases: Iterable[Phase], scope: str) -> int:
    """Plan each phase; one that could not be planned holds up those that build on it."""
    turns = [Turn(phase, partial(_planned, command, phase, scope)) for phase in phases]
    command.kernels.expect(len(turns))
    course = Course()
    course.take(turns, command.say)
    return finish(command, course)


def _planned(command: Command, phase: Phase, scope: str) -> PhaseResult:
    result = command.phase(phase, scope)
    if result.exit_code != 1:
        for line in described(plan_file.load(result.folder.plan_json)):
            command.say(f"  {line}")
        command.say(f"  may cost: {result.costs}")
        command.say(f"  plan: {result.folder.plan_document}")
    return result


def procedure(command: Command, phase: Phase, scope: str, about: Mapping[str, str], approval: Path | None) -> int:
    """Run a procedure: plan it, or apply what was approved of it."""
    result = command.phase(phase, scope, approval, about=about)
    if result.exit_code != 1 and approval is None:
        made = plan_file.load(result.folder.plan_json)
        for line in (*described(made), *_losses(made), f"plan: {result.folder.plan_document}"):
            command.say(f"  {line}")
    return finish(command, Course([result]))


def _losses(made: Plan) -> Iterator[str]:
    for loss in made.losses:
        yield f"lost{' FOR GOOD' if loss.for_good else ''}: {loss.words}"
        if loss.typed:
            yield f"  to approve: --lose {shlex.quote(loss.words)}"


def described(made: Plan) -> Iterator[str]:
    """A plan in a few lines: the calls by name, what is blocked and what to do about it, the fingerprint."""
    calls = Counter(f"{action.service}:{action.operation}" for action in made.actions)
    yield from (f"{number} × {name}" for name, number in sorted(calls.items()))
    blocked = {(blocker.reason, blocker.next_step, blocker.who) for blocker in made.blockers}
    for reason, next_step, who in sorted(blocked)[:MOST_BLOCKERS]:
        yield f"blocked: {reason}"
        yield f"  next step: {next_step} ({who})"
    if len(blocked) > MOST_BLOCKERS:
        yield f"blocked: {len(blocked) - MOST_BLOCKERS} more reasons in the plan"
    yield f"fingerprint: {made.fingerprint}"


def apply(command: Command, approvals: Sequence[Path], scope: str) -> int:
    """Apply each approved phase in the order of the runbook; one that fails holds up those that build on it."""
    ordered = sorted((read_approval(path).phase, path) for path in approvals)
    if twice := [phase for phase, number in Counter(phase for phase, _ in ordered).items() if number > 1]:
        raise ApprovalRefused([f"two approvals of {twice[0]} were given; apply each in a run of its own"])
    named_ = [(phase_named(phase), path) for phase, path in ordered]
    if other := [phase.name for phase, _ in named_ if phase.kind is Kind.PROCEDURE]:
        raise ApprovalRefused([f"{other[0]} is not a phase of the roll-out: give this approval to the command that planned it"])
    command.kernels.expect(len(named_))
    course = Course()
    course.take([Turn(phase, partial(command.phase, phase, scope, path)) for phase, path in named_], command.say)
    return finish(command, course)


@dataclass(frozen=True)
class Named:
    """What one `--approval` names: the file of an approval; or a plan, by its fingerprint, and its file."""

    file: Path
    plan: Plan | None = None

    def approval(self, into: Path, approver: str, ticket: str, loses: Sequence[str] = (), hours: float = 12) -> Path:
        """The approval's file; where a plan was named, that plan is approved now, in a file of the folder `into`.

        `loses` is what was typed of what it takes away; `hours` is for how long it is good.
        """
        if self.plan is None:
            return self.file
        given = approve(
            self.plan,
            approver=approver,
            ticket=ticket,
            now=dt.datetime.now(dt.UTC),
            file=str(self.file),
            sha256=file_digest(self.file),
            loses=loses,
            hours=hours,
        )
        return written(given, into / f"approval-{self.plan.phase}.json")


def named(given: str, runs: Path, mode: str) -> Named:
    """What an `--approval` names, read before a run is begun for it: a path, or the fingerprint of a plan below `runs`.

    Whether it may be used is the gate's to say. Raises NotFound when neither exists, ApprovalRefused for a file that is no
    approval with its plan, UnknownPhase.
    """
    if Path(given).is_file():
        path = Path(given).resolve()
        phase_named(decision_of(path).approval.phase)
        return Named(path)
    if is_fingerprint(given):
        planned, file = planned_before(given, runs, mode)
        return Named(file, planned)
    raise NotFound(f"--approval {given}: there is no such file, and it is not a fingerprint (64 hexadecimal digits)")


def is_fingerprint(given: str) -> bool:
    """Whether an approval was given as a plan's fingerprint; a file of that name comes first."""
    return not Path(given).is_file() and len(given) == 64 and set(given) <= set("0123456789abcdef")


def planned_before(fingerprint: str, runs: Path, mode: str) -> tuple[Plan, Path]:
    """The newest plan with that fingerprint below `runs`, and its file. Raises NotFound, naming plans that cannot be read."""
    unreadable = []
    for run in reversed(find_runs(runs)):
        for path in (phase.plan_json for phase in run.phases() if phase.plan_json.exists()):
            try:
                planned = plan_file.load(path)
            except plan_file.PlanFileError as error:
                unreadable.append(str(error))
                continue
            if planned.fingerprint == fingerprint and planned.mode == mode:
                return planned, path
    said = f"no plan with fingerprint {fingerprint} and mode {mode} in {runs}; plan again, or name the folder with --runs"
    raise NotFound("\n".join([said, *unreadable]))


def written(approval: Approval, path: Path) -> Path:
    """The file of an approval, once it is written."""
    approval.write(path)
    return path


def rehearse(command: Command, further: Callable[[Command], Sequence[Turn]] = lambda command: ()) -> int:
    """Do per wave and phase what a pipeline does: plan, an approval of mode rehearsal, apply; then look at the whole coverage.

    `further`: turns that come after the phases, each of which plans and applies too.
    """
    phases, last = chosen(command.settings, ()), COVERAGE
    for phase in (*phases, last):
        notebook_of(phase)
    named_ = [each.name for each in waves(command.settings)] or [""]
    turns = [Turn(phase, partial(_rehearsed, command, phase, wave), wave) for wave in named_ for phase in phases]
    turns += further(command)
    command.kernels.expect(2 * len(turns) + 1)
    course = Course()
    course.take(turns, command.say)
    return finish(command, course, None if course.stopped else command.phase(last))


def _rehearsed(command: Command, phase: Phase, wave: str) -> PhaseResult:
    """One phase of one wave. What was approved for each wave stays beside what was approved for the others."""
    scope, suffix = (json.dumps({"wave": wave}), f"-{wave}") if wave else ("", "")
    if wave:
        command.say(f"wave {wave}")
    planned = command.phase(phase, scope, planning=True)
    if planned.exit_code == 1:
        return planned
    made, name = plan_file.load(planned.folder.plan_json), f"plan{suffix}.json"
    if wave:
        write_text(planned.folder.path / name, plan_file.dumps(made))
    approval = approve(made, approver="rehearsal", ticket="rehearsal", now=dt.datetime.now(dt.UTC), file=name)
    return command.phase(phase, scope, written(approval, planned.folder.path / f"approval{suffix}.json"))


def forecast(command: Command) -> list[str]:
    """Lines about a live run of the plans that this rehearsal made."""
    folders = [command.run.phase(phase.name) for phase in chosen(command.settings, ())]
    named = [f"plan-{wave.name}.json" for wave in waves(command.settings)]
    files = [file for folder in folders for file in ([folder.path / name for name in named] or [folder.plan_json])]
    read = [(result.phase.name, result.reads) for result in command.executed]
    return forecast_of([plan_file.load(file) for file in files if file.exists()], read, command.settings.concurrency)
