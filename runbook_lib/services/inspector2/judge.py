"""What Inspector's answers mean for each target account. HTTP 200 is not success: see `failedAccounts`. Pure."""

from collections.abc import Mapping
from typing import Any

from runbook_lib.aws.errors import CallFailed, has
from runbook_lib.base.privacy import masked
from runbook_lib.plan import Action
from runbook_lib.plan.outcome import Outcome, Verdict
from runbook_lib.services.answers import judge_error, outcomes
from runbook_lib.services.designation import judge_registration
from runbook_lib.services.inspector2.texts import NO_ACCESS_YET, SAME_OR_OTHER_ADMINISTRATOR, passing


def judge(action: Action, answer: Mapping[str, Any] | CallFailed) -> list[Outcome]:
    """Exactly one outcome per target (or one for ""). A code or text that is not known is a failure."""
    if action.operation == "RegisterDelegatedAdministrator":
        return judge_registration(action, answer)
    if isinstance(answer, CallFailed):
        return _refused(action, answer)
    if action.operation != "Enable":
        return outcomes(action, Verdict.APPLIED)
    failed = {each["accountId"]: each for each in answer.get("failedAccounts") or ()}
    listed = {each["accountId"] for each in answer.get("accounts") or ()}
    return [_of_account(target, failed.get(target), target in listed) for target in action.targets]


def _refused(action: Action, error: CallFailed) -> list[Outcome]:
    """A scan type that the Region lacks, and a role that is missing, fail: neither passes, and no type is ever dropped."""
    if error.code == "ConflictException" and has(error, SAME_OR_OTHER_ADMINISTRATOR):
        return outcomes(action, Verdict.CONFIRM, error.code, error.message)
    if error.code == "AccessDeniedException" and has(error, NO_ACCESS_YET):
        return outcomes(action, Verdict.RETRY, error.code, error.message)
    return judge_error(action, error)


def _of_account(account: str, failed: Mapping[str, Any] | None, listed: bool) -> Outcome:
    if failed is None:
        return Outcome(account, Verdict.APPLIED) if listed else Outcome(account, Verdict.CONFIRM, "NoAnswer", "not in the answer")
    code = str(failed.get("errorCode", ""))
    verdict = Verdict.CONFIRM if code == "ALREADY_ENABLED" else Verdict.RETRY if passing(code) else Verdict.FAILED
    return Outcome(account, verdict, code, masked(str(failed.get("errorMessage", ""))))
