"""A trust policy with its people, approvals that they sign, and runs that use them."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sealed_runs as made
from securesystemslib.signer import CryptoSigner

from runbook_lib.evidence.people.four_eyes import (
    Runner,
    signed,
)
from runbook_lib.evidence.people.trust import Trust, signed_policy
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal.keys import local_signer, pem
from runbook_lib.plan.approval import Approval
from runbook_lib.settings import EvidenceSection, OrganizationSection, Settings

NOBODY = Runner(frozenset(), frozenset({"operator"}))


PHASE = "20_guardduty"


def signer(root: Path, name: str) -> CryptoSigner:
    return local_signer(root / "people", name)


def policy(root: Path, **others: Any) -> Path:
    def person(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "key": pem(signer(root, name).public_key), **more}

    text = {
        "organization": made.ORGANIZATION,
        "owner": "",
        "runners": [{"mode": "rehearsal", "key": pem(local_signer(root / "runs" / "keys", "rehearsal").public_key)}],
        "people": [
            person("alice"),
            person("bob"),
            person("operator", identities=["arn:made-up:operator"]),
            person("left", valid_until="2026-01-01T00:00:00Z"),
            person("reviewer", may=["review"]),
            person("live only", modes=["live"]),
        ],
        "approvals": {"rehearsal": 1, "live": 2},
    } | others  # fmt: skip
    path = root / "trust.json"
    path.write_bytes(signed_policy(json.dumps(text).encode(), signer(root, "owner"), "policy"))
    return path


def given(root: Path, under: Trust, *names: str, **others: Any) -> Approval:
    approval = made.approval(others.pop("phase", PHASE), **({"trust": under.digest} | others))
    for name in names:
        approval = signed(approval, signer(root, name))
    return approval


def settings(trust: Path, **more: Any) -> Settings:
    part = EvidenceSection(signing_key="arn:aws:kms:eu-central-1:222222222222:alias/evidence", trust_policy=str(trust), **more)
    organization = OrganizationSection(id=made.ORGANIZATION, management_account="1" * 12, delegated_account="2" * 12)
    return Settings(mode="rehearsal", organization=organization, evidence=part)


def new_run(root: Path) -> RunFolder:
    return RunFolder.create(root / "runs", "rehearsal", made.BEGIN, settings=b"", command=[], organization=made.ORGANIZATION)


def used(root: Path, approval: Approval, state: str, number: int = 0) -> RunFolder:
    run = RunFolder.create(
        root, "rehearsal", made.BEGIN + dt.timedelta(minutes=number), settings=b"", command=[], organization=made.ORGANIZATION
    )
    made.apply_phase(run, PHASE, made.BEGIN + dt.timedelta(minutes=number), approval, state)
    return run


def people(*identities: str, **more: Any) -> Callable[[Path], list[dict[str, Any]]]:
    """The operator's second person, who has these users of the system."""
    return lambda root: [{"name": "alice", "key": pem(signer(root, "alice").public_key), "identities": identities, **more}]
