"""All evidence below one folder of runs, as it lies there: run folders, their seals, and the entries of the chains."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook_lib.evidence.chain import ENTRY
from runbook_lib.evidence.contents import ATTACHED, LINKED, SEAL
from runbook_lib.evidence.envelope import EnvelopeBroken, read
from runbook_lib.evidence.faults import Fault, Kind
from runbook_lib.evidence.reading import Entry, entry
from runbook_lib.evidence.run_folder import NAME

CHAINS, KEYS, ASIDE = "chain", "keys", "withheld"


@dataclass
class Archive:
    """What was found.

    `chains`: chain → number (as the file is named) → entry; `seals`: run folder → the seal in it;
    `linked`: run folder → name (as the file is named) → the statement linked to its seal.
    """

    root: Path
    folders: list[Path] = field(default_factory=list)
    seals: dict[str, Entry] = field(default_factory=dict)
    chains: dict[str, dict[int, Entry]] = field(default_factory=dict)
    linked: dict[str, dict[str, Entry]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def chain_entry(self, run: str) -> Entry | None:
        """The seal of a run as the chain has it."""
        return self._by_run.get(run)

    @property
    def _by_run(self) -> Mapping[str, Entry]:
        if self._index is None:
            self._index = {each.run: each for chain in self.chains.values() for each in chain.values() if each.kind == "run"}
        return self._index

    _index: dict[str, Entry] | None = None


def archive(root: Path, chains: Path | None = None) -> Archive:
    """Read everything below a folder of runs, and the chains where they are kept elsewhere. What cannot be read is a fault."""
    found = Archive(root)
    known: dict[bytes, Entry] = {}
    _read_chains(found, chains or root / CHAINS, known)
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        if path.is_symlink():
            if NAME.match(path.name):
                found.faults.append(Fault(path.name, Kind.LINK, "a link in place of a run folder"))
        elif path.is_dir() and (NAME.match(path.name) or (path / SEAL).exists()):
            found.folders.append(path)
            _read_seal(found, path, known)
            _read_linked(found, path, known)
    return found


def _read_seal(found: Archive, folder: Path, known: dict[bytes, Entry]) -> None:
    path = folder / SEAL
    if not path.exists() or path.is_symlink():
        return
    made = _entry(path, f"{folder.name}/{SEAL}", found, known)
    if made is not None and made.kind == "run":
        found.seals[folder.name] = made
    elif made is not None:
        found.faults.append(Fault(f"{folder.name}/{SEAL}", Kind.BROKEN, "is no seal of a run"))


def _read_linked(found: Archive, folder: Path, known: dict[bytes, Entry]) -> None:
    there = folder / ATTACHED
    for path in sorted(there.glob(f"*{LINKED}")) if there.is_dir() and not there.is_symlink() else []:
        if path.is_symlink() or not path.is_file():
            continue  # a fault of its own, like all else that lies there and is no file
        where = f"{folder.name}/{ATTACHED}/{path.name}"
        made = _entry(path, where, found, known)
        if made is not None and made.kind == "linked":
            found.linked.setdefault(folder.name, {})[path.name.removesuffix(LINKED)] = made
        elif made is not None:
            found.faults.append(Fault(where, Kind.BROKEN, "is no statement linked to a run"))


def _read_chains(found: Archive, chains: Path, known: dict[bytes, Entry]) -> None:
    for folder in sorted(chains.glob("*/*")):
        chain = f"{folder.parent.name}/{folder.name}"
        listed = found.chains.setdefault(chain, {})
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            if path.name.startswith(".") and path.name.endswith(".part"):
                continue  # left by a loss of power; it was never an entry
            where = f"chain {chain}, {path.name}"
            match = ENTRY.match(path.name)
            if path.is_symlink() or not path.is_file():
                found.faults.append(Fault(where, Kind.LINK, "not a file of its own"))
            elif match is None:
                found.faults.append(Fault(where, Kind.ADDED, "is no entry of a chain"))
            elif (made := _entry(path, where, found, known)) is not None:
                listed[int(match.group(1))] = made


def _entry(path: Path, where: str, found: Archive, known: dict[bytes, Entry]) -> Entry | None:
    try:
        data = path.read_bytes()
        if data not in known:
            known[data] = entry(read(data))
    except (EnvelopeBroken, OSError) as error:
        found.faults.append(Fault(where, Kind.BROKEN, str(error)))
        return None
    return known[data]
