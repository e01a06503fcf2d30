"""The start record: before a live apply makes its first mutating call, the chain says who is about to do what.

No store, no apply. An approval that the chain shows as completed is good no more, on whichever machine that was. While a run has a
start and no end, no other run on that organization gets one: the record is the lock, wherever it is asked for. A run whose machine
is gone for good is declared lost, which verify keeps naming.
"""

import platform
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from runbook_lib.base.identity import SystemUser, system_user
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal.chain import ChainBroken, ChainStore, StoreFailed, append, chain_name
from runbook_lib.evidence.seal.envelope import EnvelopeBroken, read, sign
from runbook_lib.evidence.seal.keys import KeyProblem, pin
from runbook_lib.evidence.seal.reading import Entry, entry
from runbook_lib.evidence.seal.sealing import SKEW, Desk, NotSealed
from runbook_lib.evidence.seal.statement import LOST_TYPE, START_TYPE, frame, stamp
from runbook_lib.evidence.store.desk import desk_for, store_for
from runbook_lib.plan.approval import Approval, ApprovalRefused
from runbook_lib.services.remarks import PreconditionsFailed
from runbook_lib.settings import Settings


def begin(
    run: RunFolder, settings: Settings, approval: Approval, callers: Mapping[str, str], environment: Mapping[str, str]
) -> None:
    """Write the start record of a live run, once, and hold the approval against the chain again each time.

    Raises PreconditionsFailed when it cannot be written, or another run is open; ApprovalRefused when the approval is used up.
    """
    if settings.mode != "live":
        return
    with ExitStack() as resources:
        try:
            desk = desk_for(run.path.parent, settings, environment, resources)
            run.add_endpoints(desk.endpoints)
            start(run, desk, chain_name(settings.mode, settings.organization.id), approval, callers)
        except (NotSealed, StoreFailed, ChainBroken, KeyProblem) as problem:
            raise PreconditionsFailed([f"the start of this run cannot be recorded, so nothing is applied: {problem}"]) from None


def start(run: RunFolder, desk: Desk, chain: str, approval: Approval, callers: Mapping[str, str]) -> None:
    """Write the start record of a run into a chain unless it is there.

    Raises NotSealed while another run is open, and for a run of another chain; ApprovalRefused for an approval that a run of this
    chain has completed; and what the store raises.
    """
    record = run.record()
    mode, _, organization = chain.partition("/")
    if (record["mode"], record["organization"]) != (mode, organization):
        said = f"mode {record['mode']} and organization {record['organization']}"
        raise NotSealed(f"{run.name}: run.json says {said}, settings say mode {mode} and organization {organization}")
    pin(desk.keys, mode, desk.signer.public_key)
    refuse_used_up(desk.store, chain, approval, run.name)
    if run.name in open_starts(desk.store, chain):
        return

    def make(number: int, previous: str) -> bytes:
        # Whoever takes this number has read the chain up to the one before it, so nobody can have begun in between.
        others = [each for each in open_starts(desk.store, chain).values() if each.run != run.name]
        if others:
            raise NotSealed(_busy(others[0]))
        refuse_used_up(desk.store, chain, approval, run.name)
        return sign(_statement(run, record, number, previous, desk, approval, callers), desk.signer)

    append(desk.store, chain, make)


def refuse_used_up(store: ChainStore, chain: str, approval: Approval, run: str) -> None:
    """Raise ApprovalRefused when a run of this chain other than `run` has completed an approval; ChainBroken, StoreFailed.

    The chain is read from its end to where the approval began to be good: before that nobody can have used it.
    """
    since = stamp(approval.not_before - SKEW)
    for number in reversed(store.numbers(chain)):
        try:
            each = entry(read(store.read(chain, number)))
        except EnvelopeBroken as broken:
            raise ChainBroken(f"{chain}, number {number}: {broken}") from None
        if each.when < since:
            return
        if each.kind == "run" and each.run != run and each.completed(approval.id):
            raise ApprovalRefused(
                [f"it was completed by run {each.run} (number {number} of {chain}); plan again and have that approved"]
            )


def declare_lost(desk: Desk, chain: str, run: str, reason: str, who: SystemUser) -> int:
    """End a run whose machine is gone: its start is closed, and verify names it as lost. Raises NotSealed when it is not open."""
    found = open_starts(desk.store, chain).get(run)
    if found is None:
        raise NotSealed(f"{run}: has no open start in chain {chain}")

    def make(number: int, previous: str) -> bytes:
        return sign(_lost(found, number, previous, desk, reason, who), desk.signer)

    return append(desk.store, chain, make)[0]


def open_starts(store: ChainStore, chain: str) -> dict[str, Entry]:
    """Runs that have a start record and no end, by name. Raises ChainBroken, StoreFailed.

    Read from the end to the newest start: whoever wrote that one had found every earlier start ended, so there is one at most.
    """
    ended = set[str]()
    for number in reversed(store.numbers(chain)):
        try:
            each = entry(read(store.read(chain, number)))
        except EnvelopeBroken as broken:
            raise ChainBroken(f"{chain}, number {number}: {broken}") from None
        if each.kind == "start":
            return {} if each.run in ended else {each.run: each}
        if each.kind in ("run", "lost"):
            ended.add(each.run)
    return {}


def open_run(root: Path, settings: Settings) -> str:
    """Who has begun a live run on this organization and not ended it, since when and under which ticket; "" for nobody.

    For a door that would rather wait than be refused; `root` is the folder of runs. Raises NotSealed, StoreFailed, ChainBroken.
    """
    if settings.mode != "live":
        return ""
    with ExitStack() as resources:
        found = open_starts(store_for(root, settings, resources), chain_name(settings.mode, settings.organization.id))
    return next((_busy(each) for each in found.values()), "")


def _busy(other: Entry) -> str:
    by = f" by {other.user.name}" if other.user else ""
    given = [f"{phase}, ticket {each.get('annotations', {}).get('ticket', 'unknown')}" for phase, each in other.approvals.items()]
    return (
        f"run {other.run} began at {other.when} on {other.parameters.get('host', '')}{by} ({'; '.join(given)}) and has not ended; "
        f"wait for it, or seal it there: runbook evidence seal {other.run}"
    )


def _statement(
    run: RunFolder,
    record: Mapping[str, Any],
    number: int,
    previous: str,
    desk: Desk,
    approval: Approval,
    callers: Mapping[str, str],
) -> dict[str, Any]:
    said = approval.model_dump(mode="json", include={"id", "approver", "ticket", "trust", "emergency", "not_before", "not_after"})
    dependencies = [{"name": f"approval/{approval.phase}", "annotations": said}]
    if desk.trust:
        dependencies.append({"name": "trust-policy", "digest": {"sha256": desk.trust}})
    parameters = {
        "mode": record["mode"],
        "organization": record["organization"],
        "phase": approval.phase,
        "host": platform.node(),
        "user": asdict(system_user()),
    }
    subject = {"name": f"plan of {approval.phase}", "digest": {"sha256": approval.fingerprint}}
    builder = " ".join(dict.fromkeys(callers.values())) or f"host:{platform.node()}"
    return frame(
        START_TYPE, [subject], parameters, dependencies, run.name, record["started"], builder, number, previous, desk.now()
    )


def _lost(found: Entry, number: int, previous: str, desk: Desk, reason: str, who: SystemUser) -> dict[str, Any]:
    parameters = {"mode": found.mode, "organization": found.organization, "reason": reason, "user": asdict(who)}
    subject = {"name": f"start of {found.run}", "digest": {"sha256": found.digest}}
    return frame(LOST_TYPE, [subject], parameters, [], found.run, found.started, f"user:{who.name}", number, previous, desk.now())
