"""Files that are there whole or not at all, whenever the program is stopped."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path


@contextmanager
def written(path: Path) -> Iterator[TextIOWrapper]:
    """A text file (UTF-8, line ends as given) that takes its name only when the block ends well and the bytes are on disk."""
    part = path.parent / f".{path.name}.{secrets.token_hex(6)}.part"
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException as error:
        with suppress(FileNotFoundError):
            part.unlink()
        if isinstance(error, OSError) and error.errno and not error.filename:
            error.filename = str(path)  # a full disk names no file by itself
        raise
    sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write one text file whole."""
    with written(path) as file:
        file.write(text)


def write_new(path: Path, text: str) -> None:
    """Write one text file whole for its owner alone, and never over another. Raises FileExistsError."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Write the exact bytes whole."""
    with written(path) as file:
        file.buffer.write(data)


def sync_folder(path: Path) -> None:
    """Make names created in a folder survive a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
