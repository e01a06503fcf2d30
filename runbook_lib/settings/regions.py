"""Names of Regions: which exist, in which partition, and which have to be opted into. From botocore's data, without a call."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from botocore.loaders import Loader

ENABLED_BY_DEFAULT = frozenset(
    {
        "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
        "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1",
        "us-east-1", "us-east-2", "us-west-1", "us-west-2",
    }
)  # fmt: skip
"""The Regions of partition aws that every account has.

Source: AWS Account Management Reference Guide, "Specify which AWS Regions your account can use": Regions launched before
20 March 2019 are enabled by default, all later ones are opt-in Regions. So this list is closed, a list of opt-in Regions is not.
"""


@cache
def partitions() -> Mapping[str, str]:
    """Region → partition, for every Region that botocore knows in any partition."""
    data = Loader().load_data("partitions")
    return MappingProxyType(
        {
            region: partition["id"]
            for partition in data["partitions"]
            for region in partition["regions"]
            if not region.endswith("-global")
        }
    )


@cache
def dns_suffixes(region: str) -> tuple[str, ...]:
    """What the names of AWS's endpoints in a Region's partition end with, dual-stack ones included; none for an unknown Region."""
    data = Loader().load_data("partitions")
    outputs = [each["outputs"] for each in data["partitions"] if each["id"] == partition_of(region)]
    return tuple(each[name] for each in outputs for name in ("dnsSuffix", "dualStackDnsSuffix"))


@cache
def fips_regions(service: str) -> frozenset[str]:
    """The Regions for which botocore lists a FIPS endpoint of a service; all of a partition for a global one."""
    prefix = Loader().load_service_model(service, "service-2")["metadata"]["endpointPrefix"]
    found = set[str]()
    for partition in Loader().load_data("endpoints")["partitions"]:
        about = partition["services"].get(prefix, {})
        listed = {
            name
            for name, each in about.get("endpoints", {}).items()
            if ["fips"] in [one["tags"] for one in each.get("variants", ())]
        }
        is_global = about.get("isRegionalized") is False and about.get("partitionEndpoint") in listed
        found |= partition["regions"].keys() if is_global else listed
    return frozenset(found & partitions().keys())


def partition_of(region: str) -> str | None:
    """The partition of a Region, for example aws-us-gov; None for a Region that botocore does not know."""
    return partitions().get(region)


def is_opt_in(region: str) -> bool:
    """Whether an account has to opt into this Region. Other partitions have no opt-in Regions (same source)."""
    return partition_of(region) == "aws" and region not in ENABLED_BY_DEFAULT
