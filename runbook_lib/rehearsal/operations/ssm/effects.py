"""What the steps of AWS's documents do: real requests to the simulated services, so that whoever looks afterwards sees the truth.

Whether the role may make them is asked before, action by action on the very resource (`executions`).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

Clients = Callable[[str], Any]
"""Service → a client of the account and Region in which the execution runs."""
Given = Mapping[str, str]
Outputs = dict[str, list[str]]
ANY_ADDRESS = (("IpRanges", "CidrIp", "0.0.0.0/0"), ("Ipv6Ranges", "CidrIpv6", "::/0"))
OPEN_PORTS = (22, 3389)


class StepFailed(Exception):
    """A step ends in failure; the text is what the execution says."""


def close_public_ports(clients: Clients, given: Given) -> Outputs:
    """Revoke SSH and RDP from any address, in four forms one after the other.

    In a VPC that is not the default one, the first form that is not there ends the document with an error [docs].
    """
    ec2 = clients("ec2")
    [group] = ec2.describe_security_groups(GroupIds=[given["GroupId"]])["SecurityGroups"]
    [vpc] = ec2.describe_vpcs(VpcIds=[group["VpcId"]])["Vpcs"]
    for port in OPEN_PORTS:
        for ranges, key, address in ANY_ADDRESS:
            permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, ranges: [{key: address}]}
            if _allows(group, port, ranges, key, address):
                ec2.revoke_security_group_ingress(GroupId=given["GroupId"], IpPermissions=[permission])
            elif not vpc["IsDefault"]:
                text = "An error occurred (InvalidPermission.NotFound) when calling the RevokeSecurityGroupIngress operation"
                raise StepFailed(f"{text}: The specified rule does not exist in this security group.")
    return {}


def _allows(group: Mapping[str, Any], port: int, ranges: str, key: str, address: str) -> bool:
    return any(
        (rule.get("FromPort"), rule.get("ToPort")) == (port, port) and any(each[key] == address for each in rule.get(ranges, ()))
        for rule in group["IpPermissions"]
    )


SWITCHES = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def block_bucket(clients: Clients, given: Given) -> Outputs:
    wanted = {name: given[name] == "true" for name in SWITCHES}
    clients("s3").put_public_access_block(Bucket=given["BucketName"], PublicAccessBlockConfiguration=wanted)
    return {}


def check_bucket(clients: Clients, given: Given) -> Outputs:
    found = clients("s3").get_public_access_block(Bucket=given["BucketName"])["PublicAccessBlockConfiguration"]
    if any(found[name] != (given[name] == "true") for name in SWITCHES):
        raise StepFailed(f"VerificationError: S3 Bucket Public Access Block of {given['BucketName']} is not as wanted")
    return {"Output": [json.dumps(found)]}


def rotate_key(clients: Clients, given: Given) -> Outputs:
    clients("kms").enable_key_rotation(KeyId=given["KeyId"])
    return {}


def check_rotation(clients: Clients, given: Given) -> Outputs:
    if not clients("kms").get_key_rotation_status(KeyId=given["KeyId"])["KeyRotationEnabled"]:
        raise StepFailed("Property KeyRotationEnabled is not true")
    return {}


def _backup(clients: Clients, given: Given, name: str) -> Any:
    """What was kept of a resource before it was contained."""
    body = clients("s3").get_object(Bucket=given["BackupS3BucketName"], Key=f"{name}.json")["Body"]
    return json.loads(body.read())


def _keep(clients: Clients, given: Given, name: str, kept: Any) -> Outputs:
    key = f"{name}.json"
    clients("s3").put_object(Bucket=given["BackupS3BucketName"], Key=key, Body=json.dumps(kept).encode())
    return {"Backup": [f"s3://{given['BackupS3BucketName']}/{key}"]}


def _instance(clients: Clients, given: Given) -> Mapping[str, Any]:
    found = clients("ec2").describe_instances(InstanceIds=[given["InstanceId"]])["Reservations"]
    instance: Mapping[str, Any] = found[0]["Instances"][0]
    return instance


def keep_groups(clients: Clients, given: Given) -> Outputs:
    """Keep the security groups of an instance that is to be contained, where they are not kept yet."""
    if given["Action"] == "Release":
        return {"Groups": [json.dumps(_backup(clients, given, given["InstanceId"]))]}
    groups = [each["GroupId"] for each in _instance(clients, given)["SecurityGroups"]]
    contained = _contained_groups(clients, given)
    if given["DryRun"] == "true" or (contained and groups == contained):
        return {"Groups": groups}
    return _keep(clients, given, given["InstanceId"], groups)


def _contained_groups(clients: Clients, given: Given) -> list[str]:
    wanted = [{"Name": "group-name", "Values": [f"contained-{given['InstanceId']}"]}]
    return [each["GroupId"] for each in clients("ec2").describe_security_groups(Filters=wanted)["SecurityGroups"]]


def contain_instance(clients: Clients, given: Given) -> Outputs:
    """Give an instance a security group that lets nothing through, or its own ones again."""
    if given["DryRun"] == "true":
        return {"DryRun": ["nothing was changed"]}
    ec2 = clients("ec2")
    if given["Action"] == "Release":
        groups = _backup(clients, given, given["InstanceId"])
    else:
        groups = _contained_groups(clients, given)
        if not groups:
            vpc = _instance(clients, given)["VpcId"]
            name = f"contained-{given['InstanceId']}"
            group = ec2.create_security_group(GroupName=name, Description="Contained", VpcId=vpc)["GroupId"]
            everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
            ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
            groups = [group]
    ec2.modify_instance_attribute(InstanceId=given["InstanceId"], Groups=groups)
    return {"Groups": groups}


def _keys(clients: Clients, given: Given) -> dict[str, str]:
    listed = clients("iam").list_access_keys(UserName=given["PrincipalName"])["AccessKeyMetadata"]
    return {each["AccessKeyId"]: each["Status"] for each in listed}


def keep_access_keys(clients: Clients, given: Given) -> Outputs:
    """Keep which access keys of a user were active, unless none is: then it is contained already."""
    keys = _keys(clients, given)
    if given["Action"] == "Restore" or given["DryRun"] == "true" or "Active" not in keys.values():
        return {"Keys": sorted(keys)}
    return _keep(clients, given, given["PrincipalName"], keys)


def contain_user(clients: Clients, given: Given) -> Outputs:
    if given["DryRun"] == "true":
        return {"DryRun": ["nothing was changed"]}
    keys = _keys(clients, given)
    wanted = _backup(clients, given, given["PrincipalName"]) if given["Action"] == "Restore" else dict.fromkeys(keys, "Inactive")
    for key in keys:
        clients("iam").update_access_key(UserName=given["PrincipalName"], AccessKeyId=key, Status=wanted.get(key, "Inactive"))
    return {"Keys": sorted(keys)}


def stop_instance(clients: Clients, given: Given) -> Outputs:
    clients("ec2").stop_instances(InstanceIds=[given["InstanceId"]])
    return {}


EFFECTS: Mapping[str, Callable[[Clients, Given], Outputs]] = {
    each.__name__: each
    for each in (
        close_public_ports,
        block_bucket,
        check_bucket,
        rotate_key,
        check_rotation,
        keep_groups,
        contain_instance,
        keep_access_keys,
        contain_user,
        stop_instance,
    )
}


def run(name: str, clients: Clients, given: Given) -> Outputs:
    """Do what a step does. Raises `StepFailed` also for what a service refuses."""
    try:
        return EFFECTS[name](clients, given)
    except ClientError as error:
        raise StepFailed(str(error)) from None
