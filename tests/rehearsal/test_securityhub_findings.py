"""Finding aggregators, findings and who sees them, products and custom actions."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from securityhub_rig import DELEGATED, HOME, OPT_IN, OTHER, PLAIN, SECOND, Rig, refused

NIST = "arn:aws:securityhub:us-east-1::standards/nist-800-53/v/5.0.0"


@pytest.fixture
def rig() -> Rig:
    return Rig()


# Finding aggregators


GOOD = {
    "ALL_REGIONS": (None, {SECOND, OPT_IN}),
    "ALL_REGIONS_EXCEPT_SPECIFIED": ([SECOND], {OPT_IN}),
    "SPECIFIED_REGIONS": ([SECOND], {SECOND}),
    "NO_REGIONS": (None, set[str]()),
}


def linking(mode: str, regions: list[str] | None) -> dict[str, Any]:
    return {"RegionLinkingMode": mode} | ({"Regions": regions} if regions else {})


@pytest.mark.parametrize(("mode", "regions", "linked"), [(mode, *rest) for mode, rest in GOOD.items()], ids=GOOD)
@pytest.mark.fact("SH-4.4-01", "SH-4.4-03", "SH-4.4-04", "SH-4.4-11")
def test_aggregator_links_regions_by_its_mode(rig: Rig, mode: str, regions: list[str] | None, linked: set[str]) -> None:
    for region in (HOME, SECOND, OPT_IN):
        rig(PLAIN, region).enable_security_hub()
        rig(PLAIN, region).batch_import_findings(Findings=[a_finding(PLAIN, region)])
    made = rig(PLAIN).create_finding_aggregator(**linking(mode, regions))
    assert (made["FindingAggregationRegion"], made.get("Regions")) == (HOME, regions)
    assert sorted(each["Region"] for each in rig(PLAIN).get_findings()["Findings"]) == sorted({HOME} | linked)
    assert {each["Region"] for each in rig(PLAIN, SECOND).get_findings()["Findings"]} == {SECOND}


BAD = [
    ("ALL_REGIONS", [SECOND]),
    ("NO_REGIONS", [SECOND]),
    ("SPECIFIED_REGIONS", None),
    ("ALL_REGIONS_EXCEPT_SPECIFIED", None),
    ("SPECIFIED_REGIONS", ["mars-north-1"]),
    ("SPECIFIED_REGIONS", [HOME]),
    ("SOME_REGIONS", None),
]


@pytest.mark.parametrize(("mode", "regions"), BAD)
@pytest.mark.fact("SH-4.4-04")
def test_aggregators_that_are_refused(rig: Rig, mode: str, regions: list[str] | None) -> None:
    rig(PLAIN).enable_security_hub()
    refused(lambda: rig(PLAIN).create_finding_aggregator(**linking(mode, regions)), "InvalidInputException", status=400)
    assert rig(PLAIN).list_finding_aggregators()["FindingAggregators"] == []


@pytest.mark.fact("SH-4.4-03")
def test_an_opt_in_region_is_no_home(rig: Rig) -> None:
    rig(PLAIN, OPT_IN).enable_security_hub()
    refused(lambda: rig(PLAIN, OPT_IN).create_finding_aggregator(RegionLinkingMode="NO_REGIONS"), "InvalidInputException")


@pytest.mark.fact("SH-4.1-05", "SH-4.4-02")
def test_a_member_has_no_aggregator(rig: Rig) -> None:
    rig.designate()
    rig(PLAIN).enable_security_hub()
    rig(PLAIN).create_finding_aggregator(RegionLinkingMode="ALL_REGIONS")
    rig.add(PLAIN)
    assert rig(PLAIN).list_finding_aggregators()["FindingAggregators"] == []
    text = "A finding aggregator cannot be created by a member account."
    refused(lambda: rig(PLAIN).create_finding_aggregator(RegionLinkingMode="ALL_REGIONS"), "InvalidInputException", text, 401)


@pytest.mark.parametrize("variant", [None, "InvalidInputException"])
@pytest.mark.fact("SH-4.4-05", "SH-4.4-06")
def test_a_second_aggregator_in_any_region(rig: Rig, variant: str | None) -> None:
    if variant:
        rig.world.variants["securityhub second aggregator"] = variant
    for region in (HOME, SECOND):
        rig(PLAIN, region).enable_security_hub()
    arn = rig(PLAIN).create_finding_aggregator(RegionLinkingMode="ALL_REGIONS")["FindingAggregatorArn"]
    code = variant or "LimitExceededException"
    refused(lambda: rig(PLAIN, SECOND).create_finding_aggregator(RegionLinkingMode="ALL_REGIONS"), code)
    assert rig(PLAIN, SECOND).list_finding_aggregators()["FindingAggregators"] == [{"FindingAggregatorArn": arn}]


ELSEWHERE: dict[str, Callable[[Any, str], Any]] = {
    "get": lambda client, arn: client.get_finding_aggregator(FindingAggregatorArn=arn),
    "update": lambda client, arn: client.update_finding_aggregator(FindingAggregatorArn=arn, RegionLinkingMode="NO_REGIONS"),
    "delete": lambda client, arn: client.delete_finding_aggregator(FindingAggregatorArn=arn),
}


@pytest.mark.parametrize("step", ELSEWHERE.values(), ids=ELSEWHERE)
@pytest.mark.fact("SH-4.1-04", "SH-4.4-07", "SH-4.4-10")
def test_an_aggregator_is_used_from_its_home_region(rig: Rig, step: Callable[[Any, str], Any]) -> None:
    for region in (HOME, SECOND):
        rig(PLAIN, region).enable_security_hub()
    arn = rig(PLAIN).create_finding_aggregator(RegionLinkingMode="ALL_REGIONS")["FindingAggregatorArn"]
    refused(lambda: step(rig(PLAIN, SECOND), arn), "InvalidInputException")
    refused(lambda: step(rig(PLAIN), arn + "x"), "ResourceNotFoundException", status=404)
    step(rig(PLAIN), arn)


@pytest.mark.fact("MF-10.1-07", "SH-4.4-08")
def test_an_update_replaces_the_whole_list(rig: Rig) -> None:
    rig(PLAIN).enable_security_hub()
    arn = rig(PLAIN).create_finding_aggregator(**linking("SPECIFIED_REGIONS", [SECOND]))["FindingAggregatorArn"]
    rig(PLAIN).update_finding_aggregator(FindingAggregatorArn=arn, **linking("SPECIFIED_REGIONS", [OPT_IN]))
    assert rig(PLAIN).get_finding_aggregator(FindingAggregatorArn=arn)["Regions"] == [OPT_IN]


# Findings


def a_finding(account: str, region: str = HOME, key: str = "f-1", **changes: Any) -> dict[str, Any]:
    return {
        "SchemaVersion": "2018-10-08",
        "Id": key,
        "ProductArn": f"arn:aws:securityhub:{region}:{account}:product/{account}/default",
        "GeneratorId": "rehearsal",
        "AwsAccountId": account,
        "CreatedAt": "2026-01-01T00:00:00Z",
        "UpdatedAt": "2026-01-01T00:00:00Z",
        "Title": "An open door",
        "Description": "Somebody left the door open",
        "Severity": {"Label": "HIGH"},
        "Types": ["Software and Configuration Checks"],
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::door"}],
    } | changes


WRONG = {
    "another account": {"AwsAccountId": OTHER},
    "another Region": {"Region": SECOND},
    "another account's product": {"ProductArn": f"arn:aws:securityhub:{HOME}:{OTHER}:product/{OTHER}/default"},
    "a product not enabled": {"ProductArn": f"arn:aws:securityhub:{HOME}::product/example-vendor/example-scanner"},
    "schema": {"SchemaVersion": "2019-01-01"},
    "no resources": {"Resources": []},
    "no severity": {"Severity": {}},
    "no types": {"Types": []},
    "no timestamp": {"UpdatedAt": "yesterday"},
    "too large": {"Description": "x" * 245_761},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG)
@pytest.mark.fact("SH-4.7-03", "SH-4.7-04", "SH-4.7-05")
def test_one_bad_finding_fails_alone(rig: Rig, changes: dict[str, Any]) -> None:
    rig(PLAIN).enable_security_hub()
    answer = rig(PLAIN).batch_import_findings(
        Findings=[a_finding(PLAIN, key="a"), a_finding(PLAIN, key="bad", **changes), a_finding(PLAIN, key="b")]
    )
    assert (answer["SuccessCount"], answer["FailedCount"]) == (2, 1)
    assert [each["Id"] for each in answer["FailedFindings"]] == ["bad"]
    assert [each["Id"] for each in rig(PLAIN).get_findings()["Findings"]] == ["a", "b"]


@pytest.mark.fact("SH-4.7-01", "SH-4.7-03")
def test_at_most_a_hundred_findings(rig: Rig) -> None:
    rig(PLAIN).enable_security_hub()
    batch = [a_finding(PLAIN, key=str(number)) for number in range(101)]
    refused(lambda: rig(PLAIN).batch_import_findings(Findings=batch), "InvalidInputException")
    rig(PLAIN).batch_import_findings(Findings=batch[:100])
    assert len(rig(PLAIN).get_findings(MaxResults=60)["Findings"]) == 60
    refused(lambda: rig(PLAIN).get_findings(MaxResults=101), "InvalidInputException")


@pytest.mark.fact("SH-4.7-06")
def test_an_update_must_be_newer_and_keeps_the_customers_fields(rig: Rig) -> None:
    rig(PLAIN).enable_security_hub()
    rig(PLAIN).batch_import_findings(Findings=[a_finding(PLAIN)])
    identifier = {"Id": "f-1", "ProductArn": a_finding(PLAIN)["ProductArn"]}
    answer = rig(PLAIN).batch_update_findings(
        FindingIdentifiers=[identifier, {**identifier, "Id": "f-2"}], Workflow={"Status": "NOTIFIED"}
    )
    assert answer["ProcessedFindings"] == [identifier]
    assert [each["FindingIdentifier"]["Id"] for each in answer["UnprocessedFindings"]] == ["f-2"]
    assert rig(PLAIN).batch_import_findings(Findings=[a_finding(PLAIN, Title="Same time")])["FailedCount"] == 1
    later = a_finding(PLAIN, Title="Later", UpdatedAt="2026-01-02T00:00:00Z", Workflow={"Status": "SUPPRESSED"})
    assert rig(PLAIN).batch_import_findings(Findings=[later])["SuccessCount"] == 1
    [found] = rig(PLAIN).get_findings()["Findings"]
    assert (found["Title"], found["Workflow"]["Status"]) == ("Later", "NOTIFIED")


@pytest.mark.fact("EV-7-03", "SH-4.3-50", "SH-4.4-01", "SH-4.4-11", "SH-4.7-02", "SI-11-11")
def test_who_sees_and_hears_of_a_members_finding(rig: Rig) -> None:
    heard: list[tuple[str, str]] = []
    rig.world.on("finding imported", lambda world, account, region, finding: heard.append((account, region)))
    rig.designate(HOME, SECOND)
    rig().create_finding_aggregator(RegionLinkingMode="ALL_REGIONS")
    rig.add(PLAIN, region=SECOND)
    rig(OTHER, SECOND).enable_security_hub()
    rig(PLAIN, SECOND).batch_import_findings(Findings=[a_finding(PLAIN, SECOND)])
    assert heard == [(PLAIN, SECOND), (DELEGATED, SECOND), (DELEGATED, HOME)]
    for place, count in {(DELEGATED, SECOND): 1, (DELEGATED, HOME): 1, (PLAIN, SECOND): 1, (OTHER, SECOND): 0}.items():
        assert len(rig(*place).get_findings()["Findings"]) == count, place
    rig(DELEGATED, SECOND).disassociate_members(AccountIds=[PLAIN])
    assert rig(DELEGATED, SECOND).get_findings()["Findings"] == []


FILTERS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "equals": ({"Title": [{"Value": "Open", "Comparison": "EQUALS"}]}, ["a"]),
    "either": ({"Title": [{"Value": each, "Comparison": "EQUALS"} for each in ("Open", "Shut")]}, ["a", "b"]),
    "prefix": ({"Title": [{"Value": "Sh", "Comparison": "PREFIX"}]}, ["b"]),
    "not prefix": ({"Title": [{"Value": "Sh", "Comparison": "PREFIX_NOT_EQUALS"}]}, ["a"]),
    "neither": ({"Title": [{"Value": each, "Comparison": "NOT_EQUALS"} for each in ("Open", "Shut")]}, []),
    "nested": ({"SeverityLabel": [{"Value": "LOW", "Comparison": "EQUALS"}]}, ["b"]),
    "in a list": ({"ResourceType": [{"Value": "AwsS3Bucket", "Comparison": "EQUALS"}]}, ["a", "b"]),
    "both attributes": (
        {"Title": [{"Value": "Open", "Comparison": "EQUALS"}], "SeverityLabel": [{"Value": "LOW", "Comparison": "EQUALS"}]},
        [],
    ),
    "dates": ({"UpdatedAt": [{"Start": "2026-01-02T00:00:00Z", "End": "2026-01-04T00:00:00Z"}]}, ["b"]),
    "days": ({"UpdatedAt": [{"DateRange": {"Value": 1, "Unit": "DAYS"}}]}, []),
}


@pytest.mark.parametrize(("filters", "expected"), FILTERS.values(), ids=FILTERS)
def test_filters(rig: Rig, filters: dict[str, Any], expected: list[str]) -> None:
    rig.world.skip(10 * 86400)
    rig(PLAIN).enable_security_hub()
    shut = a_finding(PLAIN, key="b", Title="Shut", Severity={"Label": "LOW"}, UpdatedAt="2026-01-03T00:00:00Z")
    rig(PLAIN).batch_import_findings(Findings=[a_finding(PLAIN, key="a", Title="Open"), shut])
    assert [each["Id"] for each in rig(PLAIN).get_findings(Filters=filters)["Findings"]] == expected


@pytest.mark.fact("SH-4.7-01")
def test_filters_that_are_refused(rig: Rig) -> None:
    rig(PLAIN).enable_security_hub()
    wanted = {"Value": "x", "Comparison": "EQUALS"}
    eleven = ("Id", "Title", "Type", "Region", "AwsAccountId", "GeneratorId", "ProductArn", "ResourceId", "ResourceType")
    for filters in (
        {"Title": [wanted] * 21},
        {name: [wanted] for name in (*eleven, "RecordState", "Description")},
        {"MalwareName": [wanted]},
    ):
        refused(partial(rig(PLAIN).get_findings, Filters=filters), "InvalidInputException")


def test_findings_are_sorted(rig: Rig) -> None:
    rig(PLAIN).enable_security_hub()
    rig(PLAIN).batch_import_findings(Findings=[a_finding(PLAIN, key=key, Title=key) for key in "bca"])
    sort = [{"Field": "Title", "SortOrder": "desc"}]
    assert [each["Id"] for each in rig(PLAIN).get_findings(SortCriteria=sort)["Findings"]] == ["c", "b", "a"]


# Products and custom actions


@pytest.mark.fact("SH-4.5-19", "SH-4.5-20")
def test_products(rig: Rig) -> None:
    rig(PLAIN).enable_security_hub()
    scanner = f"arn:aws:securityhub:{HOME}::product/example-vendor/example-scanner"
    assert scanner in [each["ProductArn"] for each in rig(PLAIN).describe_products()["Products"]]
    own = rig(PLAIN).enable_import_findings_for_product(ProductArn=scanner)["ProductSubscriptionArn"]
    assert own == f"arn:aws:securityhub:{HOME}:{PLAIN}:product-subscription/example-vendor/example-scanner"
    refused(lambda: rig(PLAIN).enable_import_findings_for_product(ProductArn=scanner), "ResourceConflictException")
    text = f'{{"productArn":"{scanner}x"}}'
    refused(lambda: rig(PLAIN).enable_import_findings_for_product(ProductArn=scanner + "x"), "ResourceNotFoundException", text)
    rig(PLAIN).disable_import_findings_for_product(ProductSubscriptionArn=own)
    assert own not in rig(PLAIN).list_enabled_products_for_import()["ProductSubscriptions"]


@pytest.mark.fact("SH-4.1-04", "SH-4.1-12", "SH-4.5-01", "SH-4.5-02", "SH-4.5-05")
def test_custom_actions(rig: Rig) -> None:
    rig(PLAIN).enable_security_hub()
    create = rig(PLAIN).create_action_target
    arn = create(Name="Send", Description="Send it", Id="Send")["ActionTargetArn"]
    assert arn == f"arn:aws:securityhub:{HOME}:{PLAIN}:action/custom/Send"
    text = "Action with Id: Send already exists"
    refused(lambda: create(Name="Send", Description="x", Id="Send"), "ResourceConflictException", text)
    for wrong in ({"Name": "n" * 21, "Id": "a"}, {"Name": "n", "Id": "i" * 21}, {"Name": "n", "Id": "a-b"}):
        refused(partial(create, Description="x", **wrong), "InvalidInputException")
    for number in range(49):
        create(Name="n", Description="x", Id=f"n{number}")
    refused(lambda: create(Name="n", Description="x", Id="last"), "LimitExceededException", status=429)
    rig(PLAIN).update_action_target(ActionTargetArn=arn, Name="Other")
    [found] = rig(PLAIN).describe_action_targets(ActionTargetArns=[arn])["ActionTargets"]
    assert (found["Name"], found["Description"]) == ("Other", "Send it")
    rig(PLAIN).delete_action_target(ActionTargetArn=arn)
    refused(lambda: rig(PLAIN).describe_action_targets(ActionTargetArns=[arn]), "ResourceNotFoundException")
