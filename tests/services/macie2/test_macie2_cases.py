"""Macie by cases (tests/services/macie2/cases/*.yaml), what its answers mean, and the Regions that have it."""

from typing import Any

import pytest
from macie2_fake import World, settings_of
from service_cases import called, compare, compare_blockers, load, observed_in, reads_and_only_raises
from service_fakes import NAMES, Run

from runbook_lib.aws.errors import CallFailed
from runbook_lib.plan.outcome import Verdict
from runbook_lib.services.macie2.service import SERVICE

IAM = "User: arn:aws:sts::222222222222:assumed-role/A/b is not authorized to perform: macie2:CreateMember"


def run(case: dict[str, Any]) -> Run:
    members = {NAMES["alpha"]: "Enabled", NAMES["beta"]: "Enabled"}
    observed = observed_in(case, members={"us-east-1": members}, sessions={"us-east-1": {NAMES["delegated"]: {}}})
    return Run(World(observed), settings_of(case["settings"], **case.get("rest", {})))


@pytest.mark.parametrize("case", load("macie2"))
def test_case(case: dict[str, Any]) -> None:
    made = run(case)
    compare(case, made)
    compare_blockers(case, made)


@pytest.mark.parametrize(
    ("operation", "code", "words", "status", "verdict"),
    [
        ("EnableMacie", "ConflictException", "Macie has already been enabled", 409, Verdict.CONFIRM),
        ("EnableOrganizationAdminAccount", "ConflictException", "whatever it says", 409, Verdict.CONFIRM),
        ("EnableOrganizationAdminAccount", "ValidationException", "not yet", 400, Verdict.RETRY),
        ("CreateMember", "ConflictException", "is one already, or somebody else's", 409, Verdict.CONFIRM),
        ("CreateMember", "ValidationException", "the address is another one", 400, Verdict.FAILED),
        ("CreateMember", "AccessDeniedException", "not the administrator yet", 403, Verdict.RETRY),
        ("CreateMember", "AccessDeniedException", IAM, 403, Verdict.FAILED),
        ("CreateMember", "ServiceQuotaExceededException", "10,000", 402, Verdict.FAILED),
        ("CreateMember", "ThrottlingException", "Rate exceeded", 429, Verdict.RETRY),
        ("CreateMember", "ClientError", "transient", 400, Verdict.RETRY),
        ("CreateMember", "InternalServerException", "", 500, Verdict.CONFIRM),
    ],
)
def test_what_a_refusal_means(operation: str, code: str, words: str, status: int, verdict: Verdict) -> None:
    error = CallFailed(code, words, service="macie2", operation=operation, account="1", region="us-east-1", status=status)
    assert [each.verdict for each in SERVICE.judge(called("macie2", operation, NAMES["alpha"]), error)] == [verdict]


@pytest.mark.parametrize("code", ["ACCOUNT_PAUSED", "ACCOUNT_NOT_FOUND"])
def test_one_bad_account_in_a_batch_has_its_own_outcome(code: str) -> None:
    accounts = [f"{number}" for number in range(700000000000, 700000000050)]
    bad = accounts[25]
    action = called("macie2", "BatchUpdateAutomatedDiscoveryAccounts", *accounts)
    outcomes = list(SERVICE.judge(action, {"errors": [{"accountId": bad, "errorCode": code}]}))
    assert [each.account for each in outcomes] == accounts
    assert {each.account: each.verdict for each in outcomes if each.verdict != Verdict.APPLIED} == {bad: Verdict.RETRY}


def test_observing_never_writes_and_destruction_is_no_mutation() -> None:
    reads_and_only_raises(SERVICE)


def test_a_member_is_never_asked_from_inside_and_a_region_in_few_reads() -> None:
    """500 accounts: one list of administrators, the session, the five settings, and two lists of 21 pages."""
    accounts = {f"{number}": "ACTIVE" for number in range(700000000000, 700000000498)}
    both = {NAMES["management"]: "ACTIVE", NAMES["delegated"]: "ACTIVE"}
    world = World(
        {
            "accounts": accounts | both,
            "registered": [NAMES["delegated"]],
            "administrators": {"us-east-1": {NAMES["delegated"]: "ENABLED"}},
            "sessions": {"us-east-1": {NAMES["delegated"]: {}}},
            "members": {"us-east-1": dict.fromkeys(accounts, "Enabled")},
        }
    )
    made = Run(world, settings_of({"management_account": False}))
    assert not made.steps
    once = {
        "DescribeOrganizationConfiguration",
        "GetAutomatedDiscoveryConfiguration",
        "GetClassificationExportConfiguration",
        "GetFindingsPublicationConfiguration",
        "GetMacieSession",
        "ListAutomatedDiscoveryAccounts",
        "ListMembers",
    }
    here = [call.split()[0] for call in world.calls if call.endswith("us-east-1") and NAMES["delegated"] in call]
    assert sorted(here) == sorted(once)
