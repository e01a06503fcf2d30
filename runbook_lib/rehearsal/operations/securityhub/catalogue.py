"""What the service offers by itself: standards with their ARNs, a few of their controls, and the AWS products it integrates."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OfferedStandard:
    """A standard that DescribeStandards lists. `regional` is false only for CIS 1.2.0, whose ARN is a global ruleset [model]."""

    name: str
    version: str
    title: str
    by_default: bool = False
    regional: bool = True
    controls: tuple[tuple[str, str, str], ...] = ()

    def arn(self, partition: str, region: str) -> str:
        if self.regional:
            return f"arn:{partition}:securityhub:{region}::standards/{self.name}/v/{self.version}"
        return f"arn:{partition}:securityhub:::ruleset/{self.name}/v/{self.version}"

    def subscription_arn(self, partition: str, region: str, account: str) -> str:
        return f"arn:{partition}:securityhub:{region}:{account}:subscription/{self.name}/v/{self.version}"


FOUNDATIONAL = (
    ("Config.1", "AWS Config should be enabled and use the service-linked role for resource recording", "CRITICAL"),
    ("EC2.2", "VPC default security groups should not allow inbound or outbound traffic", "HIGH"),
    ("GuardDuty.1", "GuardDuty should be enabled", "HIGH"),
    ("IAM.4", "IAM root user access key should not exist", "CRITICAL"),
    ("S3.1", "S3 general purpose buckets should have block public access settings enabled", "MEDIUM"),
)
BENCHMARK = (
    ("CloudTrail.1", "CloudTrail should be enabled and configured with at least one multi-Region trail", "HIGH"),
    ("Config.1", "AWS Config should be enabled and use the service-linked role for resource recording", "CRITICAL"),
    ("IAM.4", "IAM root user access key should not exist", "CRITICAL"),
)

TAGGING = (("GuardDuty.4", "GuardDuty detectors should be tagged", "LOW"),)

OFFERED = (
    # Enabled by default: FSBP 1.0.0 and CIS 1.2.0 [model, EnableSecurityHub]. The others [docs]; controls are a sample.
    OfferedStandard(
        "aws-foundational-security-best-practices",
        "1.0.0",
        "AWS Foundational Security Best Practices v1.0.0",
        by_default=True,
        controls=FOUNDATIONAL,
    ),
    OfferedStandard(
        "cis-aws-foundations-benchmark",
        "1.2.0",
        "CIS AWS Foundations Benchmark v1.2.0",
        by_default=True,
        regional=False,
        controls=BENCHMARK,
    ),
    OfferedStandard("cis-aws-foundations-benchmark", "1.4.0", "CIS AWS Foundations Benchmark v1.4.0", controls=BENCHMARK),
    OfferedStandard("cis-aws-foundations-benchmark", "3.0.0", "CIS AWS Foundations Benchmark v3.0.0", controls=BENCHMARK),
    OfferedStandard("cis-aws-foundations-benchmark", "5.0.0", "CIS AWS Foundations Benchmark v5.0.0", controls=BENCHMARK),
    OfferedStandard("aws-resource-tagging-standard", "1.0.0", "AWS Resource Tagging Standard v1.0.0", controls=TAGGING),
    OfferedStandard("nist-800-171", "2.0.0", "NIST Special Publication 800-171 Revision 2", controls=FOUNDATIONAL),
    OfferedStandard("nist-800-53", "5.0.0", "NIST Special Publication 800-53 Revision 5", controls=FOUNDATIONAL),
    OfferedStandard("pci-dss", "3.2.1", "PCI DSS v3.2.1", controls=BENCHMARK),
    OfferedStandard("pci-dss", "4.0.1", "PCI DSS v4.0.1", controls=BENCHMARK),
)

AWS_PRODUCTS = {
    # Subscribed when the hub is enabled [docs]: product name of the ARN → name shown.
    "access-analyzer": "IAM Access Analyzer",
    "config": "Config",
    "firewall-manager": "Firewall Manager",
    "guardduty": "GuardDuty",
    "health": "Health",
    "inspector": "Inspector",
    "macie": "Macie",
    "securityhub": "Security Hub",
}
OPT_IN_PRODUCTS = {
    # Offered, not subscribed by themselves: company/product of the ARN → (company, name).
    "example-vendor/example-scanner": ("Example Vendor", "Example Scanner"),
}


def standards(partition: str, region: str) -> dict[str, OfferedStandard]:
    """The standards of a Region by their ARN."""
    return {offered.arn(partition, region): offered for offered in OFFERED}


def products(partition: str, region: str) -> dict[str, tuple[str, str]]:
    """The products of a Region by their ARN: company and name."""
    own = {f"arn:{partition}:securityhub:{region}::product/aws/{key}": ("AWS", name) for key, name in AWS_PRODUCTS.items()}
    return own | {f"arn:{partition}:securityhub:{region}::product/{key}": names for key, names in OPT_IN_PRODUCTS.items()}


def subscription_of(product_arn: str, account: str) -> str:
    """The ARN of an account's subscription to a product."""
    head, _, product = product_arn.partition("::product/")
    return f"{head}:{account}:product-subscription/{product}"
