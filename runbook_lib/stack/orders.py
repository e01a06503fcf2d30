"""An order: what one custom resource is to carry out, as files in the stack's bucket that are named by what they contain.

A property of the resource names the order, so an update arrives exactly when there is another one; it begins with when it was made,
by which a rollback is told from the way on. Settings, plan, approval and trust policy are found through it, each held against its
digest: whoever may write into the bucket can add files, and change none that is named.
"""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from runbook_lib.stack.answer import FORMAT

NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{64}")
SETTINGS, APPROVAL = "settings.yaml", "approval.json"
Read = Callable[[str], bytes]
"""Gives the object of a key."""


class BadOrder(Exception):
    """An order that is not what its name says, or cannot be read by this version."""


@dataclass(frozen=True)
class Order:
    """Which phase on which part, under which files. `files`: relative name → SHA-256."""

    phase: str
    scope: str
    made: str
    files: Mapping[str, str]
    format: str = FORMAT

    @property
    def text(self) -> bytes:
        return (json.dumps(asdict(self), sort_keys=True, separators=(",", ":")) + "\n").encode()

    @property
    def name(self) -> str:
        """What a property of the resource says."""
        return f"{self.made}-{hashlib.sha256(self.text).hexdigest()}"


def stamp(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}"


@dataclass(frozen=True)
class Ordered:
    """An order with what it names: everything that is put into the bucket for one resource."""

    order: Order
    files: tuple[bytes, ...]

    @classmethod
    def of(cls, phase: str, scope: str, files: Mapping[str, bytes], now: dt.datetime) -> "Ordered":
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        return cls(Order(phase, scope, stamp(now), digests), tuple(files.values()))


def key(digest: str) -> str:
    """Where an input of that digest lies in the bucket."""
    return f"inputs/{digest}"


def fetch(name: str, read: Read, into: Path) -> Order:
    """The order of that name, with its files below a folder. Raises BadOrder."""
    if not NAME.fullmatch(name):
        raise BadOrder("the property Order does not name an order")
    made, _, digest = name.partition("-")
    said = json.loads(_held(read, digest, "the order"))
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise BadOrder("the order was written by another version of the runbook")
    order = Order(**said)
    if order.made != made:
        raise BadOrder("the order was made at another time than its name says")
    for file, held in order.files.items():
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts:
            raise BadOrder("the order names a file outside its folder")
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_held(read, held, file))
    return order


def _held(read: Read, digest: str, what: str) -> bytes:
    data = read(key(digest))
    if hashlib.sha256(data).hexdigest() != digest:
        raise BadOrder(f"{what} in the bucket is not what was deployed: its digest is another")
    return data
