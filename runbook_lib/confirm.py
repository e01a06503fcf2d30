"""The decision about a plan, without widgets: given as an approval file, or not given."""

from dataclasses import dataclass
from pathlib import Path

from runbook_lib import plan_file
from runbook_lib.approval import Approval, ApprovalRefused, read_approval
from runbook_lib.plan import Plan


@dataclass(frozen=True)
class Decision:
    """An approval, the plan it was given for, and the files they came from."""

    approval: Approval
    approved: Plan
    approval_file: Path
    plan_file: Path


def given(path: Path) -> Decision:
    """Read an approval and the plan it names. Raises ApprovalRefused when either cannot be read or is not what it says."""
    approval = read_approval(path)
    beside = path.parent / approval.plan
    try:
        return Decision(approval, plan_file.load(beside), path, beside)
    except plan_file.PlanFileError as error:
        raise ApprovalRefused([f"the plan that the approval names: {error}"]) from None
