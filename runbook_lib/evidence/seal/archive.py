"""All evidence below one folder of runs, as it lies there: run folders, their seals, and the entries of the chains."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.base.own_files import FileBroken, data_of
from runbook_lib.evidence.run.contents import ATTACHED, LINKED, SEAL
from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.run.folder import NAME
from runbook_lib.evidence.seal.chain import CHAIN, entry_number, is_part
from runbook_lib.evidence.seal.envelope import LONGEST, read
from runbook_lib.evidence.seal.reading import Entry, entry

CHAINS, KEYS, ASIDE = "chain", "keys", "withheld"
MODES = ("rehearsal", "live")
RUNS = "the folder of runs"


@dataclass
class Archive:
    """What was found.

    `chains`: chain → number (as the file is named) → entry; `seals`: run folder → the seal in it;
    `linked`: run folder → name (as the file is named) → the statement linked to its seal.
    """

    root: Path
    chain_root: Path
    folders: list[Path] = field(default_factory=list)
    seals: dict[str, Entry] = field(default_factory=dict)
    chains: dict[str, dict[int, Entry]] = field(default_factory=dict)
    linked: dict[str, dict[str, Entry]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def chain_entry(self, run: str) -> Entry | None:
        """The seal of a run as the chain has it."""
        return self._by_run.get(run)

    @property
    def lost(self) -> frozenset[str]:
        """Runs that a chain says will never be sealed."""
        return frozenset(each.run for chain in self.chains.values() for each in chain.values() if each.kind == "lost")

    @property
    def _by_run(self) -> Mapping[str, Entry]:
        if self._index is None:
            self._index = {each.run: each for chain in self.chains.values() for each in chain.values() if each.kind == "run"}
        return self._index

    _index: dict[str, Entry] | None = None


def archive(root: Path, chains: Path | None = None) -> Archive:
    """Read everything below a folder of runs, and the chains where they are kept elsewhere. What cannot be read is a fault."""
    found = Archive(root, chains or root / CHAINS)
    known: dict[bytes, Entry] = {}
    if chains is None and found.chain_root.is_symlink():
        said = "a link in place of the folder of chains; one that is kept elsewhere is named with --store"
        found.faults.append(Fault(CHAINS, Kind.LINK, said))
    _read_chains(found, known, strays=chains is None)
    for each in _listed(found, root, RUNS):
        named, path = NAME.fullmatch(each.name) is not None, Path(each.path)
        if each.is_dir(follow_symlinks=False) and (named or os.path.lexists(path / SEAL)):
            found.folders.append(path)
            _read_seal(found, path, known)
            _read_linked(found, path, known)
        elif named and not each.is_dir(follow_symlinks=False):
            what = "a link" if each.is_symlink() else "no folder"
            found.faults.append(Fault(each.name, Kind.LINK, f"{what} in place of a run folder"))
    return found


def _listed(found: Archive, folder: Path, where: str) -> list[os.DirEntry[str]]:
    """What lies in a folder, by name; a folder that cannot be read is a fault."""
    try:
        with os.scandir(folder) as there:
            return sorted(there, key=lambda each: each.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        found.faults.append(Fault(where, Kind.UNREADABLE, f"this folder cannot be read: {error.strerror}"))
        return []


def _read_seal(found: Archive, folder: Path, known: dict[bytes, Entry]) -> None:
    path = folder / SEAL
    if path.is_symlink() or not os.path.lexists(path):
        return
    made = _entry(path, f"{folder.name}/{SEAL}", found, known)
    if made is not None and made.kind == "run":
        found.seals[folder.name] = made
    elif made is not None:
        found.faults.append(Fault(f"{folder.name}/{SEAL}", Kind.BROKEN, "is not a seal of a run"))


def _read_linked(found: Archive, folder: Path, known: dict[bytes, Entry]) -> None:
    there = folder / ATTACHED
    for each in _listed(found, there, f"{folder.name}/{ATTACHED}") if not there.is_symlink() else []:
        if not each.name.endswith(LINKED) or not each.is_file(follow_symlinks=False):
            continue  # a fault of its own, like all else that lies there and is no file
        where = f"{folder.name}/{ATTACHED}/{each.name}"
        made = _entry(Path(each.path), where, found, known)
        if made is not None and made.kind == "linked":
            found.linked.setdefault(folder.name, {})[each.name.removesuffix(LINKED)] = made
        elif made is not None:
            found.faults.append(Fault(where, Kind.BROKEN, "is not a statement linked to a run"))


def _read_chains(found: Archive, known: dict[bytes, Entry], *, strays: bool) -> None:
    """`strays`: whether whatever lies beside the chains is a fault; a store that is named may hold more than chains."""
    for mode in _listed(found, found.chain_root, CHAINS):
        ours = mode.name in MODES
        if (ours or strays) and _is_stray(found, mode, mode.name, ours=ours):
            continue
        for folder in _listed(found, Path(mode.path), f"chain {mode.name}") if ours else []:
            chain = f"{mode.name}/{folder.name}"
            if not _is_stray(found, folder, chain, ours=CHAIN.fullmatch(chain) is not None):
                _read_chain(found, Path(folder.path), chain, known)


def _is_stray(found: Archive, each: os.DirEntry[str], name: str, *, ours: bool) -> bool:
    """Whether something among the chains is no folder of chains; a link is none either. It is a fault then."""
    folder = each.is_dir(follow_symlinks=False)
    if not ours:
        found.faults.append(Fault(f"chain {name}", Kind.ADDED, "is not a chain of evidence"))
    elif not folder:
        found.faults.append(Fault(f"chain {name}", Kind.LINK, "not a folder of its own"))
    return not (ours and folder)


def _read_chain(found: Archive, folder: Path, chain: str, known: dict[bytes, Entry]) -> None:
    listed = found.chains.setdefault(chain, {})
    for each in _listed(found, folder, f"chain {chain}"):
        where, number = f"chain {chain}, {each.name}", entry_number(each.name)
        if not each.is_file(follow_symlinks=False):
            found.faults.append(Fault(where, Kind.LINK, "not a file of its own"))
        elif is_part(each.name):
            continue  # left by a loss of power; it was never an entry
        elif not number:
            found.faults.append(Fault(where, Kind.ADDED, "is not an entry of a chain"))
        elif (made := _entry(Path(each.path), where, found, known)) is not None:
            listed[number] = made


def _entry(path: Path, where: str, found: Archive, known: dict[bytes, Entry]) -> Entry | None:
    try:
        data = data_of(path, LONGEST)
        if data not in known:
            known[data] = entry(read(data))
    except FileBroken as error:
        found.faults.append(Fault(where, Kind.BROKEN, str(error)))
        return None
    except FileNotFoundError:
        return None  # taken away at this moment: missing, which is said elsewhere
    return known[data]
