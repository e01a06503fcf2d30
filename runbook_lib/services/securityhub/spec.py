"""Security Hub CSPM by name and number."""

from runbook_lib.services.spec import (
    DESIGNATING,
    EVALUATING,
    INTEGRATION,
    CentralConfiguration,
    Designation,
    Findings,
    Probe,
    Rate,
    ServiceSpec,
    families,
)

NAME = "securityhub"
TITLE = "Security Hub"

DESIGNATION = Designation(
    service=NAME,
    title=TITLE,
    principal="securityhub.amazonaws.com",
    list_operation="ListOrganizationAdminAccounts",
    list_key="AdminAccounts",
    account_field="AccountId",
    status_field="Status",
    enable_operation="EnableOrganizationAdminAccount",
    enable_parameter="AdminAccountId",
    disable_operation="DisableOrganizationAdminAccount",
    inside_accounts="The delegated account's hub, if it were off, would come on with default standards; it is on before this call.",
)

FINDINGS = Findings(
    "securityhub",
    families(
        "Account",
        "ACM",
        "APIGateway",
        "AutoScaling",
        "CloudFormation",
        "CloudFront",
        "CloudTrail",
        "CloudWatch",
        "Config",
        "DynamoDB",
        "EC2",
        "ECR",
        "ECS",
        "EFS",
        "EKS",
        "ELB",
        "GuardDuty",
        "IAM",
        "Inspector",
        "KMS",
        "Lambda",
        "Macie",
        "NetworkFirewall",
        "Opensearch",
        "RDS",
        "Redshift",
        "Route53",
        "S3",
        "SageMaker",
        "SecretsManager",
        "SNS",
        "SQS",
        "SSM",
        "WAF",
    ),
    "[docs] Security Hub CSPM's list of controls: the service before the point, 2026-11",
)

SPEC = ServiceSpec(
    name=NAME,
    title=TITLE,
    section="security_hub",
    full_title="Security Hub CSPM",
    phase="10_security_hub",
    purpose=(
        "Bring the security findings of all accounts and Regions together in one place: make the delegated security account the "
        "administrator of Security Hub in each Region, add every existing account, see to it that new accounts join, and aggregate "
        "findings in the home Region."
    ),
    does="administrator in every Region, hubs, members, new accounts, standards, finding aggregation",
    designation=DESIGNATION,
    principals=(DESIGNATION.principal,),
    roles=("AWSServiceRoleForSecurityHub",),
    for_everybody=frozenset({"UpdateOrganizationConfiguration", "CreateFindingAggregator", "UpdateFindingAggregator"}),
    role_principals=(DESIGNATION.principal,),
    in_management=frozenset(
        {
            "BatchDisableStandards",
            "BatchEnableStandards",
            "DescribeHub",
            "DisableSecurityHub",
            "EnableSecurityHub",
            "GetEnabledStandards",
            "ListEnabledProductsForImport",
        }
    ),
    in_members=frozenset(
        {
            "BatchDisableStandards",
            "BatchEnableStandards",
            "DisableSecurityHub",
            "GetEnabledStandards",
            "ListEnabledProductsForImport",
        }
    ),
    needs={
        # Dependent actions of the service authorization reference: fewer than the other services' pages list.
        DESIGNATION.enable_operation: tuple(each for each in DESIGNATING if "Account" not in each and "Unit" not in each),
        DESIGNATION.list_operation: ("organizations:DescribeOrganization", "organizations:ListDelegatedAdministrators"),
    },
    policy_type="SECURITYHUB_CSPM_POLICY",  # Organizations API model, 2026
    central=CentralConfiguration(
        "DescribeOrganizationConfiguration", "OrganizationConfiguration", "ConfigurationType", "Status", "LOCAL", "ENABLED"
    ),
    probe=Probe("DescribeHub", not_on=("InvalidAccessException", "not subscribed")),
    batches={
        "CreateMembers": 50,  # [model]
        "DisassociateMembers": 50,  # [assumed] the model names no maximum
        "GetMembers": 50,  # [assumed] the model names no maximum
    },
    rates={"BatchEnableStandards": Rate(1, 1, "model"), "*": Rate(10, 30, "model")},
    paid=("SECURITY_CHECKS", "FINDING_INGESTION", "CONFIG_ITEMS"),
    prices="Prices of Security Hub CSPM, and of the AWS Config recording that its standards need (CONFIG_ITEMS).",
    evaluates_by_config=True,
    excludable=(EVALUATING, INTEGRATION),
    enabled_by=("hub", "membership"),
    levels=("stop-auto-enable", "dissociate", "administrator", "switch-off", "delegation", "trusted-access"),
    controls={"securityhub_enabled": ("enabled", "")},
    findings=FINDINGS,
)
