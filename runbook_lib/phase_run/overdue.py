"""What remediations leave to be done later, by the records of their runs: reviews of emergencies, and containments that end."""

import datetime as dt
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from runbook_lib.base.documents import DocumentError
from runbook_lib.evidence.run.attempts import read_record
from runbook_lib.evidence.run.contents import REVIEW
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder, RunFolderError, RunStatus, find_runs
from runbook_lib.phase_run.undone import applied_units
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.file import PlanFileError
from runbook_lib.runbook.phases import BACK_OUT, REMEDIATING
from runbook_lib.runbook.remediating import WORKFLOW
from runbook_lib.services.response.owners import Open
from runbook_lib.services.response.remedies import START
from runbook_lib.settings import Settings
from runbook_lib.settings.register import read_workflow
from runbook_lib.settings.workflow import Workflow


def overdue(root: Path, settings: Settings, today: dt.date) -> Iterator[Open]:
    """What is overdue of the remediations that runs below `root` made in this organization. Calls nobody."""
    ours = [each for each in find_runs(root) if _of(each, settings)]
    taken_back = {run for each in ours for run in _taken_back(each)}
    for run in ours:
        folder = run.phase(REMEDIATING.name)
        if not folder.journal.exists():
            continue
        try:
            workflow, started = read_workflow(folder.path / WORKFLOW), _started(folder)
            alone = any(each.emergency for each in read_record(folder)[0])
        except (DocumentError, PlanFileError, RunFolderError) as error:
            yield Open(f"run {run.name}", f"whether anything of it is overdue cannot be told: {error}", "Restore its folder.")
            continue
        day = dt.date.fromisoformat(run.record()["phases"][REMEDIATING.name]["started"][:10])
        if started and alone and not (run.path / REVIEW).exists():
            yield from _review(run, workflow, day, today)
        if run.name not in taken_back:
            yield from _held(run, workflow, started, day, today)


def _of(run: RunFolder, settings: Settings) -> bool:
    with suppress(RunFolderError):
        record = run.record()
        return (record["mode"], record["organization"]) == (settings.mode, settings.organization.id)
    return False


def _taken_back(run: RunFolder) -> Iterator[str]:
    """The run whose remediation this one has taken back."""
    phase = run.record()["phases"].get(BACK_OUT.name, {})
    undone, _, of = str(phase.get("results", {}).get("about", "")).partition(" ")
    if phase.get("status") == RunStatus.DONE and of == REMEDIATING.name:
        yield undone


def _started(folder: PhaseFolder) -> frozenset[str]:
    """The documents that a run has started."""
    applied = {unit for unit, _ in applied_units(folder.journal)}
    actions = plan_file.load(folder.plan_json).actions
    return frozenset(
        str(each.parameters["DocumentName"]) for each in actions if each.operation == START and each.unit_key in applied
    )


def _review(run: RunFolder, workflow: Workflow, day: dt.date, today: dt.date) -> Iterator[Open]:
    due = day + dt.timedelta(workflow.review_emergencies_within)
    if due < today:
        said = f"one person decided it in an emergency, and its review was due on {due}"
        yield Open(f"run {run.name}", said, f"Have another person review it: runbook evidence review {run.name}")


def _held(run: RunFolder, workflow: Workflow, started: frozenset[str], day: dt.date, today: dt.date) -> Iterator[Open]:
    for step in workflow.contain:
        if step.document is None or step.holds_for is None or step.document.name not in started:
            continue
        due = day + dt.timedelta(step.holds_for)
        if due < today:
            said = f"what {step.document.name} contained was to be held until {due}"
            yield Open(f"run {run.name}", said, f"Take it back (runbook back-out {run.name}), or decide again and remediate again.")
