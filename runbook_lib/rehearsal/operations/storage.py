"""Buckets and keys as the services that write into them see them: whether both are there, in one Region, and let a service in.

S3 and KMS are moto's; without moto a world has only what the event "bucket and key exist" (bucket, key) put there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote

from runbook_lib.rehearsal.answers import SimulationError
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.permissions import service_may
from runbook_lib.rehearsal.policies.document import Kind
from runbook_lib.rehearsal.policies.wildcards import PolicyError, Value
from runbook_lib.rehearsal.simulated import simulated
from runbook_lib.rehearsal.world import World


@dataclass(frozen=True)
class Bucket:
    """One bucket; `policy` is its document, "" where it has none."""

    name: str
    account: str
    region: str
    policy: str


@dataclass(frozen=True)
class Key:
    """One KMS key. `usable`: enabled, and of the kind that encrypts data (symmetric)."""

    arn: str
    policy: str
    usable: bool = True

    @property
    def region(self) -> str:
        return self.arn.split(":")[3]

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]


class Store(Protocol):
    """Who keeps buckets and keys."""

    def bucket(self, name: str) -> Bucket | None:
        """The bucket of a name, whoever owns it."""

    def key(self, arn: str) -> Key | None:
        """The key of an ARN."""

    def put(self, bucket: Bucket, key: Key) -> None:
        """Have a bucket and a key, where they are not there already."""


class Shelf:
    """A store of its own, where there is no moto."""

    def __init__(self) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.keys: dict[str, Key] = {}
        self._pairs: list[tuple[Bucket, Key]] = []

    def bucket(self, name: str) -> Bucket | None:
        return self.buckets.get(name)

    def key(self, arn: str) -> Key | None:
        return self.keys.get(arn)

    def put(self, bucket: Bucket, key: Key) -> None:
        self.buckets.setdefault(bucket.name, bucket)
        self.keys.setdefault(key.arn, key)
        self._pairs.append((bucket, key))

    def hand_over(self, store: Store) -> None:
        """Put everything into another store."""
        for bucket, key in self._pairs:
            store.put(bucket, key)


@dataclass
class Storage:
    """The store of one world; moto's, once there is a moto behind it."""

    store: Store = field(default_factory=Shelf)
    listening: bool = False

    def move(self, store: Store) -> None:
        """Keep buckets and keys in another store from now on, those that are there already too."""
        if isinstance(self.store, Shelf):
            self.store.hand_over(store)
        self.store = store


@dataclass(frozen=True)
class Writing:
    """A service that is to write into a bucket, encrypted under a key: for the resource `source`, below `prefix`."""

    principal: str
    source: str
    bucket: str
    key: str
    """ARN."""
    prefix: str = ""

    @property
    def arn(self) -> str:
        return f"arn:{self.key.split(':')[1]}:s3:::{self.bucket}"


def refusal(world: World, writing: Writing) -> str:
    """Why the service cannot write there; "" where it can. Raises `SimulationError` for a policy that cannot be judged."""
    store = world.of(Storage).store
    bucket, key = store.bucket(writing.bucket), store.key(writing.key)
    if bucket is None:
        return f"there is no bucket {writing.bucket}"
    if key is None or not key.usable:
        return f"there is no key {writing.key}, or none that encrypts"
    if bucket.region != key.region:
        return f"the bucket is in {bucket.region}, the key in {key.region}"
    written = f"{writing.arn}/{writing.prefix}AWSLogs/{writing.source.split(':')[4]}/findings.jsonl.gz"
    asked = (
        ("bucket", bucket.policy, "s3:GetBucketLocation", writing.arn),
        ("bucket", bucket.policy, "s3:PutObject", written),
        ("key", key.policy, "kms:GenerateDataKey", key.arn),
    )
    for what, policy, action, resource in asked:
        if not policy or not _may(writing, policy, action, resource):
            return f"the {what}'s policy does not let {writing.principal} {action}"
    return ""


def _may(writing: Writing, policy: str, action: str, resource: str) -> bool:
    kind = Kind.KEY if action.startswith("kms:") else Kind.RESOURCE
    more: Mapping[str, Value] = {
        "s3:x-amz-server-side-encryption": "aws:kms",
        "s3:x-amz-server-side-encryption-aws-kms-key-id": writing.key,
        "s3:x-amz-acl": None,
    }
    try:
        return service_may(policy, writing.principal, action, resource, writing.source, kind=kind, more=more)
    except PolicyError as error:
        raise SimulationError(f"whether {writing.principal} may {action} is not simulated: {error}") from error


def refuse_other_owner(world: World, path: str, owner: str) -> None:
    """Raise S3's refusal of a request for a bucket of another owner than its caller expects [docs: bucket owner condition]."""
    found = world.of(Storage).store.bucket(unquote(path).lstrip("/").partition("/")[0])
    if found is not None and found.account != owner:
        raise ApiError("AccessDenied", "Access Denied", 403)


def listen(world: World) -> None:
    """Subscribe to the events of a world, once."""
    if not (storage := world.of(Storage)).listening:
        storage.listening = True
        world.on("bucket and key exist", provide)


def provide(world: World, bucket: str, key: str) -> None:
    """Have a bucket and key (an ARN), of one account and Region, with policies that let every simulated service write."""
    _, partition, _, region, account, _ = key.split(":", 5)
    services = sorted(each.principal for each in simulated())
    arn = f"arn:{partition}:s3:::{bucket}"
    there = {"Effect": "Allow", "Principal": {"Service": services}}
    owner: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    bucket_policy = _document(
        {**there, "Action": "s3:GetBucketLocation", "Resource": arn}, {**there, "Action": "s3:PutObject", "Resource": f"{arn}/*"}
    )
    key_policy = _document(owner, {**there, "Action": ["kms:GenerateDataKey*", "kms:Encrypt"], "Resource": "*"})
    world.of(Storage).store.put(Bucket(bucket, account, region, bucket_policy), Key(key, key_policy))


def _document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
