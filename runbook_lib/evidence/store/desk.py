"""The desk at which a command seals: a rehearsal's with a local key, a live one's with the key that settings name."""

import datetime as dt
import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from runbook_lib.base.own_files import FileBroken, data_of
from runbook_lib.base.project import resolve
from runbook_lib.evidence.people.trust import LARGEST_POLICY
from runbook_lib.evidence.seal.archive import ASIDE, CHAINS, KEYS
from runbook_lib.evidence.seal.chain import ChainStore, FolderStore
from runbook_lib.evidence.seal.keys import local_signer
from runbook_lib.evidence.seal.kms import KmsSigner
from runbook_lib.evidence.seal.sealing import Desk, NotSealed
from runbook_lib.evidence.seal.secret_scan import Gate, held_credentials
from runbook_lib.evidence.signatures import Signer
from runbook_lib.evidence.store.clients import EvidenceClients
from runbook_lib.evidence.store.s3_store import S3Store
from runbook_lib.settings import EvidenceSection, Settings
from runbook_lib.settings.object_lock import ObjectLockSection


def desk_for(root: Path, settings: Settings, environment: Mapping[str, str], resources: ExitStack) -> Desk:
    """The desk for runs below `root`. `resources` closes connections. Raises NotSealed, KeyProblem, StoreFailed."""
    signer: Signer
    here = _store_here(root, settings)
    store: ChainStore = here
    endpoints: dict[str, dict[str, list[str]]] = {}
    if settings.mode == "rehearsal":
        signer = local_signer(root / KEYS, "rehearsal")
    elif (part := settings.evidence) is None:
        raise NotSealed("settings name no key for the evidence of live runs (evidence.signing_key)")
    else:
        clients = EvidenceClients.of(settings, part, resources)
        signer = KmsSigner(part.signing_key, clients.kms(part.signing_key))
        store = _store(part, clients, here)
        endpoints = clients.endpoints()
    gate = Gate(root / ASIDE, held_credentials(environment))
    return Desk(store, signer, root / KEYS, gate, _now, _policy(settings), endpoints)


def store_for(root: Path, settings: Settings, resources: ExitStack) -> ChainStore:
    """The store alone, for whoever does not sign with the runner's key. Raises NotSealed, StoreFailed."""
    here = _store_here(root, settings)
    part = settings.evidence if settings.mode == "live" else None
    return _store(part, EvidenceClients.of(settings, part, resources), here) if part and part.bucket else here


def _store(part: EvidenceSection, clients: EvidenceClients, here: FolderStore) -> ChainStore:
    return _in_bucket(part.bucket, part.object_lock, clients, here) if part.bucket else here


def _store_here(root: Path, settings: Settings) -> FolderStore:
    chains = local_chains(root, settings)
    return FolderStore(chains, shared=chains != root / CHAINS)


def local_chains(root: Path, settings: Settings) -> Path:
    """The folder on this machine with the chains of these settings: the store itself, or what was read of a bucket so far."""
    part = settings.evidence if settings.mode == "live" else None
    return Path(part.store).expanduser() if part and part.store and not part.bucket else root / CHAINS


def _in_bucket(store: str, lock: ObjectLockSection | None, clients: EvidenceClients, seen: FolderStore) -> S3Store:
    """The store in a bucket that was seen to lock what it is given."""
    if lock is None:
        raise NotSealed("settings name a bucket for evidence and not how it is locked (evidence.object_lock)")
    bucket = clients.bucket(store, lock.account, lock.region)
    bucket.refuse_unlocked()
    return S3Store(bucket, store, lock, seen, _now)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _policy(settings: Settings) -> str:
    """The digest of the trust policy in force; "" where there is none, or none that can be read: who approves, refuses that."""
    named = settings.evidence.trust_policy if settings.evidence else None
    try:
        return hashlib.sha256(data_of(resolve(named), LARGEST_POLICY)).hexdigest() if named else ""
    except (FileBroken, FileNotFoundError):
        return ""
