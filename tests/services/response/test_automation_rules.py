"""Automation rules and suppressions: wanted ones made in each Region, others' named and left alone, and what a route then hears."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simulated import Simulated, home, open_cells, settings_for, simulated
from test_response_rehearsed import BEFORE, MEMBER, PHASE, apply, client, imported, killed_at_every_call, messages, with_response

from runbook_lib.coverage import Cell, Gap, Status
from runbook_lib.plan import Direction
from runbook_lib.plan.outcome import Verdict
from runbook_lib.rehearsal.backstop import Backstop
from runbook_lib.rehearsal.faults import Faults
from runbook_lib.rehearsal.scenario import Fault, Request, Scenario
from runbook_lib.services.response.automation import MOST_RULES
from runbook_lib.services.response.service import SERVICE
from runbook_lib.settings import Lowering
from runbook_lib.settings.file import SettingsError, load

SUPPRESSION = {
    "findings": {"resources": ["arn:aws:s3:::website"]}, "reason": "A public web site", "owner": "Web team",
    "expires": "2099-01-01",
}  # fmt: skip
RAISE = {"order": 10, "findings": {"accounts": [MEMBER], "severities": ["MEDIUM"]}, "changes": {"severity": "CRITICAL"}}
WEBSITE = [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::website"}]
ASPECT = "automation rules"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulated]:
    seven = simulated("seven", tmp_path, monkeypatch, moto=True)
    seven.settings = wanting(seven, suppression={"web-site": SUPPRESSION}, automation_rules={"production": RAISE})
    assert all(each.report.ok for each in seven.enable(BEFORE))
    yield seven
    assert isinstance(seven.front.backstop, Backstop)
    seven.front.backstop.reset()
    seven.front.backstop.close()


def wanting(made: Simulated, **changes: Any) -> Any:
    return with_response(settings_for(made.front), **changes)


def regions(made: Simulated) -> tuple[str, ...]:
    return made.settings.sections()["securityhub"].regions


def rules(made: Simulated, region: str = "") -> dict[str, Any]:
    """Name → rule, as anybody with the delegated account's credentials sees them."""
    hub = client(made, "securityhub", region=region)
    arns = [each["RuleArn"] for each in hub.list_automation_rules()["AutomationRulesMetadata"]]
    found = hub.batch_get_automation_rules(AutomationRulesArns=arns)["Rules"] if arns else []
    return {each["RuleName"]: each for each in found}


def cells(made: Simulated) -> list[Cell]:
    return [cell for cell in made.phase_cells(PHASE) if cell.aspect == ASPECT]


def foreign(made: Simulated, name: str = "theirs", **changes: Any) -> str:
    asked: dict[str, Any] = {
        "RuleName": name, "Description": "Another team's", "RuleOrder": 1, "RuleStatus": "ENABLED",
        "Criteria": {"Title": [{"Value": "An open", "Comparison": "PREFIX"}]},
        "Actions": [{"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": {"Workflow": {"Status": "SUPPRESSED"}}}],
    }  # fmt: skip
    return str(client(made, "securityhub").create_automation_rule(**{**asked, **changes})["RuleArn"])


def test_from_nothing_to_findings_that_nobody_is_told_of(made: Simulated) -> None:
    """In every Region, because a rule holds in its own; the suppression in a stage of its own, for it silences a route."""
    plan = made.plan(PHASE)
    planned = [each for each in plan.actions if each.operation == "CreateAutomationRule"]
    assert {(each.region, each.parameters["RuleName"]) for each in planned} == {
        (region, name) for region in regions(made) for name in ("runbook-web-site", "runbook-production")
    }
    assert {(each.parameters["RuleName"], each.stage, each.direction) for each in planned} == {
        ("runbook-web-site", "lowering", Direction.LOWERS), ("runbook-production", "delegated", Direction.RAISES),
    }  # fmt: skip
    apply(made)
    assert open_cells(made.phase_cells(PHASE)) == []
    assert {region: set(rules(made, region)) for region in regions(made)} == {
        region: {"runbook-web-site", "runbook-production"} for region in regions(made)
    }
    note = rules(made)["runbook-web-site"]["Actions"][0]["FindingFieldsUpdate"]["Note"]["Text"]
    assert note == "Suppressed until 2099-01-01: A public web site (Web team)"
    imported(made, Id="silent", Resources=WEBSITE)
    imported(made, Id="raised", Severity={"Label": "MEDIUM"})
    imported(made, Id="medium", Severity={"Label": "LOW"})
    assert [(each["finding"], each["severity"]) for each in messages(made)] == [("raised", "CRITICAL")]


def test_the_second_run_makes_no_call(made: Simulated) -> None:
    apply(made)
    again = made.plan(PHASE)
    assert (again.steps, again.blockers) == ((), ())


@pytest.mark.parametrize("moment", ["in flight", "after"])
def test_killed_at_every_call_it_converges_and_no_rule_is_made_twice(made: Simulated, moment: str, tmp_path: Path) -> None:
    """A second call with the same name would make a second rule: AWS refuses none."""
    killed_at_every_call(made, moment, tmp_path)
    made.attach = None
    for region in regions(made):
        listed = client(made, "securityhub", region=region).list_automation_rules()["AutomationRulesMetadata"]
        assert sorted(each["RuleName"] for each in listed) == ["runbook-production", "runbook-web-site"]
    assert made.plan(PHASE).steps == ()


def test_what_somebody_changed_is_written_again_and_a_suppression_that_settings_dropped_ends(made: Simulated) -> None:
    apply(made)
    hub = client(made, "securityhub")
    arn = rules(made)["runbook-production"]["RuleArn"]
    hub.batch_update_automation_rules(UpdateAutomationRulesRequestItems=[{"RuleArn": arn, "RuleStatus": "DISABLED"}])
    made.settings = wanting(made, automation_rules={"production": RAISE})
    plan = made.plan(PHASE)
    assert {(each.operation, each.stage) for each in plan.actions} == {("BatchUpdateAutomationRules", "delegated")}
    assert len(plan.actions) == 1 + len(regions(made))
    apply(made)
    assert rules(made)["runbook-production"]["RuleStatus"] == "ENABLED"
    assert {rules(made, region)["runbook-web-site"]["RuleStatus"] for region in regions(made)} == {"DISABLED"}
    imported(made, Id="told again", Resources=WEBSITE)
    assert [each["finding"] for each in messages(made)] == ["told again"]
    assert made.plan(PHASE).steps == ()


def test_a_rule_of_others_is_named_with_what_it_does_and_left_alone(made: Simulated) -> None:
    foreign(made)
    before = rules(made)["theirs"]
    apply(made)
    [cell] = [cell for cell in cells(made) if cell.item == "theirs"]
    assert (cell.status, cell.in_scope) == (Status.NOT_APPLICABLE, False)
    assert "not the runbook's; left alone: writes workflow status SUPPRESSED before any route sees a finding" in cell.reason
    assert rules(made)["theirs"] == before
    assert made.plan(PHASE).steps == ()


def test_without_any_in_settings_others_are_named_all_the_same(made: Simulated) -> None:
    made.settings = wanting(made)
    foreign(made)
    assert [(cell.item, cell.in_scope) for cell in cells(made)] == [("theirs", False)]
    assert not [each for each in made.plan(PHASE).actions if "AutomationRule" in each.operation]


def blocked(made: Simulated) -> dict[str, str]:
    return {cell.item: cell.reason for cell in cells(made) if cell.gap is Gap.BLOCKED and cell.region == home(made.front)}


def test_what_would_be_there_twice_and_a_name_that_is_taken_are_blockers(made: Simulated) -> None:
    apply(made)
    ours = rules(made)["runbook-web-site"]
    hub = client(made, "securityhub")
    hub.batch_delete_automation_rules(AutomationRulesArns=[each["RuleArn"] for each in rules(made).values()])
    foreign(made, Criteria=ours["Criteria"], Actions=ours["Actions"])
    foreign(made, "runbook-production")
    assert blocked(made) == {
        "web-site": "the rule theirs, which is not the runbook's, does the same",
        "production": "there is a rule runbook-production that the runbook did not make",
    }


def test_there_is_no_room_for_one_more(made: Simulated) -> None:
    for number in range(MOST_RULES - 1):
        foreign(made, f"theirs-{number}")
    assert blocked(made) == {"web-site": "there are 99 automation rules, and AWS allows 100"}


@pytest.mark.parametrize(("asked", "lowers"), [({}, True), ({"severities": ["LOW"]}, False), ({"severities": ["HIGH"]}, True)])
def test_a_lower_severity_has_to_be_named_exactly(made: Simulated, asked: dict[str, Any], *, lowers: bool) -> None:
    rule = {"order": 5, "findings": {"accounts": [MEMBER], **asked}, "changes": {"severity": "LOW"}}
    made.settings = wanting(made, automation_rules={"quiet": rule})
    assert ("quiet" in blocked(made)) is lowers
    named = Lowering(service="response", aspect=ASPECT, item="quiet", reason="A sandbox")
    made.settings = made.settings.model_copy(update={"allow_lowering": (named,)})
    assert blocked(made) == {}
    stages = {each.stage for each in made.plan(PHASE).actions if each.operation == "CreateAutomationRule"}
    assert stages == {"lowering" if lowers else "delegated"}


def test_a_list_that_cannot_be_read_is_unknown_and_nothing_is_made(made: Simulated) -> None:
    denied = Fault(kind="deny", on=Request(operation="ListAutomationRules"), times=None)
    made.front.faults = Faults(Scenario(faults=(denied,)), made.front.world)
    found = cells(made)
    assert {cell.status for cell in found} == {Status.UNKNOWN}
    assert {cell.item for cell in found} == {"web-site", "production"}
    plan = made.plan(PHASE)
    assert not [each for each in plan.actions if "AutomationRule" in each.operation]
    assert {each.aspect for each in plan.blockers} == {ASPECT}
    made.settings = wanting(made)
    assert {(cell.status, cell.item) for cell in cells(made)} == {(Status.UNKNOWN, "")}, "somebody's may silence a route"


def test_an_answer_of_200_that_processed_nothing_is_a_failure(made: Simulated) -> None:
    apply(made)
    answer = {
        "ProcessedAutomationRules": [],
        "UnprocessedAutomationRules": [{"RuleArn": "a", "ErrorCode": 500, "ErrorMessage": "no"}],
    }
    made.settings = wanting(made, automation_rules={"production": RAISE})
    action = made.plan(PHASE).actions[0]
    assert [(each.verdict, each.code, each.message) for each in SERVICE.judge(action, answer)] == [(Verdict.FAILED, "500", "no")]


WRONG: dict[str, tuple[str, str]] = {
    "expired": ("expires: 2020-01-01", "This suppression has expired"),
    "everything": ("findings: {}", "This fits every finding there is"),
    "one name": ("automation_rules: { quiet: { order: 1, findings: { products: [macie] }, changes: { note: a } } }", "has this id"),
    "no change": ("changes: {}", "This changes nothing"),
    "an order": ("order: 1001", "1000"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_the_file_alone_shows(tmp_path: Path, case: str) -> None:
    entry = {"findings": "{ products: [guardduty] }", "reason": "because", "owner": "a team", "expires": "2099-01-01", "order": "7"}
    line, said = WRONG[case]
    key, _, value = line.partition(": ")
    more = f"  {line}\n" if key == "automation_rules" else ""
    if key == "changes":
        more = "  automation_rules:\n    empty: { order: 1, findings: { products: [macie] }, changes: {} }\n"
    elif not more:
        entry[key] = value
    sample = (Path(__file__).parents[3] / "parameters" / "rehearsal-all.yaml").read_text()
    written = "  suppression:\n    quiet: { " + ", ".join(f"{name}: {each}" for name, each in entry.items()) + " }\n"
    path = tmp_path / "mine.yaml"
    path.write_text(sample.replace("\nresponse:\n", f"\nresponse:\n{written}{more}", 1))
    with pytest.raises(SettingsError) as refused:
        load(path, dt.date(2026, 11, 29))
    assert said in str(refused.value)
