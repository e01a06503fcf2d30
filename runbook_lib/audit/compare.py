"""What was said held against what is there: the differences between a signed list and a folder, and whose signature it has."""

from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from runbook_lib.evidence.run.contents import Contents
from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.seal.envelope import Sealed
from runbook_lib.evidence.signatures import Key


class Listed(Protocol):
    """What a statement says lies in a folder."""

    @property
    def subjects(self) -> Mapping[str, str]: ...
    @property
    def folders(self) -> Collection[str]: ...
    @property
    def withheld(self) -> Container[str]: ...


@dataclass(frozen=True)
class Words:
    """How the differences from one kind of statement are told."""

    missing: str
    changed: str
    added: str
    withheld: str
    added_folder: str
    missing_folder: str = ""
    """Empty where a statement names its folders only for what lies in them."""


def compare(run: str, said: Listed, found: Contents, words: Words) -> Iterator[Fault]:
    """Every difference between what a statement says lies in a run's folder and what lies there."""
    for name, what in found.strange.items():
        yield Fault(f"{run}/{name}", Kind.LINK, f"{what}; a sealed run has files and folders only")
    missing = {name: digest for name, digest in said.subjects.items() if name not in found.files and name not in found.strange}
    added = {name: digest for name, digest in found.files.items() if name not in said.subjects}
    yield from _renamed(run, missing, added)
    for name in missing:
        yield Fault(f"{run}/{name}", Kind.MISSING, words.missing)
    for name in added:
        yield Fault(f"{run}/{name}", Kind.ADDED, words.withheld if name in said.withheld else words.added)
    for name in said.subjects.keys() & found.files.keys():
        if found.files[name] != said.subjects[name]:
            yield Fault(f"{run}/{name}", Kind.CHANGED, words.changed)
    yield from _folders(run, said, found, words)


def _renamed(run: str, missing: dict[str, str], added: dict[str, str]) -> Iterator[Fault]:
    """Files that lie under another name; they are taken out of both mappings."""
    for name, digest in sorted(missing.items()):
        other = next((each for each in sorted(added) if added[each] == digest), "")
        if other:
            del missing[name], added[other]
            yield Fault(f"{run}/{name}", Kind.RENAMED, f"lies there as {other}")


def _folders(run: str, said: Listed, found: Contents, words: Words) -> Iterator[Fault]:
    for name in found.folders.difference(said.folders):
        yield Fault(f"{run}/{name}", Kind.ADDED, words.added_folder)
    for name in set(said.folders) - found.folders if words.missing_folder else ():
        if name not in found.strange and not any(each.startswith(f"{name}/") for each in said.subjects):
            yield Fault(f"{run}/{name}", Kind.MISSING, words.missing_folder)


def signature_faults(where: str, sealed: Sealed, keys: Collection[Key], strangers: str) -> Iterator[Fault]:
    """Whether one of these keys signed a statement; `strangers` is what is said of one that others signed."""
    if sealed.signed_by(keys):
        return
    if {key.keyid for key in keys} & set(sealed.signatures):
        yield Fault(where, Kind.BROKEN, "the signature is not one of this statement")
    else:
        yield Fault(where, Kind.WRONG_KEY, strangers)
