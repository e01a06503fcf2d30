"""GuardDuty by name and number."""

from runbook_lib.services.spec import DESIGNATING, Designation, Findings, Offer, Probe, Rate, ServiceSpec, families

NAME = "guardduty"
TITLE = "GuardDuty"
MALWARE_PROTECTION = "malware-protection.guardduty.amazonaws.com"

DESIGNATION = Designation(
    service=NAME,
    title=TITLE,
    principal="guardduty.amazonaws.com",
    list_operation="ListOrganizationAdminAccounts",
    list_key="AdminAccounts",
    account_field="AdminAccountId",
    status_field="AdminStatus",
    enable_operation="EnableOrganizationAdminAccount",
    enable_parameter="AdminAccountId",
    disable_operation="DisableOrganizationAdminAccount",
    inside_accounts="GuardDuty becomes a trusted service, and the delegated account gets a detector if it has none.",
)

_CONTROLS = {
    "EKS_AUDIT_LOGS": ("GuardDuty.5", "guardduty_eks_audit_log_enabled", "SRA-GUARDDUTY-07"),
    "LAMBDA_NETWORK_LOGS": ("GuardDuty.6", "guardduty_lambda_protection_enabled", "SRA-GUARDDUTY-12"),
    "EBS_MALWARE_PROTECTION": ("GuardDuty.8", "guardduty_ec2_malware_protection_enabled", "SRA-GUARDDUTY-09"),
    "RDS_LOGIN_EVENTS": ("GuardDuty.9", "guardduty_rds_protection_enabled", "SRA-GUARDDUTY-10"),
    "S3_DATA_EVENTS": ("GuardDuty.10", "guardduty_s3_protection_enabled", "SRA-GUARDDUTY-06"),
    "RUNTIME_MONITORING": ("GuardDuty.11", "guardduty_runtime_monitoring_enabled"),
    "RUNTIME_MONITORING/ECS_FARGATE_AGENT_MANAGEMENT": ("GuardDuty.12", "SRA-GUARDDUTY-18"),
    "RUNTIME_MONITORING/EC2_AGENT_MANAGEMENT": ("GuardDuty.13", "SRA-GUARDDUTY-19"),
    "AI_PROTECTION": ("guardduty_ai_protection_enabled",),
}
"""Feature or agent → controls. Sources: the Security Hub CSPM user guide's list of controls for GuardDuty; the checks of Prowler
and of sra-verify."""

FINDINGS = Findings(
    "guardduty",
    families(
        "AttackSequence",
        "Backdoor",
        "Behavior",
        "CredentialAccess",
        "CryptoCurrency",
        "DefenseEvasion",
        "Discovery",
        "Execution",
        "Exfiltration",
        "Impact",
        "InitialAccess",
        "PenTest",
        "Persistence",
        "Policy",
        "PrivilegeEscalation",
        "Recon",
        "Stealth",
        "Trojan",
        "UnauthorizedAccess",
    ),
    "[docs] GuardDuty's format of finding types: the threat's purpose, 2026-11",
)

SPEC = ServiceSpec(
    name=NAME,
    title=TITLE,
    section="guardduty",
    full_title="Amazon GuardDuty",
    phase="20_guardduty",
    after=("securityhub",),
    purpose=(
        "Detect threats in all accounts: make the delegated security account the administrator of GuardDuty in each Region, enable "
        "it with the chosen protection plans in every existing account, and for accounts that join later."
    ),
    does="administrator in every Region, detectors, members, protection plans, export; then, apart, what acts on workloads",
    designation=DESIGNATION,
    principals=(DESIGNATION.principal, MALWARE_PROTECTION),
    roles=("AWSServiceRoleForAmazonGuardDuty", "AWSServiceRoleForAmazonGuardDutyMalwareProtection"),
    for_everybody=frozenset({"UpdateOrganizationConfiguration"}),
    role_principals=(DESIGNATION.principal, MALWARE_PROTECTION),
    in_management=frozenset({"CreateDetector", "DeleteDetector", "GetDetector", "ListDetectors", "UpdateDetector"}),
    needs={
        DESIGNATION.enable_operation: DESIGNATING,
        "CreatePublishingDestination": ("s3:GetObject", "s3:ListBucket"),  # service authorization reference
    },
    policy_type="GUARDDUTY_POLICY",  # Organizations API model, 2026
    probe=Probe("ListDetectors"),
    batches={
        "CreateMembers": 50,  # [model]
        "GetMembers": 50,  # [model]
        "GetMemberDetectors": 50,  # [model]
        "GetRemainingFreeTrialDays": 50,  # [model]
        "UpdateMemberDetectors": 50,  # [model]
        "StartMonitoringMembers": 50,  # [model]
        "StopMonitoringMembers": 50,  # [model]
        "DisassociateMembers": 50,  # [model]
    },
    rates={"*": Rate(5, 10, "assumed")},
    regions=Offer("model", "2026-11", lacking=("us-isob-west-1",)),
    offers={
        # GuardDuty User Guide, "Region-specific feature availability".
        "RDS_LOGIN_EVENTS": Offer("docs", "2026-11", lacking=("ap-east-2",)),
        # Amazon Web Services in China, "Feature availability and implementation differences": no Runtime Monitoring, EKS included.
        "RUNTIME_MONITORING": Offer("docs", "2026-11", lacking=("cn-",)),
        "EKS_RUNTIME_MONITORING": Offer("docs", "2026-11", lacking=("cn-",)),
        # New protection plans reach the commercial partition first.
        "AI_PROTECTION": Offer("assumed", "2026-11", lacking=("us-gov-", "cn-", "eusc-", "us-iso", "eu-iso")),
        # The Regions of AWS Config's rules for the other features are no source: they leave out S3 protection in China, which is
        # offered there. What counts as offered and is not, AWS refuses by name.
    },
    paid=(
        "CLOUD_TRAIL",
        "FLOW_LOGS",
        "DNS_LOGS",
        "S3_DATA_EVENTS",
        "EKS_AUDIT_LOGS",
        "EBS_MALWARE_PROTECTION",
        "RDS_LOGIN_EVENTS",
        "RDS_DATA_RISK",
        "LAMBDA_NETWORK_LOGS",
        "EKS_RUNTIME_MONITORING",
        "EC2_RUNTIME_MONITORING",
        "FARGATE_RUNTIME_MONITORING",
        "AI_PROTECTION",
    ),
    product="aws/guardduty",
    prices="Prices of GuardDuty: its foundational sources and its protection plans.",
    enabled_by=("detector", "membership"),
    controls={
        "GuardDuty.1": ("enabled", ""),
        **dict.fromkeys(("guardduty_is_enabled", "SRA-GUARDDUTY-01", "SRA-GUARDDUTY-03"), ("enabled", "")),
        **{control: ("features", item) for item, controls in _CONTROLS.items() for control in controls},
    },
    reference_options={"guardduty:detector": "detector-id"},
    findings=FINDINGS,
)
