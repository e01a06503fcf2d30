"""The chain in a bucket with Object Lock, and beside it the files that its entries name.

`<prefix>/chain/<mode>/<organization>/<number>.intoto.jsonl` are the entries, `<prefix>/files/<mode>/<organization>/<run>/<SHA-256>`
the files of runs. Files are uploaded first; the entry that names them is the commit. What this machine has read of a chain it keeps
in a folder: verifying needs no network, and a bucket that has lost or changed an entry is noticed.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from runbook_lib.evidence.bucket import Bucket
from runbook_lib.evidence.chain import ENTRY, FolderStore, StoreFailed, entry_name
from runbook_lib.evidence.retention import Retained, retained_until
from runbook_lib.settings.object_lock import ObjectLockPart

T = TypeVar("T")
AT_ONCE = 8
"""Objects on their way at the same time."""


def prefixes(store: str) -> tuple[str, str, str]:
    """(bucket, prefix of the chains, prefix of the files) of a store such as s3://bucket/prefix."""
    name, _, below = store.removeprefix("s3://").rstrip("/").partition("/")
    start = f"{below}/" if below else ""
    return name, f"{start}chain/", f"{start}files/"


class S3Store:
    """Entries in a bucket, written once; see `ChainStore`. `seen` is where this machine keeps what it has read."""

    def __init__(self, bucket: Bucket, store: str, lock: ObjectLockPart, seen: FolderStore, now: Callable[[], dt.datetime]) -> None:
        _, self._chains, self._files = prefixes(store)
        self._bucket, self._lock, self._seen, self._now = bucket, lock, seen, now
        self._versions: dict[str, str] = {}

    def numbers(self, chain: str) -> tuple[int, ...]:
        """The numbers that were ever taken. Raises StoreFailed where one is gone that this machine has seen."""
        listed = self._bucket.keys(f"{self._chains}{chain}/")
        self._versions |= {key: kept.version for key, kept in listed.items()}
        names = (key.rpartition("/")[2] for key in listed)
        found = sorted(int(match.group(1)) for name in names if (match := ENTRY.match(name)))
        if gone := sorted(set(self._seen.numbers(chain)) - set(found)):
            raise StoreFailed(
                f"s3://{self._bucket.name}/{self._chains}{chain}: lacks number {gone[0]}, which this machine has in "
                f"{self._seen.root / chain}: entries were taken from the bucket, or this folder of runs belongs to another store"
            )
        return tuple(found)

    def read(self, chain: str, number: int) -> bytes:
        """One entry as it was first written, whatever lies on it now. Raises StoreFailed."""
        key = self._key(chain, number)
        if key not in self._versions:
            self.numbers(chain)
        if key not in self._versions:
            raise StoreFailed(f"s3://{self._bucket.name}/{key}: there is no such entry")
        data = self._bucket.get(key, self._versions[key])
        if not self._seen.create(chain, number, data) and self._seen.read(chain, number) != data:
            raise StoreFailed(f"s3://{self._bucket.name}/{key}: is not what this machine has read there before")
        return data

    def create(self, chain: str, number: int, data: bytes) -> bool:
        """Write an entry once and for all; False when the number is taken by another. Raises StoreFailed."""
        return self._bucket.put(self._key(chain, number), data, hashlib.sha256(data).hexdigest(), self._locked())

    def keep(self, chain: str, folder: Path, files: Mapping[str, str]) -> None:
        """Upload files of a run (name → digest) that an entry is about to name. Raises StoreFailed."""
        lock = self._locked()

        def upload(digest: str, name: str) -> None:
            key = f"{self._files}{chain}/{folder.name}/{digest}"
            if not self._bucket.put(key, folder / name, digest, lock):
                raise StoreFailed(f"s3://{self._bucket.name}/{key}: has other content than this digest; nothing was sealed")

        all_of(upload, {digest: name for name, digest in sorted(files.items())}.items())

    def local(self, chain: str) -> Path:
        """The folder of chains on this machine, with all entries that this chain has now. Raises StoreFailed."""
        missing = set(self.numbers(chain)) - set(self._seen.numbers(chain))
        all_of(self.read, [(chain, number) for number in sorted(missing)])
        return self._seen.root

    def _key(self, chain: str, number: int) -> str:
        return f"{self._chains}{chain}/{entry_name(number)}"

    def _locked(self) -> Retained:
        return Retained(self._lock.lock_mode, retained_until(self._lock.retention, self._now()))


def all_of(work: Callable[..., T], arguments: Iterable[tuple[Any, ...]]) -> list[T]:
    """What `work` returns for each of many arguments, some at a time. After an error no more are begun, and it is raised."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        begun = [pool.submit(work, *given) for given in arguments]
        try:
            return [each.result() for each in begun]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
