"""What GuardDuty's answers mean for each target account. HTTP 200 is not success: accounts come back unprocessed. Pure."""

from collections.abc import Mapping
from typing import Any

from runbook_lib.aws.errors import CallFailed, has
from runbook_lib.base.privacy import masked
from runbook_lib.plan import Action
from runbook_lib.plan.outcome import Outcome, Verdict
from runbook_lib.services.answers import judge_error, judge_unprocessed, outcomes
from runbook_lib.services.guardduty.texts import (
    ALREADY_MEMBER,
    DETECTOR_EXISTS,
    FEATURE_NOT_OFFERED,
    FOREIGN_DETECTOR,
    INVALID_VALUE,
    NO_ADMINISTRATOR_YET,
    NO_PERMISSION_YET,
    NOT_ASSOCIATED_YET,
    OTHER_ADMINISTRATOR,
    SAME_ADMINISTRATOR,
)

BY_HAND = (
    "AWS publishes no list of what each Region lacks. Create this account's detector there by hand, without that feature, and "
    "plan again: a detector that is there is asked only for what settings want."
)
CONFIRM = (SAME_ADMINISTRATOR, DETECTOR_EXISTS, ALREADY_MEMBER)
"""The words say that something is already so; whether it is what was planned, a read says."""
ALREADY = "already"
"""How AWS refuses features that a member has, if it does, is not documented: whatever says "already" is read again."""
RETRY = (INVALID_VALUE, NO_ADMINISTRATOR_YET, NO_PERMISSION_YET, FOREIGN_DETECTOR, NOT_ASSOCIATED_YET)
"""Passing while a designation or an enrolment spreads; the time is limited by whoever sends again."""


def handed_back(action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
    """What an answer with status 200 means: applied, but for the accounts that come back unprocessed."""
    if not action.targets:
        return outcomes(action, Verdict.APPLIED)
    unprocessed = answer.get("UnprocessedAccounts") or ()
    return judge_unprocessed(action, {each["AccountId"]: _unprocessed(action, each) for each in unprocessed})


def refused(action: Action, error: CallFailed) -> list[Outcome]:
    """What a failed call means. A text that is not known is a failure."""
    if error.code in ("BadRequestException", "InvalidInputException"):
        if has(error, OTHER_ADMINISTRATOR):
            return outcomes(action, Verdict.FAILED, error.code, error.message)
        if action.operation == "CreateDetector" and has(error, FEATURE_NOT_OFFERED):
            return outcomes(action, Verdict.FAILED, error.code, f"{error.message} {BY_HAND}")
        if has(error, *CONFIRM):
            return outcomes(action, Verdict.CONFIRM, error.code, error.message)
        if has(error, *RETRY):
            return outcomes(action, Verdict.RETRY, error.code, error.message)
    return judge_error(action, error)


def _unprocessed(action: Action, entry: Mapping[str, Any]) -> Outcome:
    account, result = str(entry["AccountId"]), str(entry.get("Result", ""))
    words = result.lower()
    verdict = Verdict.FAILED
    if ALREADY_MEMBER in words or (action.operation == "UpdateMemberDetectors" and ALREADY in words):
        verdict = Verdict.CONFIRM
    elif NOT_ASSOCIATED_YET in words:
        verdict = Verdict.RETRY
    return Outcome(account, verdict, "UnprocessedAccount", masked(result))
