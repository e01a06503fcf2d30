"""IAM Access Analyzer by name and number."""

from runbook_lib.services.spec import Designation, Family, Findings, Offer, Probe, Rate, ServiceSpec

NAME = "accessanalyzer"
TITLE = "Access Analyzer"

DESIGNATION = Designation(
    service=NAME,
    title=TITLE,
    principal="access-analyzer.amazonaws.com",
    usable_operation="ListAnalyzers",
    # [docs] the Organizations user guide's page about the service
    deregistering=(
        "Taking the registration back disables the organization's analyzers in every Region; they and their findings come back "
        "when the same account is registered again."
    ),
)

FINDINGS = Findings(
    "access-analyzer",
    (
        Family("external access", ("External Access",)),
        Family("unused access", ("Unused",)),
        Family("internal access", ("Internal Access",)),
    ),
    "[docs] Access Analyzer's findings in Security Hub, 2026-11",
)

SPEC = ServiceSpec(
    name=NAME,
    title=TITLE,
    section="access_analyzer",
    full_title="IAM Access Analyzer",
    signing_name="access-analyzer",  # [model]
    phase="45_access_analyzer",
    purpose=(
        "Show what can be reached from outside the organization, and which permissions nobody uses: let the delegated security "
        "account have analyzers of the whole organization, of external access in each Region, of unused access in one."
    ),
    does="administrator, by Organizations; an analyzer of external access in every Region, one of unused access in the home Region",
    designation=DESIGNATION,
    principals=(DESIGNATION.principal,),
    roles=("AWSServiceRoleForAccessAnalyzer",),
    for_everybody=frozenset({"CreateAnalyzer", "UpdateAnalyzer"}),
    role_principals=(DESIGNATION.principal,),
    in_management=frozenset({"ListAnalyzers"}),
    probe=Probe("ListAnalyzers"),
    rates={"*": Rate(5, 10, "assumed")},  # AWS publishes none
    regions=Offer("model", "2026-11", lacking=("us-iso-", "us-isob-")),
    paid=("UNUSED_ACCESS",),
    product="aws/access-analyzer",
    prices="Prices of Access Analyzer. External access costs nothing.",
    enabled_by=("external access",),
    # An account lists its own analyzers, not the organization's [Prowler's check of it, from an account's list].
    from_one_account=frozenset({"external access", "unused access"}),
    levels=("switch-off", "delegation", "trusted-access"),
    controls={
        # The Security Hub CSPM user guide's list of controls for IAM (CIS AWS Foundations 1.20), and Prowler's check of it.
        "IAM.28": ("external access", ""),
        "accessanalyzer_enabled": ("enabled", ""),
    },
    findings=FINDINGS,
)
