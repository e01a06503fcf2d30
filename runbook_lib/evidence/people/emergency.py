"""An emergency: applying without the other person's approval, where the trust policy allows it. It stays a fault until reviewed."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.base.privacy import masked
from runbook_lib.evidence.people.four_eyes import trust_of
from runbook_lib.evidence.people.trust import Trust, TrustProblem
from runbook_lib.evidence.seal.keys import KeyProblem
from runbook_lib.plan.approval import Approval, ApprovalRefused, read_approval
from runbook_lib.settings import Settings


@dataclass(frozen=True)
class Emergency:
    """Why one person decides alone, and the trust policy that lets them."""

    reason: str
    trust: Trust

    def declared_in(self, approval: Approval) -> Approval:
        """An approval that was just given, marked with it."""
        return approval.model_copy(update={"emergency": masked(self.reason), "trust": self.trust.digest})


def declarable(settings: Settings, runs: Path, others: Iterable[Path]) -> Trust:
    """The trust policy that allows an emergency, before a run is begun in one. `others`: approvals that somebody has given.

    Raises ApprovalRefused where no policy allows it, and for anybody's approval.
    """
    try:
        trust = trust_of(settings, runs)
    except (TrustProblem, KeyProblem) as problem:
        raise ApprovalRefused([str(problem)]) from None
    if trust.policy is None or not trust.policy.emergency:
        raise ApprovalRefused(["no trust policy allows emergency approvals here"])
    for path in others:
        raise ApprovalRefused([f"{path.name}: an emergency goes with a plan's fingerprint, not with somebody's approval file"])
    return trust


def declare(files: Iterable[Path], reason: str, trust: Trust) -> None:
    """Mark the approvals that this command has just given in its own run folder."""
    for path in files:
        Emergency(reason, trust).declared_in(read_approval(path)).write(path)
