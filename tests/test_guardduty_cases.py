"""GuardDuty by cases (tests/cases/guardduty/*.yaml), and what its answers mean."""

from pathlib import Path
from typing import Any

import pytest
from guardduty_fake import NAMES, Run, World, named, settings_of, told
from ruamel.yaml import YAML

from runbook_lib.plan import Action, BackOut, plain
from runbook_lib.services import CallFailed, Verdict
from runbook_lib.services.guardduty import SERVICE

CASES = Path(__file__).parent / "cases" / "guardduty"
GIVEN = "The request is rejected because the given account ID is "
KEYS = {"name", "settings", "rest", "administered", "observed", "steps", "parameters", "blockers", "reasons"}


def load() -> list[Any]:
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        for case in YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")):
            assert set(case) <= KEYS, f"unknown keys in {path.name}: {set(case) - KEYS}"
            found.append(pytest.param(case, id=f"{path.stem}: {case['name']}"))
    return found


def run(case: dict[str, Any]) -> Run:
    observed = named(case["observed"])
    if case.get("administered"):
        standing = {
            "registered": [NAMES["delegated"]],
            "administrators": {"us-east-1": {NAMES["delegated"]: "ENABLED"}},
            "detectors": {"us-east-1": {NAMES["delegated"]: {"on": []}}},
        }
        observed = {**standing, **observed}
    return Run(World(observed), settings_of(case["settings"], **case.get("rest", {})))


@pytest.mark.parametrize("case", load())
def test_case(case: dict[str, Any]) -> None:
    made = run(case)
    assert [told(step) for step in made.steps] == case["steps"]
    wanted = case.get("blockers", [])
    assert bool(wanted) == bool(made.blockers), made.blockers
    for reason in wanted:
        assert any(reason in blocker.reason for blocker in made.blockers), made.blockers
    for reason in case.get("reasons", []):
        assert any(reason in said.reason for said in made.no_changes), reason
    if "parameters" in case:
        assert [plain(action.parameters) for action in made.actions] == case["parameters"]
    assert "somebody@example.com" not in repr(made.said)


def action(operation: str, *targets: str) -> Action:
    return Action(
        "guardduty", operation, NAMES["delegated"], "us-east-1", {}, "reason", frozenset(targets), "before", "after",
        BackOut("why"), "delegated", targets=targets,
    )  # fmt: skip


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
    assert [outcome.verdict for outcome in SERVICE.judge(action("EnableOrganizationAdminAccount"), error)] == [verdict]


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
    outcomes = list(SERVICE.judge(action("CreateMembers", *accounts), answer))
    assert [outcome.account for outcome in outcomes] == accounts
    assert {outcome.account: outcome.verdict for outcome in outcomes if outcome.verdict != "applied"} == {bad: verdict}
    everybody = {"UnprocessedAccounts": [{"AccountId": each, "Result": result} for each in accounts]}
    assert {outcome.verdict for outcome in SERVICE.judge(action("CreateMembers", *accounts), everybody)} == {verdict}


def test_observing_never_writes_and_destruction_is_no_mutation() -> None:
    words = ("Delete", "Disable", "Disassociate", "Deregister", "Stop")
    assert not [name for name in SERVICE.mutations if name.partition(":")[2].startswith(words)]
    assert not SERVICE.reads & SERVICE.mutations
