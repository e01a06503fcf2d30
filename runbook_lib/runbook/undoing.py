"""What takes one change back, from the file in which a back-out keeps the change."""

from pathlib import Path

from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.runbook.phases import REMEDIATING, phase_named
from runbook_lib.services.departures import departure_of
from runbook_lib.services.registry import by_name
from runbook_lib.services.response.returning import Returning
from runbook_lib.services.undoing import Undoing

CHANGE = "change.json"
"""The change that a run takes back, in its own folder: a plan that holds the calls that were applied, with their exact reverse."""

TakingBack = Undoing | Returning
"""What takes a change back: of a phase, or of a remediation."""


def of_change(change: Plan) -> TakingBack:
    """What takes this change back. Raises UnknownPhase."""
    if change.phase == REMEDIATING.name:
        return Returning(change)
    service = phase_named(change.phase).service
    return Undoing(change, service, departure_of(service) if service in by_name() else None)


def kept_in(folder: Path) -> TakingBack:
    """What takes the change back that a back-out kept in its folder. Raises PlanFileError, UnknownPhase."""
    return of_change(plan_file.load(folder / CHANGE))
