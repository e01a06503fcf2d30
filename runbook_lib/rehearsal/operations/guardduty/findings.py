"""Sample findings, and reading findings: the administrator sees its members' too."""

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.rehearsal.answers import iso8601
from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.operations.guardduty.lists import LARGEST, check_batch, paged
from runbook_lib.rehearsal.operations.guardduty.state import is_administrator, own_detector, state_of
from runbook_lib.rehearsal.registry import Call, operation

SAMPLES = {
    "Recon:EC2/PortProbeUnprotectedPort": ("Instance", 2.0),
    "UnauthorizedAccess:EC2/SSHBruteForce": ("Instance", 5.0),
    "CryptoCurrency:EC2/BitcoinTool.B!DNS": ("Instance", 8.0),
    "UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B": ("AccessKey", 5.0),
    "Policy:S3/BucketBlockPublicAccessDisabled": ("S3Bucket", 2.0),
}
"""A few of AWS's finding types, with resource type and severity [docs]; the real service has some 200."""
EQUALITY = ("Eq", "Equals")


@operation("guardduty", "CreateSampleFindings")
def create_sample_findings(call: Call, DetectorId: str, FindingTypes: Sequence[str] | None = None) -> None:
    """Make sample findings: one of each type when none are named (aws-behaviour 5.2); an unknown type is refused."""
    detector = own_detector(call, DetectorId)
    wanted = FindingTypes or sorted(SAMPLES)
    if len(wanted) > LARGEST or any(each not in SAMPLES for each in wanted):
        raise texts.refusal(texts.GENERIC)
    for kind in wanted:
        finding = _sample(call, detector.id, kind)
        detector.findings[finding["Id"]] = finding
        call.world.tell("guardduty finding", account=call.account, region=call.region, finding=finding)


def _sample(call: Call, detector: str, kind: str) -> dict[str, Any]:
    # The same type in the same detector is the same finding, counted once more (GuardDuty aggregates).
    name = hashlib.sha256(f"{detector}/{kind}".encode()).hexdigest()[:32]
    resource, severity = SAMPLES[kind]
    now = iso8601(call.world.now())
    return {
        "AccountId": call.account,
        "Arn": f"arn:{call.partition}:guardduty:{call.region}:{call.account}:detector/{detector}/finding/{name}",
        "CreatedAt": now,
        "UpdatedAt": now,
        "Description": f"Sample finding of type {kind}.",
        "Id": name,
        "Partition": call.partition,
        "Region": call.region,
        "Resource": {"ResourceType": resource},
        "SchemaVersion": "2.0",
        "Service": {
            "Archived": False,
            "Count": 1,
            "DetectorId": detector,
            "ServiceName": "guardduty",
            # What tells samples from findings [docs].
            "AdditionalInfo": {"Type": "default", "Value": '{"sample":true}'},
        },
        "Severity": severity,
        "Title": f"[SAMPLE] {kind}",
        "Type": kind,
    }


@operation("guardduty", "ListFindings")
def list_findings(
    call: Call,
    DetectorId: str,
    FindingCriteria: Mapping[str, Any] | None = None,
    SortCriteria: Mapping[str, str] | None = None,
    MaxResults: int | None = None,
    NextToken: str | None = None,
) -> dict[str, Any]:
    """Ids of findings. Simulated criteria: equality on accountId, id, region and type; others are refused, never ignored."""
    criteria = (FindingCriteria or {}).get("Criterion", {})
    matching = [key for key, finding in _visible(call, DetectorId).items() if _matches(finding, criteria)]
    found, token = paged(sorted(matching), NextToken, MaxResults)
    return {"FindingIds": found, "NextToken": token}


@operation("guardduty", "GetFindings")
def get_findings(
    call: Call, DetectorId: str, FindingIds: Sequence[str], SortCriteria: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Findings by id; ids that are not there are left out (assumed)."""
    visible = _visible(call, DetectorId)
    if FindingIds:
        check_batch("findingIds", FindingIds)
    return {"Findings": [visible[each] for each in FindingIds if each in visible]}


@operation("guardduty", "GetFindingsStatistics")
def get_findings_statistics(
    call: Call,
    DetectorId: str,
    FindingStatisticTypes: Sequence[str] | None = None,
    FindingCriteria: Mapping[str, Any] | None = None,
    GroupBy: str | None = None,
    OrderBy: str | None = None,
    MaxResults: int | None = None,
) -> dict[str, Any]:
    """How many findings there are of each severity: as the older member of the request asks, or by a grouping [model].

    Exactly one of the two is asked for; other groupings than by severity, type and account are refused (not simulated).
    """
    criteria = (FindingCriteria or {}).get("Criterion", {})
    matching = [finding for finding in _visible(call, DetectorId).values() if _matches(finding, criteria)]
    if bool(FindingStatisticTypes) == bool(GroupBy) or GroupBy not in (None, *GROUPS):
        raise texts.refusal(texts.GENERIC)
    if GroupBy is None:
        counts = Counter(f"{finding['Severity']}" for finding in matching)
        return {"FindingStatistics": {"CountBySeverity": dict(counts)}}
    member, name, field = GROUPS[GroupBy]
    grouped: dict[Any, list[float]] = {}
    for finding in matching:
        grouped.setdefault(finding[field], []).append(dt.datetime.fromisoformat(finding["UpdatedAt"]).timestamp())
    rows = [{name: key, "TotalFindings": len(times), "LastGeneratedAt": max(times)} for key, times in grouped.items()]
    rows.sort(key=lambda row: (row["TotalFindings"], str(row[name])), reverse=OrderBy != "ASC")
    return {"FindingStatistics": {member: rows[: MaxResults or 100]}}


GROUPS = {
    "ACCOUNT": ("GroupedByAccount", "AccountId", "AccountId"),
    "FINDING_TYPE": ("GroupedByFindingType", "FindingType", "Type"),
    "SEVERITY": ("GroupedBySeverity", "Severity", "Severity"),
}
"""GroupBy → the member of the answer, what a row calls the group, the finding's field."""


def _visible(call: Call, detector_id: str) -> dict[str, dict[str, Any]]:
    own, state = own_detector(call, detector_id), state_of(call.world)
    found = dict(own.findings)
    if is_administrator(call):
        for account in state.members_of(call.region):
            detector = state.detectors.get((account, call.region))
            if detector and state.associated(account, call.region):
                found.update(detector.findings)
    return found


def _matches(finding: Mapping[str, Any], criteria: Mapping[str, Mapping[str, Any]]) -> bool:
    names = {"accountId": "AccountId", "id": "Id", "region": "Region", "type": "Type"}
    for name, condition in criteria.items():
        if name not in names or any(operator not in EQUALITY for operator in condition):
            raise texts.refusal(texts.GENERIC)
        if any(finding[names[name]] not in values for values in condition.values()):
            return False
    return True
