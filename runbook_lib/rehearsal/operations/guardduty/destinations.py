"""Export of findings to S3: one destination per detector."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.operations.guardduty.lists import paged
from runbook_lib.rehearsal.operations.guardduty.state import PRINCIPAL, Destination, Detector, own_detector, state_of
from runbook_lib.rehearsal.operations.storage import Writing, refusal
from runbook_lib.rehearsal.regions import enabled_by_default
from runbook_lib.rehearsal.registry import Call, operation

KEY = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")


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
    _check(call, detector, DestinationProperties)
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
    _check(call, own_detector(call, DetectorId), wanted)
    found.properties, found.status = wanted, call.world.settling("PENDING_VERIFICATION", "PUBLISHING")


@operation("guardduty", "DeletePublishingDestination")
def delete_publishing_destination(call: Call, DetectorId: str, DestinationId: str) -> None:
    found = _destination(call, DetectorId, DestinationId)
    del own_detector(call, DetectorId).destinations[found.id]


def _check(call: Call, detector: Detector, properties: Mapping[str, str]) -> None:
    """Refuse a bucket or key that GuardDuty cannot use [docs: exporting findings].

    Both have to be there, in one Region: the detector's, or any that needs no opt-in; and their policies have to let it write.
    """
    arn, key = (properties.get(name) or "" for name in ("DestinationArn", "KmsKeyArn"))
    fits = arn.startswith(f"arn:{call.partition}:s3:::") and KEY.fullmatch(key) and key.split(":")[1] == call.partition
    there = key.split(":")[3] if fits else ""
    if there not in {call.region, *enabled_by_default(call.partition)} or _refused(call, detector, properties):
        raise texts.refusal(texts.DESTINATION_REFUSED)


def _refused(call: Call, detector: Detector, properties: Mapping[str, str]) -> str:
    """Why bucket and key do not take this detector's findings, now."""
    bucket, _, prefix = properties["DestinationArn"].split(":::", 1)[1].partition("/")
    source = f"arn:{call.partition}:guardduty:{detector.region}:{detector.account}:detector/{detector.id}"
    below = f"{prefix.strip('/')}/" if prefix else ""
    return refusal(call.world, Writing(PRINCIPAL, source, bucket, properties["KmsKeyArn"], below))


def _status(call: Call, found: Destination) -> str:
    """What it settles to, unless bucket or key let GuardDuty in once and do so no longer [model]."""
    detector = state_of(call.world).detectors[call.account, call.region]
    if _refused(call, detector, found.properties):
        return "UNABLE_TO_PUBLISH_FIX_DESTINATION_PROPERTY"
    return found.status.read()


def _destination(call: Call, detector_id: str, destination_id: str) -> Destination:
    found = own_detector(call, detector_id).destinations.get(destination_id)
    if found is None:
        raise texts.refusal(texts.GENERIC)
    return found
