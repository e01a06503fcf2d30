"""Looks at the resources that remediations are about: whether the cause of a finding is gone. Reads only, by the workflow's role.

A resource that is not there any more has no cause either. Raises CallFailed: what could not be read is not known.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader

SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
OPEN_PORTS = (22, 3389)
"""SSH and RDP [docs: EC2.13, EC2.14]."""
ANYWHERE = (("IpRanges", "CidrIp", "0.0.0.0/0"), ("Ipv6Ranges", "CidrIpv6", "::/0"))
GONE = frozenset({
    "InvalidGroup.NotFound", "InvalidInstanceID.NotFound", "NoSuchBucket", "NoSuchEntity", "NoSuchEntityException",
    "NotFoundException",
})  # fmt: skip
"""Error codes of a resource that is not there [model, docs]."""


@dataclass(frozen=True)
class Seen:
    """What a look at a resource showed: whether the cause is gone, in words, and what a way back needs."""

    mended: bool
    words: str
    was: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Resource:
    """One resource as a document names it, and where it is."""

    name: str
    account: str
    region: str


NOT_THERE = Seen(mended=True, words="not there any more")


def _read(resource: Resource, reader: Reader, service: str, operation: str, **given: Any) -> Mapping[str, Any] | None:
    """One read; None where the resource is not there."""
    try:
        return reader.read(service, operation, resource.account, resource.region, **given)
    except CallFailed as error:
        if error.code in GONE:
            return None
        raise


def bucket(resource: Resource, reader: Reader) -> Seen:
    """A bucket whose four settings that block public access are on."""
    try:
        found = _read(resource, reader, "s3", "GetPublicAccessBlock", Bucket=resource.name)
    except CallFailed as error:
        if error.code != "NoSuchPublicAccessBlockConfiguration":
            raise
        found = {}
    if found is None:
        return NOT_THERE
    block = found.get("PublicAccessBlockConfiguration") or {}
    was = {name: str(bool(block.get(name))).lower() for name in SWITCHES}
    off = [name for name, value in was.items() if value == "false"]
    return Seen(not off, f"off: {', '.join(off)}" if off else "all four settings on", was)


def ports(resource: Resource, reader: Reader) -> Seen:
    """A security group into which nobody comes from any address by SSH or RDP."""
    found = _read(resource, reader, "ec2", "DescribeSecurityGroups", GroupIds=[resource.name])
    if found is None:
        return NOT_THERE
    ways = sorted({way for group in found.get("SecurityGroups") or () for way in _ways_in(group)})
    return Seen(not ways, f"open: {', '.join(ways)}" if ways else "no way in from any address by SSH or RDP")


def _ways_in(group: Mapping[str, Any]) -> Iterator[str]:
    for rule in group.get("IpPermissions") or ():
        first, last = rule.get("FromPort", 0), rule.get("ToPort", 65_535)
        if not any(first <= port <= last for port in OPEN_PORTS):
            continue
        for ranges, key, address in ANYWHERE:
            if any(each.get(key) == address for each in rule.get(ranges) or ()):
                yield f"{rule.get('IpProtocol')} {first}-{last} from {address}"


def rotation(resource: Resource, reader: Reader) -> Seen:
    """A key that is rotated."""
    found = _read(resource, reader, "kms", "GetKeyRotationStatus", KeyId=resource.name)
    if found is None:
        return NOT_THERE
    on = bool(found.get("KeyRotationEnabled"))
    return Seen(on, "rotated every year" if on else "not rotated")


def instance(resource: Resource, reader: Reader) -> Seen:
    """An instance all of whose security groups let nothing through."""
    found = _read(resource, reader, "ec2", "DescribeInstanceAttribute", InstanceId=resource.name, Attribute="groupSet")
    if found is None:
        return NOT_THERE
    groups = sorted(each["GroupId"] for each in found.get("Groups") or ())
    rules = _read(resource, reader, "ec2", "DescribeSecurityGroups", GroupIds=groups) if groups else {}
    listed = (rules or {}).get("SecurityGroups") or ()
    shut = bool(groups) and len(listed) == len(groups)
    shut = shut and not any(each.get("IpPermissions") or each.get("IpPermissionsEgress") for each in listed)
    return Seen(shut, f"in {', '.join(groups) or 'no security group'}{', which let nothing through' if shut else ''}")


def user(resource: Resource, reader: Reader) -> Seen:
    """A user none of whose access keys is active."""
    found = _read(resource, reader, "iam", "ListAccessKeys", UserName=resource.name)
    if found is None:
        return NOT_THERE
    active = sum(each.get("Status") == "Active" for each in found.get("AccessKeyMetadata") or ())
    return Seen(not active, f"active access keys: {active}" if active else "no access key is active")


def stopped(resource: Resource, reader: Reader) -> Seen:
    """An instance that has stopped."""
    given = {"InstanceIds": [resource.name], "IncludeAllInstances": True}
    found = _read(resource, reader, "ec2", "DescribeInstanceStatus", **given)
    states = [str((each.get("InstanceState") or {}).get("Name")) for each in (found or {}).get("InstanceStatuses") or ()]
    if not states:
        return NOT_THERE
    return Seen(states[0] in ("stopped", "terminated"), states[0])
