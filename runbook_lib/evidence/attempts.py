"""What earlier attempts under one approval are known to have applied, from the journals of all runs."""

from collections.abc import Iterator
from pathlib import Path

from runbook_lib.approval import ApprovalRefused, read_approval
from runbook_lib.evidence.run_folder import PhaseFolder, find_runs
from runbook_lib.journal import JournalBroken, complete_lines


def applied_before(root: Path, approval: str) -> frozenset[tuple[str, str]]:
    """Units (unit key, target account) that journals of runs below `root` record as applied under the approval of that id."""
    found = set[tuple[str, str]]()
    for run in find_runs(root):
        for phase in run.phases():
            if _approval_of(phase) == approval and phase.journal.exists():
                found.update(_applied(phase.journal))
    return frozenset(found)


def _approval_of(phase: PhaseFolder) -> str:
    """The id of the approval kept in a phase folder; "" where there is none, or none that can be read."""
    try:
        return read_approval(phase.approval).id
    except ApprovalRefused:
        return ""


def _applied(journal: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = complete_lines(journal)
    except JournalBroken:
        # Nothing is taken from a journal that was altered: the worst that follows is a call that AWS answers with "already so".
        return
    for line in lines:
        for each in line.get("outcomes", ()):
            if each["verdict"] in ("applied", "already so"):
                yield line["unit"], each["account"]
