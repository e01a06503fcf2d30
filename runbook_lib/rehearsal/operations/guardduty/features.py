"""Protection plans as values: which exist, what they default to, and how a request changes them."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.operations.guardduty.texts import FEATURE_NOT_OFFERED, GENERIC, refusal

ALWAYS_ON = ("CLOUD_TRAIL", "DNS_LOGS", "FLOW_LOGS")
"""Foundational data sources: in every detector, never off (aws-behaviour 5.2)."""
ORGANIZATION_FEATURES = (
    "S3_DATA_EVENTS",
    "EKS_AUDIT_LOGS",
    "EBS_MALWARE_PROTECTION",
    "RDS_LOGIN_EVENTS",
    "EKS_RUNTIME_MONITORING",
    "LAMBDA_NETWORK_LOGS",
    "RUNTIME_MONITORING",
    "AI_PROTECTION",
)
"""[model] OrgFeature"""
DETECTOR_FEATURES = (*ORGANIZATION_FEATURES, "AI_ANALYST")
"""[model] DetectorFeature"""
OFF_BY_DEFAULT = frozenset({"EKS_RUNTIME_MONITORING", "RUNTIME_MONITORING", "AI_ANALYST"})
"""[model] CreateDetector: whatever the request does not name is on, runtime monitoring excepted. EKS_RUNTIME_MONITORING counts as
runtime monitoring [docs]; AI_ANALYST off is assumed, AI_PROTECTION on is the model's text taken by its word (assumed)."""
ADDITIONAL = {
    # In the order in which AWS returns them [code tf]: clients must compare sets.
    "RUNTIME_MONITORING": ("ECS_FARGATE_AGENT_MANAGEMENT", "EC2_AGENT_MANAGEMENT", "EKS_ADDON_MANAGEMENT"),
    "EKS_RUNTIME_MONITORING": ("EKS_ADDON_MANAGEMENT",),
    "RDS_LOGIN_EVENTS": ("RDS_DATA_RISK",),
}
"""Additional configuration by feature. RDS_DATA_RISK under RDS_LOGIN_EVENTS is assumed."""


@dataclass
class Setting:
    """The value of a feature or of a part of it (a Status, or an AutoEnable), when it changed, and its parts."""

    value: str
    updated: float
    parts: dict[str, "Setting"] = field(default_factory=dict)


Settings = dict[str, Setting]


def settings(values: Mapping[str, str], part: str, now: float) -> Settings:
    """Features with these values; all their parts have the value `part`."""
    return {
        name: Setting(value, now, {each: Setting(part, now) for each in ADDITIONAL.get(name, ())}) for name, value in values.items()
    }


def detector_defaults(now: float, offered: Iterable[str]) -> Settings:
    """What CreateDetector and designation switch on when nobody says otherwise."""
    return settings({name: "DISABLED" if name in OFF_BY_DEFAULT else "ENABLED" for name in offered}, "DISABLED", now)


def check(requested: Iterable[Mapping[str, Any]], value: str, allowed: tuple[str, ...], missing: frozenset[str]) -> None:
    """Refuse a Features list as a whole: unknown or unavailable feature, foreign part, both runtime monitorings [model][code LZA].

    `value` is the member that holds the value, "Status" or "AutoEnable"; `missing` are the features the Region does not offer.
    """
    names = [each.get("Name") for each in requested]
    if {"RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING"} <= set(names):
        raise refusal(GENERIC)
    for each in requested:
        name = each.get("Name")
        if name not in allowed:
            raise refusal(GENERIC)
        if name in missing:
            raise refusal(FEATURE_NOT_OFFERED.format(feature=name))
        parts = each.get("AdditionalConfiguration", ())
        if any(part.get("Name") not in ADDITIONAL.get(str(name), ()) or value not in part for part in parts):
            raise refusal(GENERIC)


def merge(current: Settings, requested: Iterable[Mapping[str, Any]], value: str, now: float) -> None:
    """Change the named features and parts, and only those (aws-behaviour 5.2: Features merge by name)."""
    for each in requested:
        setting = current.setdefault(each["Name"], Setting("DISABLED" if value == "Status" else "NONE", now))
        _change(setting, each.get(value), now)
        for part in each.get("AdditionalConfiguration", ()):
            _change(setting.parts.setdefault(part["Name"], Setting("", now)), part[value], now)


def covers(current: Settings, requested: Iterable[Mapping[str, Any]], value: str) -> bool:
    """Whether a request would change nothing."""
    trial = deepcopy(current)
    merge(trial, requested, value, 0.0)
    return trial == current


def _change(setting: Setting, value: str | None, now: float) -> None:
    if value is not None and setting.value != value:
        setting.value, setting.updated = value, now


def switch_on(features: Settings, organization: Settings, levels: frozenset[str], now: float) -> None:
    """Apply the organization's auto-enable settings of these levels ("NEW", "ALL") to one detector.

    NONE leaves a feature as it is: it manages nothing in existing accounts [model].
    """
    for name, wanted in organization.items():
        if name not in features:
            continue
        if wanted.value in levels:
            _change(features[name], "ENABLED", now)
        for part, asked in wanted.parts.items():
            if asked.value in levels:
                _change(features[name].parts.setdefault(part, Setting("DISABLED", now)), "ENABLED", now)


def shown(
    features: Settings, value: str, names: tuple[str, ...], *, updated: bool = True, governed: bool = False
) -> list[dict[str, Any]]:
    """Features as the API returns them; `updated` adds UpdatedAt, which organization settings do not have [model].

    `governed` adds the mark of features that an organization policy manages [model].
    """

    def row(name: str, setting: Setting) -> dict[str, Any]:
        found: dict[str, Any] = {"Name": name, value: setting.value}
        if updated:
            found["UpdatedAt"] = setting.updated
        if governed:
            found["ManagedBy"] = "GUARDDUTY_POLICY"
        return found

    rows = []
    for name in names:
        if name in features:
            rows.append(row(name, features[name]))
            rows[-1]["AdditionalConfiguration"] = [row(part, setting) for part, setting in features[name].parts.items()]
    return rows
