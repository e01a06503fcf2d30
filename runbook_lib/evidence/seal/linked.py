"""Linked statements: what is said about a sealed run afterwards, and the files that come with it.

A seal is never touched again. What belongs to a run and comes later (the saved notebook, a witness's report) lies in
`attached/<name>/` of the run folder, with a statement beside it, `attached/<name>.intoto.jsonl`. The statement is signed at the
same desk as the seal, names the digest of the seal and of every file it adds, and takes a number of the run's chain like any entry:
so it cannot be dropped, changed or put beside another run unseen. The files are written first, then the chain's entry, then the
statement beside them; the next command goes on where power was lost.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from runbook_lib.base.files import sync_folder, write_bytes
from runbook_lib.base.own_files import FileBroken, data_of
from runbook_lib.evidence.run.contents import ATTACHED, LINKED, SEAL, contents
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal.chain import ChainStore, append
from runbook_lib.evidence.seal.envelope import LONGEST, EnvelopeBroken, read, sign
from runbook_lib.evidence.seal.keys import pin
from runbook_lib.evidence.seal.reading import Entry, entry
from runbook_lib.evidence.seal.sealing import Desk, NotSealed, seal_of
from runbook_lib.evidence.seal.secret_scan import Gate
from runbook_lib.evidence.seal.statement import LINKED_TYPE, Withheld, frame, withheld_part

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Addition:
    """What is to be said about a sealed run: of which kind, under which name (once per run), with which files.

    `facts` are plain values for whoever reads the statement. `elsewhere`: name → digest of what is kept outside the run folder.
    """

    kind: str
    name: str
    files: Mapping[str, bytes]
    facts: Mapping[str, Any] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or not all(_FILE.fullmatch(each) for each in self.files):
            raise ValueError(f"{self.name}: {sorted(self.files)}: no names for what is linked to a run")


class _SaidAlready(Exception):
    """The chain has this statement: somebody else was first, or an earlier try lost power."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.data = data


def linked_of(run: RunFolder, name: str) -> Entry | None:
    """What lies beside a run's seal under a name; None when nothing does. Raises NotSealed when it cannot be read."""
    path = run.path / ATTACHED / f"{name}{LINKED}"
    try:
        return entry(read(data_of(path, LONGEST)))
    except FileNotFoundError:
        return None
    except FileBroken as error:
        raise NotSealed(f"{run.name}: {path.name} {error}; find out with: runbook evidence verify {run.name}") from None


def linked_to(run: RunFolder) -> list[Entry]:
    """All that is linked to a run, by name. Raises NotSealed when any cannot be read."""
    names = sorted(path.name.removesuffix(LINKED) for path in (run.path / ATTACHED).glob(f"[!.]*{LINKED}"))
    return [found for name in names if (found := linked_of(run, name)) is not None]


def attach(run: RunFolder, addition: Addition, desk: Desk) -> Entry:
    """Link an addition to a run's seal. What was attached under this name before stays, and is returned.

    Raises NotSealed where the run has no seal, and what the store and the signer raise.
    """
    with _alone(run):
        seal = seal_of(run)
        if seal is None:
            raise NotSealed(f"{run.name}: is not sealed; only a sealed run can have something linked to it")
        if (there := linked_of(run, addition.name)) is not None:
            return there
        for part in (run.path / ATTACHED).glob(".*.part"):
            part.unlink()  # left where a statement was being written when power was lost
        data = _said(desk.store, seal, addition.name) or _appended(run, seal, addition, desk)
        write_bytes(run.path / ATTACHED / f"{addition.name}{LINKED}", data)
        return entry(read(data))


@contextmanager
def _alone(run: RunFolder) -> Iterator[None]:
    """One process at a time attaches to a run."""
    folder = os.open(run.path, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _appended(run: RunFolder, seal: Entry, addition: Addition, desk: Desk) -> bytes:
    folder, withheld = _put(run, addition, desk.gate)
    digests = {f"{ATTACHED}/{addition.name}/{name}": digest for name, digest in contents(folder).files.items()}
    pin(desk.keys, seal.mode, desk.signer.public_key)
    desk.store.keep(seal.chain, run.path, digests)

    def make(number: int, previous: str) -> bytes:
        # Whoever takes this number has read the chain up to the one before it, so nobody can have said it in between.
        if found := _said(desk.store, seal, addition.name):
            raise _SaidAlready(found)
        return sign(_statement(seal, addition, digests, withheld, number, previous, desk), desk.signer)

    try:
        return append(desk.store, seal.chain, make)[1]
    except _SaidAlready as already:
        return already.data


def _put(run: RunFolder, addition: Addition, gate: Gate) -> tuple[Path, tuple[Withheld, ...]]:
    """Write the files, in place of what a try without a statement left, and take out what may not be kept."""
    folder = run.path / ATTACHED / addition.name
    if folder.is_symlink() or (run.path / ATTACHED).is_symlink():
        raise NotSealed(f"{folder}: a link in place of a folder")
    aside = gate.aside / run.name / ATTACHED
    for left in (folder, aside / addition.name):
        if left.exists():
            shutil.rmtree(left)
    folder.mkdir(parents=True)
    for name, data in addition.files.items():
        write_bytes(folder / name, data)
    withheld = replace(gate, aside=aside).withhold(folder)
    for each in (folder.parent, run.path):
        sync_folder(each)
    return folder, withheld


def _said(store: ChainStore, seal: Entry, name: str) -> bytes | None:
    """The bytes of the entry by which the chain has this addition; None when it has none."""
    for number in store.numbers(seal.chain):
        if number > seal.number:
            try:
                found = entry(read(store.read(seal.chain, number)))
            except EnvelopeBroken:
                continue
            if (found.kind, found.run, found.parameters.get("name")) == ("linked", seal.run, name):
                return found.sealed.data
    return None


def _statement(
    seal: Entry,
    addition: Addition,
    digests: Mapping[str, str],
    withheld: Sequence[Withheld],
    number: int,
    previous: str,
    desk: Desk,
) -> dict[str, Any]:
    parameters = {
        "mode": seal.mode,
        "organization": seal.organization,
        "kind": addition.kind,
        "name": addition.name,
        "facts": dict(addition.facts),
    }
    subjects = {SEAL: seal.digest, **digests}
    dependencies = [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(addition.elsewhere.items())]
    if desk.trust:
        dependencies.append({"name": "trust-policy", "digest": {"sha256": desk.trust}})
    return frame(
        LINKED_TYPE,
        [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(subjects.items())],
        parameters,
        dependencies,
        seal.run,
        seal.started,
        seal.builder,
        number,
        previous,
        desk.now(),
        folders=[f"{ATTACHED}/{addition.name}"],
        byproducts=[withheld_part(each, f"{ATTACHED}/{addition.name}/") for each in withheld],
    )
