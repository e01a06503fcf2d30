"""Control findings that live: evaluated when they begin and every 12 hours, against the resource as it is then [docs].

Each evaluation updates the finding, also where nothing has changed: the same open fault is an event again. It is really asked:
by the simulated services, in the name of Security Hub's own role.
"""

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from runbook_lib.rehearsal.answers import iso8601
from runbook_lib.rehearsal.identity import Credential, user_credential
from runbook_lib.rehearsal.inproc import clients_as
from runbook_lib.rehearsal.world import World

from .findings import store
from .state import state_of

EVERY = 12 * 3600
"""Seconds between evaluations [docs: 12 or 24 hours]."""
Clients = Callable[[str], Any]


def _ports_closed(clients: Clients, resource: str) -> bool:
    """EC2.13 and EC2.14: nobody comes in from any address by SSH or RDP."""
    [group] = clients("ec2").describe_security_groups(GroupIds=[resource.rpartition("/")[2]])["SecurityGroups"]
    return not any(
        rule.get("FromPort", 0) <= port <= rule.get("ToPort", 65_535)
        and (
            any(each["CidrIp"] == "0.0.0.0/0" for each in rule.get("IpRanges", ()))
            or any(each["CidrIpv6"] == "::/0" for each in rule.get("Ipv6Ranges", ()))
        )
        for rule in group["IpPermissions"]
        for port in (22, 3389)
    )


def _bucket_closed(clients: Clients, resource: str) -> bool:
    """S3.8: all four switches of the bucket's block public access are on."""
    try:
        found = clients("s3").get_public_access_block(Bucket=resource.rpartition(":")[2])
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchPublicAccessBlockConfiguration":
            return False
        raise
    return all(found["PublicAccessBlockConfiguration"].values())


def _key_rotates(clients: Clients, resource: str) -> bool:
    """KMS.4: the key is rotated."""
    return bool(clients("kms").get_key_rotation_status(KeyId=resource.rpartition("/")[2])["KeyRotationEnabled"])


CONTROLS: Mapping[str, tuple[str, str, str, Callable[[Clients, str], bool]]] = {
    "EC2.13": (
        "HIGH",
        "AwsEc2SecurityGroup",
        "Security groups should not allow ingress from any address to port 22",
        _ports_closed,
    ),
    "S3.8": ("HIGH", "AwsS3Bucket", "S3 general purpose buckets should block public access", _bucket_closed),
    "KMS.4": ("MEDIUM", "AwsKmsKey", "AWS KMS key rotation should be enabled", _key_rotates),
}
"""Control → severity, kind of resource, title, and whether a resource (its ARN) passes [docs: control reference]."""


def watch(world: World, account: str, region: str, control: str, resource: str) -> dict[str, str]:
    """Let a control find a resource, and look at it again every 12 hours; the finding's id.

    Raises `ValueError` for a control that is not simulated, or a hub that is off.
    """
    if control not in CONTROLS:
        raise ValueError(f"control: {control}: one of {', '.join(CONTROLS)} is expected")
    if (account, region) not in state_of(world).hubs:
        raise ValueError(f"Security Hub is off in account {account}, Region {region}")
    evaluate(world, account, region, control, resource)
    return {"finding": _id(world, account, region, control, resource)}


def _id(world: World, account: str, region: str, control: str, resource: str) -> str:
    name = resource.rpartition("/" if "/" in resource else ":")[2]
    return f"arn:{world.partition}:securityhub:{region}:{account}:security-control/{control}/finding/{name}"


def _asks(world: World, account: str) -> Credential:
    return user_credential(world, account, "AWSServiceRoleForSecurityHub")


def evaluate(world: World, account: str, region: str, control: str, resource: str) -> None:
    """Look at a resource, and say what it is like; one that is gone has its finding archived."""
    if (account, region) not in state_of(world).hubs:
        return
    label, kind, title, passes = CONTROLS[control]
    try:
        passed, there = passes(clients_as(world, _asks(world, account), region), resource), True
    except ClientError:
        passed, there = False, False
    now = iso8601(world.now())
    product = f"arn:{world.partition}:securityhub:{region}::product/aws/securityhub"
    identifier = _id(world, account, region, control, resource)
    before = state_of(world).findings.get((account, region), {}).get((product, identifier), {})
    finding = {
        "SchemaVersion": "2018-10-08",
        "Id": identifier,
        "ProductArn": product,
        "ProductName": "Security Hub",
        "CompanyName": "AWS",
        "GeneratorId": f"security-control/{control}",
        "AwsAccountId": account,
        "Types": ["Software and Configuration Checks/Industry and Regulatory Standards"],
        "FirstObservedAt": before.get("FirstObservedAt", now),
        "LastObservedAt": now,
        "CreatedAt": before.get("CreatedAt", now),
        "UpdatedAt": now,
        "Severity": {"Label": "INFORMATIONAL" if passed else label, "Original": label},
        "Title": title,
        "Description": title,
        "Compliance": {"Status": "PASSED" if passed else "FAILED", "SecurityControlId": control},
        "RecordState": "ACTIVE" if there else "ARCHIVED",
        "Resources": [{"Type": kind, "Id": resource, "Partition": world.partition, "Region": region}],
    }
    store(world, account, region, finding)
    if there:
        world.tell_later(EVERY, "control due", account=account, region=region, control=control, resource=resource)
