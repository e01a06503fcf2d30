"""What lies in a run folder, for sealing and for verifying: files with their digests, folders, and what is neither."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SEAL = "evidence.intoto.jsonl"
REVIEW = "review.intoto.jsonl"
OUTSIDE = frozenset({SEAL, REVIEW})
"""Names at the top of a run folder that are written after the seal and are signed themselves."""
ATTACHED = "attached"
"""The folder in a run folder for what is linked to its seal afterwards; it has statements of its own (linked.py)."""
LINKED = ".intoto.jsonl"
"""How the names of those statements end."""
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Contents:
    """Relative names, with "/" between folders. `strange`: links, devices, pipes and what cannot be read, with what they are."""

    files: dict[str, str]
    folders: frozenset[str]
    strange: dict[str, str]


def contents(folder: Path) -> Contents:
    """Everything below a run folder but the seal itself and what is signed after it."""
    return _sorted_out(_walk(folder, "", skip=ATTACHED))


def attached_contents(folder: Path) -> Contents:
    """Everything that was put into a run folder after it was sealed; names start at the run folder."""
    there = folder / ATTACHED
    return _sorted_out(_walk(there, f"{ATTACHED}/") if there.is_dir() and not there.is_symlink() else ())


def _sorted_out(found: Iterable[tuple[str, os.DirEntry[str]]]) -> Contents:
    files, folders, strange = dict[str, str](), set[str](), dict[str, str]()
    for name, entry in found:
        if not _is_text(name):
            strange[name.encode("utf-8", "backslashreplace").decode()] = "its name is no UTF-8 text"
            continue
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            folders.add(name)
        elif not stat.S_ISREG(mode):
            strange[name] = "link" if stat.S_ISLNK(mode) else "neither file nor folder"
        elif name not in OUTSIDE:
            try:
                files[name] = file_digest(Path(entry.path))
            except OSError as error:
                strange[name] = f"cannot be read: {error.strerror}"
    return Contents(files, frozenset(folders), strange)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _walk(folder: Path, before: str, skip: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as found:
        listed = sorted(found, key=lambda entry: entry.name)
    for entry in listed:
        name = before + entry.name
        folder_like = entry.is_dir(follow_symlinks=False)
        if folder_like and entry.name == skip:
            continue
        yield name, entry
        if folder_like:
            yield from _walk(Path(entry.path), f"{name}/")


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file that is no link. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "rb") as file:
        found = hashlib.sha256()
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
