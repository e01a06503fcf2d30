"""Approvals held against the runs that used them: who signed, for what, when, and how often."""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from runbook_lib.approval import Approval, ApprovalRefused, read_approval
from runbook_lib.evidence.archive import Archive
from runbook_lib.evidence.contents import REVIEW, file_digest
from runbook_lib.evidence.faults import Fault, Kind
from runbook_lib.evidence.four_eyes import Runner, people_refusals
from runbook_lib.evidence.reading import Entry
from runbook_lib.evidence.review import review_defect
from runbook_lib.evidence.trust import Trust
from runbook_lib.journal import JournalBroken, complete_lines
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file


def approval_faults(found: Archive, trust: Trust) -> Iterator[Fault]:
    """Defects of the approvals in all sealed runs, and approvals that were used twice."""
    used: dict[str, list[tuple[str, str, Entry]]] = {}
    for folder in found.folders:
        seal = found.seals.get(folder.name)
        if seal is None:
            continue
        reviewed = (folder / REVIEW).exists()
        starts = [each for each in found.chains.get(seal.chain, {}).values() if (each.kind, each.run) == ("start", seal.run)]
        ran = seal.identities.union(*(each.identities for each in starts))
        yield from (Fault(folder.name, Kind.OTHER_USER, said) for said in _users(seal, starts))
        defect = review_defect(folder, seal, trust, ran) if reviewed else ""
        if defect:
            yield Fault(f"{folder.name}/{REVIEW}", Kind.APPROVAL, f"this review {defect}")
        for phase in sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()):
            for approval in _approvals(phase):
                yield from _defects(folder, phase, approval, seal, trust, ran)
                if approval.emergency and (defect or not reviewed):
                    yield Fault(f"{folder.name}/{phase.name}", Kind.EMERGENCY, approval.emergency)
                if _called(phase):
                    used.setdefault(approval.id, []).append((folder.name, phase.name, seal))
            if _called(phase) and not any(phase.glob("approval*.json")):
                yield Fault(f"{folder.name}/{phase.name}", Kind.APPROVAL, "calls were made and no approval is there")
    yield from _replays(used)


def _approvals(phase: Path) -> Iterator[Approval]:
    for path in sorted(phase.glob("approval*.json")):
        try:
            yield read_approval(path)
        except ApprovalRefused:
            continue  # a sealed approval that cannot be read is what lies there; a changed one is a fault of its own


def _users(seal: Entry, starts: Sequence[Entry]) -> Iterator[str]:
    """What the start of a run says of its user, where its seal says otherwise. Earlier versions recorded neither."""
    for start in starts:
        if start.user is not None and start.user != seal.user:
            sealed = f"{seal.user.name} (uid {seal.user.uid})" if seal.user else "nobody"
            yield f"it was begun by {start.user.name} (uid {start.user.uid}), and its seal names {sealed}"


def _defects(folder: Path, phase: Path, approval: Approval, seal: Entry, trust: Trust, ran: frozenset[str]) -> Iterator[Fault]:
    where = f"{folder.name}/{phase.name}"
    keyids = frozenset(seal.sealed.signatures)
    times = _times(phase, approval)
    begun = dt.datetime.fromisoformat(times[0] if times else seal.started)
    reasons = list(people_refusals(approval, trust, Runner(keyids, ran), begun))
    checks = (
        (approval.mode == seal.mode, f"given in mode {approval.mode}"),
        (approval.organization == seal.organization, f"given for organization {approval.organization}"),
        (approval.phase == phase.name, f"given for phase {approval.phase}"),
        (_fingerprint(phase, approval) in ("", approval.fingerprint), "given for another plan than the one beside it"),
        (_is_the_file(phase, approval), "the plan beside it is not the file that was approved"),
        (not times or approval.not_before <= begun < approval.not_after, "used outside its window"),
    )
    for reason in (*reasons, *(said for holds, said in checks if not holds)):
        yield Fault(where, Kind.APPROVAL, reason)


def _is_the_file(phase: Path, approval: Approval) -> bool:
    """Whether the very file that an approval names lies beside it; version 1 names none."""
    beside = phase / approval.plan_name
    if approval.version == 1:
        return True
    try:
        return approval.plan == approval.plan_name and beside.is_file() and approval.names(file_digest(beside))
    except OSError:
        return False


def _times(phase: Path, approval: Approval) -> list[str]:
    """When calls went out under this approval: those of the plan beside it, where a phase asks gate by gate; else all."""
    plan = _plan(phase, approval)
    called = [line for line in _lines(phase) if line["kind"] == "intent"]
    return [line["time"] for line in called if plan is None or not plan.units.isdisjoint(_units(line))]


def _units(line: dict[str, Any]) -> set[tuple[str, str]]:
    """The units that one intent in the journal is about."""
    return {(line["unit"], target) for target in line["target_accounts"] or ("",)}


def _called(phase: Path) -> bool:
    return any(line.get("kind") == "intent" for line in _lines(phase))


def _lines(phase: Path) -> list[dict[str, Any]]:
    journal = phase / "journal.jsonl"
    try:
        return complete_lines(journal) if journal.is_file() else []
    except JournalBroken:
        return []


def _plan(phase: Path, approval: Approval) -> Plan | None:
    """The plan that lies beside an approval, if it lies there and can be read."""
    try:
        return plan_file.load(phase / approval.plan) if (phase / approval.plan).is_file() else None
    except plan_file.PlanFileError:
        return None


def _fingerprint(phase: Path, approval: Approval) -> str:
    """The fingerprint of the plan that lies beside an approval; "" where it lies elsewhere."""
    plan = _plan(phase, approval)
    return plan.fingerprint if plan is not None else "unreadable" if (phase / approval.plan).is_file() else ""


def _replays(used: dict[str, list[tuple[str, str, Entry]]]) -> Iterator[Fault]:
    for runs in used.values():
        ordered = sorted(runs, key=lambda each: each[2].started)
        for number, (run, phase, seal) in enumerate(ordered[1:], start=1):
            for earlier, _, before in ordered[:number]:
                done = before.result.get("phases", {}).get(phase, {}).get("state") == "applied"
                if done:
                    yield Fault(f"{run}/{phase}", Kind.APPROVAL, f"its approval was used up by {earlier}")
                elif (before.finished or before.when) > seal.started and before.run != seal.run:
                    yield Fault(f"{run}/{phase}", Kind.APPROVAL, f"its approval was in use by {earlier} at that time")
