"""The permission preflight in the prerequisites: what `runbook doctor` knows of the doors, from the same home, as a table.

A read that was answered is proved; the other reads, and every change, are what IAM's simulation expects. Neither decides anything:
a plan names a blocker where a read is missing, and a change shows it when it is made.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from runbook_lib.aws.access import Access
from runbook_lib.aws.callers import Card
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.files import write_text
from runbook_lib.base.privacy import masked
from runbook_lib.display import tables
from runbook_lib.display.notes import Folded, Part
from runbook_lib.inventory.checkup import Finding, Verdict, changes, reads
from runbook_lib.phase_run import PhaseRun

FILE = "permissions.json"
COLUMNS = ("About", "Verdict", "Found", "Next step")
OPINION = (
    "What is expected is the opinion of IAM's simulation: it sees identity policies, permissions boundaries and service control "
    "policies, and no resource control, session or endpoint policy."
)


def preflight(run: PhaseRun, heard: reads.Heard) -> Iterator[Part]:
    """Ask, keep what was found in the run, and show it: what does not pass, then the rest."""
    found = tuple(_masked(each) for each in _found(run, heard))
    kept = [{"area": each.area, "verdict": each.verdict, "said": each.said, "next_step": each.next_step} for each in found]
    write_text(run.record.folder.path / FILE, json.dumps({"version": 1, "findings": kept}, indent=2) + "\n")
    counted = Counter(each.verdict for each in found)
    said = ", ".join(f"{counted[each]} {each}" for each in Verdict if counted[each])
    urgent = [each for each in found if each.verdict is not Verdict.PASS]
    yield _table(urgent, f"Permissions that need somebody ({said})")
    yield Folded("Permissions that are proved, or expected", _table([each for each in found if each not in urgent], "Permissions"))
    yield OPINION


def _table(found: Sequence[Finding], caption: str) -> tables.Shown:
    rows = [(each.area, each.verdict.upper(), each.said, "" if each.verdict is Verdict.PASS else each.next_step) for each in found]
    return tables.shown(tables.frame(rows, COLUMNS), caption)


def _masked(finding: Finding) -> Finding:
    return Finding(finding.area, finding.verdict, masked(finding.said), masked(finding.next_step))


def _found(run: PhaseRun, heard: reads.Heard) -> Iterator[Finding]:
    access, settings = run.runbook.access, run.record.settings
    told = settings.organization
    names = {told.management_account: "management", told.delegated_account: "delegated"}
    yield from reads.findings(heard, names)
    proved = {
        account: frozenset(action for action, regions in actions.items() if None in regions.values())
        for account, actions in heard.asked.items()
    }
    with _unkept(access):
        yield from changes.findings(settings, access, {account: _card(access, account) for account in names}, proved)


def _card(access: Access, account: str) -> Card | RunbookError:
    try:
        return access.card(account)
    except RunbookError as error:
        return error


@contextmanager
def _unkept(access: Access) -> Iterator[None]:
    """Answers about permissions are not among those from which coverage was judged."""
    kept, access.on_answer = access.on_answer, _nowhere
    try:
        yield
    finally:
        access.on_answer = kept


def _nowhere(*_: Any) -> None:
    """Keep nothing."""
