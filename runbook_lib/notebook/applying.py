"""Applying a decision where somebody looks on: a line of progress headless, a view with Stop at the screen."""

from runbook_lib.base.clock import Stop
from runbook_lib.display import sections
from runbook_lib.display.notes import Notes
from runbook_lib.display.progress import progress as progress_of
from runbook_lib.notebook import screen
from runbook_lib.notebook.deciding import Approved
from runbook_lib.phase_run import PhaseRun
from runbook_lib.plan.estimate import estimate
from runbook_lib.runbook import ApplyReport


def apply_printing(run: PhaseRun, approved: Approved) -> ApplyReport:
    """Apply one decision, printing how far it is."""
    stop = Stop()
    with screen.interruptible(stop), progress_of(approved.title) as progress:
        return run.apply(approved.decision, stop, lambda tick: progress.update(tick.done, tick.total, sections.tick(tick)))


async def apply_watched(run: PhaseRun, approved: Approved) -> ApplyReport:
    """Apply one decision in a thread of its own, shown while it runs, with Stop."""
    from runbook_lib.display.controls import RunningView  # noqa: PLC0415 widgets are not installed on headless runners

    record = run.record
    stop, latest, troubles = screen.StopWithKernel(), screen.Latest(record.clock), screen.Troubles(record.folder.journal)
    expected = f"The calls take: {estimate(approved.decision.approved, record.settings.concurrency).duration}."
    view = RunningView(record.settings.mode, approved.title, stop, expected)
    view.show()

    def look() -> None:
        now = latest.tick
        view.update(now, sections.running(now, latest.left(now)), troubles.lines())

    try:
        report = await screen.beside(lambda: run.apply(approved.decision, stop, latest.put), stop, look)
    except BaseException as broken:
        view.replace_with(Notes(f"Broke off: {type(broken).__name__}. The journal has what was called until then."))
        raise
    view.replace_with(sections.applied(report, run.organization.account_names))
    return report
