"""Macie by name and number."""

from runbook_lib.services.spec import DESIGNATING, Designation, Family, Findings, Offer, Probe, Rate, ServiceSpec

NAME = "macie2"
TITLE = "Macie"

DESIGNATION = Designation(
    service=NAME,
    title=TITLE,
    principal="macie.amazonaws.com",
    list_operation="ListOrganizationAdminAccounts",
    list_key="adminAccounts",
    account_field="accountId",
    status_field="status",
    enable_operation="EnableOrganizationAdminAccount",
    enable_parameter="adminAccountId",
    disable_operation="DisableOrganizationAdminAccount",
    inside_accounts="Macie becomes a trusted service, and AWS may switch it on in the delegated account if it is off there.",
    disabling=(
        "Ends the designation in this Region only; members become standalone with Macie on, and what automated discovery found "
        "in them is lost."
    ),
    deregistering=(
        "Taking the registration back ends the administrator in every Region and unlinks all members, and what automated discovery "
        "found is lost: first take back the designation of each Region, and only then this."
    ),
)

REGIONS = frozenset({
    "af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1",
    "ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1", "eu-south-1", "eu-west-1", "eu-west-2", "eu-west-3",
    "il-central-1", "me-south-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
})  # fmt: skip

FINDINGS = Findings(
    "macie",
    (Family("policy", ("Policy",)), Family("sensitive data", ("SensitiveData", "Sensitive Data Identifications"))),
    "[docs] Macie's finding types, 2026-11",
)

SPEC = ServiceSpec(
    name=NAME,
    title=TITLE,
    section="macie",
    full_title="Amazon Macie",
    phase="40_macie",
    after=("securityhub",),
    purpose=(
        "Know where sensitive data lies in S3, and which buckets are open: make the delegated security account the administrator "
        "of Macie in each Region, enable it in every existing account, and for accounts that join later."
    ),
    does="administrator in every Region, members one by one, publication of findings, export; then, apart, automated discovery",
    designation=DESIGNATION,
    principals=(DESIGNATION.principal,),
    roles=("AWSServiceRoleForAmazonMacie",),
    for_everybody=frozenset({"UpdateOrganizationConfiguration", "UpdateAutomatedDiscoveryConfiguration"}),
    role_principals=(DESIGNATION.principal,),
    in_management=frozenset({"DisableMacie", "EnableMacie", "GetMacieSession", "UpdateMacieSession"}),
    needs={DESIGNATION.enable_operation: DESIGNATING},
    # Where Macie is off, 403 as for a missing permission [issue DataBiosphere/azul#5779]: the words tell them apart.
    probe=Probe("GetMacieSession", not_on=("AccessDeniedException", "Macie is not enabled")),
    batches={
        "CreateMember": 1,  # [model]
        "DisassociateMember": 1,  # [model]
        "UpdateMemberSession": 1,  # [model]
        "BatchUpdateAutomatedDiscoveryAccounts": 50,  # [assumed]: the model has no maximum; 50 is that of the list's filter
        "GetUsageStatistics": 50,  # [assumed]: the model has no maximum
    },
    # Nothing is published; scripts of others wait a second for each member.
    rates={"CreateMember": Rate(1, 5, "assumed"), "*": Rate(5, 10, "assumed")},
    regions=Offer("model", "2026-11", only=REGIONS),
    paid=("DATA_INVENTORY_EVALUATION", "AUTOMATED_OBJECT_MONITORING", "AUTOMATED_SENSITIVE_DATA_DISCOVERY"),
    product="aws/macie",
    prices="Prices of Macie, by the metrics in which it reports usage.",
    enabled_by=("session", "membership"),
    # Sources: the Security Hub CSPM user guide's list of controls for Macie; Prowler's checks.
    controls={
        "Macie.1": ("enabled", ""),
        "macie_is_enabled": ("enabled", ""),
        "Macie.2": ("automated discovery", "accounts"),
        "macie_automated_sensitive_data_discovery_enabled": ("automated discovery", "accounts"),
    },
    findings=FINDINGS,
)
