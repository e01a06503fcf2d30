"""One run's folder held against its seal."""

from collections.abc import Iterator
from pathlib import Path

from runbook_lib.audit.compare import Listed, Words, compare
from runbook_lib.evidence.run.contents import SEAL, contents
from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.seal.reading import Entry

WORDS = Words(
    missing="was there when the run was sealed",
    changed="differs from what was sealed",
    added="was not there when the run was sealed",
    withheld="was withheld from the seal",
    added_folder="this folder was not there when the run was sealed",
    missing_folder="this folder was there when the run was sealed",
)


def folder_faults(folder: Path, seal: Listed) -> list[Fault]:
    """Every difference between a run's folder and what its seal says lies in it."""
    return sorted(compare(folder.name, seal, contents(folder), WORDS))


def place_faults(folder: Path, seal: Entry) -> Iterator[Fault]:
    """Whether the seal in a folder is that of the run the folder is named after."""
    if seal.run != folder.name:
        yield Fault(f"{folder.name}/{SEAL}", Kind.RENAMED, f"this is the seal of {seal.run}")
    if f"-{seal.mode}-" not in seal.run:
        yield Fault(f"{folder.name}/{SEAL}", Kind.BROKEN, f"a run of this name has another mode than {seal.mode}")
