"""Inspector by name and number."""

from runbook_lib.services.spec import ACCOUNT, DESIGNATING, Designation, Family, Findings, Offer, Probe, Rate, ServiceSpec

NAME = "inspector2"
TITLE = "Inspector"

DESIGNATION = Designation(
    service=NAME,
    title=TITLE,
    principal="inspector2.amazonaws.com",
    list_operation="ListDelegatedAdminAccounts",
    list_key="delegatedAdminAccounts",
    account_field="accountId",
    status_field="status",
    enable_operation="EnableDelegatedAdminAccount",
    enable_parameter="delegatedAdminAccountId",
    disable_operation="DisableDelegatedAdminAccount",
    inside_accounts="AWS may switch on scan types in the delegated account by itself, beyond those that are on already.",
)

_CODE_SCANNING = frozenset(
    {
        "ap-northeast-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "us-east-1",
        "us-east-2",
        "us-west-2",
    }
)
_CONTROLS = {"EC2": "Inspector.1", "ECR": "Inspector.2", "LAMBDA_CODE": "Inspector.3", "LAMBDA": "Inspector.4"}
"""Scan type → control. Source: the Security Hub CSPM user guide's list of controls for Inspector."""

FINDINGS = Findings(
    "inspector",
    (
        Family("package vulnerability", ("CVE", "Vulnerabilities")),
        Family("network reachability", ("Network Reachability",)),
        Family("code vulnerability", ("Code Vulnerabilities",)),
    ),
    "[model] FindingType, [assumed] its words in Security Hub's types, 2026-11",
)

SPEC = ServiceSpec(
    name=NAME,
    title=TITLE,
    section="inspector",
    full_title="Amazon Inspector",
    phase="30_inspector",
    after=("securityhub",),
    purpose=(
        "Find known vulnerabilities in all accounts: make the delegated security account the administrator of Inspector in each "
        "Region, switch on the chosen scan types in every existing account, and for accounts that join later."
    ),
    does="administrator in every Region, association, scan types, scan modes; then, apart, what acts on workloads",
    designation=DESIGNATION,
    principals=(DESIGNATION.principal,),
    roles=("AWSServiceRoleForAmazonInspector2", "AWSServiceRoleForAmazonInspector2Agentless"),
    for_everybody=frozenset({"UpdateOrganizationConfiguration"}),
    role_principals=(DESIGNATION.principal, "agentless.inspector2.amazonaws.com"),
    needs={DESIGNATION.enable_operation: DESIGNATING},
    policy_type="INSPECTOR_POLICY",  # Organizations API model, 2026
    probe=Probe("BatchGetAccountStatus", {"accountIds": [ACCOUNT]}),
    batches={
        "Enable": 100,  # [model]
        "BatchGetAccountStatus": 100,  # [model]
        "BatchGetFreeTrialInfo": 100,  # [model]
        "AssociateMember": 1,  # [model]
        "Disable": 100,  # [model]
        "DisassociateMember": 1,  # [model]
    },
    rates={"*": Rate(5, 10, "assumed")},
    regions=Offer("model", "2026-11", lacking=("ap-southeast-6", "eusc-", "us-iso", "eu-iso")),
    offers={
        # AWS Config's rule inspector-lambda-code-scan-enabled names these ten Regions; us-gov-west-1 is refused by name in
        # hashicorp/terraform-provider-aws#38254.
        "LAMBDA_CODE": Offer("docs, issue", "2026-11", only=_CODE_SCANNING),
        # Announced for the same ten Regions.
        "CODE_REPOSITORY": Offer("assumed", "2026-11", only=_CODE_SCANNING),
    },
    paid=("EC2", "ECR", "LAMBDA", "LAMBDA_CODE", "CODE_REPOSITORY"),
    product="aws/inspector",
    prices="Prices of Inspector, by scan type.",
    enabled_by=("membership",),
    controls={
        **dict.fromkeys(("inspector2_is_enabled", "SRA-INSPECTOR-01"), ("enabled", "")),
        # SRA-INSPECTOR-04 asks for two scan types at once, so it is about no one cell.
        "SRA-INSPECTOR-02": ("scan types", "EC2"),
        "SRA-INSPECTOR-03": ("scan types", "ECR"),
        **{control: ("scan types", item) for item, control in _CONTROLS.items()},
    },
    findings=FINDINGS,
)
