"""Access Analyzer by cases (tests/services/accessanalyzer/cases/*.yaml), what its answers mean, its parts, its cost."""

from typing import Any

import pytest
from accessanalyzer_fake import World, settings_of
from service_cases import called, compare, compare_blockers, load, observed_in, reads_and_only_raises
from service_fakes import NAMES, Run

from runbook_lib.aws.errors import CallFailed
from runbook_lib.coverage import Gap, Status
from runbook_lib.plan import Action, Scope
from runbook_lib.plan.outcome import Verdict
from runbook_lib.services.accessanalyzer.service import SERVICE
from runbook_lib.services.inventory import Writer

D, M = NAMES["delegated"], NAMES["management"]
UNUSED = {"unused_access": {"home_region": "us-east-1", "age": 90}}


def run(case: dict[str, Any]) -> Run:
    return Run(World(observed_in(case)), settings_of(case["settings"], **case.get("rest", {})))


@pytest.mark.parametrize("case", load("accessanalyzer"))
def test_case(case: dict[str, Any]) -> None:
    made = run(case)
    compare(case, made)
    compare_blockers(case, made)


LASTING = (Verdict.RETRY, 900)
"""AWS is known to answer so for ten minutes [code tf], the usual retries end after five."""


@pytest.mark.parametrize(
    ("operation", "code", "words", "verdict"),
    [
        ("CreateAnalyzer", "ValidationException", "You must create an organization", LASTING),
        ("CreateAnalyzer", "ValidationException", "Service not enabled for AWS Organizations", LASTING),
        ("CreateAnalyzer", "ValidationException", "something nobody has seen before", Verdict.FAILED),
        ("CreateAnalyzer", "ConflictException", "An analyzer of this name already exists", Verdict.CONFIRM),
        ("UpdateAnalyzer", "ConflictException", "being created", Verdict.FAILED),
        ("CreateAnalyzer", "ServiceQuotaExceededException", "one too many", Verdict.FAILED),
        ("CreateAnalyzer", "AccessDeniedException", "not the administrator", Verdict.FAILED),
        ("CreateAnalyzer", "ThrottlingException", "slow down", Verdict.RETRY),
    ],
)
def test_what_a_refusal_means(operation: str, code: str, words: str, verdict: Verdict | tuple[Verdict, float]) -> None:
    error = CallFailed(code, words, service="accessanalyzer", operation=operation, account="1", region="us-east-1", status=400)
    [outcome] = SERVICE.judge(called("accessanalyzer", operation), error)
    assert (outcome.verdict, outcome.lasts) == (verdict if isinstance(verdict, tuple) else (verdict, 0))


def change(made: Run) -> Action:
    [action] = [each for each in made.actions if each.operation == "UpdateAnalyzer"]
    return action


def test_a_change_that_aws_took_and_did_not_make_has_failed() -> None:
    held = {"mine": {}, "unused": {"type": "ORGANIZATION_UNUSED_ACCESS", "age": 90}}
    observed = {"registered": [D], "analyzers": {"us-east-1": {D: held}}}
    made = Run(World(observed), settings_of({"unused_access": {"home_region": "us-east-1", "age": 30}}))
    for age, verdict in ((30, Verdict.APPLIED), (90, Verdict.FAILED)):
        answer = {"configuration": {"unusedAccess": {"unusedAccessAge": age, "analysisRule": {"exclusions": []}}}}
        assert [each.verdict for each in SERVICE.judge(change(made), answer)] == [verdict]


def test_reasons_name_what_is_there_and_does_not_count() -> None:
    held = {D: {"linked": {"managed_by": "securityhubv2.amazonaws.com"}}, M: {"everything": {}}}
    made = Run(World({"registered": [D], "analyzers": {"us-east-1": held}}), settings_of({}))
    [creation] = made.actions
    assert "linked (ORGANIZATION, managed by securityhubv2.amazonaws.com), everything (ORGANIZATION, of 1" in creation.reason
    assert creation.affects == {D, M, NAMES["alpha"], NAMES["beta"]}


def test_a_part_of_the_organization_makes_nothing_that_looks_at_all_of_it() -> None:
    world, part = World({"registered": [D]}), Scope(accounts=(NAMES["alpha"],))
    made = Run(world, settings_of(UNUSED), part)
    assert made.actions == []
    assert made.blockers == []
    open_ = [cell for cell in made.cells if cell.in_scope and cell.status in (Status.GAP, Status.UNKNOWN)]
    assert open_ == []


def test_one_list_for_each_account_and_region_tells_everything_but_what_is_paid() -> None:
    held = {"mine": {}, "unused": {"type": "ORGANIZATION_UNUSED_ACCESS"}, "inside": {"type": "ORGANIZATION_INTERNAL_ACCESS"}}
    world = World({"registered": [D], "analyzers": {"us-east-1": {D: held}}})
    Run(world, settings_of({"regions": ["us-east-1", "us-east-2"]} | UNUSED))
    lists = [f"ListAnalyzers {account} {region}" for region in ("us-east-1", "us-east-2") for account in (D, M)]
    assert sorted(world.calls) == sorted([*lists, f"GetAnalyzer {D} us-east-1"])


def test_what_is_paid_is_counted_in_the_home_region_for_whoever_begins_to_be_analyzed() -> None:
    made = Run(World({"registered": [D]}), settings_of({"regions": ["us-east-1", "us-east-2"]} | UNUSED))
    [charged] = SERVICE.charges(made.actions, made.cells, made.state, made.view)
    assert (charged.feature.name, charged.accounts) == ("UNUSED_ACCESS", {"us-east-1": frozenset(made.population.accounts)})
    free = Run(World({"registered": [D]}), settings_of({}))
    assert SERVICE.charges(free.actions, free.cells, free.state, free.view) == []


def test_an_inventory_has_what_both_accounts_have() -> None:
    held = {
        D: {"unused": {"type": "ORGANIZATION_UNUSED_ACCESS", "age": 30, "excluded": [NAMES["alpha"]]}},
        M: {"theirs": {"status": "DISABLED", "reason": "x", "managed_by": "y"}},
    }
    made = Run(World({"registered": [D], "analyzers": {"us-east-1": held}}), settings_of({}))
    writer = Writer(M, D)
    written = SERVICE.inventory(made.state, writer)["regions"]["us-east-1"]["analyzers"]
    assert [(each["account"], each["name"]) for each in written] == [(D, "unused"), (M, "theirs")]
    assert written[0]["unused_access_age"] == 30
    assert written[0]["excluded"]
    assert (written[1]["status"], written[1]["reason"], written[1]["managed_by"]) == ("DISABLED", "x", "y")
    assert writer.unread == []


def test_what_is_under_way_is_said_so() -> None:
    world = World({"registered": [D], "analyzers": {"us-east-1": {D: {"mine": {"status": "CREATING"}}}}})
    cells = [cell for cell in Run(world, settings_of({})).cells if cell.aspect == "external access"]
    assert [cell.gap for cell in cells] == [Gap.IN_PROGRESS]


def test_observing_never_writes_and_destruction_is_no_mutation() -> None:
    reads_and_only_raises(SERVICE)
