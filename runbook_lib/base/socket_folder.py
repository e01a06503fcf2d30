"""A folder for a kernel's sockets: its user's alone, and with a path that is short enough for them."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST = 103
"""Bytes of a socket's path: 107 on Linux, 103 on macOS."""
PREFIX = "runbook-"


@contextmanager
def socket_folder(longest_name: int) -> Iterator[Path | None]:
    """A new folder in which names of that many bytes can be sockets; it is gone at the end. None where the machine has none.

    Temporary files lie where TMPDIR says; build machines set it to paths longer than the address of a socket may be.
    """
    made = next(filter(None, map(_made, _places(LONGEST - longest_name))), None)
    if made is None:
        yield None
        return
    with made as folder:
        yield Path(folder)


def _places(longest: int) -> Iterator[str]:
    run = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    random = len(PREFIX) + 8  # what tempfile adds
    for place in dict.fromkeys((tempfile.gettempdir(), run, "/tmp", "/var/tmp", "/dev/shm")):  # noqa: S108 a folder of its own in it
        if len(os.fsencode(place)) + random + 2 <= longest:
            yield place


def _made(place: str) -> "tempfile.TemporaryDirectory[str] | None":
    try:
        return tempfile.TemporaryDirectory(prefix=PREFIX, dir=place, ignore_cleanup_errors=True)
    except OSError:
        return None
