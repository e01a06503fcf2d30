"""Whether a run may make calls under an approval at this moment: whoever approved it, other runs' uses of it, and the chain's lock.

The engine itself asks, so that every door has it: before an apply begins, and again right before the first call of each stage. A
person who was struck from the policy meanwhile, a second run under the same approval, a chain that cannot be written any more: the
stage is not begun. It is no control against whoever runs, who may call AWS without the runbook; see docs/evidence.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.evidence.people import four_eyes
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.store.start import begin
from runbook_lib.plan.approval import Approval
from runbook_lib.settings import Settings


@dataclass(frozen=True)
class Permit:
    """One run, asked about approvals. `callers`: account id → caller ARN; `environment` is that of the process."""

    run: RunFolder
    settings: Settings
    callers: Mapping[str, str]
    environment: Mapping[str, str]

    def __call__(self, approval: Approval) -> None:
        """Raise ApprovalRefused, or PreconditionsFailed, unless calls may be made; a live run's start is on the chain then."""
        four_eyes.refuse(approval, self.settings, self.run, self.callers.values())
        begin(self.run, self.settings, approval, self.callers, self.environment)
