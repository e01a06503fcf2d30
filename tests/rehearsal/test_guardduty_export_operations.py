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
    POLLS,
    SECOND,
    Caller,
)

from runbook_lib.rehearsal.operations.guardduty.state import state_of
from runbook_lib.rehearsal.world import World

SERVICE = "guardduty"


# Export and findings


@pytest.mark.fact("GD-5.2-37", "GD-5.2-38")
def test_an_export_settles_and_is_the_only_one(call: Caller) -> None:
    detector = designate(call)

    def export() -> dict[str, Any]:
        return call(
            DELEGATED, "CreatePublishingDestination", DetectorId=detector, DestinationType="S3", DestinationProperties=BUCKET
        )

    made = export()["DestinationId"]
    with pytest.raises(Exception, match="already exists"):
        export()
    for expected in ["PENDING_VERIFICATION"] * POLLS + ["PUBLISHING"]:
        listed = call(DELEGATED, "ListPublishingDestinations", DetectorId=detector)["Destinations"]
        assert listed == [{"DestinationId": made, "DestinationType": "S3", "Status": expected}]
    described = call(DELEGATED, "DescribePublishingDestination", DetectorId=detector, DestinationId=made)
    assert described["DestinationProperties"] == BUCKET
    change = {"DestinationArn": "arn:aws:s3:::elsewhere"}
    call(DELEGATED, "UpdatePublishingDestination", DetectorId=detector, DestinationId=made, DestinationProperties=change)
    described = call(DELEGATED, "DescribePublishingDestination", DetectorId=detector, DestinationId=made)
    assert (described["DestinationProperties"], described["Status"]) == ({**BUCKET, **change}, "PENDING_VERIFICATION")
    elsewhere = {"KmsKeyArn": f"arn:aws:kms:eu-south-1:{DELEGATED}:key/k"}
    refused = call.refused(
        DELEGATED, "UpdatePublishingDestination", DetectorId=detector, DestinationId=made, DestinationProperties=elsewhere
    )
    assert "does not have permission to the KMS key" in refused[1]
    call(DELEGATED, "DeletePublishingDestination", DetectorId=detector, DestinationId=made)
    assert call.refused(DELEGATED, "DeletePublishingDestination", DetectorId=detector, DestinationId=made)[1] == GENERIC


@pytest.mark.fact("GD-5.2-39")
def test_a_destination_that_lets_guardduty_in_no_longer(world: World, call: Caller) -> None:
    detector = designate(call)
    made = call(DELEGATED, "CreatePublishingDestination", DetectorId=detector, DestinationType="S3", DestinationProperties=BUCKET)
    state_of(world).unwritable.add(BUCKET["DestinationArn"])
    asked = {"DetectorId": detector, "DestinationId": made["DestinationId"]}
    assert call(DELEGATED, "DescribePublishingDestination", **asked)["Status"] == "UNABLE_TO_PUBLISH_FIX_DESTINATION_PROPERTY"
    elsewhere = {"DestinationArn": "arn:aws:s3:::elsewhere"}
    call(DELEGATED, "UpdatePublishingDestination", **asked, DestinationProperties=elsewhere)
    assert call(DELEGATED, "DescribePublishingDestination", **asked)["Status"] == "PENDING_VERIFICATION"


@pytest.mark.parametrize(
    "change",
    [
        {"DestinationArn": "arn:aws-cn:s3:::findings"},
        {"KmsKeyArn": f"arn:aws:kms:{SECOND}:{DELEGATED}:key/k"},
        {"DestinationArn": "arn:aws:s3:::closed"},
    ],
)
@pytest.mark.fact("GD-5.1-18")
def test_a_destination_that_guardduty_cannot_use(world: World, call: Caller, change: dict[str, str]) -> None:
    state_of(world).unwritable.add("arn:aws:s3:::closed")
    detector = designate(call)
    text = call.refused(
        DELEGATED,
        "CreatePublishingDestination",
        DetectorId=detector,
        DestinationType="S3",
        DestinationProperties={**BUCKET, **change},
    )[1]
    assert "does not have permission to the KMS key" in text


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
