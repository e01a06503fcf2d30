"""The deprecated DataSources of GuardDuty's requests and answers, by the features that replaced them [model]."""

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.rehearsal.operations.guardduty.features import Settings
from runbook_lib.rehearsal.operations.guardduty.texts import GENERIC, refusal


def requested_features(
    features: Sequence[Mapping[str, Any]] | None, sources: Mapping[str, Any] | None, value: str
) -> Sequence[Mapping[str, Any]]:
    """The Features of a request, DataSources translated; naming both is refused (aws-behaviour 5.2).

    `value` is "Status" or "AutoEnable".
    """
    if sources and features:
        raise refusal(GENERIC)
    if not sources:
        return features or ()
    on, off = ("ENABLED", "DISABLED") if value == "Status" else ("NEW", "NONE")
    flag = "Enable" if value == "Status" else "AutoEnable"
    volumes = sources.get("MalwareProtection", {}).get("ScanEc2InstanceWithFindings", {}).get("EbsVolumes")
    asked = {
        "S3_DATA_EVENTS": sources.get("S3Logs", {}).get(flag),
        "EKS_AUDIT_LOGS": sources.get("Kubernetes", {}).get("AuditLogs", {}).get(flag),
        "EBS_MALWARE_PROTECTION": volumes.get(flag) if isinstance(volumes, Mapping) else volumes,
    }
    return [{"Name": name, value: on if wanted else off} for name, wanted in asked.items() if wanted is not None]


def detector_sources(features: Settings) -> dict[str, Any]:
    """DataSources of GetDetector and GetMemberDetectors."""
    on = {"Status": "ENABLED"}
    return {
        "CloudTrail": on,
        "DNSLogs": on,
        "FlowLogs": on,
        "S3Logs": {"Status": _status(features, "S3_DATA_EVENTS")},
        "Kubernetes": {"AuditLogs": {"Status": _status(features, "EKS_AUDIT_LOGS")}},
        "MalwareProtection": {
            "ScanEc2InstanceWithFindings": {"EbsVolumes": {"Status": _status(features, "EBS_MALWARE_PROTECTION")}}
        },
    }


def organization_sources(features: Settings) -> dict[str, Any]:
    """DataSources of DescribeOrganizationConfiguration."""
    return {
        "S3Logs": {"AutoEnable": _automatic(features, "S3_DATA_EVENTS")},
        "Kubernetes": {"AuditLogs": {"AutoEnable": _automatic(features, "EKS_AUDIT_LOGS")}},
        "MalwareProtection": {
            "ScanEc2InstanceWithFindings": {"EbsVolumes": {"AutoEnable": _automatic(features, "EBS_MALWARE_PROTECTION")}}
        },
    }


def _status(features: Settings, name: str) -> str:
    return features[name].value if name in features else "DISABLED"


def _automatic(features: Settings, name: str) -> bool:
    return name in features and features[name].value != "NONE"
