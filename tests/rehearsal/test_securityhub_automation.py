"""Automation rules, updates and history of findings: what Security Hub does with a finding before anybody hears of it."""

import json
from typing import Any

import pytest
from securityhub_rig import DELEGATED, HOME, PLAIN, SECOND, Rig, refused

from runbook_lib.rehearsal.operations.events.state import state_of as events_of

CRITERIA = {"Title": [{"Value": "[DRILL]", "Comparison": "PREFIX"}]}
ADMINISTRATOR, MEMBER = DELEGATED, PLAIN


@pytest.fixture
def rig() -> Rig:
    made = Rig()
    for region in (HOME, SECOND):
        made.designate(region)
        made.add(MEMBER, region=region)
    return made


def a_finding(key: str = "f", **changes: Any) -> dict[str, Any]:
    return {
        "SchemaVersion": "2018-10-08",
        "Id": key,
        "ProductArn": f"arn:aws:securityhub:{HOME}:{MEMBER}:product/{MEMBER}/default",
        "GeneratorId": "rehearsal",
        "AwsAccountId": MEMBER,
        "CreatedAt": "2026-01-01T00:00:00Z",
        "UpdatedAt": "2026-01-01T00:00:00Z",
        "Title": "[DRILL] an open door",
        "Description": "Somebody left the door open",
        "Severity": {"Label": "HIGH"},
        "Types": ["Software and Configuration Checks"],
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::door"}],
        **changes,
    }


def identifier(key: str = "f") -> dict[str, str]:
    return {"Id": key, "ProductArn": a_finding()["ProductArn"]}


def bring_in(rig: Rig, key: str = "f", **changes: Any) -> dict[str, Any]:
    """Import a finding, and what the administrator sees of it."""
    answer = rig(MEMBER).batch_import_findings(Findings=[a_finding(key, **changes)])
    assert answer["FailedCount"] == 0, answer
    return shown(rig, key)


def shown(rig: Rig, key: str = "f") -> dict[str, Any]:
    [found] = rig().get_findings(Filters={"Id": [{"Value": key, "Comparison": "EQUALS"}]})["Findings"]
    return dict(found)


def rule(rig: Rig, update: dict[str, Any], region: str = HOME, **changes: Any) -> str:
    wanted = {
        "RuleName": "quiet", "Description": "by the runbook", "RuleOrder": 10, "Criteria": CRITERIA,
        "Actions": [{"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": update}], **changes,
    }  # fmt: skip
    return str(rig(region=region).create_automation_rule(**wanted)["RuleArn"])


def status(value: str) -> dict[str, Any]:
    return {"Workflow": {"Status": value}}


@pytest.mark.fact("SH-AR-01")
def test_a_rule_changes_a_finding_before_any_bus_hears_of_it(rig: Rig) -> None:
    bring_in(rig, "before")
    arn = rule(rig, {**status("SUPPRESSED"), "Note": {"Text": "drill", "UpdatedBy": "runbook"}})
    assert bring_in(rig)["Workflow"]["Status"] == "SUPPRESSED"
    event = events_of(rig.world).events[-1]["detail"]["findings"][0]
    assert (event["Workflow"]["Status"], event["Note"]["Text"]) == ("SUPPRESSED", "drill")
    assert shown(rig, "before")["Workflow"]["Status"] == "NEW", "not what was there before"
    assert bring_in(rig, "other", Title="a door")["Workflow"]["Status"] == "NEW"
    [made, ruled] = reversed(rig().get_finding_history(FindingIdentifier=identifier())["Records"])
    assert (made["FindingCreated"], ruled["UpdateSource"]["Identity"]) == (True, arn)


@pytest.mark.fact("SH-AR-02")
def test_a_rule_is_of_one_region_and_of_the_administrator(rig: Rig) -> None:
    rule(rig, status("SUPPRESSED"), region=SECOND)
    assert bring_in(rig)["Workflow"]["Status"] == "NEW"
    assert rig().list_automation_rules()["AutomationRulesMetadata"] == []
    refused(rig(MEMBER).list_automation_rules, "AccessDeniedException")


@pytest.mark.fact("SH-AR-03")
def test_rules_follow_their_order_and_the_latest_edit_wins(rig: Rig) -> None:
    low = rule(rig, {"Severity": {"Label": "LOW"}}, RuleOrder=5)
    rig.world.skip(1)
    rule(rig, {"Severity": {"Label": "MEDIUM"}}, RuleOrder=5)
    assert bring_in(rig, "a")["Severity"]["Label"] == "MEDIUM"
    rig.world.skip(1)
    rig().batch_update_automation_rules(UpdateAutomationRulesRequestItems=[{"RuleArn": low, "Description": "edited"}])
    assert bring_in(rig, "b")["Severity"]["Label"] == "LOW"
    rule(rig, {"Severity": {"Label": "CRITICAL"}}, RuleOrder=1, IsTerminal=True)
    assert bring_in(rig, "c")["Severity"]["Label"] == "CRITICAL"
    rule(rig, {"Severity": {"Label": "INFORMATIONAL"}}, RuleOrder=1, RuleStatus="DISABLED")
    assert bring_in(rig, "d")["Severity"]["Label"] == "CRITICAL"


MATCHING: dict[str, tuple[dict[str, Any], bool]] = {
    "equal texts": ({"SeverityLabel": [{"Value": "HIGH", "Comparison": "EQUALS"}]}, True),
    "another account": ({"AwsAccountId": [{"Value": DELEGATED, "Comparison": "EQUALS"}]}, False),
    "not equal": ({"AwsAccountId": [{"Value": DELEGATED, "Comparison": "NOT_EQUALS"}]}, True),
    "one of two": ({"Title": [{"Value": w, "Comparison": "CONTAINS"} for w in ("window", "door")]}, True),
    "all criteria": (
        {"Title": [{"Value": "door", "Comparison": "CONTAINS"}], "Type": [{"Value": "TTPs", "Comparison": "PREFIX"}]}, False,
    ),
    "a number": ({"Criticality": [{"Gte": 50, "Lte": 90}]}, True),
    "a number beyond": ({"Criticality": [{"Gte": 91}]}, False),
    "a tag": ({"ResourceTags": [{"Key": "env", "Value": "prod", "Comparison": "EQUALS"}]}, True),
    "another tag": ({"ResourceTags": [{"Key": "env", "Value": "test", "Comparison": "EQUALS"}]}, False),
    "not that tag": ({"ResourceTags": [{"Key": "env", "Value": "test", "Comparison": "NOT_EQUALS"}]}, True),
    "a control": ({"ComplianceSecurityControlId": [{"Value": "S3.8", "Comparison": "EQUALS"}]}, True),
    "a day": ({"CreatedAt": [{"Start": "2025-12-31T00:00:00Z", "End": "2026-01-02T00:00:00Z"}]}, True),
}  # fmt: skip


@pytest.mark.parametrize(("criteria", "fits"), MATCHING.values(), ids=MATCHING)
@pytest.mark.fact("SH-AR-04")
def test_criteria(rig: Rig, criteria: dict[str, Any], *, fits: bool) -> None:
    rule(rig, status("NOTIFIED"), Criteria=criteria)
    bucket = {"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::door", "Tags": {"env": "prod"}}
    found = bring_in(rig, Criticality=70, Resources=[bucket], Compliance={"Status": "FAILED", "SecurityControlId": "S3.8"})
    assert (found["Workflow"]["Status"] == "NOTIFIED") is fits


many = [{"Value": str(number), "Comparison": "EQUALS"} for number in range(101)]
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an order of 1001": ({"RuleOrder": 1001}, "RuleOrder"),
    "no criteria": ({"Criteria": {}}, "Criteria"),
    "21 products": ({"Criteria": {"ProductName": many[:21]}}, "up to 20 items"),
    "101 titles": ({"Criteria": {"Title": many}}, "up to 100 items"),
    "mixed comparisons": (
        {"Criteria": {"Title": [{"Value": "a", "Comparison": each} for each in ("CONTAINS", "NOT_CONTAINS")]}}, "cannot be",
    ),
    "two actions": ({"Actions": [{"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": status("NEW")}] * 2}, "exactly one"),
    "no change": ({"Actions": [{"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": {}}]}, "at least one field"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), REFUSED.values(), ids=REFUSED)
@pytest.mark.fact("SH-AR-04")
def test_rules_that_are_refused(rig: Rig, changes: dict[str, Any], words: str) -> None:
    refused(lambda: rule(rig, status("NEW"), **changes), "InvalidInputException", words)
    assert rig().list_automation_rules()["AutomationRulesMetadata"] == []


@pytest.mark.fact("SH-AR-05")
def test_rules_are_read_changed_and_deleted_in_batches(rig: Rig) -> None:
    arns = [rule(rig, status("NEW")) for _ in range(100)]
    assert len(set(arns)) == 100, "a name that is there already makes another rule"
    refused(lambda: rule(rig, status("NEW")), "LimitExceededException")
    first = rig().list_automation_rules(MaxResults=60)
    second = rig().list_automation_rules(MaxResults=60, NextToken=first["NextToken"])
    listed = [each["RuleArn"] for answer in (first, second) for each in answer["AutomationRulesMetadata"]]
    assert (listed, "Criteria" in first["AutomationRulesMetadata"][0]) == (arns, False)
    gone = f"{arns[0]}x"
    read = rig().batch_get_automation_rules(AutomationRulesArns=[arns[0], gone])
    assert (read["Rules"][0]["Criteria"], [each["RuleArn"] for each in read["UnprocessedAutomationRules"]]) == (CRITERIA, [gone])
    assert type(read["UnprocessedAutomationRules"][0]["ErrorCode"]) is int
    rig().tag_resource(ResourceArn=arns[0], Tags={"owner": "runbook"})
    assert rig().list_tags_for_resource(ResourceArn=arns[0])["Tags"] == {"owner": "runbook"}
    done = rig().batch_delete_automation_rules(AutomationRulesArns=[arns[0], gone])
    assert (done["ProcessedAutomationRules"], len(done["UnprocessedAutomationRules"])) == ([arns[0]], 1)
    refused(lambda: rig().batch_get_automation_rules(AutomationRulesArns=arns + arns), "InvalidInputException")


@pytest.mark.parametrize(("choice", "label"), [("no", "HIGH"), ("yes", "LOW")])
@pytest.mark.fact("SH-AR-06")
def test_whether_updates_make_rules_run_is_open(rig: Rig, choice: str, label: str) -> None:
    rig.world.variants["securityhub rules on updates"] = choice
    bring_in(rig)
    rule(rig, {"Severity": {"Label": "LOW"}})
    rig().batch_update_findings(FindingIdentifiers=[identifier()], Workflow={"Status": "NOTIFIED"})
    assert shown(rig)["Severity"]["Label"] == label


@pytest.mark.fact("SH-AR-07")
def test_200_of_an_update_is_not_success(rig: Rig) -> None:
    bring_in(rig)
    answer = rig().batch_update_findings(FindingIdentifiers=[identifier(), identifier(), identifier("no")], Criticality=5)
    assert answer["ProcessedFindings"] == [identifier()]
    codes = [each["ErrorCode"] for each in answer["UnprocessedFindings"]]
    assert codes == ["DuplicatedFindingIdentifier", "FindingNotFound"]
    assert shown(rig)["UpdatedAt"] == "2026-01-01T00:00:00Z"
    near = json.dumps(a_finding())
    bring_in(rig, "large", Description="x" * (240 * 1024 - len(near) - 400))
    fields = {"UserDefinedFields": {str(number): "y" * 1000 for number in range(50)}}
    [unprocessed] = rig().batch_update_findings(FindingIdentifiers=[identifier("large")], **fields)["UnprocessedFindings"]
    assert unprocessed["ErrorCode"] == "FindingSizeExceeded"


TOO_MUCH: dict[str, dict[str, Any]] = {
    "a note of 513": {"Note": {"Text": "x" * 513, "UpdatedBy": "me"}},
    "51 fields": {"UserDefinedFields": {str(number): "" for number in range(51)}},
    "a key of 129": {"UserDefinedFields": {"k" * 129: "v"}},
    "a value of 1025": {"UserDefinedFields": {"k": "v" * 1025}},
    "a criticality of 101": {"Criticality": 101},
}


@pytest.mark.parametrize("changes", TOO_MUCH.values(), ids=TOO_MUCH)
@pytest.mark.fact("SH-AR-08")
def test_an_update_that_is_refused_whole(rig: Rig, changes: dict[str, Any]) -> None:
    bring_in(rig)
    refused(lambda: rig().batch_update_findings(FindingIdentifiers=[identifier()], **changes), "InvalidInputException")


@pytest.mark.fact("SH-AR-09")
def test_an_update_may_take_its_time(rig: Rig) -> None:
    rig.world.variants["securityhub update delay"] = "180"
    bring_in(rig)
    assert rig().batch_update_findings(FindingIdentifiers=[identifier()], Workflow={"Status": "NOTIFIED"})["ProcessedFindings"]
    assert shown(rig)["Workflow"]["Status"] == "NEW"
    rig.world.skip(181)
    assert shown(rig)["Workflow"]["Status"] == "NOTIFIED"


def again(rig: Rig, hour: int, **changes: Any) -> str:
    """The provider's next word on the finding; the workflow status afterwards."""
    return str(bring_in(rig, UpdatedAt=f"2026-01-02T{hour:02}:00:00Z", **changes)["Workflow"]["Status"])


@pytest.mark.fact("SH-AR-10")
def test_security_hub_sets_the_workflow_by_itself(rig: Rig) -> None:
    failed, passed = {"Status": "FAILED"}, {"Status": "PASSED"}
    bring_in(rig, Compliance=failed)
    rig().batch_update_findings(FindingIdentifiers=[identifier()], Workflow={"Status": "NOTIFIED"})
    assert again(rig, 1, Compliance=failed) == "NOTIFIED"
    assert again(rig, 2, Compliance=passed) == "RESOLVED"
    assert again(rig, 3, Compliance=failed) == "NEW"
    rig().batch_update_findings(FindingIdentifiers=[identifier()], Workflow={"Status": "NOTIFIED"})
    assert again(rig, 4, Compliance=failed, RecordState="ARCHIVED") == "NOTIFIED"
    assert again(rig, 5, Compliance=failed, RecordState="ACTIVE") == "NEW"


@pytest.mark.parametrize(("choice", "title"), [("frozen", "[DRILL] an open door"), ("updated", "another")])
@pytest.mark.fact("SH-AR-11")
def test_a_suppressed_finding_is_no_longer_updated(rig: Rig, choice: str, title: str) -> None:
    rig.world.variants["securityhub suppressed findings"] = choice
    bring_in(rig)
    rig().batch_update_findings(FindingIdentifiers=[identifier()], Workflow={"Status": "SUPPRESSED"})
    events = len(events_of(rig.world).events)
    assert again(rig, 1, Title="another") == "SUPPRESSED"
    assert (shown(rig)["Title"], len(events_of(rig.world).events) > events) == (title, choice == "updated")


@pytest.mark.fact("SH-AR-12")
def test_history_says_who_changed_what(rig: Rig) -> None:
    bring_in(rig)
    for number in range(3):
        rig().batch_update_findings(FindingIdentifiers=[identifier()], Criticality=number)
    rig().batch_update_findings(FindingIdentifiers=[identifier()], Criticality=2)
    first = rig().get_finding_history(FindingIdentifier=identifier(), MaxResults=3)
    last = rig().get_finding_history(FindingIdentifier=identifier(), NextToken=first["NextToken"])
    told = [[each["NewValue"] for each in row["Updates"]] for row in first["Records"]]
    assert (told, [row["FindingCreated"] for row in last["Records"]]) == ([["2"], ["1"], ["0"]], [True])
    source = first["Records"][0]["UpdateSource"]
    assert (source["Type"], DELEGATED in source["Identity"]) == ("BATCH_UPDATE_FINDINGS", True)
    refused(lambda: rig().get_finding_history(FindingIdentifier=identifier("no")), "InvalidInputException")
