"""Detector operations: what any account does with its own GuardDuty in one Region."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.rehearsal.answers import iso8601_milliseconds
from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.operations.guardduty.datasources import detector_sources, requested_features
from runbook_lib.rehearsal.operations.guardduty.endpoints import has_agents
from runbook_lib.rehearsal.operations.guardduty.features import ALWAYS_ON, DETECTOR_FEATURES, check, merge, shown
from runbook_lib.rehearsal.operations.guardduty.lists import check_batch, paged
from runbook_lib.rehearsal.operations.guardduty.membership import follow_frequency
from runbook_lib.rehearsal.operations.guardduty.state import (
    PRINCIPAL,
    SERVICE_ROLE,
    Detector,
    add_detector,
    grant_roles,
    is_administrator,
    missing,
    own_detector,
    state_of,
)
from runbook_lib.rehearsal.permissions import require_service_linked_role
from runbook_lib.rehearsal.registry import Call, operation

FREQUENCIES = ("FIFTEEN_MINUTES", "ONE_HOUR", "SIX_HOURS")
TRIAL_DAYS = 30
"""[docs] GuardDuty pricing: 30 days per account, Region and protection plan."""
ARN = re.compile(r"arn:[\w.-]+:guardduty:(?P<region>[\w-]+):(?P<account>\d{12}):detector/(?P<id>\w+)")


@operation("guardduty", "ListDetectors")
def list_detectors(call: Call, MaxResults: int | None = None, NextToken: str | None = None) -> dict[str, Any]:
    """The one detector, or none; right after designation the administrator's shows only after some polls (aws-behaviour 5.2)."""
    detector = state_of(call.world).detectors.get((call.account, call.region))
    ids = [detector.id] if detector and detector.visible.read() == "yes" else []
    found, token = paged(ids, NextToken, MaxResults)
    return {"DetectorIds": found, "NextToken": token}


@operation("guardduty", "CreateDetector")
def create_detector(
    call: Call,
    Enable: bool,
    FindingPublishingFrequency: str = "SIX_HOURS",
    Features: Sequence[Mapping[str, Any]] | None = None,
    DataSources: Mapping[str, Any] | None = None,
    Tags: Mapping[str, str] | None = None,
    ClientToken: str | None = None,
) -> dict[str, Any]:
    """Make the account's detector. A second one is refused, also while the first is not visible yet (the latter assumed)."""
    state = state_of(call.world)
    asked = requested_features(Features, DataSources, "Status")
    check(asked, "Status", DETECTOR_FEATURES, missing(call.world, call.region))
    if FindingPublishingFrequency not in FREQUENCIES:
        raise texts.refusal(texts.GENERIC)
    if (call.account, call.region) in state.detectors:
        raise texts.refusal(texts.DETECTOR_EXISTS)
    require_service_linked_role(call, PRINCIPAL)
    detector = add_detector(call.world, call.account, call.region, enabled=Enable)
    merge(detector.features, asked, "Status", call.world.now())
    detector.frequency, detector.tags = FindingPublishingFrequency, dict(Tags or {})
    return {"DetectorId": detector.id}


@operation("guardduty", "GetDetector")
def get_detector(call: Call, DetectorId: str) -> dict[str, Any]:
    """The detector with every feature, the three always-on ones included [model]."""
    detector = own_detector(call, DetectorId)
    governed = call.account in state_of(call.world).governed
    always = [{"Name": name, "Status": "ENABLED", "UpdatedAt": detector.created} for name in ALWAYS_ON]
    role = f"arn:{call.partition}:iam::{call.account}:role/aws-service-role/guardduty.amazonaws.com/{SERVICE_ROLE}"
    return {
        "CreatedAt": iso8601_milliseconds(detector.created),
        "UpdatedAt": iso8601_milliseconds(detector.updated),
        "FindingPublishingFrequency": detector.frequency,
        "ServiceRole": role,
        "Status": detector.status,
        "DataSources": detector_sources(detector.features),
        "Tags": detector.tags,
        "Features": always + shown(detector.features, "Status", DETECTOR_FEATURES, governed=governed),
    }


@operation("guardduty", "UpdateDetector")
def update_detector(
    call: Call,
    DetectorId: str,
    Enable: bool | None = None,
    FindingPublishingFrequency: str | None = None,
    Features: Sequence[Mapping[str, Any]] | None = None,
    DataSources: Mapping[str, Any] | None = None,
) -> None:
    """Change the own detector; features merge by name. A member may not change what its administrator manages [docs]."""
    detector, state = own_detector(call, DetectorId), state_of(call.world)
    asked = requested_features(Features, DataSources, "Status")
    check(asked, "Status", DETECTOR_FEATURES, missing(call.world, call.region))
    if FindingPublishingFrequency not in (None, *FREQUENCIES):
        raise texts.refusal(texts.GENERIC)
    if state.associated(call.account, call.region) and (asked or Enable is not None or FindingPublishingFrequency):
        raise texts.refusal(texts.GENERIC)
    now = call.world.now()
    if call.account not in state.governed:  # a policy overrides what the API asks for (aws-behaviour 8)
        merge(detector.features, asked, "Status", now)
    detector.enabled = detector.enabled if Enable is None else Enable
    detector.frequency = FindingPublishingFrequency or detector.frequency
    detector.updated = now
    grant_roles(call.world, detector)
    if is_administrator(call):
        follow_frequency(call.world, call.region)


@operation("guardduty", "DeleteDetector")
def delete_detector(call: Call, DetectorId: str) -> None:
    """Turn GuardDuty off in the account. Refused to members (text as [code SW] saw it) and to an administrator with members."""
    own_detector(call, DetectorId)
    state = state_of(call.world)
    if state.associated(call.account, call.region):
        raise texts.refusal(texts.GENERIC)
    if is_administrator(call) and any(state.associated(each, call.region) for each in state.members_of(call.region)):
        raise texts.refusal(texts.HAS_MEMBERS)
    detector = state.detectors.pop((call.account, call.region))
    if has_agents(detector):
        state.left_endpoints.add((call.account, call.region))


@operation("guardduty", "ListTagsForResource")
def list_tags_for_resource(call: Call, ResourceArn: str) -> dict[str, Any]:
    """Tags of the own detector; other resources are not simulated and are refused as not owned."""
    match = ARN.fullmatch(ResourceArn)
    if match is None or (match["account"], match["region"]) != (call.account, call.region):
        raise texts.refusal(texts.GENERIC)
    return {"Tags": own_detector(call, match["id"]).tags}


@operation("guardduty", "GetRemainingFreeTrialDays")
def get_remaining_free_trial_days(call: Call, DetectorId: str, AccountIds: Sequence[str]) -> dict[str, Any]:
    """Trial days of the own account and of members; readable only where GuardDuty is on (aws-behaviour 10.1)."""
    own_detector(call, DetectorId)
    check_batch("accountIds", AccountIds)
    accounts: list[dict[str, Any]] = []
    unprocessed: list[dict[str, str]] = []
    for account in AccountIds:
        detector = _visible_detector(call, account)
        if detector is None:
            unprocessed.append({"AccountId": account, "Result": texts.NOT_ASSOCIATED})
        else:
            accounts.append({"AccountId": account, "Features": _trial(call, detector)})
    return {"Accounts": accounts, "UnprocessedAccounts": unprocessed}


def _visible_detector(call: Call, account: str) -> Detector | None:
    state = state_of(call.world)
    if account == call.account or (is_administrator(call) and state.associated(account, call.region)):
        return state.detectors.get((account, call.region))
    return None


def _trial(call: Call, detector: Detector) -> list[dict[str, Any]]:
    """Days left by feature. Runtime monitoring is counted per kind of resource, under other names [model]."""
    since = {**dict.fromkeys(ALWAYS_ON, detector.created)}
    for name, setting in detector.features.items():
        if setting.value == "ENABLED" and name not in ("RUNTIME_MONITORING", "AI_ANALYST"):
            since[name] = setting.updated
    now = call.world.now()
    return [
        {"Name": name, "FreeTrialDaysRemaining": max(0, TRIAL_DAYS - int((now - start) // 86400))}
        for name, start in sorted(since.items())
    ]
