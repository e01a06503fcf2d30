"""Export of findings to S3: one destination per detector."""

import hashlib
from collections.abc import Mapping
from typing import Any

from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.operations.guardduty.lists import paged
from runbook_lib.rehearsal.operations.guardduty.state import Destination, own_detector, state_of
from runbook_lib.rehearsal.registry import Call, operation


@operation("guardduty", "CreatePublishingDestination")
def create_publishing_destination(
    call: Call,
    DetectorId: str,
    DestinationType: str,
    DestinationProperties: Mapping[str, str],
    ClientToken: str | None = None,
    Tags: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Start exporting. It settles from PENDING_VERIFICATION to PUBLISHING by polls (aws-behaviour 5.2)."""
    detector = own_detector(call, DetectorId)
    if DestinationType != "S3":
        raise texts.refusal(texts.GENERIC)
    _check(call, DestinationProperties)
    if detector.destinations:
        raise texts.refusal(texts.DESTINATION_EXISTS)
    name = hashlib.sha256(f"{detector.id}/{DestinationProperties['DestinationArn']}".encode()).hexdigest()[:32]
    status = call.world.settling("PENDING_VERIFICATION", "PUBLISHING")
    detector.destinations[name] = Destination(name, dict(DestinationProperties), status, dict(Tags or {}))
    return {"DestinationId": name}


@operation("guardduty", "DescribePublishingDestination")
def describe_publishing_destination(call: Call, DetectorId: str, DestinationId: str) -> dict[str, Any]:
    """One destination; 0 stands for "no failure" in the required PublishingFailureStartTimestamp (assumed)."""
    found = _destination(call, DetectorId, DestinationId)
    return {
        "DestinationId": found.id,
        "DestinationType": "S3",
        "Status": _status(call, found),
        "PublishingFailureStartTimestamp": 0,
        "DestinationProperties": found.properties,
        "Tags": found.tags,
    }


@operation("guardduty", "ListPublishingDestinations")
def list_publishing_destinations(
    call: Call, DetectorId: str, MaxResults: int | None = None, NextToken: str | None = None
) -> dict[str, Any]:
    """The destination of the own detector, without its properties [model]."""
    destinations = own_detector(call, DetectorId).destinations.values()
    found, token = paged(list(destinations), NextToken, MaxResults)
    rows = [{"DestinationId": each.id, "DestinationType": "S3", "Status": _status(call, each)} for each in found]
    return {"Destinations": rows, "NextToken": token}


@operation("guardduty", "UpdatePublishingDestination")
def update_publishing_destination(
    call: Call, DetectorId: str, DestinationId: str, DestinationProperties: Mapping[str, str] | None = None
) -> None:
    """Change bucket or key; verification starts again (assumed)."""
    found = _destination(call, DetectorId, DestinationId)
    wanted = {**found.properties, **(DestinationProperties or {})}
    _check(call, wanted)
    found.properties, found.status = wanted, call.world.settling("PENDING_VERIFICATION", "PUBLISHING")


@operation("guardduty", "DeletePublishingDestination")
def delete_publishing_destination(call: Call, DetectorId: str, DestinationId: str) -> None:
    found = _destination(call, DetectorId, DestinationId)
    del own_detector(call, DetectorId).destinations[found.id]


def _check(call: Call, properties: Mapping[str, str]) -> None:
    """Refuse a bucket or key GuardDuty cannot use: not of this partition and Region, or its policy does not let it in [code tf]."""
    bucket, key = properties.get("DestinationArn", ""), properties.get("KmsKeyArn", "")
    fits = bucket.startswith(f"arn:{call.partition}:s3:::") and key.startswith(f"arn:{call.partition}:kms:{call.region}:")
    if not fits or {bucket, key} & state_of(call.world).unwritable:
        raise texts.refusal(texts.DESTINATION_REFUSED)


def _status(call: Call, found: Destination) -> str:
    """What it settles to, unless bucket or key let GuardDuty in once and do so no longer [model]."""
    if set(found.properties.values()) & state_of(call.world).unwritable:
        return "UNABLE_TO_PUBLISH_FIX_DESTINATION_PROPERTY"
    return found.status.read()


def _destination(call: Call, detector_id: str, destination_id: str) -> Destination:
    found = own_detector(call, detector_id).destinations.get(destination_id)
    if found is None:
        raise texts.refusal(texts.GENERIC)
    return found
