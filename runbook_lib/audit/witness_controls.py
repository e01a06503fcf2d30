"""Controls and checks of scanners that speak about what this runbook enables, and the cells that they speak about.

Sources: the Security Hub CSPM user guide's lists of controls for GuardDuty and Inspector; the checks of the open-source scanner
Prowler by id. What is not here is no statement about a cell of ours, and is counted as such.
"""

from collections.abc import Mapping

ENABLED = "enabled"
"""The aspect of a report that says only whether a service is on in an account and Region."""
OURS: Mapping[str, tuple[str, ...]] = {
    "securityhub": ("hub", "membership"),
    "guardduty": ("detector", "membership"),
    "inspector2": ("membership",),
}
"""Aspects of the run's coverage which together say whether a service is on in an account and Region."""

_GUARDDUTY = {
    "EKS_AUDIT_LOGS": ("GuardDuty.5", "guardduty_eks_audit_log_enabled"),
    "LAMBDA_NETWORK_LOGS": ("GuardDuty.6", "guardduty_lambda_protection_enabled"),
    "EBS_MALWARE_PROTECTION": ("GuardDuty.8", "guardduty_ec2_malware_protection_enabled"),
    "RDS_LOGIN_EVENTS": ("GuardDuty.9", "guardduty_rds_protection_enabled"),
    "S3_DATA_EVENTS": ("GuardDuty.10", "guardduty_s3_protection_enabled"),
    "RUNTIME_MONITORING": ("GuardDuty.11", "guardduty_runtime_monitoring_enabled"),
    "RUNTIME_MONITORING/ECS_FARGATE_AGENT_MANAGEMENT": ("GuardDuty.12",),
    "RUNTIME_MONITORING/EC2_AGENT_MANAGEMENT": ("GuardDuty.13",),
    "AI_PROTECTION": ("guardduty_ai_protection_enabled",),
}
_INSPECTOR = {"EC2": "Inspector.1", "ECR": "Inspector.2", "LAMBDA_CODE": "Inspector.3", "LAMBDA": "Inspector.4"}

CONTROLS: Mapping[str, tuple[str, str, str]] = {
    "GuardDuty.1": ("guardduty", ENABLED, ""),
    "guardduty_is_enabled": ("guardduty", ENABLED, ""),
    "securityhub_enabled": ("securityhub", ENABLED, ""),
    "inspector2_is_enabled": ("inspector2", ENABLED, ""),
    **{control: ("guardduty", "features", item) for item, controls in _GUARDDUTY.items() for control in controls},
    **{control: ("inspector2", "scan types", item) for item, control in _INSPECTOR.items()},
}
"""Control or check → service, aspect, item."""
