"""Which Regions exist, which are enabled by default and which an account must opt in to, by partition: those that botocore knows.

Source for opting in: AWS Account Management Reference Guide, "Specify which AWS Regions your account can use": Regions launched
before 20 March 2019 are enabled by default, all later ones of the partition aws are opt-in Regions; other partitions have none.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from botocore.loaders import Loader

LAUNCHED_BEFORE_OPT_IN = frozenset({
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
    "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3",
    "sa-east-1",
})  # fmt: skip
"""Closed for good, which a list of opt-in Regions is not: so a Region that botocore learns of later counts as one of those."""


@cache
def _partitions() -> Mapping[str, tuple[frozenset[str], str]]:
    """Partition → its Regions, and the one that is used where nothing else is said."""
    known = Loader().load_data("partitions")["partitions"]
    return MappingProxyType(
        {
            each["id"]: (
                frozenset(region for region in each["regions"] if not region.endswith("-global")),
                str(each["outputs"]["implicitGlobalRegion"]),
            )
            for each in known
        }
    )


@cache
def _endpoints() -> Mapping[str, frozenset[str]]:
    """Service, as it signs → the Regions in which it has an endpoint; services of one endpoint for a partition are left out."""
    known = Loader().load_data("endpoints")["partitions"]
    found: dict[str, set[str]] = {}
    for partition in known:
        for service, each in partition["services"].items():
            if each.get("isRegionalized", True):
                found.setdefault(service, set()).update(region for region in each["endpoints"] if region in partition["regions"])
    return MappingProxyType({service: frozenset(regions) for service, regions in found.items()})


@cache
def _listed() -> frozenset[str]:
    """The Regions of which botocore lists any endpoint: of one that is merely announced, its list says nothing."""
    return frozenset[str]().union(*_endpoints().values())


def has_endpoint(service: str, region: str) -> bool:
    """Whether a service, named as it signs, has an endpoint in a Region; yes where botocore knows the service or the Region not."""
    listed = _endpoints().get(service)
    return listed is None or region in listed or region not in _listed()


def partitions() -> list[str]:
    """The partitions there are."""
    return sorted(_partitions())


def regions_of(partition: str) -> frozenset[str]:
    """Every Region of a partition; none of a partition that is not known."""
    return _partitions().get(partition, (frozenset(), ""))[0]


def enabled_by_default(partition: str) -> frozenset[str]:
    """The Regions of a partition that every account has."""
    return regions_of(partition) & LAUNCHED_BEFORE_OPT_IN if partition == "aws" else regions_of(partition)


def is_opt_in(region: str) -> bool:
    """Whether accounts have to opt in to a Region."""
    return region in regions_of("aws") - LAUNCHED_BEFORE_OPT_IN


@cache
def dns_suffix(partition: str) -> str:
    """The end of the names of a partition's endpoints."""
    known = Loader().load_data("partitions")["partitions"]
    return next((str(each["outputs"]["dnsSuffix"]) for each in known if each["id"] == partition), "amazonaws.com")


def usual_region(partition: str) -> str:
    """The Region that clients of a partition use where nothing else is said; "" of a partition that is not known."""
    return _partitions().get(partition, (frozenset(), ""))[1]
