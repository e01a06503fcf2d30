"""Fetching a store from a bucket into a folder, where it can be verified offline, and holding the bucket's locks against a demand.

Only reads. What is fetched is what was written first under each key; what was laid upon it later is a fault.
"""

import datetime as dt
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runbook_lib.base.files import write_bytes
from runbook_lib.base.own_files import GIB, FileBroken
from runbook_lib.evidence.people.review import LARGEST as LARGEST_REVIEW
from runbook_lib.evidence.run.contents import ATTACHED, LINKED, REVIEW, SEAL, file_digest
from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.run.folder import NAME
from runbook_lib.evidence.seal.archive import CHAINS
from runbook_lib.evidence.seal.chain import CHAIN, FolderStore, StoreFailed, entry_number
from runbook_lib.evidence.seal.envelope import LONGEST, EnvelopeBroken, read
from runbook_lib.evidence.seal.reading import Entry, entry
from runbook_lib.evidence.store.bucket import Bucket, Kept, TooLarge
from runbook_lib.evidence.store.retention import retained_until
from runbook_lib.evidence.store.s3_store import REVIEWS, all_of, prefixes

LARGEST = 4 * GIB
"""Bytes of a run's file that is fetched; it is held in memory."""


@dataclass(frozen=True)
class Demand:
    """What is asked of every object's lock: how long it holds from when it was written, and whether anybody may lift it."""

    retention: str
    compliance: bool = False


@dataclass(frozen=True)
class Fetched:
    """What was there: entries, runs, objects by the mode of their lock, when the first lock ends, and all faults."""

    entries: int
    runs: int
    modes: Mapping[str, int]
    until: dt.datetime | None
    faults: tuple[Fault, ...]


def fetch(bucket: Bucket, store: str, folder: Path, demand: Demand) -> Fetched:
    """Bring all chains and files of a store into a folder, as runs lie on a runner's machine. Raises StoreFailed."""
    _, chains, files = prefixes(store)
    entries, named = bucket.keys(chains), bucket.keys(files)
    if not entries:
        raise StoreFailed(f"{store}: no chain of evidence is there")
    everything = {**entries, **named}
    faults = [fault for key, kept in sorted(everything.items()) for fault in _laid_upon(key, kept)]
    locks, short = _locks(bucket, everything, demand)
    found = []
    for key, kept in sorted(entries.items()):
        place = key.removeprefix(chains).rpartition("/")
        if CHAIN.fullmatch(place[0]) and (number := entry_number(place[2])):
            found.append((place[0], number, key, kept))
        else:
            faults.append(Fault(key, Kind.ADDED, "is not an entry of a chain"))
    read_ = all_of(lambda *given: _entry(bucket, folder, *given), found)
    faults += short + [each for each in read_ if isinstance(each, Fault)]
    runs = [each for each in read_ if isinstance(each, Entry) and each.kind in ("run", "linked")]
    for run in runs:
        below = f"{files}{run.chain}/{run.run}/"
        faults += _files(bucket, folder, run, below, named)
        if run.kind == "run" and NAME.fullmatch(run.run):
            faults += _review(bucket, folder / run.run, below, named)
    ends = min((until for _, until in locks), default=None)
    sealed = sum(run.kind == "run" for run in runs)
    return Fetched(len(found), sealed, Counter(mode for mode, _ in locks), ends, tuple(sorted(set(faults))))


def _laid_upon(key: str, kept: Kept) -> Iterator[Fault]:
    """What happened to a key after it was written, although it is written once."""
    if kept.hidden:
        yield Fault(key, Kind.MISSING, "somebody deleted it: a delete marker hides it, and the locked version was fetched")
    if kept.later:
        yield Fault(key, Kind.CHANGED, f"was written {kept.later} more times; the first version was fetched")


def _locks(bucket: Bucket, keys: Mapping[str, Kept], demand: Demand) -> tuple[list[tuple[str, dt.datetime]], list[Fault]]:
    """(mode, end) of each object's lock, and the locks that fall short."""
    listed = sorted(keys.items())
    held = all_of(bucket.retained, [(key, kept.version) for key, kept in listed])
    faults = []
    for (key, kept), lock in zip(listed, held, strict=True):
        needed = retained_until(demand.retention, kept.modified)
        if lock is None:
            faults.append(Fault(key, Kind.NOT_LOCKED, "whoever may delete in this bucket can delete it"))
        elif not lock.covers(needed):
            said = f"only until {lock.until:%Y-%m-%d}; {demand.retention} from when it was written is {needed:%Y-%m-%d}"
            faults.append(Fault(key, Kind.NOT_LOCKED, said))
        elif demand.compliance and lock.mode != "COMPLIANCE":
            faults.append(Fault(key, Kind.NOT_LOCKED, f"mode {lock.mode}: whoever may bypass it can delete it"))
    return [(lock.mode, lock.until) for lock in held if lock], faults


def _entry(bucket: Bucket, folder: Path, chain: str, number: int, key: str, kept: Kept) -> Entry | Fault:
    """One entry, put into the folder; a fault when it is none, or when the folder has another under its number."""
    try:
        data = bucket.get(key, kept.version, LONGEST)
    except TooLarge as large:
        return Fault(key, Kind.UNREADABLE, str(large))
    there = FolderStore(folder / CHAINS)
    if not there.create(chain, number, data) and there.read(chain, number) != data:
        return Fault(key, Kind.CHANGED, f"differs from what lies in {folder}; fetch into a new folder")
    try:
        return entry(read(data))
    except EnvelopeBroken as broken:
        return Fault(key, Kind.BROKEN, str(broken))


def _files(bucket: Bucket, folder: Path, run: Entry, below: str, named: Mapping[str, Kept]) -> list[Fault]:
    """Put into a run's folder what its seal, or a statement linked to it, names, and the statement itself."""
    statement = SEAL if run.kind == "run" else f"{ATTACHED}/{run.parameters.get('name')}{LINKED}"
    subjects = {name: digest for name, digest in run.subjects.items() if name != SEAL}
    if not NAME.fullmatch(run.run) or not all(_inside(name) for name in (*subjects, *run.folders, statement)):
        return [Fault(f"chain {run.chain}, number {run.number}", Kind.BROKEN, "names files outside its run folder")]
    path = folder / run.run
    for name in ("", *sorted(run.folders)):
        (path / name).mkdir(parents=True, exist_ok=True)

    def place(name: str, digest: str) -> Fault | None:
        key = below + digest
        if key not in named:
            return Fault(f"{run.run}/{name}", Kind.MISSING, f"the bucket has no {key}")
        target = path / name
        if not os.path.lexists(target):
            try:
                data = bucket.get(key, named[key].version, LARGEST)
            except TooLarge as large:
                return Fault(f"{run.run}/{name}", Kind.UNREADABLE, str(large))
            if hashlib.sha256(data).hexdigest() != digest:
                return Fault(f"{run.run}/{name}", Kind.CHANGED, f"{key} is another file")
            target.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(target, data)
        elif not _has(target, digest):
            return Fault(f"{run.run}/{name}", Kind.CHANGED, f"differs in {folder}; fetch into a new folder")
        return None

    faults = [each for each in all_of(place, sorted(subjects.items())) if each]
    if not os.path.lexists(path / statement):
        (path / statement).parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path / statement, run.sealed.data)
    return faults


def _review(bucket: Bucket, path: Path, below: str, named: Mapping[str, Kept]) -> Iterator[Fault]:
    """Put the latest review of a run into its folder; whether it is a good one, verifying says."""
    kept = {key: each for key, each in named.items() if key.startswith(f"{below}{REVIEWS}/")}
    if not kept:
        return
    latest = max(kept, key=lambda key: (kept[key].modified, key))
    try:
        data = bucket.get(latest, kept[latest].version, LARGEST_REVIEW)
    except TooLarge as large:
        yield Fault(f"{path.name}/{REVIEW}", Kind.UNREADABLE, str(large))
        return
    if hashlib.sha256(data).hexdigest() != latest.rpartition("/")[2]:
        yield Fault(f"{path.name}/{REVIEW}", Kind.CHANGED, f"{latest} is another file")
    elif not os.path.lexists(path / REVIEW):
        write_bytes(path / REVIEW, data)
    elif not _has(path / REVIEW, hashlib.sha256(data).hexdigest()):
        yield Fault(f"{path.name}/{REVIEW}", Kind.CHANGED, f"differs from the latest in the bucket, {latest}")


def _has(path: Path, digest: str) -> bool:
    """Whether what lies in a place is a file with this digest."""
    try:
        return file_digest(path) == digest
    except (FileBroken, FileNotFoundError):
        return False


def _inside(name: str) -> bool:
    """Whether a name leads to a place inside the folder it is meant for."""
    path = PurePosixPath(name)
    return str(path) == name and name != "." and not path.is_absolute() and ".." not in path.parts and "\0" not in name
