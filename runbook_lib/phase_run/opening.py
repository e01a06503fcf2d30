"""Opening the run of one phase: first its record, then, held against AWS, the phase itself."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from runbook_lib.base.clock import Clock
from runbook_lib.base.files import write_bytes, write_text
from runbook_lib.base.garbage import collect_rarely
from runbook_lib.base.log import json_log
from runbook_lib.base.project import resolve, root, runs_root
from runbook_lib.evidence.run.answers import Answers
from runbook_lib.evidence.run.earlier_reads import EarlierReads, earlier_reads
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.organization import Organization
from runbook_lib.phase_run import PhaseRun
from runbook_lib.phase_run.handing_over import TAKEN, Taken, other_door, take_over
from runbook_lib.phase_run.joining import joined
from runbook_lib.phase_run.record import RunRecord, plainly
from runbook_lib.phase_run.scope_parameter import BadParameter, handed_over, read_scope
from runbook_lib.phase_run.undone import change_of
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import ApprovalRefused, read_approval
from runbook_lib.plan.decision import given
from runbook_lib.runbook import Runbook
from runbook_lib.runbook.access import access_for
from runbook_lib.runbook.phases import BACK_OUT, REMEDIATING, STACK, Kind, Phase, UnknownPhase, phase_named
from runbook_lib.runbook.remediating import WORKFLOW, of_workflow, workflow_file
from runbook_lib.runbook.undoing import CHANGE, TakingBack, of_change
from runbook_lib.services.procedures import procedure
from runbook_lib.services.protocol import Procedure
from runbook_lib.services.remarks import SCOPE, Contradicted, Remark
from runbook_lib.settings import Settings
from runbook_lib.settings.file import SettingsContradicted, load, located
from runbook_lib.settings.register import Register, register_for


def begin(
    phase: str, parameters: Path, scope: str, approval: str, run_folder: str, resumes: str = "", about: str = ""
) -> RunRecord:
    """Read what was given, and begin to record it: in the run of that folder, else in a new one. Nothing is asked of AWS.

    `resumes` names the run that a new one goes on from; `about` is what a procedure is about.

    Raises what is wrong with it: SettingsError, BadParameter, UnknownPhase, NoSuchService, NoSuchLevel, NothingToUndo,
    BadRemediation, DocumentError, ApprovalRefused, RunFolderError.
    """
    collect_rarely()
    clock = Clock()
    settings = load(parameters, clock.now().date())
    register = register_for(settings, parameters)
    chosen = phase_named(phase)
    workflow = _workflow(chosen, about, parameters, run_folder)
    runs = runs_root(run_folder and str(resolve(run_folder).parent), os.environ, root())
    doing = of_workflow(workflow, about) if workflow else _procedure(chosen, about, settings, runs)
    part, handed = read_scope(scope, settings), handed_over(scope)
    if doing is not None and part.door:
        raise BadParameter("scope.door: a procedure calls both accounts; it is run by whoever may enter both")
    taken = take_over(resolve(handed), settings, part.door, clock.now()) if handed else Taken()
    other_door(settings, part.door, taken)
    if isinstance(doing, TakingBack) and not part.whole:
        raise BadParameter("scope: a change is backed out as a whole; leave scope empty")
    if doing is not None and (part.accounts or part.organizational_units):
        raise BadParameter("scope: a procedure is about Regions; name regions alone")
    approved = resolve(approval) if approval else None
    if approved and not run_folder:
        given(approved)  # what is no approval begins no run; whether it may be used here is the gate's to say
    run = joined(resolve(run_folder), settings, register, clock.now().date()) if run_folder else None
    run = run or _made(parameters, settings, register, phase, clock, resumes)
    folder = run.start_phase(chosen.name, clock.now())
    record = RunRecord(
        chosen,
        settings,
        parameters,
        part,
        approved,
        run,
        folder,
        owns_run=not run_folder,
        clock=clock,
        doing=doing,
        register=register,
        taken=taken,
    )
    if taken.run:
        write_text(run.path / TAKEN, taken.text)
    if part.door:
        record.results["door"] = f"the {part.door} account's alone; {taken.words}"
    if doing is not None:
        record.results["about"] = doing.about
    if isinstance(doing, TakingBack):
        write_text(folder.path / CHANGE, plan_file.dumps(doing.change))
    if workflow is not None:
        write_bytes(folder.path / WORKFLOW, workflow.read_bytes())
    record.closing.enter_context(json_log(run.log))
    return record


def _workflow(phase: Phase, about: str, parameters: Path, run_folder: str) -> Path | None:
    """The file of the workflow that a remediation goes by: as the run has it already, else beside the settings."""
    if phase.name != REMEDIATING.name:
        return None
    kept = resolve(run_folder) / phase.name / WORKFLOW if run_folder else None
    return kept if kept is not None and kept.is_file() else workflow_file(parameters, about)


def _procedure(phase: Phase, about: str, settings: Settings, runs: Path) -> Procedure | None:
    """What does a procedure's work; None for a phase, whose own service does it."""
    if phase.name == BACK_OUT.name:
        run, _, undone = about.strip().partition(" ")
        return of_change(change_of(runs, settings, run, undone))
    return procedure(phase.name, about) if phase.kind is Kind.PROCEDURE and phase != STACK else None


def _made(parameters: Path, settings: Settings, register: Register, phase: str, clock: Clock, resumes: str) -> RunFolder:
    return RunFolder.create(
        runs_root("", os.environ, root()),
        settings.mode,
        clock.now(),
        settings=parameters.read_bytes(),
        command=[f"notebook {phase}"],
        organization=settings.organization.id,
        resumes=resumes,
        workflows=register.files,
    )


def opened(record: RunRecord, besides: frozenset[str] = frozenset(), listen: Callable[..., None] | None = None) -> PhaseRun:
    """Find out who and where we are, and hold the settings against AWS. Raises Halt, recorded as the end, when any is wrong.

    `besides`: reads that a notebook makes and no service does. `listen` hears every answer as `Access.on_answer` does.
    """
    answers, before, begun = Answers(), EarlierReads(), record.clock.now()
    with plainly(record):
        if record.phase == STACK:
            raise UnknownPhase(f"{STACK.name} makes no calls of its own: it is run by its own notebook, or by runbook stack")
        _refuse_other_mode(record)
        access = record.access = access_for(
            record.settings,
            record.phase,
            record.run.name,
            record.clock,
            doing=record.doing,
            besides=besides,
            other=other_door(record.settings, record.scope.door, record.taken),
        )
        access.open_doors()
        access.on_answer = partial(_both, answers.keep, listen) if listen else answers.keep
        if record.phase.plans:  # what proves in the end what was done rests on nothing that was read earlier
            before = earlier_reads(record.run, begun)
            access.recall = before.recall
        runbook = Runbook(record.phase, record.settings, access, record.clock, record.scope, record.doing, record.register.digest)
        organization, remarks = _preflight(record, runbook)
        record.run.add_callers(organization.callers)
    return PhaseRun(record, runbook, organization, remarks, answers, before, begun)


def _both(keep: Callable[..., None], listen: Callable[..., None], *answer: Any) -> None:
    keep(*answer)
    listen(*answer)


def _refuse_other_mode(record: RunRecord) -> None:
    """An approval of the other mode is refused before anything is read; all else about it is the gate's to say."""
    if record.approval is None:
        return
    try:
        mode = read_approval(record.approval).mode
    except ApprovalRefused:
        return
    if mode != record.settings.mode:
        raise ApprovalRefused([f"it was given in mode {mode}, this run is {record.settings.mode}"])


def _preflight(record: RunRecord, runbook: Runbook) -> tuple[Organization, tuple[Remark, ...]]:
    """Hold the settings against AWS; what it contradicts is said with its place in the file."""
    try:
        organization, remarks = runbook.preflight()
    except Contradicted as contradicted:
        problems = [remark.problem for remark in contradicted.remarks]
        name = str(record.parameters)
        text = record.run.settings.read_text(encoding="utf-8-sig")
        raise SettingsContradicted(name, located(name, text, problems, SCOPE)) from None
    if remarks:
        record.results["remarks"] = [f"{remark.severity}: {remark}" for remark in remarks]
    return organization, remarks
