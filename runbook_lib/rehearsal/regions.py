"""Which Regions exist, which are enabled by default and which an account must opt in to, by partition.

Source: Account Management's user guide, and the Regions in botocore 1.44's endpoint data.
"""

OPT_IN = frozenset({
    "af-south-1", "ap-east-1", "ap-east-2", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
    "ap-southeast-6", "ap-southeast-7", "ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1",
    "me-central-1", "me-south-1", "mx-central-1",
})  # fmt: skip
DEFAULT = {
    "aws": frozenset({
        "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
        "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1",
        "eu-west-2", "eu-west-3", "sa-east-1",
    }),
    "aws-us-gov": frozenset({"us-gov-west-1", "us-gov-east-1"}),
    "aws-cn": frozenset({"cn-north-1", "cn-northwest-1"}),
}  # fmt: skip


def enabled_by_default(partition: str) -> frozenset[str]:
    return DEFAULT.get(partition, frozenset())


def regions_of(partition: str) -> frozenset[str]:
    """Every Region of a partition."""
    return enabled_by_default(partition) | (OPT_IN if partition == "aws" else frozenset())
