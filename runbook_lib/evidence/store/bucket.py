"""A bucket with Object Lock: objects are written once, locked as they are written, and their checksums are compared.

Every call names the account that must own the bucket. A call without a good answer is made again, which is harmless: reads
change nothing, and of two equal writes the second finds the first. What S3 does not allow is said with the permission it takes.
"""

import base64
import datetime as dt
import hashlib
import io
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError

from runbook_lib.evidence.seal.chain import StoreFailed
from runbook_lib.evidence.store.retention import Retained

T = TypeVar("T")
ATTEMPTS = 5
_AGAIN = frozenset({"ConditionalRequestConflict", "OperationAborted", "RequestTimeout", "SlowDown", "Throttling"})
"""What S3 says when the same call may succeed a moment later (API Reference, "Error responses"); server errors are others."""
_UNLOCKED = frozenset({"NoSuchObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"})


class TooLarge(StoreFailed):
    """An object has more bytes than any of its kind: it is not taken into memory."""


@dataclass(frozen=True)
class Kept:
    """What the bucket has under one key: the version that was written first, how many came after it, whether it is hidden."""

    version: str
    modified: dt.datetime
    later: int
    hidden: bool
    """A delete marker lies on it: Object Lock keeps the version, and lets whoever may delete hide it."""


class Bucket:
    """One bucket, reached by a client whose answers carry times as texts."""

    def __init__(self, client: Any, name: str, account: str, pause: Callable[[float], None] = time.sleep) -> None:
        self.name = name
        self._client, self._pause = client, pause
        self._common = {"Bucket": name, "ExpectedBucketOwner": account}

    def refuse_unlocked(self) -> None:
        """Read the bucket's configuration; raises StoreFailed unless it keeps versions and can lock them."""
        with self._plainly("", "s3:GetBucketVersioning"):
            versioning = self._again(lambda: self._client.get_bucket_versioning(**self._common))
        if versioning.get("Status") != "Enabled":
            raise StoreFailed(
                f"s3://{self.name}: versioning is not enabled, so nothing is written there; enable versioning and Object Lock on it"
            )
        with self._plainly("", "s3:GetBucketObjectLockConfiguration"):
            found = self._unless(
                _UNLOCKED, lambda: self._client.get_object_lock_configuration(**self._common)["ObjectLockConfiguration"]
            )
        if found is None or found.get("ObjectLockEnabled") != "Enabled":
            raise StoreFailed(
                f"s3://{self.name}: Object Lock is not enabled, so nothing is written there; enable it: aws s3api "
                f"put-object-lock-configuration --bucket {self.name} --object-lock-configuration ObjectLockEnabled=Enabled"
            )

    def keys(self, prefix: str) -> dict[str, Kept]:
        """Every key that was ever written below a prefix. Raises StoreFailed."""
        found: dict[str, Kept] = {}
        hidden = set[str]()
        for page in self._pages(prefix):
            for each in page.get("Versions", ()):  # the newest of a key first
                before = found.get(each["Key"])
                later = before.later + 1 if before else 0
                found[each["Key"]] = Kept(each["VersionId"], _time(each["LastModified"]), later, hidden=False)
            hidden |= {each["Key"] for each in page.get("DeleteMarkers", ())}
        return {key: Kept(kept.version, kept.modified, kept.later, key in hidden) for key, kept in found.items()}

    def get(self, key: str, version: str, most: int) -> bytes:
        """The bytes of one version, at most so many, held against S3's checksum, if it has one. Raises StoreFailed, TooLarge."""

        def read() -> tuple[bytes, str]:
            answer = self._client.get_object(**self._common, Key=key, VersionId=version, ChecksumMode="ENABLED")
            if answer["ContentLength"] > most:
                answer["Body"].close()
                said = f"has {answer['ContentLength']:,} bytes; an object of its kind has at most {most:,}"
                raise TooLarge(f"s3://{self.name}/{key}: {said}")
            return answer["Body"].read(), answer.get("ChecksumSHA256", "")

        with self._plainly(key, "s3:GetObjectVersion"):
            data, said = self._again(read)
        if said and said != _base64(hashlib.sha256(data).hexdigest()):
            raise StoreFailed(f"s3://{self.name}/{key}: its checksum is not that of what was read")
        return data

    def put(self, key: str, content: bytes | Path, digest: str, lock: Retained) -> bool:
        """Write an object once and for all, locked; False when the key has other content. Raises StoreFailed.

        The same content under the same key is ours, from an attempt whose answer was lost or whose process died.
        """
        said = ""
        with self._plainly(key, "s3:PutObject and s3:PutObjectRetention"):
            try:
                said = self._again(lambda: self._put(key, content, digest, lock))
            except ClientError as error:
                if _code(error) != "PreconditionFailed":
                    raise
        if said and said != _base64(digest):
            raise StoreFailed(f"s3://{self.name}/{key}: was stored with another checksum than that of what was sent")
        return bool(said) or self._has(key, digest, lock)

    def retained(self, key: str, version: str = "") -> Retained | None:
        """The lock of an object (its newest version, unless one is named); None when it has none. Raises StoreFailed."""
        which = {"Key": key, **({"VersionId": version} if version else {})}
        with self._plainly(key, "s3:GetObjectRetention"):
            found = self._unless(_UNLOCKED, lambda: self._client.get_object_retention(**self._common, **which)["Retention"])
        return Retained(found["Mode"], _time(found["RetainUntilDate"])) if found else None

    def _put(self, key: str, content: bytes | Path, digest: str, lock: Retained) -> str:
        """One attempt; the checksum that S3 answers."""
        with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as body:
            answer = self._client.put_object(
                **self._common,
                Key=key,
                Body=body,
                IfNoneMatch="*",
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=_base64(digest),
                ObjectLockMode=lock.mode,
                ObjectLockRetainUntilDate=lock.until,
            )
        return str(answer.get("ChecksumSHA256") or "none")

    def _has(self, key: str, digest: str, lock: Retained) -> bool:
        """Whether the key has this content; then it stays locked for at least as long as asked for."""
        with self._plainly(key, "s3:GetObject"):
            head = self._again(lambda: self._client.head_object(**self._common, Key=key, ChecksumMode="ENABLED"))
        if head.get("ChecksumSHA256") != _base64(digest):
            return False
        found = self.retained(key)
        if found is None or not found.covers(lock.until):
            # Longer is always allowed; a mode that is stricter than asked for stays.
            longer = {"Mode": "COMPLIANCE" if found and found.mode == "COMPLIANCE" else lock.mode, "RetainUntilDate": lock.until}
            with self._plainly(key, "s3:PutObjectRetention"):
                self._again(lambda: self._client.put_object_retention(**self._common, Key=key, Retention=longer))
        return True

    def _pages(self, prefix: str) -> Iterator[dict[str, Any]]:
        where: dict[str, str] = {}
        while True:
            with self._plainly(prefix, "s3:ListBucketVersions"):
                page = self._again(lambda: self._client.list_object_versions(**self._common, Prefix=prefix, **where))  # noqa: B023 called at once
            yield page
            if not page.get("IsTruncated"):
                return
            after = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
            if after == where:
                raise StoreFailed(f"s3://{self.name}/{prefix}: the list of what is there does not end")
            where = after

    def _unless(self, codes: frozenset[str], call: Callable[[], T]) -> T | None:
        try:
            return self._again(call)
        except ClientError as error:
            if _code(error) in codes:
                return None
            raise

    def _again(self, call: Callable[[], T]) -> T:
        """A call's answer; made again while it gets none, or one that says to try later."""
        for attempt in range(1, ATTEMPTS):
            try:
                return call()
            except ClientError as error:
                if _code(error) not in _AGAIN and error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) < 500:
                    raise
            except (HTTPClientError, IncompleteReadError):
                pass
            self._pause(random.uniform(0.5, 1) * 0.2 * 2**attempt)  # noqa: S311 no secret
        return call()

    @contextmanager
    def _plainly(self, key: str, permission: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = _code(error)
            owner = self._common["ExpectedBucketOwner"]
            about = f"; it takes {permission}, and a bucket of account {owner}" if code in {"AccessDenied", "403"} else ""
            raise StoreFailed(f"s3://{self.name}/{key}: {error.operation_name}: {code}{about}") from None
        except BotoCoreError as error:
            raise StoreFailed(f"s3://{self.name}/{key}: {error}") from None
        except OSError as error:
            raise StoreFailed(f"{error.filename}: {error.strerror}") from None


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _base64(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest)).decode()


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)
