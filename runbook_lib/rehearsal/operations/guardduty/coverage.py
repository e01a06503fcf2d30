"""Runtime coverage: which clusters, tasks and instances GuardDuty's agent watches, in the own account and in members."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.operations.guardduty.lists import paged
from runbook_lib.rehearsal.operations.guardduty.state import is_administrator, own_detector, state_of
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.resources import Resource

MONITORED = {
    "RUNTIME_MONITORING": ("EC2", "ECS", "EKS"),
    "EKS_RUNTIME_MONITORING": ("EKS",),
}
"""Feature → the resources that coverage lists while it is on [docs]."""
DETAILS = {"EC2": "Ec2InstanceDetails", "ECS": "EcsClusterDetails", "EKS": "EksClusterDetails"}
COUNTED = {
    "COUNT_BY_COVERAGE_STATUS": ("CountByCoverageStatus", "CoverageStatus"),
    "COUNT_BY_RESOURCE_TYPE": ("CountByResourceType", ""),
}
"""[model] CoverageStatisticsType → member of the answer, and what is counted by (the resource's kind where nothing is named)."""
CRITERIA = {"ACCOUNT_ID": "AccountId", "COVERAGE_STATUS": "CoverageStatus", "RESOURCE_TYPE": ""}
"""Simulated criteria; others are refused, never ignored."""


@operation("guardduty", "GetCoverageStatistics")
def get_coverage_statistics(
    call: Call, DetectorId: str, StatisticsType: Sequence[str], FilterCriteria: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    found = list(_listed(call, DetectorId, FilterCriteria))
    if not StatisticsType or any(each not in COUNTED for each in StatisticsType):
        raise texts.refusal(texts.GENERIC)
    counts = {}
    for each in StatisticsType:
        member, by = COUNTED[each]
        counts[member] = dict(Counter(_value(row, by) for row in found))
    return {"CoverageStatistics": counts}


@operation("guardduty", "ListCoverage")
def list_coverage(
    call: Call,
    DetectorId: str,
    FilterCriteria: Mapping[str, Any] | None = None,
    SortCriteria: Mapping[str, str] | None = None,
    MaxResults: int | None = None,
    NextToken: str | None = None,
) -> dict[str, Any]:
    found, token = paged(list(_listed(call, DetectorId, FilterCriteria)), NextToken, MaxResults)
    return {"Resources": found, "NextToken": token}


def _listed(call: Call, detector_id: str, criteria: Mapping[str, Any] | None) -> Iterator[dict[str, Any]]:
    own, state = own_detector(call, detector_id), state_of(call.world)
    asked = _criteria(criteria)
    for each in call.world.resources:
        detector = state.detectors.get((each.account, call.region))
        mine = each.account == call.account or (is_administrator(call) and state.associated(each.account, call.region))
        on = {
            name
            for name, setting in (detector.features if detector and detector.enabled else {}).items()
            if setting.value == "ENABLED"
        }
        if each.region == call.region and mine and any(each.kind in MONITORED[name] for name in on & MONITORED.keys()):
            row = _row(each, own.id if detector is None else detector.id, call.world.now())
            if all((_value(row, key) in values) is equal for key, equal, values in asked):
                yield row


def _row(each: Resource, detector: str, now: float) -> dict[str, Any]:
    return {
        "ResourceId": each.id,
        "DetectorId": detector,
        "AccountId": each.account,
        "ResourceDetails": {DETAILS[each.kind]: {}, "ResourceType": each.kind},
        "CoverageStatus": "UNHEALTHY" if each.not_monitored else "HEALTHY",
        "UpdatedAt": now,
        **({"Issue": each.not_monitored} if each.not_monitored else {}),
    }


def _value(row: Mapping[str, Any], key: str) -> str:
    return str(row[key] if key else row["ResourceDetails"]["ResourceType"])


def _criteria(criteria: Mapping[str, Any] | None) -> list[tuple[str, bool, Sequence[str]]]:
    found = []
    for each in (criteria or {}).get("FilterCriterion", ()):
        key, condition = each.get("CriterionKey"), each.get("FilterCondition", {})
        if key not in CRITERIA or any(name not in ("Equals", "NotEquals") for name in condition):
            raise texts.refusal(texts.GENERIC)
        found += [(CRITERIA[key], name == "Equals", values) for name, values in condition.items()]
    return found
