"""The desk at which a command seals: a rehearsal's with a local key, a live one's with the key that settings name."""

import datetime as dt
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from securesystemslib.signer import Signer

from runbook_lib.evidence.archive import ASIDE, CHAINS, KEYS
from runbook_lib.evidence.chain import ChainStore, FolderStore
from runbook_lib.evidence.clients import EvidenceClients
from runbook_lib.evidence.contents import file_digest
from runbook_lib.evidence.keys import local_signer
from runbook_lib.evidence.kms import KmsSigner
from runbook_lib.evidence.s3_store import S3Store
from runbook_lib.evidence.seal import Desk, NotSealed
from runbook_lib.evidence.secret_scan import Gate, held_credentials
from runbook_lib.project import resolve
from runbook_lib.settings import EvidencePart, Settings


def desk_for(root: Path, settings: Settings, environment: Mapping[str, str], resources: ExitStack) -> Desk:
    """The desk for runs below `root`. `resources` closes connections. Raises NotSealed, KeyProblem, StoreFailed."""
    signer: Signer
    store: ChainStore = FolderStore(root / CHAINS)
    if settings.mode == "rehearsal":
        signer = local_signer(root / KEYS, "rehearsal")
    elif settings.evidence is None:
        raise NotSealed("settings name no key for the evidence of live runs (evidence.signing_key)")
    else:
        clients = EvidenceClients.of(settings.mode, settings.evidence, resources)
        signer = KmsSigner(settings.evidence.signing_key, clients.kms(settings.evidence.signing_key))
        store = _store(settings.evidence, root, clients)
    gate = Gate(root / ASIDE, held_credentials(environment))
    return Desk(store, signer, root / KEYS, gate, _now, _policy(settings))


def _store(part: EvidencePart, root: Path, clients: EvidenceClients) -> ChainStore:
    """Where settings keep the chain: beside the runs, in another folder, or in a bucket that is seen to lock what it is given."""
    seen = FolderStore(root / CHAINS)
    if part.store is None:
        return seen
    if not part.store.startswith("s3://"):
        return FolderStore(Path(part.store).expanduser())
    if part.object_lock is None:
        raise NotSealed("settings name a bucket for evidence and not how it is locked (evidence.object_lock)")
    bucket = clients.bucket(part.store, part.object_lock.account, part.object_lock.region)
    bucket.refuse_unlocked()
    return S3Store(bucket, part.store, part.object_lock, seen, _now)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _policy(settings: Settings) -> str:
    """The digest of the trust policy in force; "" where there is none, or none that is there."""
    named = settings.evidence.trust_policy if settings.evidence else None
    return file_digest(resolve(named)) if named and resolve(named).is_file() else ""
