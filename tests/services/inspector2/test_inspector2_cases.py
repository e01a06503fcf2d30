"""Inspector by cases (tests/services/inspector2/cases/*.yaml), what its answers mean, and the table of Region capabilities."""

from typing import Any

import pytest
from inspector2_fake import World, settings_of
from service_cases import called, compare, compare_blockers, load, observed_in, reads_and_only_raises
from service_fakes import NAMES, Run

from runbook_lib.aws.errors import CallFailed
from runbook_lib.plan.outcome import Verdict
from runbook_lib.services.inspector2.scan_types import POLICY_STEP
from runbook_lib.services.inspector2.service import SERVICE
from runbook_lib.services.inspector2.texts import POLICY
from runbook_lib.services.offers import offered


def run(case: dict[str, Any]) -> Run:
    observed = observed_in(case, members={"us-east-1": {NAMES["alpha"]: "ENABLED", NAMES["beta"]: "ENABLED"}})
    return Run(World(observed), settings_of(case["settings"], **case.get("rest", {})))


@pytest.mark.parametrize("case", load("inspector2"))
def test_case(case: dict[str, Any]) -> None:
    made = run(case)
    compare(case, made)
    compare_blockers(case, made)


@pytest.mark.parametrize(
    ("code", "words", "verdict"),
    [
        ("ConflictException", "Delegated administrator 1 is already enabled for the organization", Verdict.CONFIRM),
        ("ConflictException", "something nobody has seen before", Verdict.FAILED),
        ("AccessDeniedException", "Lambda code scanning is not supported in us-gov-west-1", Verdict.FAILED),
        ("AccessDeniedException", "Invoking account is not authorized to perform iam:CreateServiceLinkedRole", Verdict.FAILED),
        ("AccessDeniedException", "Invoking account does not have access to this account", Verdict.RETRY),
        ("ThrottlingException", "slow down", Verdict.RETRY),
        ("ValidationException", "something nobody has seen before", Verdict.FAILED),
    ],
)
def test_words_decide_what_a_refusal_means(code: str, words: str, verdict: Verdict) -> None:
    error = CallFailed(code, words, service="inspector2", operation="x", account="1", region="us-east-1", status=403)
    assert [outcome.verdict for outcome in SERVICE.judge(called("inspector2", "Enable", NAMES["alpha"]), error)] == [verdict]


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("ALREADY_ENABLED", Verdict.CONFIRM),
        ("ACCESS_DENIED", Verdict.RETRY),
        ("ENABLE_IN_PROGRESS", Verdict.RETRY),
        ("SSM_THROTTLED", Verdict.RETRY),
        ("EVENTBRIDGE_UNAVAILABLE", Verdict.RETRY),
        ("INTERNAL_ERROR", Verdict.RETRY),
        ("BLOCKED_BY_ORGANIZATION_POLICY", Verdict.FAILED),
        ("ACCOUNT_IS_ISOLATED", Verdict.FAILED),
        ("EC2_SSM_ASSOCIATION_VERSION_LIMIT_EXCEEDED", Verdict.FAILED),
        ("SOMETHING_NEW", Verdict.FAILED),
    ],
)
def test_one_bad_account_in_a_batch_has_its_own_outcome(code: str, verdict: Verdict) -> None:
    accounts = [f"{number}" for number in range(700000000000, 700000000050)]
    bad = accounts[25]
    failed = [{"accountId": bad, "errorCode": code, "errorMessage": "words"}]
    answer = {"accounts": [{"accountId": each} for each in accounts if each != bad], "failedAccounts": failed}
    outcomes = list(SERVICE.judge(called("inspector2", "Enable", *accounts), answer))
    assert [outcome.account for outcome in outcomes] == accounts
    assert {outcome.account: outcome.verdict for outcome in outcomes if outcome.verdict != Verdict.APPLIED} == {bad: verdict}


def test_who_is_governed_by_a_policy_is_said_with_what_to_do() -> None:
    """Inspector need not tell before: an Organizations policy may show in this refusal alone."""
    row = {"accountId": NAMES["alpha"], "errorCode": POLICY, "errorMessage": "An organization policy governs the account"}
    (said,) = SERVICE.judge(called("inspector2", "Enable", NAMES["alpha"]), {"accounts": [], "failedAccounts": [row]})
    assert (said.verdict, said.code) == (Verdict.FAILED, POLICY)
    assert said.message == f"An organization policy governs the account. {POLICY_STEP}"


def test_an_account_that_the_answer_leaves_out_is_not_taken_for_done() -> None:
    outcomes = SERVICE.judge(called("inspector2", "Enable", NAMES["alpha"]), {"accounts": [], "failedAccounts": []})
    assert [outcome.verdict for outcome in outcomes] == [Verdict.CONFIRM]


def test_observing_never_writes_and_destruction_is_no_mutation() -> None:
    reads_and_only_raises(SERVICE)


@pytest.mark.parametrize(
    ("service", "feature", "region", "there"),
    [
        ("inspector2", "LAMBDA_CODE", "us-east-1", True),
        ("inspector2", "LAMBDA_CODE", "eu-south-1", False),
        ("inspector2", "LAMBDA_CODE", "us-gov-west-1", False),
        ("inspector2", "EC2", "eu-south-1", True),
        ("guardduty", "RDS_LOGIN_EVENTS", "ap-east-2", False),
        ("guardduty", "RDS_LOGIN_EVENTS", "us-gov-east-1", True),
        ("guardduty", "RUNTIME_MONITORING/EC2_AGENT_MANAGEMENT", "us-gov-west-1", True),
        ("guardduty", "RUNTIME_MONITORING/EC2_AGENT_MANAGEMENT", "cn-north-1", False),
    ],
)
def test_capabilities(service: str, feature: str, region: str, there: bool) -> None:
    assert offered(service, feature, region) is there
