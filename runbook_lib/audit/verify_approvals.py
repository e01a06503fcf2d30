"""Approvals held against the runs that used them: who signed, for what, when, and how often."""

import datetime as dt
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.audit.verify_journal import journal_faults, start_defects
from runbook_lib.audit.verify_summary import summary_faults
from runbook_lib.base.own_files import moment
from runbook_lib.evidence.people.four_eyes import Runner, people_refusals
from runbook_lib.evidence.people.review import review_defect
from runbook_lib.evidence.people.trust import Trust
from runbook_lib.evidence.run.contents import REVIEW
from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.run.phase_evidence import Given, PhaseEvidence, read_phases
from runbook_lib.evidence.seal.archive import Archive
from runbook_lib.evidence.seal.reading import Entry


def approval_faults(found: Archive, trust: Trust) -> Iterator[Fault]:
    """Defects of the approvals and journals in all sealed runs, and approvals that were used twice."""
    used: dict[str, list[_Use]] = {}
    for folder in found.folders:
        seal = found.seals.get(folder.name) or found.chain_entry(folder.name)
        if seal is None:
            continue
        starts = [each for each in found.chains.get(seal.chain, {}).values() if (each.kind, each.run) == ("start", seal.run)]
        ran = seal.identities.union(*(each.identities for each in starts))
        yield from (Fault(folder.name, Kind.OTHER_USER, said) for said in _users(seal, starts))
        reviewed = os.path.lexists(folder / REVIEW)
        defect = review_defect(folder, seal, trust, ran) if reviewed else ""
        if defect:
            yield Fault(f"{folder.name}/{REVIEW}", Kind.APPROVAL, f"this review {defect}")
        phases = list(read_phases(folder))
        yield from start_defects(phases, seal, starts)
        for phase in phases:
            yield from _phase_faults(phase, seal, trust, ran, reviewed=reviewed and not defect)
            if phase.intents:
                for each in phase.given:
                    used.setdefault(each.approval.id, []).append(_use(phase, each, seal))
    yield from _replays(used)


def _phase_faults(phase: PhaseEvidence, seal: Entry, trust: Trust, ran: frozenset[str], *, reviewed: bool) -> Iterator[Fault]:
    for name, why in phase.unreadable.items():
        yield Fault(f"{phase.where}/{name}", Kind.UNREADABLE, why)
    for each in phase.given:
        yield from _defects(phase, each, seal, trust, ran)
        if each.approval.emergency and not reviewed:
            yield Fault(phase.where, Kind.EMERGENCY, each.approval.emergency)
    if phase.intents and not phase.given:
        yield Fault(phase.where, Kind.APPROVAL, "calls were made and no approval is there")
    yield from journal_faults(phase, seal)
    yield from summary_faults(phase, seal)


def _users(seal: Entry, starts: Sequence[Entry]) -> Iterator[str]:
    """What the start of a run says of its user, where its seal says otherwise. Earlier versions recorded neither."""
    for start in starts:
        if start.user is not None and start.user != seal.user:
            sealed = f"{seal.user.name} (uid {seal.user.uid})" if seal.user else "nobody"
            yield f"it was begun by {start.user.name} (uid {start.user.uid}), and its seal names {sealed}"


def _defects(phase: PhaseEvidence, given: Given, seal: Entry, trust: Trust, ran: frozenset[str]) -> Iterator[Fault]:
    approval = given.approval
    times = phase.called_under(given)
    begun = moment(times[0] if times else seal.started)
    reasons = list(people_refusals(approval, trust, Runner(frozenset(seal.sealed.signatures), ran), begun))
    checks = (
        (approval.mode == seal.mode, f"given in mode {approval.mode}"),
        (approval.organization == seal.organization, f"given for organization {approval.organization}"),
        (approval.phase == phase.path.name, f"given for phase {approval.phase}"),
        (not given.defect, given.defect),
        (not times or approval.not_before <= begun < approval.not_after, "used outside its window"),
    )
    for reason in (*reasons, *(said for holds, said in checks if not holds)):
        yield Fault(phase.where, Kind.APPROVAL, reason)


@dataclass(frozen=True)
class _Use:
    """One use of an approval: by which phase of which run, from its first call until nothing came of it any more."""

    run: str
    where: str
    begun: dt.datetime
    ended: dt.datetime
    applied: bool


def _use(phase: PhaseEvidence, given: Given, seal: Entry) -> _Use:
    """A run that was killed has no end of its own: it used its approval until its journal ends, not until somebody found it."""
    called = phase.called_under(given)
    state = seal.result.get("phases", {}).get(phase.path.name, {}).get("state")
    return _Use(
        run=phase.path.parent.name,
        where=phase.where,
        begun=moment(called[0] if called else seal.started),
        ended=moment(seal.finished or phase.lines[-1]["time"]),
        applied=state == "applied",
    )


def _replays(used: Mapping[str, Sequence[_Use]]) -> Iterator[Fault]:
    for uses in used.values():
        ordered = sorted(uses, key=lambda each: each.begun)
        for number, later in enumerate(ordered[1:], start=1):
            for earlier in ordered[:number]:
                if earlier.applied:
                    yield Fault(later.where, Kind.APPROVAL, f"its approval was used up by {earlier.run}")
                elif earlier.ended > later.begun and earlier.run != later.run:
                    yield Fault(later.where, Kind.APPROVAL, f"its approval was in use by {earlier.run} at that time")
