"""What answers to Security Hub's mutating calls mean, one outcome per target. Pure."""

from collections.abc import Mapping
from typing import Any

from runbook_lib.aws.errors import CallFailed, has
from runbook_lib.base.privacy import masked
from runbook_lib.plan import Action
from runbook_lib.plan.outcome import Outcome, Verdict
from runbook_lib.services.answers import judge_error, judge_unprocessed, outcomes
from runbook_lib.services.designation import judge_registration
from runbook_lib.services.securityhub.observe import not_there
from runbook_lib.services.securityhub.state import item_of_arn, standards_in

ALREADY_MEMBER = "already a member or associated member of the current account."
"""The full words of ProcessingResult; the first half alone also fits an account that another administrator has [seen]."""
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


def judge(action: Action, answer: Mapping[str, Any] | CallFailed) -> list[Outcome]:
    """Exactly one outcome per target of the action."""
    if action.operation == "RegisterDelegatedAdministrator":
        return judge_registration(action, answer)
    if isinstance(answer, CallFailed):
        return _failed(action, answer)
    if action.operation == "CreateMembers":
        return judge_unprocessed(action, _handed_back(answer))
    if action.operation == "BatchEnableStandards":
        return _standards(action, answer)
    return outcomes(action, Verdict.APPLIED)


def _failed(action: Action, error: CallFailed) -> list[Outcome]:
    operation = action.operation
    if operation == "EnableSecurityHub" and error.code == "ResourceConflictException" and has(error, ALREADY_ON):
        return outcomes(action, Verdict.ALREADY_SO, error.code, error.message)
    if not_there(error) and operation != "EnableOrganizationAdminAccount":
        # Designation, or a hub that has just come on, is still spreading.
        return outcomes(action, Verdict.RETRY, error.code, error.message)
    return judge_error(action, error, retry=RETRY.get(operation, ()), confirm=CONFIRM.get(operation, ()))


def _handed_back(answer: Mapping[str, Any]) -> dict[str, Outcome]:
    found = {}
    for each in answer.get("UnprocessedAccounts") or ():
        account, words = each.get("AccountId", ""), each.get("ProcessingResult", "")
        verdict = Verdict.CONFIRM if ALREADY_MEMBER in words else Verdict.FAILED
        found[account] = Outcome(account, verdict, "UnprocessedAccount", masked(words))
    return found


def _standards(action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
    """Applied when AWS hands every requested standard back; a standard that it leaves out is looked for."""
    held = standards_in(answer.get("StandardsSubscriptions") or ())
    asked = [item_of_arn(each["StandardsArn"]) for each in action.parameters["StandardsSubscriptionRequests"]]
    failed = [item for item in asked if item in held and held[item].status == "FAILED"]
    if failed:
        return outcomes(action, Verdict.FAILED, "StandardFailed", ", ".join(failed))
    missing = [item for item in asked if item not in held]
    return (
        outcomes(action, Verdict.CONFIRM, "StandardMissing", ", ".join(missing)) if missing else outcomes(action, Verdict.APPLIED)
    )
