"""AWS's error codes have one home: what access repeats, a service's judgement has tried again, and counters take for the same."""

from itertools import product

import pytest
from botocore.retries.standard import ThrottledRetryableChecker

from runbook_lib.aws import errors
from runbook_lib.aws.access import PASSING_ATTEMPTS, THROTTLED_ATTEMPTS, _attempts_for
from runbook_lib.aws.errors import CallFailed
from runbook_lib.plan.outcome import Verdict
from runbook_lib.services.answers import verdict_of

LISTED = {name: codes for name, codes in vars(errors).items() if isinstance(codes, frozenset)}
FOR_NOW = errors.THROTTLED | errors.SERVER | errors.REFUSED_FOR_NOW
OF_AWS = FOR_NOW | errors.DENIED | errors.TOKEN | {"ValidationException", "ResourceNotFoundException"}
NEVER_SENT = errors.UNSENT - errors.UNREACHABLE


def failure(code: str, status: int, *, sent: bool = True) -> CallFailed:
    return CallFailed(
        code,
        "no",
        service="guardduty",
        operation="ListMembers",
        account="222222222222",
        region="us-east-1",
        status=status,
        sent=sent,
    )


def test_throttling_is_what_botocore_takes_for_it() -> None:
    assert set(vars(ThrottledRetryableChecker)["_THROTTLED_ERROR_CODES"]) == errors.THROTTLED


def test_each_code_means_one_thing() -> None:
    meanings = [codes for name, codes in LISTED.items() if name != "UNSENT"]
    assert len(meanings) == 8
    assert sum(map(len, meanings)) == len(frozenset.union(*meanings))


@pytest.mark.parametrize("status", [400, 403, 429, 500, 503])
def test_access_and_judgement_agree_on_what_aws_answers(status: int) -> None:
    for code in sorted(OF_AWS):
        error = failure(code, status)
        again = _attempts_for(error) > 1
        assert again == (verdict_of(error) is not Verdict.FAILED), (code, status)
        assert again == (code in FOR_NOW or status in (429, 500, 503)), (code, status)
        assert (_attempts_for(error) == THROTTLED_ATTEMPTS) == errors.throttled(error), (code, status)


def test_they_agree_on_what_never_reached_aws_and_on_what_may_have() -> None:
    for code, sent in product(sorted(errors.UNREACHABLE), (False, True)):
        error = failure(code, 0, sent=sent)
        assert _attempts_for(error) == PASSING_ATTEMPTS, code
        assert verdict_of(error) is (Verdict.CONFIRM if sent else Verdict.RETRY), code
    for code in sorted(NEVER_SENT):
        error = failure(code, 0, sent=False)
        assert (_attempts_for(error), verdict_of(error)) == (1, Verdict.FAILED), code


def test_the_next_step_of_a_failed_read_agrees_too() -> None:
    for code, status in product(sorted(FOR_NOW), (400, 503)):
        assert "run again" in errors.unread(failure(code, status)).next_step, code
    assert "too busy" in errors.unread(failure("Unheard", 503)).next_step
