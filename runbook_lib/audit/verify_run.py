"""One run's folder held against its seal."""

from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from runbook_lib.evidence.run.contents import SEAL, Contents, contents
from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.seal.reading import Entry


class Listed(Protocol):
    """What the seal of a folder says lies in it."""

    @property
    def subjects(self) -> Mapping[str, str]: ...
    @property
    def folders(self) -> frozenset[str]: ...
    @property
    def withheld(self) -> Container[str]: ...


def folder_faults(folder: Path, seal: Listed) -> Iterator[Fault]:
    """Every difference between a run's folder and what its seal says lies in it."""
    run = folder.name
    found = contents(folder)
    for name, what in sorted(found.strange.items()):
        yield Fault(f"{run}/{name}", Kind.LINK, f"{what}; a sealed run has files and folders only")
    missing = {name: digest for name, digest in seal.subjects.items() if name not in found.files and name not in found.strange}
    added = {name: digest for name, digest in found.files.items() if name not in seal.subjects}
    yield from _renamed(run, missing, added)
    for name in sorted(missing):
        yield Fault(f"{run}/{name}", Kind.MISSING, "was there when the run was sealed")
    for name in sorted(added):
        said = "was withheld from the seal" if name in seal.withheld else "was not there when the run was sealed"
        yield Fault(f"{run}/{name}", Kind.ADDED, said)
    for name in sorted(set(seal.subjects) & set(found.files)):
        if found.files[name] != seal.subjects[name]:
            yield Fault(f"{run}/{name}", Kind.CHANGED, "differs from what was sealed")
    yield from _folders(run, found, seal)


def _renamed(run: str, missing: dict[str, str], added: dict[str, str]) -> Iterator[Fault]:
    """Files that lie under another name; they are taken out of both mappings."""
    for name, digest in sorted(missing.items()):
        other = next((each for each in sorted(added) if added[each] == digest), "")
        if other:
            del missing[name], added[other]
            yield Fault(f"{run}/{name}", Kind.RENAMED, f"lies there as {other}")


def _folders(run: str, found: Contents, seal: Listed) -> Iterator[Fault]:
    for name in sorted(found.folders - seal.folders):
        yield Fault(f"{run}/{name}", Kind.ADDED, "this folder was not there when the run was sealed")
    for name in sorted(seal.folders - found.folders):
        if name not in found.strange and not any(each.startswith(f"{name}/") for each in seal.subjects):
            yield Fault(f"{run}/{name}", Kind.MISSING, "this folder was there when the run was sealed")


def place_faults(folder: Path, seal: Entry) -> Iterator[Fault]:
    """Whether the seal in a folder is that of the run the folder is named after."""
    if seal.run != folder.name:
        yield Fault(f"{folder.name}/{SEAL}", Kind.RENAMED, f"this is the seal of {seal.run}")
    if f"-{seal.mode}-" not in seal.run:
        yield Fault(f"{folder.name}/{SEAL}", Kind.BROKEN, f"a run of this name has another mode than {seal.mode}")
