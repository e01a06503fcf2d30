"""What lies in a run folder, for sealing and for verifying: files with their digests, folders, and what is neither."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.base.own_files import GIB, FileBroken, digest_of

SEAL = "evidence.intoto.jsonl"
REVIEW = "review.intoto.jsonl"
OUTSIDE = frozenset({SEAL, REVIEW})
"""Names at the top of a run folder that are written after the seal and are signed themselves."""
ATTACHED = "attached"
"""The folder in a run folder for what is linked to its seal afterwards; it has statements of its own (linked.py)."""
LINKED = ".intoto.jsonl"
"""How the names of those statements end."""
LARGEST = 64 * GIB
"""Bytes of a file that may lie in a run folder."""
_Found = tuple[str, os.DirEntry[str] | OSError]


@dataclass(frozen=True)
class Contents:
    """Relative names, with "/" between folders. `strange`: links, devices, pipes and what cannot be read, with what they are."""

    files: dict[str, str]
    folders: frozenset[str]
    strange: dict[str, str]


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file that is no link. Raises FileBroken, FileNotFoundError."""
    return digest_of(path, LARGEST)


def contents(folder: Path, read: Callable[[Path], str] = file_digest) -> Contents:
    """Everything below a run folder but the seal itself and what is signed after it.

    `read` gives a file's digest, as `file_digest` does: for whoever wants to see what is in it by the same reading.
    """
    return _sorted_out(_walk(folder, "", skip=ATTACHED), read)


def files_in(folder: Path) -> int:
    """How many files `contents` will read, at this moment."""
    return sum(
        1
        for _, entry in _walk(folder, "", skip=ATTACHED)
        if isinstance(entry, os.DirEntry) and entry.is_file(follow_symlinks=False)
    )


def attached_contents(folder: Path) -> Contents:
    """Everything that was put into a run folder after it was sealed; names start at the run folder."""
    there = folder / ATTACHED
    return _sorted_out(_walk(there, f"{ATTACHED}/") if there.is_dir() and not there.is_symlink() else ())


def _sorted_out(found: Iterable[_Found], read: Callable[[Path], str] = file_digest) -> Contents:
    files, folders, strange = dict[str, str](), set[str](), dict[str, str]()
    for name, entry in found:
        if not _is_text(name):
            strange[name.encode("utf-8", "backslashreplace").decode()] = "its name is not UTF-8 text"
        elif isinstance(entry, OSError):
            strange[name] = f"a folder that cannot be read: {entry.strerror}"
        elif entry.is_dir(follow_symlinks=False):
            folders.add(name)
        elif not entry.is_file(follow_symlinks=False):
            strange[name] = "link" if entry.is_symlink() else "neither file nor folder"
        elif name not in OUTSIDE:
            try:
                files[name] = read(Path(entry.path))
            except FileNotFoundError:
                continue  # taken away at this moment
            except FileBroken as broken:
                strange[name] = str(broken)
    return Contents(files, frozenset(folders), strange)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _walk(folder: Path, before: str, skip: str = "") -> Iterator[_Found]:
    """Everything below a folder, however deep; a folder that cannot be read comes a second time, with the reason."""
    waiting = [(folder, before)]
    while waiting:
        here, prefix = waiting.pop()
        try:
            with os.scandir(here) as found:
                listed = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield prefix.removesuffix("/") or ".", error
            continue
        for entry in listed:
            name, inside = prefix + entry.name, entry.is_dir(follow_symlinks=False)
            if inside and name == skip:
                continue
            yield name, entry
            if inside:
                waiting.append((Path(entry.path), f"{name}/"))
