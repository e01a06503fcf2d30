"""Sealing runs: the statement about a run's folder is signed, takes the next number of its chain, and is put into the folder.

Where the store keeps the files too, they go there first; then the chain's entry is written. So losing power at any moment leaves
one of three states: not sealed (the next command seals), entry written but not yet in the folder (the next command puts it there),
or sealed.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.apply.journal import JournalBroken, complete_lines
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.files import write_bytes
from runbook_lib.base.own_files import FileBroken, data_of
from runbook_lib.base.text import counted
from runbook_lib.evidence.run.contents import SEAL
from runbook_lib.evidence.run.folder import RunFolder, RunFolderError, RunStatus, find_runs
from runbook_lib.evidence.seal.chain import ChainStore, StoreFailed, append, chain_name
from runbook_lib.evidence.seal.envelope import LONGEST, EnvelopeBroken, read, sign
from runbook_lib.evidence.seal.keys import pin
from runbook_lib.evidence.seal.reading import Entry, entry
from runbook_lib.evidence.seal.secret_scan import Gate
from runbook_lib.evidence.seal.statement import RunFacts, approvals_of, run_statement
from runbook_lib.evidence.signatures import Signer

SKEW = dt.timedelta(hours=1)
"""How far the clocks of two machines on one store may differ."""


class NotSealed(RunbookError):
    """A run was not sealed; the message says why. Its files are as they were."""


@dataclass(frozen=True)
class Desk:
    """All that sealing needs: the chain's store, the signer, where public keys are pinned, and the gate that files must pass."""

    store: ChainStore
    signer: Signer
    keys: Path
    gate: Gate
    now: Callable[[], dt.datetime]
    trust: str = ""
    """The digest of the trust policy that this run works under; "" for none."""
    endpoints: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    """Where the key and the store are called: service → host → Regions; none for a local key."""


def seal_of(run: RunFolder) -> Entry | None:
    """What the seal in a run's folder says; None when there is none. Raises NotSealed when what is there cannot be read."""
    path = run.path / SEAL
    try:
        return entry(read(data_of(path, LONGEST)))
    except FileNotFoundError:
        return None
    except FileBroken as error:
        raise NotSealed(f"{run.name}: {SEAL} {error}; find out with: runbook evidence verify {run.name}") from None


def seal(run: RunFolder, desk: Desk, told: Callable[[], None] = lambda: None) -> Entry:
    """Seal a run that has ended or was killed; a run that is sealed already stays as it is. `told` is called after each file.

    Raises NotSealed for a run under way, and what the store and the signer raise.
    """
    if (there := seal_of(run)) is not None:
        return there
    record = run.record()
    chain = chain_name(record["mode"], record["organization"])
    before, start = _earlier(desk.store, chain, run.name, record["started"])
    data = before or _appended(run, chain, start, desk, told)
    for part in run.path.glob(f".{SEAL}.*.part"):
        part.unlink()  # left where an interrupted sealing lost power
    write_bytes(run.path / SEAL, data)
    return entry(read(data))


def _earlier(store: ChainStore, chain: str, run: str, started: str) -> tuple[bytes | None, str]:
    """What the chain already has of a run: its seal, when sealing was interrupted, and the digest of its start record."""
    seal_, start = None, ""
    since = (dt.datetime.fromisoformat(started) - SKEW).isoformat()
    for number in reversed(store.numbers(chain)):
        try:
            found = entry(read(store.read(chain, number)))
        except EnvelopeBroken:
            continue
        if found.when < since:
            break
        if found.run == run and found.kind == "run":
            seal_ = found.sealed.data
        elif found.run == run and found.kind == "start":
            start = found.digest
    return seal_, start


def _appended(run: RunFolder, chain: str, start: str, desk: Desk, told: Callable[[], None]) -> bytes:
    status = run.status
    if status == RunStatus.RUNNING:
        raise NotSealed(f"{run.name}: is still running on {run.record()['host']}")
    run.add_endpoints(desk.endpoints)
    notes = _notes(run)
    approvals = approvals_of(run)
    record, user = run.record(), run.user  # read before the gate, which may withhold it
    withheld, found = desk.gate.passed(run.path, told)
    facts = RunFacts(run.name, record, user, status, found, approvals, withheld, desk.trust, start, notes)
    pin(desk.keys, record["mode"], desk.signer.public_key)
    desk.store.keep(chain, run.path, found.files)

    def make(number: int, previous: str) -> bytes:
        return sign(run_statement(facts, number, previous, desk.now()), desk.signer)

    return append(desk.store, chain, make)[1]


def _notes(run: RunFolder) -> dict[str, Any]:
    """Calls in the journals for which no answer was recorded, where there are any: what a killed run leaves open."""
    unanswered = 0
    for phase in run.phases():
        if phase.journal.is_file():
            try:
                lines = complete_lines(phase.journal)
            except JournalBroken:
                return {"journal": f"broken: {phase.name}"}
            kinds = [line["kind"] for line in lines]
            unanswered += kinds.count("intent") - kinds.count("outcome")
    return {"callsWithoutAnswer": unanswered} if unanswered > 0 else {}


def unsealed(root: Path, mode: str, organization: str = "") -> Iterator[RunFolder]:
    """Runs of one mode (and organization, unless "") that have ended, or were killed, and carry no seal; oldest first."""
    for run in find_runs(root):
        if (run.path / SEAL).exists():
            continue
        try:
            record, status = run.record(), run.status
        except RunFolderError:
            continue
        ours = record["mode"] == mode and organization in ("", record["organization"])
        if ours and status != RunStatus.RUNNING and not run.ending:
            yield run


def seal_found(root: Path, mode: str, organization: str, desk: Desk) -> Iterator[str]:
    """Seal what earlier commands left, oldest first, and say what happened to each."""
    for run in unsealed(root, mode, organization):
        try:
            made = seal(run, desk)
        except (NotSealed, StoreFailed, RunFolderError) as error:
            yield f"not sealed: {error}"
            continue
        open_calls = made.result.get("callsWithoutAnswer")
        calls = f", {counted(open_calls, 'call')} without a recorded answer" if open_calls else ""
        yield f"Found {run.name} ({made.status}{calls}); sealed it as number {made.number}."
