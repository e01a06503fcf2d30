"""What the file alone shows about evidence: where its store is, for how long that is locked, and which trust policy is meant."""

from collections.abc import Iterator

from runbook_lib.base.documents import Path, Problem
from runbook_lib.settings.checks import Tree, at
from runbook_lib.settings.object_lock import ObjectLockSection

LONGEST_YEARS = 100
"""Longest retention that Object Lock takes. Source: Amazon S3 User Guide, "Object Lock considerations"."""
_LOCK: Path = ("evidence", "object_lock")


def check_evidence(tree: Tree) -> Iterator[Problem]:
    """A bucket without a lock, a lock without a bucket, a retention that AWS refuses, COMPLIANCE in few words, a pin of nothing."""
    part = at(tree, "evidence")
    if not isinstance(part, dict):
        return
    for key in ("trust_policy_owner", "trust_policy_sha256"):
        if key in part and "trust_policy" not in part:
            yield Problem(("evidence", key), "This pins a trust policy, and evidence.trust_policy names none. Name its file there.")
    store = part.get("store", "")
    if store is not None and store.startswith("s3://") and "object_lock" not in part:
        yield Problem(("evidence", "store"), "A bucket needs evidence.object_lock: its account and Region, and the retention.")
    if "object_lock" in part and store is not None and not store.startswith("s3://"):
        yield Problem(_LOCK, "Object Lock is a bucket's, and evidence.store names none. Write s3://BUCKET/PREFIX there.", "")
    retention, mode = (at(tree, *_LOCK, key) for key in ("retention", "mode"))
    if retention:
        number, unit = retention.split()
        if int(number) > LONGEST_YEARS * (1 if unit.startswith("year") else 365):
            yield Problem((*_LOCK, "retention"), f"Object Lock takes at most {LONGEST_YEARS} years.")
        elif mode and mode != "GOVERNANCE":
            yield from _compliance(mode, retention)


def _compliance(mode: str, retention: str) -> Iterator[Problem]:
    meant = ObjectLockSection(account="0" * 12, region="us-east-1", retention=retention, mode=mode)
    if meant.lock_mode != "COMPLIANCE":
        message = (
            f"Write GOVERNANCE, or, if it is really meant, the whole sentence, which names the retention: {meant.compliance}. "
            "COMPLIANCE cannot be undone by anybody."
        )
        yield Problem((*_LOCK, "mode"), message)
