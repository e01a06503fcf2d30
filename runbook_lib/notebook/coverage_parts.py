"""What the reading notebook shows, section by section. A room that has more to show of an organization adds a line here.

The notebook itself has one cell for each section, so a further part edits no notebook.
"""

from collections.abc import Callable, Iterable

from runbook_lib.display import sections
from runbook_lib.display.notes import Folded, Notes, Part
from runbook_lib.display.owners_table import OwnersTable
from runbook_lib.phase_run import PhaseRun
from runbook_lib.runbook.scorecard import scorecard
from runbook_lib.services.response.owners import table

Show = Callable[[PhaseRun], Iterable[Part]]
"""What one part shows of a run that has looked at the whole organization; it reads nothing more."""


def _coverage(run: PhaseRun) -> Iterable[Part]:
    return sections.observed(run.cells, run.organization).parts


def _remaining(run: PhaseRun) -> Iterable[Part]:
    return sections.remaining(run.cells, run.organization).parts


def _principles(run: PhaseRun) -> Iterable[Part]:
    record = run.record
    kept = scorecard(record.settings, run.organization, run.cells, record.register, record.clock.now().date())
    return sections.principles(kept).parts


def _owners(run: PhaseRun) -> Iterable[Part]:
    """Who answers for which findings, where settings bring them to somebody."""
    if run.record.settings.response is not None:
        shown_rows = OwnersTable(table(run.record.settings, run.record.register))
        yield Folded(shown_rows.title, shown_rows)


OBSERVE: tuple[Show, ...] = (_coverage,)
"""The Observe section: what is there."""
VERIFY: tuple[Show, ...] = (_remaining, _principles, _owners)
"""The Verify section: what is not as it should be, why, and what comes next."""


def shown(parts: Iterable[Show], run: PhaseRun) -> Notes:
    """What these parts show, in their order."""
    return Notes(*(each for show in parts for each in show(run)))
