"""GuardDuty by cases (tests/services/guardduty/cases/*.yaml), and what its answers mean."""

from typing import Any

import pytest
from guardduty_fake import World, settings_of
from service_cases import called, compare, compare_blockers, load, observed_in, reads_and_only_raises
from service_fakes import NAMES, Run

from runbook_lib.aws.errors import CallFailed
from runbook_lib.plan.outcome import Verdict
from runbook_lib.services.guardduty.observe import read_detector
from runbook_lib.services.guardduty.service import SERVICE

GIVEN = "The request is rejected because the given account ID is "


def run(case: dict[str, Any]) -> Run:
    observed = observed_in(case, detectors={"us-east-1": {NAMES["delegated"]: {"on": []}}})
    return Run(World(observed), settings_of(case["settings"], **case.get("rest", {})))


@pytest.mark.parametrize("case", load("guardduty"))
def test_case(case: dict[str, Any]) -> None:
    made = run(case)
    compare(case, made)
    compare_blockers(case, made)
    assert "somebody@example.com" not in repr(made.said)


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("the account is already enabled as the GuardDuty delegated administrator for the organization.", Verdict.CONFIRM),
        ("another account is already enabled as GuardDuty delegated administrator for the organization.", Verdict.FAILED),
        ("a detector already exists for the current account.", Verdict.CONFIRM),
        ("an invalid or out-of-range value is specified as an input parameter.", Verdict.RETRY),
        ("a delegated administrator account has not been enabled", Verdict.RETRY),
        ("the GuardDuty service principal does not have permission to the KMS key", Verdict.FAILED),
        ("something nobody has seen before", Verdict.FAILED),
    ],
)
def test_words_decide_what_a_refusal_means(words: str, verdict: Verdict) -> None:
    error = CallFailed(
        "BadRequestException", f"The request failed because {words}", service="guardduty", operation="x",
        account=NAMES["management"], region="us-east-1", status=400,
    )  # fmt: skip
    assert [outcome.verdict for outcome in SERVICE.judge(called("guardduty", "EnableOrganizationAdminAccount"), error)] == [verdict]


@pytest.mark.parametrize(
    ("result", "verdict"),
    [
        (
            GIVEN + "already a member or associated member of the current account.",
            "confirm",
        ),
        (
            GIVEN + "not an associated member of account the current account.",
            "retry",
        ),
        ("Operation failed because your organization master must first enable GuardDuty to be added as a member", "failed"),
        ("something nobody has seen before", "failed"),
    ],
)
def test_one_bad_account_in_a_batch_has_its_own_outcome(result: str, verdict: str) -> None:
    accounts = [f"{number}" for number in range(700000000000, 700000000050)]
    bad = accounts[25]
    answer = {"UnprocessedAccounts": [{"AccountId": bad, "Result": result}]}
    outcomes = list(SERVICE.judge(called("guardduty", "CreateMembers", *accounts), answer))
    assert [outcome.account for outcome in outcomes] == accounts
    assert {outcome.account: outcome.verdict for outcome in outcomes if outcome.verdict != "applied"} == {bad: verdict}
    everybody = {"UnprocessedAccounts": [{"AccountId": each, "Result": result} for each in accounts]}
    assert {outcome.verdict for outcome in SERVICE.judge(called("guardduty", "CreateMembers", *accounts), everybody)} == {verdict}


class OneDetector(World):
    """An account whose detector may be deleted and made anew."""

    held = "first"
    asked: list[str]

    def _ListDetectors(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802 - AWS's names
        self.asked.append("list")
        return {"DetectorIds": [self.held] if self.held else []}

    def _GetDetector(self, account: str, region: str, parameters: Any) -> dict[str, Any]:  # noqa: N802
        self.asked.append(parameters["DetectorId"])
        if parameters["DetectorId"] != self.held:
            raise self.failed("BadRequestException", "the input detectorId is not owned", "GetDetector", account, region)
        return {"Status": "ENABLED"}


def test_a_known_detector_is_read_by_its_id_and_found_anew_when_it_is_gone() -> None:
    world = OneDetector({})
    world.asked = []
    seen = []
    for held in ("first", "first", "second", "", "third"):
        world.held = held
        found = read_detector(NAMES["delegated"], "us-east-1", world)
        seen.append((found.id if found else "", world.asked))
        world.asked = []
    assert seen == [
        ("first", ["list", "first"]),
        ("first", ["first"]),
        ("second", ["first", "list", "second"]),
        ("", ["second", "list"]),
        ("third", ["list", "third"]),
    ]


def test_observing_never_writes_and_destruction_is_no_mutation() -> None:
    reads_and_only_raises(SERVICE)
