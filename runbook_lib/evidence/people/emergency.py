"""An emergency: applying without the other person's approval, where the trust policy allows it. It stays a fault until reviewed."""

from collections.abc import Iterable
from pathlib import Path

from runbook_lib.base.privacy import masked
from runbook_lib.evidence.people.four_eyes import trust_of
from runbook_lib.evidence.people.trust import TrustProblem
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal.keys import KeyProblem
from runbook_lib.plan.approval import ApprovalRefused, read_approval
from runbook_lib.settings import Settings


def declare(files: Iterable[Path], reason: str, settings: Settings, run: RunFolder) -> None:
    """Mark the approvals that this command has just given in its own run folder. Raises ApprovalRefused for anybody else's."""
    try:
        trust = trust_of(settings, run.path.parent)
    except (TrustProblem, KeyProblem) as problem:
        raise ApprovalRefused([str(problem)]) from None
    if trust.policy is None or not trust.policy.emergency:
        raise ApprovalRefused(["no trust policy allows emergency approvals here"])
    for path in files:
        if path.parent != run.path:
            raise ApprovalRefused([f"{path.name}: an emergency goes with a plan's fingerprint, not with somebody's approval file"])
        said = {"emergency": masked(reason), "trust": trust.digest}
        read_approval(path).model_copy(update=said).write(path)
