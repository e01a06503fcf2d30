"""The organizations that are measured: settings and seeds of any size, bare or covered."""

import json
from pathlib import Path
from typing import Any

from runbook_lib.rehearsal.seeds import FIRST_GENERATED
from runbook_lib.services.registry import specs
from runbook_lib.settings.regions import ENABLED_BY_DEFAULT, is_opt_in

REGIONS = tuple(sorted(ENABLED_BY_DEFAULT))
assert not any(is_opt_in(region) for region in REGIONS)
MANAGEMENT, DELEGATED, RUNNER = "111111111111", "222222222222", "333333333333"
ITEMS = (
    "S3_DATA_EVENTS",
    "EKS_AUDIT_LOGS",
    "EBS_MALWARE_PROTECTION",
    "RDS_LOGIN_EVENTS",
    "LAMBDA_NETWORK_LOGS",
    "RUNTIME_MONITORING",
    "RUNTIME_MONITORING/EC2_AGENT_MANAGEMENT",
)
SCANS = ("EC2", "ECR", "LAMBDA")
STANDARD = "aws-foundational-security-best-practices"


RESPONSE = """
response:
  channels:
    triage: { queue: { make: runbook-triage }, daily_ceiling: 50 }
    people: { topic: { make: runbook-people } }
  custom_actions:
    Triage: { name: Send to triage, description: Puts the finding into the queue of triage. }
  routes:
    urgent: { findings: { severities: [HIGH, CRITICAL] }, to: [triage, people] }
    chosen: { custom_action: Triage, to: [triage] }
"""
"""From finding to response, with a queue, a topic, what counts, and a custom action."""


def settings(
    accounts: int, regions: tuple[str, ...] = REGIONS, concurrency: int = 16, *, every: bool = False, responding: bool = False
) -> str:
    """Settings with three services in all Regions, features and scan types, or with every service; no member role."""
    named = ", ".join(regions)
    others = ", ".join(regions[1:])
    return f"""
mode: rehearsal
organization: {{id: o-rehearsal001, management_account: "{MANAGEMENT}", delegated_account: "{DELEGATED}"}}
access:
  management: {{profile: rehearsal-runner, role_arn: "arn:aws:iam::{MANAGEMENT}:role/RunbookManagement"}}
  delegated: {{profile: rehearsal-runner, role_arn: "arn:aws:iam::{DELEGATED}:role/RunbookDelegated"}}
security_hub:
  regions: [{named}]
  management_account: true
  auto_enable: true
  new_account_standards: default
  accept_default_standards:
    - {{name: {STANDARD}, version: "1.0.0"}}
    - {{name: cis-aws-foundations-benchmark, version: "1.2.0"}}
  delegated_account_standards: [{{name: {STANDARD}, version: "1.0.0"}}]
  aggregation: {{home_region: {regions[0]}, linking_mode: SPECIFIED_REGIONS, regions: [{others}]}}
guardduty:
  regions: [{named}]
  management_account: true
  auto_enable: NEW
  publishing_frequency: FIFTEEN_MINUTES
  features:
    S3_DATA_EVENTS: {{auto_enable: NEW, enabled: true}}
    EKS_AUDIT_LOGS: {{auto_enable: NEW, enabled: true}}
    EBS_MALWARE_PROTECTION: {{auto_enable: NEW, enabled: true}}
    RDS_LOGIN_EVENTS: {{auto_enable: NEW, enabled: true}}
    LAMBDA_NETWORK_LOGS: {{auto_enable: NEW, enabled: true}}
    RUNTIME_MONITORING: {{auto_enable: NEW, enabled: true, agents: {{EC2_AGENT_MANAGEMENT: {{auto_enable: NEW, enabled: true}}}}}}
inspector:
  regions: [{named}]
  management_account: true
  existing_accounts: [{", ".join(SCANS)}]
  new_accounts: [{", ".join(SCANS)}]
  ec2_scan_mode: EC2_HYBRID
  ecr_rescan_duration: DAYS_30
limits: {{accounts: {accounts}, regions: {len(regions)}}}
concurrency: {concurrency}
{RESPONSE if responding else ""}{_others(regions) if every else ""}"""


def _others(regions: tuple[str, ...]) -> str:
    named = ", ".join(regions)
    return f"""
macie:
  regions: [{named}]
  management_account: true
  auto_enable: true
  publishing_frequency: FIFTEEN_MINUTES
  publication: {{policy: true, sensitive_data: true}}
  automated_discovery: {{members: NEW, existing_accounts: true}}
access_analyzer:
  regions: [{named}]
  unused_access: {{home_region: {regions[0]}, age: 90}}
"""


def seed(folder: Path, accounts: int, *, covered: bool, regions: tuple[str, ...] = REGIONS) -> Path:
    """A seed file: `accounts` active accounts, AWS's default rates, no planned refusals; bare, or with everything on."""
    said: dict[str, Any] = {
        "extends": "fresh",
        "regions": list(regions),
        "size": accounts,
        "opt_in": [],
        "hiccups": [],
        # Designation switches on all scan types (or none): settings ask for three, so that variant would need a lowering.
        "variants": {"inspector2 designation activates": "no"},
        "roles": [
            {"name": "RunbookManagement", "account": MANAGEMENT, "trusts": [RUNNER]},
            {"name": "RunbookDelegated", "account": DELEGATED, "trusts": [RUNNER]},
        ],
    }
    if covered:
        generated = [str(FIRST_GENERATED + index) for index in range(accounts - 3)]
        said["observed"] = _everything([MANAGEMENT, RUNNER, *generated], regions)
        said["trusted"] = ["account.amazonaws.com", *(principal for spec in specs() for principal in spec.principals)]
    file = folder / f"bench-{accounts}-{'covered' if covered else 'bare'}.yaml"
    file.write_text(json.dumps(said), encoding="utf-8")
    return file


def _everything(members: list[str], regions: tuple[str, ...]) -> dict[str, Any]:
    administrators = {DELEGATED: "ENABLED"}
    hub = {
        "administrators": administrators,
        "hubs": [MANAGEMENT, DELEGATED],
        "configuration": {"auto_enable": True, "standards": "DEFAULT"},
        "members": {"Enabled": "members"},
        "standards": {DELEGATED: {f"{STANDARD}/1.0.0": ["READY", ""]}},
    }
    detector = {"enabled": True, "frequency": "FIFTEEN_MINUTES", "on": ITEMS}
    duty = {
        "administrators": administrators,
        "detectors": {MANAGEMENT: detector, DELEGATED: detector},
        "auto_enable": {"members": "NEW", "items": dict.fromkeys(ITEMS, "NEW")},
        "members": {"Enabled": "members"},
        "features": dict.fromkeys(ITEMS, "members"),
    }
    inspector = {
        "administrators": administrators,
        "flags": {"ec2": True, "ecr": True, "lambda": True, "lambdaCode": False, "codeRepository": False},
        "members": {"ENABLED": "members"},
        "scans": {kind: {"ENABLED": "everybody"} for kind in SCANS},
        "configuration": {
            "scan_mode": "EC2_HYBRID", "scan_mode_status": "SUCCESS", "rescan": "DAYS_30", "rescan_status": "SUCCESS",
        },
    }  # fmt: skip
    return {
        "sets": {"members": members, "everybody": [DELEGATED, *members]},
        "delegated": DELEGATED,
        "registered": {each.designation.principal: [DELEGATED] for each in specs() if each.designation},
        "recorders": list(regions),
        "securityhub": {
            "regions": dict.fromkeys(regions, hub),
            "aggregator": {
                "account": DELEGATED,
                "arn": f"arn:aws:securityhub:{regions[0]}:{DELEGATED}:finding-aggregator/bench",
                "home": regions[0],
                "mode": "SPECIFIED_REGIONS",
                "regions": list(regions[1:]),
            },
        },
        "guardduty": {"regions": dict.fromkeys(regions, duty)},
        "inspector2": {"regions": dict.fromkeys(regions, inspector)},
    }
