"""What commands and kernels write is for its owner alone: plans, account ids, notebooks, settings, and what was withheld.

A file that is made to be given to somebody else (an approval, a copy for outsiders) has the rights that its maker's shell says.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OTHERS = 0o077
"""The rights of the group and of all others."""
_SHELL: list[int] = []
"""The umask of the shell that started this command."""


def keep_private() -> None:
    """From now on, for the rest of this process: a kernel's."""
    os.umask(OTHERS)


@contextmanager
def owner_only() -> Iterator[None]:
    """For the time of a command."""
    _SHELL.append(os.umask(OTHERS))
    try:
        yield
    finally:
        os.umask(_SHELL.pop())


@contextmanager
def handed_over() -> Iterator[None]:
    """For a file that others are to read."""
    before = os.umask(_SHELL[-1] if _SHELL else OTHERS)
    if not _SHELL:
        os.umask(before)
    try:
        yield
    finally:
        os.umask(before)


def private_folder(path: Path) -> None:
    """Make a folder that only its owner may enter, and those above it that are missing."""
    for folder in [*(each for each in reversed(path.parents) if not each.exists()), path]:
        folder.mkdir(mode=0o700, exist_ok=True)


def tighten(folder: Path) -> None:
    """Take the rights of others from a folder of this user's, as earlier versions left it; anything else stays as it is."""
    with suppress(OSError):
        about = folder.lstat()
        if folder.is_dir() and not folder.is_symlink() and about.st_uid == os.geteuid() and about.st_mode & OTHERS:
            folder.chmod(about.st_mode & ~OTHERS & 0o7777)
