"""The chain in a bucket with Object Lock, and beside it the files that its entries name.

`<prefix>/chain/<mode>/<organization>/<number>.intoto.jsonl` are the entries, `<prefix>/files/<mode>/<organization>/<run>/<SHA-256>`
the files of runs, and `…/<run>/review/<SHA-256>` a run's signed reviews. Files are uploaded first; the entry that names them is the
commit. What this machine has read of a chain it keeps in a folder: verifying needs no network, and a bucket that has lost or
changed an entry is noticed.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from runbook_lib.evidence.seal.chain import FolderStore, StoreFailed, entry_name, entry_number
from runbook_lib.evidence.seal.envelope import LONGEST
from runbook_lib.evidence.store.bucket import Bucket
from runbook_lib.evidence.store.retention import Retained, retained_until
from runbook_lib.settings.object_lock import ObjectLockSection

T = TypeVar("T")
REVIEWS = "review"
"""The folder of a run's reviews in the bucket. They are signed by people, not by the chain's key, so no entry names them."""
AT_ONCE = 8
"""Objects on their way at the same time."""


def prefixes(store: str) -> tuple[str, str, str]:
    """(bucket, prefix of the chains, prefix of the files) of a store such as s3://bucket/prefix."""
    name, _, below = store.removeprefix("s3://").rstrip("/").partition("/")
    start = f"{below}/" if below else ""
    return name, f"{start}chain/", f"{start}files/"


class S3Store:
    """Entries in a bucket, written once; see `ChainStore`. `seen` is where this machine keeps what it has read."""

    def __init__(
        self, bucket: Bucket, store: str, lock: ObjectLockSection, seen: FolderStore, now: Callable[[], dt.datetime]
    ) -> None:
        _, self._chains, self._files = prefixes(store)
        self._bucket, self._lock, self._seen, self._now = bucket, lock, seen, now
        self._heads: dict[str, tuple[int, str]] = {}

    def numbers(self, chain: str) -> tuple[int, ...]:
        """The numbers that were ever taken; what is new is read. Raises StoreFailed, also where one is gone that was here."""
        listed = self._bucket.keys(f"{self._chains}{chain}/")
        named = {key.rpartition("/")[2]: kept.version for key, kept in listed.items()}
        found = {number: version for name, version in named.items() if (number := entry_number(name))}
        seen = set(self._seen.numbers(chain))
        if gone := sorted(seen - set(found)):
            raise StoreFailed(
                f"s3://{self._bucket.name}/{self._chains}{chain}: lacks number {gone[0]}, which this machine has in "
                f"{self._seen.root / chain}: entries were taken from the bucket, or this folder of runs belongs to another store"
            )
        all_of(self._first, [(chain, number, found[number]) for number in sorted(set(found) - seen)])
        if found:
            self._heads[chain] = (max(found), found[max(found)])
        return tuple(sorted(found))

    def read(self, chain: str, number: int) -> bytes:
        """One entry as it was first written, whatever lies on it now; the newest from the bucket itself. Raises StoreFailed."""
        if chain not in self._heads:
            self.numbers(chain)
        head, version = self._heads.get(chain, (0, ""))
        return self._first(chain, number, version) if number == head else self._seen.read(chain, number)

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

    def keep_review(self, chain: str, run: str, data: bytes) -> None:
        """Upload a review of a run, beside earlier ones. Raises StoreFailed."""
        digest = hashlib.sha256(data).hexdigest()
        key = f"{self._files}{chain}/{run}/{REVIEWS}/{digest}"
        if not self._bucket.put(key, data, digest, self._locked()):
            raise StoreFailed(f"s3://{self._bucket.name}/{key}: has other content than this digest")

    def local(self, chain: str) -> Path:
        """The folder of chains on this machine, with all entries that this chain has now. Raises StoreFailed."""
        self.numbers(chain)
        return self._seen.root

    def _first(self, chain: str, number: int, version: str) -> bytes:
        """An entry's first version, kept on this machine from now on."""
        key = self._key(chain, number)
        data = self._bucket.get(key, version, LONGEST)
        if not self._seen.create(chain, number, data) and self._seen.read(chain, number) != data:
            raise StoreFailed(f"s3://{self._bucket.name}/{key}: is not what this machine has read there before")
        return data

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
