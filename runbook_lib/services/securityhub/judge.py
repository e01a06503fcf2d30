"""What answers to Security Hub's mutating calls mean, one outcome per target. Pure."""

from runbook_lib.aws.errors import CallFailed, has
from runbook_lib.plan import Action
from runbook_lib.plan.outcome import Outcome, Verdict
from runbook_lib.services.answers import judge_error, outcomes
from runbook_lib.services.securityhub.observe import not_there

ALREADY_ON = "already subscribed"
CONFIRM = {
    "EnableSecurityHub": {"ResourceConflictException"},
    # Conflict and invalid input do not tell "the same account already", "another one" and "too early" apart [seen].
    "EnableOrganizationAdminAccount": {"ResourceConflictException", "InvalidInputException"},
    # What a second aggregator answers is not documented.
    "CreateFindingAggregator": {"LimitExceededException", "ResourceConflictException", "ConflictException"},
}
RETRY = {
    # While a standard is PENDING or DELETING [docs].
    "BatchEnableStandards": {"InvalidInputException"},
    "CreateMembers": {"ResourceConflictException"},
    "UpdateOrganizationConfiguration": {"ResourceConflictException"},
}


def refused(action: Action, error: CallFailed) -> list[Outcome]:
    """What a failed call means."""
    operation = action.operation
    if operation == "EnableSecurityHub" and error.code == "ResourceConflictException" and has(error, ALREADY_ON):
        return outcomes(action, Verdict.ALREADY_SO, error.code, error.message)
    if not_there(error) and operation != "EnableOrganizationAdminAccount":
        # Designation, or a hub that has just come on, is still spreading.
        return outcomes(action, Verdict.RETRY, error.code, error.message)
    return judge_error(action, error, retry=RETRY.get(operation, ()), confirm=CONFIRM.get(operation, ()))
