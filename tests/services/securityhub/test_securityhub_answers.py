"""What AWS's answers to Security Hub's calls mean, how far waits have come, and what the reads tell apart."""

from typing import Any

import pytest
from securityhub_fake import CIS, FSBP, Run, World, settings_of
from service_fakes import NAMES, named

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.plan import ACCOUNT_ID, Action, BackOut, Condition, ForEach, Reference, Wait
from runbook_lib.plan.outcome import Outcome, Verdict
from runbook_lib.services.designation import USABLE
from runbook_lib.services.securityhub.membership import ENABLED
from runbook_lib.services.securityhub.service import SERVICE

M, D, ALPHA, BETA, OTHER = (NAMES[name] for name in ("management", "delegated", "alpha", "beta", "other"))
FULL = "The request is rejected because the given account ID is already a member or associated member of the current account."
ELSEWHERE = "The request is rejected because the given account ID is already a member or associated member of another account."


def action(operation: str, parameters: Any = None, targets: tuple[str, ...] = (), account: str = D) -> Action:
    service = "organizations" if operation.startswith("Register") else "securityhub"
    return Action(
        service,
        operation,
        account,
        "us-east-1",
        parameters or {},
        "why",
        frozenset(targets),
        "",
        "",
        BackOut("no"),
        "s",
        targets=targets,
    )


CREATE = action("CreateMembers", {"AccountDetails": ForEach({"AccountId": ACCOUNT_ID})}, (ALPHA, BETA, OTHER))
STANDARDS = action(
    "BatchEnableStandards",
    {
        "StandardsSubscriptionRequests": [
            {"StandardsArn": "arn:aws:securityhub:us-east-1::standards/aws-foundational-security-best-practices/v/1.0.0"},
            {"StandardsArn": "arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0"},
        ]
    },
)
ADMIN = action("EnableOrganizationAdminAccount", {"AdminAccountId": D}, account=M)
REGISTER = action("RegisterDelegatedAdministrator", {"AccountId": D, "ServicePrincipal": "securityhub.amazonaws.com"}, account=M)
HUB = action("EnableSecurityHub")
UPDATE = action("UpdateOrganizationConfiguration", {"AutoEnable": True, "AutoEnableStandards": "NONE"})
AGGREGATE = action("CreateFindingAggregator", {"RegionLinkingMode": "ALL_REGIONS"})


def failed(code: str, message: str = "", status: int = 400, sent: bool = True) -> CallFailed:
    return CallFailed(code, message, service="s", operation="o", account=D, region="us-east-1", status=status, sent=sent)


NOT_ADMINISTRATOR = f"Account {D} is not an administrator for this organization"
NOT_SUBSCRIBED = f"Account {D} is not subscribed to AWS Security Hub"


@pytest.mark.parametrize(
    ("called", "error", "verdict"),
    [
        (ADMIN, failed("ResourceConflictException", "", 409), Verdict.CONFIRM),
        (ADMIN, failed("InvalidInputException"), Verdict.CONFIRM),
        (ADMIN, failed("AccessDeniedException", "", 403), Verdict.FAILED),
        (REGISTER, failed("AccountAlreadyRegisteredException"), Verdict.CONFIRM),
        (REGISTER, failed("ConstraintViolationException", "DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE"), Verdict.FAILED),
        (REGISTER, failed("ConcurrentModificationException"), Verdict.RETRY),
        (REGISTER, failed("TooManyRequestsException"), Verdict.RETRY),
        (REGISTER, failed("ServiceException", "", 500), Verdict.RETRY),
        (HUB, failed("ResourceConflictException", "Account is already subscribed to Security Hub", 409), Verdict.ALREADY_SO),
        (HUB, failed("ResourceConflictException", "something else", 409), Verdict.CONFIRM),
        (UPDATE, failed("InvalidAccessException", NOT_ADMINISTRATOR, 401), Verdict.RETRY),
        (UPDATE, failed("InvalidAccessException", NOT_SUBSCRIBED, 401), Verdict.RETRY),
        (UPDATE, failed("InvalidAccessException", "something else", 401), Verdict.FAILED),
        (UPDATE, failed("InvalidInputException", "Auto Enable and AutoEnableStandards can not be enabled"), Verdict.FAILED),
        (UPDATE, failed("AccessDeniedException", "associated with a central configuration policy", 403), Verdict.FAILED),
        (CREATE, failed("InvalidAccessException", NOT_ADMINISTRATOR, 401), Verdict.RETRY),
        (CREATE, failed("ThrottlingException", "", 429), Verdict.RETRY),
        (CREATE, failed("InternalException", "", 500), Verdict.CONFIRM),
        (CREATE, failed("ServiceUnavailable", "", 503), Verdict.RETRY),
        (CREATE, failed("ReadTimeoutError", "", 0), Verdict.CONFIRM),
        (CREATE, failed("EndpointConnectionError", "", 0, sent=False), Verdict.RETRY),
        (CREATE, failed("NoCredentialsError", "", 0, sent=False), Verdict.FAILED),
        (CREATE, failed("ExpiredTokenException", "", 403), Verdict.RETRY),
        (CREATE, failed("ExpiredToken", "", 403), Verdict.RETRY),
        (STANDARDS, failed("InvalidInputException"), Verdict.RETRY),
        (STANDARDS, failed("AccessDeniedException", "", 403), Verdict.FAILED),
        (AGGREGATE, failed("LimitExceededException", "", 429), Verdict.CONFIRM),
        (AGGREGATE, failed("InvalidInputException", "cannot be created by a member account.", 401), Verdict.FAILED),
    ],
)
def test_a_failed_call_means_one_thing_for_every_target(called: Action, error: CallFailed, verdict: Verdict) -> None:
    outcomes = list(SERVICE.judge(called, error))
    assert [outcome.account for outcome in outcomes] == list(called.targets or ("",))
    assert {outcome.verdict for outcome in outcomes} == {verdict}
    assert {outcome.code for outcome in outcomes} == {error.code}


def test_accounts_that_aws_hands_back_are_told_apart_from_those_it_took() -> None:
    answer = {
        "UnprocessedAccounts": [
            {"AccountId": BETA, "ProcessingResult": FULL},
            {"AccountId": OTHER, "ProcessingResult": ELSEWHERE},
            {"AccountId": "888888888888", "ProcessingResult": "not one of ours"},
        ]
    }
    assert list(SERVICE.judge(CREATE, answer)) == [
        Outcome(ALPHA, Verdict.APPLIED),
        Outcome(BETA, Verdict.CONFIRM, "UnprocessedAccount", FULL),
        Outcome(OTHER, Verdict.FAILED, "UnprocessedAccount", ELSEWHERE),
    ]


def test_fifty_accounts_handed_back_are_fifty_failures() -> None:
    targets = tuple(f"{number:012d}" for number in range(700000000000, 700000000050))
    many = CREATE.only(targets)
    answer = {"UnprocessedAccounts": [{"AccountId": each, "ProcessingResult": "no"} for each in targets]}
    assert [outcome.verdict for outcome in SERVICE.judge(many, answer)] == [Verdict.FAILED] * 50
    one = {"UnprocessedAccounts": answer["UnprocessedAccounts"][25:26]}
    verdicts = [outcome.verdict for outcome in SERVICE.judge(many, one)]
    assert (verdicts.count(Verdict.APPLIED), verdicts[25]) == (49, Verdict.FAILED)


def subscriptions(*pairs: tuple[int, str]) -> dict[str, Any]:
    arns = [each["StandardsArn"] for each in STANDARDS.parameters["StandardsSubscriptionRequests"]]
    return {"StandardsSubscriptions": [{"StandardsArn": arns[number], "StandardsStatus": status} for number, status in pairs]}


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (subscriptions((0, "PENDING"), (1, "READY")), Verdict.APPLIED),
        (subscriptions((0, "PENDING")), Verdict.CONFIRM),
        (subscriptions((0, "PENDING"), (1, "FAILED")), Verdict.FAILED),
    ],
)
def test_standards_that_are_missing_in_the_answer_are_looked_for(answer: dict[str, Any], verdict: Verdict) -> None:
    assert [outcome.verdict for outcome in SERVICE.judge(STANDARDS, answer)] == [verdict]


@pytest.mark.parametrize("called", [ADMIN, REGISTER, HUB, UPDATE, AGGREGATE])
def test_an_answer_without_an_error_is_applied(called: Action) -> None:
    assert list(SERVICE.judge(called, {})) == [Outcome("", Verdict.APPLIED)]


def wait(condition: Condition, targets: tuple[str, ...] = ()) -> Wait:
    return Wait("securityhub", "Read", D, "us-east-1", condition, "it", 300, "delegated", targets)


def world(**observed: Any) -> World:
    standing = {
        "registered": ["delegated"],
        "administrators": {"us-east-1": {"delegated": "ENABLED"}},
        "hubs": {"us-east-1": ["delegated"]},
    }
    return World(named({**standing, **observed}))


def test_the_administrator_is_usable_when_its_own_read_answers() -> None:
    assert SERVICE.check(wait(USABLE), world()).reached == {""}
    assert SERVICE.check(wait(USABLE), world(spreading=["us-east-1"])).reached == frozenset()
    assert SERVICE.check(wait(USABLE), world(hubs={})).reached == frozenset()
    errors = [{"operation": "DescribeOrganizationConfiguration", "code": "AccessDeniedException"}]
    with pytest.raises(CallFailed, match="AccessDenied"):
        SERVICE.check(wait(USABLE), world(errors=errors))


def test_members_are_enabled_one_by_one() -> None:
    there = world(members={"us-east-1": {"alpha": "Enabled", "beta": "Created", "other": "AccountSuspended"}})
    progress = SERVICE.check(wait(ENABLED, (ALPHA, BETA, OTHER, M)), there)
    assert progress.reached == {ALPHA}
    assert progress.refused == {OTHER: "AccountSuspended"}
    assert SERVICE.check(CREATE, there).reached == {ALPHA, BETA}, "being added is the call's effect"


def test_standards_settle_in_the_caller_or_in_each_member() -> None:
    condition = Condition("standards ready", "standards", (FSBP, CIS))
    held = {
        "delegated": {FSBP: "READY", CIS: "INCOMPLETE"},
        "alpha": {FSBP: "READY", CIS: "PENDING"},
        "beta": {FSBP: "FAILED", CIS: "READY"},
    }
    there = world(hubs={"us-east-1": ["delegated", "alpha", "beta"]}, standards={"us-east-1": held})
    assert SERVICE.check(wait(condition), there).reached == {""}
    progress = SERVICE.check(wait(condition, (ALPHA, BETA, OTHER)), there)
    assert progress.reached == frozenset()
    assert set(progress.refused) == {BETA}
    assert SERVICE.check(STANDARDS, there).reached == {""}


@pytest.mark.parametrize(
    ("called", "observed", "reached", "refused"),
    [
        (HUB, {}, True, False),
        (HUB, {"hubs": {}}, False, False),
        (REGISTER, {}, True, False),
        (REGISTER, {"registered": []}, False, False),
        (REGISTER, {"registered": ["other"]}, False, True),
        (ADMIN, {}, True, False),
        (ADMIN, {"administrators": {}}, False, False),
        (ADMIN, {"administrators": {"us-east-1": {"other": "ENABLED"}}}, False, True),
        (ADMIN, {"administrators": {"us-east-1": {"delegated": "DISABLE_IN_PROGRESS"}}}, False, False),
        (UPDATE, {}, False, False),
        (UPDATE, {"configurations": {"us-east-1": {"AutoEnable": True, "AutoEnableStandards": "NONE"}}}, True, False),
        (AGGREGATE, {}, False, False),
        (AGGREGATE, {"aggregator": {"home": "us-east-1", "mode": "ALL_REGIONS"}}, True, False),
        (AGGREGATE, {"aggregator": {"home": "us-east-1", "mode": "NO_REGIONS"}}, False, False),
        (AGGREGATE, {"aggregator": {"home": "us-east-2", "mode": "ALL_REGIONS"}}, False, True),
    ],
)
def test_the_effect_of_a_call_is_read_back(called: Action, observed: dict[str, Any], reached: bool, refused: bool) -> None:
    progress = SERVICE.check(called, world(**observed))
    assert (bool(progress.reached), bool(progress.refused)) == (reached, refused)


def test_a_step_that_the_service_does_not_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="no condition"):
        SERVICE.check(wait(Condition("moon full", "moon")), world())
    with pytest.raises(ValueError, match="plans no"):
        SERVICE.check(action("DisableSecurityHub"), world())
    with pytest.raises(ValueError, match="resolves no"):
        SERVICE.resolve(Reference("guardduty:detector", D, "us-east-1"), world())


def test_the_aggregator_is_resolved_where_it_is() -> None:
    there = world(aggregator={"home": "us-east-1", "mode": "ALL_REGIONS"})
    wanted = Reference("securityhub:finding-aggregator", D, "us-east-1")
    assert SERVICE.resolve(wanted, there) == f"arn:aws:securityhub:us-east-1:{D}:finding-aggregator/made-up"
    with pytest.raises(CallFailed, match="no finding aggregator"):
        SERVICE.resolve(wanted, world())


def test_later_phases_wait_for_every_asked_region() -> None:
    settings = settings_of({"management_account": False})
    run = Run(world(), settings)
    assert [text.split()[-1] for text in SERVICE.missing(run.state, run.view)] == ["us-east-2"] * 2
    spreading = Run(world(spreading=["us-east-1"]), settings_of({"regions": ["us-east-1"]}))
    assert len(SERVICE.missing(spreading.state, spreading.view)) == 1


def test_an_interrupted_list_of_members_without_a_hub_is_not_there_yet() -> None:
    """AWS answers ListMembers without a hub with BadRequest or InternalException: "not there yet" only where the hub is off."""
    internal = [{"operation": "ListMembers", "code": "InternalException", "message": "internal"}]
    settings = settings_of({"regions": ["us-east-1"], "management_account": False})
    off = Run(World(named({"errors": internal})), settings)
    assert not off.blockers
    assert Run(world(errors=internal), settings).blockers


def test_the_next_step_of_an_unread_answer_fits_its_kind() -> None:
    told = [
        unread(failed(code)).next_step for code in ("UnrecognizedClientException", "EndpointConnectionError", "AccessDenied", "Odd")
    ]
    assert len(set(told)) == 4
    assert unread(failed("Odd", "words")).reason.endswith("Odd: words")
