"""A redacted copy held against its own seal; it needs neither the original nor any chain."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.audit.compare import signature_faults
from runbook_lib.audit.redact import REDACTED_TYPE
from runbook_lib.audit.verify_run import folder_faults
from runbook_lib.base.own_files import FileBroken, data_of
from runbook_lib.evidence.people.trust import Trust
from runbook_lib.evidence.run.contents import SEAL, file_digest
from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.run.folder import NAME
from runbook_lib.evidence.seal.envelope import LONGEST, EnvelopeBroken, Sealed, read


@dataclass(frozen=True)
class CopySeal:
    """What the seal of a copy says."""

    sealed: Sealed
    run: str
    original: str
    mode: str
    when: str
    subjects: dict[str, str]
    folders: frozenset[str]
    withheld: frozenset[str] = frozenset()


@dataclass(frozen=True)
class VerifiedCopy:
    """What was seen of a copy. `seal` None: there is none to be read."""

    seal: CopySeal | None
    faults: tuple[Fault, ...]


def verify_copy(folder: Path, trust: Trust, runs: Path) -> VerifiedCopy:
    """Hold a copy against its seal, and that against the original's where it lies below `runs`."""
    where = f"{folder.name}/{SEAL}"
    try:
        seal = _seal(read(data_of(folder / SEAL, LONGEST)))
    except FileNotFoundError:
        return VerifiedCopy(None, (Fault(where, Kind.MISSING, "this is neither a run of this folder nor a sealed copy of one"),))
    except FileBroken as error:
        return VerifiedCopy(None, (Fault(where, Kind.BROKEN, str(error)),))
    return VerifiedCopy(seal, tuple(sorted([*folder_faults(folder, seal), *_seal_faults(where, seal, trust, runs)])))


def _seal_faults(where: str, seal: CopySeal, trust: Trust, runs: Path) -> Iterator[Fault]:
    strangers = f"signed by no runner's key for {seal.mode} ({trust.source})"
    yield from signature_faults(where, seal.sealed, trust.runners.get(seal.mode, ()), strangers)
    try:
        if NAME.fullmatch(seal.run) and file_digest(runs / seal.run / SEAL) != seal.original:
            yield Fault(where, Kind.CHANGED, f"names another seal than the one of {seal.run} in {runs}")
    except FileBroken as broken:
        yield Fault(f"{seal.run}/{SEAL}", Kind.BROKEN, str(broken))
    except FileNotFoundError:
        return  # the copy needs no original


def _seal(sealed: Sealed) -> CopySeal:
    """The statement of a copy. Raises EnvelopeBroken when it is another one."""
    statement: Any = sealed.statement
    try:
        if statement["predicateType"] != REDACTED_TYPE:
            raise EnvelopeBroken("is not the seal of a redacted copy")
        said, subjects = statement["predicate"], {str(each["name"]): str(each["digest"]["sha256"]) for each in statement["subject"]}
        if len(subjects) != len(statement["subject"]):
            raise EnvelopeBroken("names a file twice")
        return CopySeal(
            sealed,
            run=str(said["original"]["name"]),
            original=str(said["original"]["digest"]["sha256"]),
            mode=str(said["mode"]),
            when=str(said["sealed"]),
            subjects=subjects,
            folders=frozenset(map(str, said["folders"])),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise EnvelopeBroken(f"its statement is not one about a copy ({type(error).__name__}: {error})") from None
