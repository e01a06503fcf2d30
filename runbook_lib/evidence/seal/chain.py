"""The chain: seals of one organization and mode, numbered from 1, each naming the digest of the one before.

A number is taken by creating an entry that nobody had created before; that is the moment at which something is sealed. The store
decides who was first, so two machines on one store never take the same number.
"""

import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runbook_lib.base.errors import RunbookError
from runbook_lib.base.files import sync_folder
from runbook_lib.base.own_files import FileBroken, data_of
from runbook_lib.base.owner_only import private_folder
from runbook_lib.evidence.seal.envelope import LONGEST, EnvelopeBroken, read

_ENTRY = re.compile(r"([0-9]{8})\.intoto\.jsonl")
READING = 0o044
"""The rights of the group and of others to read."""
HIGHEST = 99_999_999
"""The number that a name of eight digits can have at most."""
_PART = re.compile(r"\.[0-9]{8}\.intoto\.jsonl\.[0-9a-f]{12}\.part")
CHAIN = re.compile(r"(rehearsal|live)/[A-Za-z0-9-]{1,64}")


class ChainBroken(RunbookError):
    """The newest entry of a chain cannot be read, so nothing can follow it; the message names it and what to do."""


class StoreFailed(RunbookError):
    """The store cannot be read or written; the message says why."""


class ChainStore(Protocol):
    """Where entries are kept. `chain` is "<mode>/<organization>"."""

    def numbers(self, chain: str) -> tuple[int, ...]:
        """The numbers that are taken, in order."""
        ...

    def read(self, chain: str, number: int) -> bytes:
        """The bytes of one entry. Raises StoreFailed."""
        ...

    def create(self, chain: str, number: int, data: bytes) -> bool:
        """Write an entry once and for all; False when the number is taken. Raises StoreFailed."""
        ...

    def keep(self, chain: str, folder: Path, files: Mapping[str, str]) -> None:
        """Keep the files of a run folder (name → digest) that an entry is about to name, where a store does. Raises StoreFailed."""
        ...

    def keep_review(self, chain: str, run: str, data: bytes) -> None:
        """Keep the signed review of a sealed run, where a store keeps files. Raises StoreFailed."""
        ...

    def local(self, chain: str) -> Path:
        """A folder of chains on this machine that has all entries of this one. Raises StoreFailed."""
        ...


def entry_name(number: int) -> str:
    return f"{number:08d}.intoto.jsonl"


def entry_number(name: str) -> int:
    """The number of the entry that a file of this name is; 0 for a file that is none."""
    match = _ENTRY.fullmatch(name)
    return int(match.group(1)) if match else 0


def is_part(name: str) -> bool:
    """Whether a file has the name of an entry that was being written when power was lost."""
    return _PART.fullmatch(name) is not None


def chain_name(mode: str, organization: str) -> str:
    """The name of a chain. Raises StoreFailed for what could not be a name."""
    name = f"{mode}/{organization}"
    if not CHAIN.fullmatch(name):
        raise StoreFailed(f"{name!r} cannot name a chain of evidence")
    return name


@dataclass(frozen=True)
class FolderStore:
    """Entries as files `<root>/<mode>/<organization>/00000001.intoto.jsonl`.

    `shared`: a folder that settings name, for several machines and people: what is made there is as readable as the folder itself.
    """

    root: Path
    shared: bool = False

    def numbers(self, chain: str) -> tuple[int, ...]:
        folder = self.root / chain
        try:
            found = list(folder.iterdir())
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StoreFailed(f"{folder}: {error.strerror}") from None
        return tuple(sorted(number for path in found if (number := entry_number(path.name))))

    def read(self, chain: str, number: int) -> bytes:
        path = self.root / chain / entry_name(number)
        try:
            return data_of(path, LONGEST)
        except FileNotFoundError:
            raise StoreFailed(f"{path}: there is no such file") from None
        except FileBroken as broken:
            raise StoreFailed(f"{path}: {broken}; find out with: runbook evidence verify --all") from None

    def create(self, chain: str, number: int, data: bytes) -> bool:
        folder = self.root / chain
        self._make(folder)
        part = folder / f".{entry_name(number)}.{secrets.token_hex(6)}.part"
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                if self.shared:
                    os.fchmod(descriptor, 0o600 | folder.stat().st_mode & READING)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            # A hard link fails where the name is taken; renaming would replace.
            (folder / entry_name(number)).hardlink_to(part)
        except FileExistsError:
            return False
        except OSError as error:
            raise StoreFailed(f"{folder}: {error.strerror}; nothing was sealed there") from None
        finally:
            with suppress(FileNotFoundError):
                part.unlink()
        sync_folder(folder)
        return True

    def _make(self, folder: Path) -> None:
        """The folder of a chain: private, or with the rights of the folder that it is made in."""
        if not self.shared:
            private_folder(folder)
            return
        for missing in [each for each in (*reversed(folder.parents), folder) if not each.exists()]:
            missing.mkdir(exist_ok=True)
            missing.chmod(missing.parent.stat().st_mode & 0o2777)

    def keep(self, chain: str, folder: Path, files: Mapping[str, str]) -> None:
        """The files stay where they are: in the folder of runs."""

    def keep_review(self, chain: str, run: str, data: bytes) -> None:
        """It stays where it is: in the run's folder."""

    def local(self, chain: str) -> Path:
        return self.root


def append(store: ChainStore, chain: str, make: Callable[[int, str], bytes]) -> tuple[int, bytes]:
    """Put a new entry at the end: `make(number, digest of the one before)` is called until a number is won.

    The digest before number 1 is "". Raises ChainBroken, StoreFailed.
    """
    lost = 0
    while True:
        number, previous = _next(store, chain)
        if number <= lost:
            raise StoreFailed(f"{chain}, number {number}: is taken, and the store does not list it")
        data = make(number, previous)
        if store.create(chain, number, data):
            return number, data
        lost = number


def _next(store: ChainStore, chain: str) -> tuple[int, str]:
    taken = store.numbers(chain)
    if not taken:
        return 1, ""
    try:
        return taken[-1] + 1, read(store.read(chain, taken[-1])).digest
    except EnvelopeBroken as broken:
        raise ChainBroken(
            f"{chain}, number {taken[-1]}: {broken}; keep everything as it is and find out with: runbook evidence verify --all"
        ) from None
