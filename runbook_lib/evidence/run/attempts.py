"""What earlier attempts under one approval are known to have applied, from the journals of all runs."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from runbook_lib.apply.journal import JournalBroken, complete_lines
from runbook_lib.base.own_files import MIB, FileBroken, read
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolderError, find_runs
from runbook_lib.plan.approval import Approval, ApprovalRefused, read_approval
from runbook_lib.plan.decision import Rejection

_REJECTION = TypeAdapter(Rejection)


def applied_before(root: Path, approval: str) -> frozenset[tuple[str, str]]:
    """Units (unit key, target account) that journals of runs below `root` record as applied under the approval of that id."""
    found = set[tuple[str, str]]()
    for run in find_runs(root):
        for phase in run.phases():
            if approval in _approvals_of(phase) and phase.journal.exists():
                found.update(_applied(phase.journal))
    return frozenset(found)


def _approvals_of(phase: PhaseFolder) -> frozenset[str]:
    """The ids of the approvals kept in a phase folder (one, or one per decision at the screen); none that cannot be read."""
    return frozenset(approval.id for approval in _readable(phase))


def refuse_second(phase: PhaseFolder, approval: Approval) -> None:
    """Raise ApprovalRefused where a phase holds another approval: this one would lie in its place, and its calls are journaled."""
    if others := sorted(_approvals_of(phase) - {approval.id}):
        raise ApprovalRefused([f"this run has the approval {others[0]} of this phase already; apply another in a run of its own"])


def _readable(phase: PhaseFolder) -> Iterator[Approval]:
    for path in sorted(phase.path.glob("approval*.json")):
        with suppress(ApprovalRefused):
            yield read_approval(path)


def read_record(phase: PhaseFolder) -> tuple[list[Approval], list[dict[str, Any]], list[dict[str, Any]]]:
    """What a phase folder says: approvals, rejections, and the lines of the journal. Raises JournalBroken, RunFolderError."""
    lines = complete_lines(phase.journal) if phase.journal.exists() else []
    return list(_readable(phase)), [each.__dict__ for each in read_rejections(phase)], lines


def read_rejections(phase: PhaseFolder) -> list[Rejection]:
    """The rejections kept in a phase folder. Raises RunFolderError for one that cannot be read."""
    found = []
    for path in sorted(phase.path.glob("rejection*.json")):
        try:
            found.append(read(path, _REJECTION, MIB))
        except (FileBroken, FileNotFoundError) as broken:
            raise RunFolderError(f"{path}: {broken}") from None
    return found


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
