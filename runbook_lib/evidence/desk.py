"""The desk at which a command seals: a rehearsal's with a local key, a live one's with the key that settings name."""

import datetime as dt
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from securesystemslib.signer import Signer

from runbook_lib.access.clients import Clients
from runbook_lib.access.pace import Pace
from runbook_lib.clock import Clock
from runbook_lib.evidence.archive import ASIDE, CHAINS, KEYS
from runbook_lib.evidence.chain import FolderStore
from runbook_lib.evidence.contents import file_digest
from runbook_lib.evidence.keys import local_signer
from runbook_lib.evidence.kms import KmsSigner, kms_client
from runbook_lib.evidence.seal import Desk, NotSealed
from runbook_lib.evidence.secret_scan import Gate, held_credentials
from runbook_lib.project import resolve
from runbook_lib.settings import Settings


def desk_for(root: Path, settings: Settings, environment: Mapping[str, str], resources: ExitStack) -> Desk:
    """The desk for runs below `root`. `resources` closes connections. Raises NotSealed, KeyProblem, StoreFailed."""
    signer: Signer
    chain = root / CHAINS
    if settings.mode == "rehearsal":
        signer = local_signer(root / KEYS, "rehearsal")
    elif settings.evidence is None:
        raise NotSealed("settings name no key for the evidence of live runs (evidence.signing_key)")
    else:
        clients = Clients(settings.mode, "evidence", 1, Pace(Clock(), share=1.0), None)
        resources.callback(clients.close)
        part = settings.evidence
        signer = KmsSigner(part.signing_key, kms_client(part, clients))
        chain = Path(part.store).expanduser() if part.store else chain
    gate = Gate(root / ASIDE, held_credentials(environment))
    return Desk(FolderStore(chain), signer, root / KEYS, gate, lambda: dt.datetime.now(dt.UTC), _policy(settings))


def _policy(settings: Settings) -> str:
    """The digest of the trust policy in force; "" where there is none, or none that is there."""
    named = settings.evidence.trust_policy if settings.evidence else None
    return file_digest(resolve(named)) if named and resolve(named).is_file() else ""
