import json
from dataclasses import replace
from typing import Any

import pytest
from guardduty_steps import (
    BUCKET,
    GENERIC,
    add,
    designate,
)
from small_world import (
    DELEGATED,
    MEMBERS,
    OPT_IN,
    OTHER,
    POLLS,
    REGION,
    SECOND,
    Caller,
)

from runbook_lib.rehearsal.operations.storage import Key, Shelf, Storage
from runbook_lib.rehearsal.world import World

SERVICE = "guardduty"
REFUSED = "does not have permission to the KMS key"


# Export and findings


def prepared(world: World) -> Shelf:
    """The bucket and key of these tests, with policies that let GuardDuty write."""
    world.tell("bucket and key exist", bucket="findings", key=BUCKET["KmsKeyArn"])
    store = world.of(Storage).store
    assert isinstance(store, Shelf)
    return store


def export(detector: str, **change: str) -> dict[str, Any]:
    """What CreatePublishingDestination is asked with."""
    properties = {**BUCKET, **change}
    return {"DetectorId": detector, "DestinationType": "S3", "DestinationProperties": properties}


@pytest.mark.fact("GD-5.2-37", "GD-5.2-38")
def test_an_export_settles_and_is_the_only_one(world: World, call: Caller) -> None:
    prepared(world)
    world.tell("bucket and key exist", bucket="elsewhere", key=BUCKET["KmsKeyArn"])
    detector = designate(call)
    made = call(DELEGATED, "CreatePublishingDestination", **export(detector))["DestinationId"]
    assert "already exists" in call.refused(DELEGATED, "CreatePublishingDestination", **export(detector))[1]
    for expected in ["PENDING_VERIFICATION"] * POLLS + ["PUBLISHING"]:
        listed = call(DELEGATED, "ListPublishingDestinations", DetectorId=detector)["Destinations"]
        assert listed == [{"DestinationId": made, "DestinationType": "S3", "Status": expected}]
    described = call(DELEGATED, "DescribePublishingDestination", DetectorId=detector, DestinationId=made)
    assert described["DestinationProperties"] == BUCKET
    change = {"DestinationArn": "arn:aws:s3:::elsewhere"}
    call(DELEGATED, "UpdatePublishingDestination", DetectorId=detector, DestinationId=made, DestinationProperties=change)
    described = call(DELEGATED, "DescribePublishingDestination", DetectorId=detector, DestinationId=made)
    assert (described["DestinationProperties"], described["Status"]) == ({**BUCKET, **change}, "PENDING_VERIFICATION")
    other = {"KmsKeyArn": f"arn:aws:kms:{SECOND}:{DELEGATED}:key/k"}
    refused = call.refused(
        DELEGATED, "UpdatePublishingDestination", DetectorId=detector, DestinationId=made, DestinationProperties=other
    )
    assert REFUSED in refused[1]
    call(DELEGATED, "DeletePublishingDestination", DetectorId=detector, DestinationId=made)
    assert call.refused(DELEGATED, "DeletePublishingDestination", DetectorId=detector, DestinationId=made)[1] == GENERIC


@pytest.mark.fact("GD-5.2-39")
def test_a_destination_that_lets_guardduty_in_no_longer(world: World, call: Caller) -> None:
    store = prepared(world)
    detector = designate(call)
    made = call(DELEGATED, "CreatePublishingDestination", **export(detector))
    open_ = store.buckets["findings"]
    asked = {"DetectorId": detector, "DestinationId": made["DestinationId"]}
    store.buckets["findings"] = replace(open_, policy="")
    assert call(DELEGATED, "DescribePublishingDestination", **asked)["Status"] == "UNABLE_TO_PUBLISH_FIX_DESTINATION_PROPERTY"
    store.buckets["findings"] = open_
    assert call(DELEGATED, "DescribePublishingDestination", **asked)["Status"] == "PENDING_VERIFICATION"


KEY = f"arn:aws:kms:{SECOND}:{DELEGATED}:key/k"


@pytest.mark.parametrize(
    "change",
    [
        {"DestinationArn": "arn:aws-cn:s3:::findings"},
        {"DestinationArn": "arn:aws:s3:::not-there"},
        {"KmsKeyArn": f"arn:aws:kms:{REGION}:{DELEGATED}:key/not-there"},
        {"KmsKeyArn": KEY},
    ],
    ids=["another partition", "no such bucket", "no such key", "another Region than the bucket's"],
)
@pytest.mark.fact("GD-5.1-18", "GD-5.1-23")
def test_a_destination_that_guardduty_cannot_use(world: World, call: Caller, change: dict[str, str]) -> None:
    prepared(world)
    world.tell("bucket and key exist", bucket="far-away", key=KEY)
    detector = designate(call)
    assert REFUSED in call.refused(DELEGATED, "CreatePublishingDestination", **export(detector, **change))[1]


def statement(action: str, resource: str, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": {"Service": "guardduty.amazonaws.com"}, "Action": action, "Resource": resource, **more}


LOCATION = statement("s3:GetBucketLocation", "arn:aws:s3:::findings")
PUT = statement("s3:PutObject", "arn:aws:s3:::findings/prefix/*")
KEY_USE = statement("kms:GenerateDataKey", "*", Condition={"StringEquals": {"aws:SourceAccount": DELEGATED}})
UNENCRYPTED = statement(
    "s3:PutObject", "arn:aws:s3:::findings/*", "Deny",
    Condition={"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}},
)  # fmt: skip
OTHER_DETECTOR = {"StringLike": {"aws:SourceArn": f"arn:aws:guardduty:{REGION}:{OTHER}:detector/*"}}


@pytest.mark.parametrize(
    ("bucket", "key", "taken"),
    [
        ([LOCATION, PUT, UNENCRYPTED], [KEY_USE], True),
        ([LOCATION, PUT], [], False),
        ([PUT], [KEY_USE], False),
        ([LOCATION], [KEY_USE], False),
        ([LOCATION, statement("s3:PutObject", "arn:aws:s3:::findings/other/*")], [KEY_USE], False),
        ([LOCATION, PUT, statement("s3:*", "*", "Deny")], [KEY_USE], False),
        ([LOCATION, PUT | {"Condition": OTHER_DETECTOR}], [KEY_USE], False),
    ],
    ids=["as the user guide has it", "key silent", "no location", "no writing", "another prefix", "denied", "another's detector"],
)
@pytest.mark.fact("GD-5.1-18")
def test_policies_of_bucket_and_key_decide(
    world: World, call: Caller, bucket: list[dict[str, Any]], key: list[dict[str, Any]], taken: bool
) -> None:
    store = prepared(world)
    store.buckets["findings"] = replace(store.buckets["findings"], policy=document(bucket))
    store.keys[BUCKET["KmsKeyArn"]] = Key(BUCKET["KmsKeyArn"], document(key))
    asked = export(designate(call), DestinationArn="arn:aws:s3:::findings/prefix")
    if taken:
        assert call(DELEGATED, "CreatePublishingDestination", **asked)["DestinationId"]
    else:
        assert REFUSED in call.refused(DELEGATED, "CreatePublishingDestination", **asked)[1]


def document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else ""


@pytest.mark.parametrize(
    ("detector", "destination", "taken"),
    [(SECOND, REGION, True), (OPT_IN, OPT_IN, True), (OPT_IN, REGION, True), (REGION, OPT_IN, False)],
)
@pytest.mark.fact("GD-5.1-24")
def test_one_central_bucket_and_key_in_a_region_that_needs_no_opt_in(
    world: World, call: Caller, detector: str, destination: str, taken: bool
) -> None:
    key = f"arn:aws:kms:{destination}:{DELEGATED}:key/central"
    world.tell("bucket and key exist", bucket="central", key=key)
    asked = export(designate(call, detector), DestinationArn="arn:aws:s3:::central", KmsKeyArn=key)
    if taken:
        assert call(DELEGATED, "CreatePublishingDestination", detector, **asked)["DestinationId"]
    else:
        assert REFUSED in call.refused(DELEGATED, "CreatePublishingDestination", detector, **asked)[1]


@pytest.mark.fact("GD-5.2-40")
def test_sample_findings_are_seen_by_the_administrator(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    member = call(MEMBERS[0], "ListDetectors")["DetectorIds"][0]
    kind = "UnauthorizedAccess:EC2/SSHBruteForce"
    call(MEMBERS[0], "CreateSampleFindings", DetectorId=member, FindingTypes=[kind])
    ids = call(DELEGATED, "ListFindings", DetectorId=detector)["FindingIds"]
    finding = call(DELEGATED, "GetFindings", DetectorId=detector, FindingIds=ids)["Findings"][0]
    assert (finding["AccountId"], finding["Title"][:8]) == (MEMBERS[0], "[SAMPLE]")
    call(DELEGATED, "CreateSampleFindings", DetectorId=detector)
    assert len(call(DELEGATED, "ListFindings", DetectorId=detector)["FindingIds"]) > 2
    chosen = {"Criterion": {"accountId": {"Equals": [MEMBERS[0]]}}}
    assert call(DELEGATED, "ListFindings", DetectorId=detector, FindingCriteria=chosen)["FindingIds"] == ids
    assert call(MEMBERS[0], "ListFindings", DetectorId=member)["FindingIds"] == ids
    other = {"Criterion": {"severity": {"Gte": 7}}}
    assert call.refused(DELEGATED, "ListFindings", DetectorId=detector, FindingCriteria=other)[1] == GENERIC
    assert call.refused(DELEGATED, "CreateSampleFindings", DetectorId=detector, FindingTypes=["No:Such/Type"])[1] == GENERIC
    many = call.refused(DELEGATED, "GetFindings", DetectorId=detector, FindingIds=["made-up"] * 51)
    assert many[1].endswith("findingIds array was 51. Max allowed length is 50.")


def test_findings_are_counted_as_asked(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    member = call(MEMBERS[0], "ListDetectors")["DetectorIds"][0]
    call(DELEGATED, "CreateSampleFindings", DetectorId=detector)
    call(MEMBERS[0], "CreateSampleFindings", DetectorId=member, FindingTypes=["UnauthorizedAccess:EC2/SSHBruteForce"])

    def counted(account: str, own: str, **asked: Any) -> dict[str, Any]:
        found: dict[str, Any] = call(account, "GetFindingsStatistics", DetectorId=own, **asked)["FindingStatistics"]
        return found

    severities = {"2.0": 2, "5.0": 3, "8.0": 1}
    assert counted(DELEGATED, detector, FindingStatisticTypes=["COUNT_BY_SEVERITY"]) == {"CountBySeverity": severities}
    assert counted(MEMBERS[0], member, FindingStatisticTypes=["COUNT_BY_SEVERITY"]) == {"CountBySeverity": {"5.0": 1}}
    by_account = counted(DELEGATED, detector, GroupBy="ACCOUNT", OrderBy="DESC")["GroupedByAccount"]
    assert [(each["AccountId"], each["TotalFindings"]) for each in by_account] == [(DELEGATED, 5), (MEMBERS[0], 1)]
    least = counted(DELEGATED, detector, GroupBy="SEVERITY", OrderBy="ASC", MaxResults=1)["GroupedBySeverity"]
    assert [(each["Severity"], each["TotalFindings"]) for each in least] == [(8.0, 1)]
    chosen = {"Criterion": {"accountId": {"Equals": [MEMBERS[0]]}}}
    by_type = counted(DELEGATED, detector, GroupBy="FINDING_TYPE", FindingCriteria=chosen)["GroupedByFindingType"]
    assert [each["FindingType"] for each in by_type] == ["UnauthorizedAccess:EC2/SSHBruteForce"]
    for asked in ({}, {"GroupBy": "DATE"}, {"GroupBy": "ACCOUNT", "FindingStatisticTypes": ["COUNT_BY_SEVERITY"]}):
        assert call.refused(DELEGATED, "GetFindingsStatistics", DetectorId=detector, **asked)[1] == GENERIC


@pytest.mark.parametrize(("kind", "member"), [("SUM_BY_ACCOUNT", "SumByAccount"), ("SUM_BY_FEATURES", "SumByFeature")])
def test_nothing_was_analysed_so_nothing_was_used(call: Caller, kind: str, member: str) -> None:
    detector = designate(call)
    answer = call(
        DELEGATED,
        "GetUsageStatistics",
        DetectorId=detector,
        UsageStatisticType=kind,
        UsageCriteria={"Features": ["S3_DATA_EVENTS"]},
    )
    assert answer["UsageStatistics"] == {member: []}
