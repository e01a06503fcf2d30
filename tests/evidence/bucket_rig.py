"""A simulated bucket with Object Lock, and a wire to it on which calls fail as told."""

import base64
import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import sealed_runs as made
from botocore.exceptions import ClientError, ConnectionClosedError
from moto import mock_aws

from runbook_lib.evidence.seal.archive import CHAINS
from runbook_lib.evidence.seal.chain import FolderStore
from runbook_lib.evidence.seal.sealing import Desk
from runbook_lib.evidence.store.bucket import Bucket
from runbook_lib.evidence.store.clients import EvidenceClients
from runbook_lib.evidence.store.s3_store import S3Store
from runbook_lib.settings.object_lock import ObjectLockSection

REGION = "eu-central-1"
ACCOUNT = "123456789012"
NAME = "acme-evidence"
STORE = f"s3://{NAME}/acme"
CHAIN = f"rehearsal/{made.ORGANIZATION}"
LOCK = ObjectLockSection(account=ACCOUNT, region=REGION, retention="7 years")
LOST = ConnectionClosedError(endpoint_url="https://s3.example")


class Power(BaseException):
    """The process dies here."""


def refusal(code: str, status: int, operation: str = "PutObject") -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


@dataclass
class Wire:
    """A client of the bucket. `script` sees each call (operation, parameters, the call itself) and may answer in its place.

    Where moto is not as S3 is, the wire is: content of another checksum than was sent is refused, and locks can be read.
    """

    client: Any
    script: Callable[[str, dict[str, Any], Callable[[], Any]], Any] = lambda operation, parameters, call: call()
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            self.calls.append((operation, parameters))
            return self.script(operation, parameters, lambda: self._carried_out(operation, parameters))

        return call

    def _carried_out(self, operation: str, parameters: dict[str, Any]) -> Any:
        if operation == "put_object":
            sent = parameters["Body"].read()
            parameters["Body"].seek(0)
            if base64.b64encode(hashlib.sha256(sent).digest()).decode() != parameters["ChecksumSHA256"]:
                raise refusal("BadDigest", 400)
        if operation == "get_object_retention":
            head = self.client.head_object(**parameters)
            if "ObjectLockMode" not in head:
                raise refusal("NoSuchObjectLockConfiguration", 404, "GetObjectRetention")
            return {"Retention": {"Mode": head["ObjectLockMode"], "RetainUntilDate": head["ObjectLockRetainUntilDate"]}}
        return getattr(self.client, operation)(**parameters)

    def of(self, operation: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.calls if name == operation]


@dataclass
class Rig:
    """The bucket as its owner reaches it, and as the runbook does."""

    owner: Any
    wire: Wire

    @property
    def bucket(self) -> Bucket:
        return Bucket(self.wire, NAME, ACCOUNT, pause=lambda seconds: None)

    def store(self, root: Path, lock: ObjectLockSection = LOCK) -> S3Store:
        return S3Store(self.bucket, STORE, lock, FolderStore(root / CHAINS), lambda: dt.datetime.now(dt.UTC))

    def desk(self, root: Path) -> Desk:
        """The desk of one machine: its folder of runs and its copy of the one key."""
        return replace(made.desk(root), store=self.store(root))

    def keys(self) -> list[str]:
        return [each["Key"] for each in self.owner.list_objects_v2(Bucket=NAME).get("Contents", ())]


@cache
def clients() -> tuple[Any, Any]:
    """The owner's client, and the runbook's own; made once, because that takes longest."""
    return boto3.client("s3", region_name=REGION), EvidenceClients("live", None, ExitStack())._client("s3", ACCOUNT, REGION)


@contextmanager
def rig(*, locked: bool = True) -> Iterator[Rig]:
    with mock_aws():
        owner, ours = clients()
        owner.create_bucket(
            Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": REGION}, ObjectLockEnabledForBucket=locked
        )
        yield Rig(owner, Wire(ours))
