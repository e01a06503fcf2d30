"""The bytes and letters of a file: of a regular file only, no more than its kind ever has, as UTF-8."""

import codecs
import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from runbook_lib.base.documents import DocumentError, Finding, NotThere, refused

MIB = 2**20
_WIDE = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_GZIP = b"\x1f\x8b"
_HOLLOW = 64 * MIB, 1000
"""A file of at least so many bytes, of which the disk holds less than one in so many, is all hole: no compression does as well."""


def read_text(path: Path, most: int, longest_line: int = 0) -> str:
    """The text of a UTF-8 file of at most `most` bytes. `longest_line` as for `decoded`. Raises DocumentError."""
    return decoded(read_bytes(path, most), str(path), longest_line)


def read_bytes(path: Path, most: int) -> bytes:
    """The bytes of a regular file, at most `most`. Raises DocumentError."""
    pieces, size = list[bytes](), 0
    with opened(path, most) as file:
        # In pieces, for it may be growing, and memory is set aside for as many bytes as are asked for.
        while size <= most and (piece := file.read(MIB)):
            pieces.append(piece)
            size += len(piece)
    if size > most:
        raise _too_large(path, size, most)
    return b"".join(pieces)


@contextmanager
def opened(path: Path, most: int) -> Iterator[BinaryIO]:
    """A regular file of at most `most` bytes, to be read in the block. Raises DocumentError, also for what fails in the block.

    A pipe or device is not opened for reading, because that may never end. A file is asked for its size before any of it is read: a
    few bytes on the disk may say that they are a terabyte.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotThere(Finding(str(path), 0, "", "", "there is no such file; check the path")) from None
    except ValueError:
        raise refused(path, "this is not a file path: it contains a NUL character; check the path") from None
    except OSError as error:
        raise refused(path, f"the file cannot be read: {error.strerror}; check the path and its permissions") from None
    try:
        _hold(path, os.fstat(descriptor), most)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
    except OSError as error:
        raise refused(path, f"the file cannot be read: {error.strerror or error}") from None
    finally:
        os.close(descriptor)


def _hold(path: Path, about: os.stat_result, most: int) -> None:
    if stat.S_ISDIR(about.st_mode):
        raise refused(path, "this is a folder; name the file in it")
    if not stat.S_ISREG(about.st_mode):
        raise refused(path, "this is a pipe or device, no file; save its content in a file first")
    if about.st_size > most:
        raise _too_large(path, about.st_size, most)
    least, share = _HOLLOW
    if about.st_size >= least and about.st_blocks * 512 * share < about.st_size:
        hollow = f"the file says that it has {about.st_size:,} bytes, and the disk holds next to none of them; get it again"
        raise refused(path, hollow)


def _too_large(path: Path, size: int, most: int) -> DocumentError:
    return refused(path, f"the file has {size:,} bytes; one of this kind has at most {most:,}; check that it is the right one")


def decoded(data: bytes, file: str, longest_line: int = 0) -> str:
    """Bytes as text: UTF-8, with or without a byte order mark. Raises DocumentError that says which byte of which line is not.

    `longest_line`: characters of a line, 0 for any number.
    """
    if wide := next((name for mark, name in _WIDE if data.startswith(mark)), "UTF-16" if _looks_wide(data) else ""):
        raise refused(file, f"the file is {wide}; save it as UTF-8", line=1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # `error.start` counts in what is behind the mark.
        start = error.start + (len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0)
        byte = data[start : start + 1]
        letter = byte.decode("cp1252", "ignore")
        perhaps = f" (in Windows-1252 or Latin-1 it is {letter})" if letter.isprintable() and letter else ""
        line = data.count(b"\n", 0, start) + 1
        raise refused(file, f"the byte 0x{byte[0]:02X} is not UTF-8{perhaps}; save the file as UTF-8", line=line) from None
    if longest_line and len(text) > longest_line:
        for number, line_ in enumerate(text.split("\n"), start=1):
            if len(line_) > longest_line:
                raise refused(file, f"the line has {len(line_):,} characters; break it: {longest_line:,} are allowed", line=number)
    return text


def _looks_wide(data: bytes) -> bool:
    """Whether every other byte is NUL, as in UTF-16 without a mark."""
    head = data[:64]
    return len(head) >= 4 and len(head) % 2 == 0 and (not any(head[1::2]) or not any(head[::2])) and any(head)


def unpacked(data: bytes, file: str, most: int) -> bytes:
    """What a gzipped file holds, at most `most` bytes; other bytes as they are. Raises DocumentError.

    A few bytes may hold a thousand times as many: no more is unpacked than may be there.
    """
    if not data.startswith(_GZIP):
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as opened:
            whole = opened.read(most + 1)
    except (OSError, EOFError, zlib.error):
        raise refused(file, "the file is gzipped and damaged or cut short; get it again") from None
    if len(whole) > most:
        raise refused(file, f"unpacked, the file has more than {most:,} bytes; check that it is the right one")
    return whole
