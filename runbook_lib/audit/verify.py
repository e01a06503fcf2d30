"""Verifying evidence: offline, read-only, with public keys that come from outside the run folders."""

import datetime as dt
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.audit.cadence import cadence_faults
from runbook_lib.audit.compare import signature_faults
from runbook_lib.audit.verify_approvals import approval_faults
from runbook_lib.audit.verify_chain import Anchor, anchor_faults, chain_faults, merged, start_faults
from runbook_lib.audit.verify_linked import linked_faults
from runbook_lib.audit.verify_run import folder_faults, place_faults
from runbook_lib.audit.verify_withheld import withheld_faults
from runbook_lib.evidence.people.trust import Trust
from runbook_lib.evidence.run.contents import ATTACHED, LINKED, SEAL
from runbook_lib.evidence.run.faults import NOTES, Fault, Kind
from runbook_lib.evidence.run.folder import RunFolder, RunFolderError
from runbook_lib.evidence.seal.archive import CHAINS, KEYS, MODES, RUNS, Archive, archive
from runbook_lib.evidence.seal.reading import Entry

MAKING = dt.timedelta(minutes=1)
"""For so long a new folder may be without its run.json."""


@dataclass(frozen=True)
class Verified:
    """What a verification saw: runs, those of them that were held against their seals, heads of the chains, and all faults.

    `notes`: what is no fault and has to be known.
    """

    runs: tuple[str, ...]
    held: tuple[str, ...]
    heads: dict[str, tuple[int, str]]
    faults: tuple[Fault, ...]
    notes: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Cadence:
    """How often the whole coverage was to be read and sealed, and in which time. `begin` None: from the first such run."""

    every: dt.timedelta
    end: dt.datetime
    begin: dt.datetime | None = None


def verify(
    root: Path,
    trust: Trust,
    runs: Sequence[str] = (),
    anchors: Iterable[Anchor] = (),
    mode: str = "",
    chains: Path | None = None,
    cadence: Cadence | None = None,
) -> Verified:
    """Hold all runs below `root` (or those named, or of one mode) and their chains against their seals."""
    found, now = archive(root, chains), dt.datetime.now(dt.UTC)
    chosen = [path for path in found.folders if _chosen(path.name, runs, mode)]
    faults = [*found.faults, *chain_faults(found)]
    faults += [Fault(f"{KEYS}/{name}", Kind.UNREADABLE, why) for name, why in trust.broken.items()]
    for path in chosen:
        faults += _run_faults(path, found, now)
    faults += _signature_faults(found, trust)
    faults += linked_faults(found)
    faults += withheld_faults(found)
    faults += approval_faults(found, trust)
    faults += start_faults(found, now)
    if cadence is not None:
        faults += cadence_faults(found, cadence.every, cadence.begin, cadence.end, mode)
    faults += [Fault(name, Kind.MISSING, "there is no such run") for name in runs if not (root / name).is_dir()]
    kept = sorted({fault for fault in faults if _concerns(fault, runs, mode)})
    wrong, notes = (tuple(each for each in kept if (each.kind in NOTES) is noted) for noted in (False, True))
    heads = {chain: (max(numbers), numbers[max(numbers)][0].digest) for chain, numbers in merged(found).items()}
    held = tuple(path.name for path in chosen if path.name in found.seals or found.chain_entry(path.name))
    return Verified(tuple(path.name for path in chosen), held, heads, (*wrong, *sorted(anchor_faults(found, anchors))), notes)


def _chosen(name: str, runs: Sequence[str], mode: str) -> bool:
    return (not runs or name in runs) and (not mode or f"-{mode}-" in name)


def _concerns(fault: Fault, runs: Sequence[str], mode: str) -> bool:
    """Whether a fault is about what was asked for.

    Faults of a chain concern every run of it; faults of the keys, or of what lies where runs and chains do, concern every run.
    """
    first, _, rest = fault.where.partition("/")
    if first.startswith("chain "):
        return not (mode and rest and first.removeprefix("chain ") in {*MODES} - {mode})
    if first in (KEYS, CHAINS, RUNS):
        return True
    return _chosen(first, runs, mode)


def _run_faults(folder: Path, found: Archive, now: dt.datetime) -> Iterator[Fault]:
    seal, kept = found.seals.get(folder.name), found.chain_entry(folder.name)
    if seal is not None:
        yield from place_faults(folder, seal)
        yield from folder_faults(folder, seal)
    elif kept is not None:
        if not os.path.lexists(folder / SEAL):
            yield Fault(f"{folder.name}/{SEAL}", Kind.MISSING, f"chain {kept.chain} has it as number {kept.number}")
        yield from folder_faults(folder, kept)
    elif not os.path.lexists(folder / SEAL) and folder.name not in found.lost and (said := _unsealed(folder, now)):
        yield Fault(folder.name, Kind.NOT_SEALED, said)


def _unsealed(folder: Path, now: dt.datetime) -> str:
    """Why a run without a seal should have one; "" for one that is under way, or being made at this moment."""
    run = RunFolder(folder)
    try:
        said = run.under_way(now)
    except RunFolderError as error:
        made_now = run.made is not None and abs(now - run.made) < MAKING and not os.path.lexists(run.record_file)
        return "" if made_now else str(error).removeprefix(f"{folder}: ")
    return f"{said}; the next command of its mode seals it, or: runbook evidence seal {run.name}" if said else ""


def _signature_faults(found: Archive, trust: Trust) -> Iterator[Fault]:
    places: dict[str, tuple[str, Entry]] = {}
    for name, seal in found.seals.items():
        places.setdefault(seal.digest, (f"{name}/{SEAL}", seal))
    for run, linked in found.linked.items():
        for name, each in linked.items():
            places.setdefault(each.digest, (f"{run}/{ATTACHED}/{name}{LINKED}", each))
    for chain, listed in found.chains.items():
        for number, each in listed.items():
            places.setdefault(each.digest, (f"chain {chain}, number {number}", each))
    for where, each in places.values():
        keys = trust.runners.get(each.mode, ())
        signers = ", ".join(sorted(keyid[:16] for keyid in each.sealed.signatures))
        strangers = f"signed by {signers}, which is not a runner's key for {each.mode} ({trust.source})"
        yield from signature_faults(where, each.sealed, keys, strangers)
        if each.low_s and each.sealed.rewritten(keys):
            yield Fault(where, Kind.BROKEN, "its signature was rewritten: it is not in the form in which it was made")
