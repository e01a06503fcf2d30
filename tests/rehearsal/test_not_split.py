"""No service is split between ours and moto's; what nobody simulates says so in one line, in the caller's protocol."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.parsers import create_parser

from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.backstop import Backstop
from runbook_lib.rehearsal.codec import service_model
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.unanswered import failure

MANAGEMENT = "111111111111"


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    made = build_app("default", regions=["us-east-1", "us-east-2", "eu-south-1"])
    yield made
    assert isinstance(made.backstop, Backstop)
    made.backstop.reset()
    made.backstop.close()


@pytest.fixture
def session(front: Front) -> boto3.Session:
    made: boto3.Session = session_for(front, MANAGEMENT)
    return made


def roles(session: boto3.Session, **more: Any) -> list[dict[str, Any]]:
    pages = session.client("iam").get_paginator("list_roles").paginate(**more)
    return [role for each in pages for role in each["Roles"]]


def test_roles_are_listed_that_can_be_assumed_made_and_read(session: boto3.Session) -> None:
    iam = session.client("iam")
    iam.create_service_linked_role(AWSServiceName="guardduty.amazonaws.com")
    iam.create_role(RoleName="made-by-hand", AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
    listed = {role["RoleName"]: role for role in roles(session)}
    assert {"RunbookManagement", "AWSServiceRoleForAmazonGuardDuty", "made-by-hand"} <= set(listed)
    for name, role in listed.items():
        got = iam.get_role(RoleName=name)["Role"]
        assert (role["Arn"], role["AssumeRolePolicyDocument"]) == (got["Arn"], got["AssumeRolePolicyDocument"])
        for read in (iam.list_attached_role_policies, iam.list_role_policies, iam.list_role_tags):
            assert read(RoleName=name)["IsTruncated"] is False
    assert [role["RoleName"] for role in roles(session, PaginationConfig={"PageSize": 1})] == sorted(listed)
    linked = roles(session, PathPrefix="/aws-service-role/")
    assert {role["RoleName"] for role in linked} == {name for name in listed if name.startswith("AWSServiceRole")}


def test_what_a_role_may_do_is_shown(session: boto3.Session) -> None:
    iam = session.client("iam")
    attached = iam.list_attached_role_policies(RoleName="RunbookManagement")["AttachedPolicies"]
    inline = iam.list_role_policies(RoleName="RunbookManagement")["PolicyNames"]
    assert [each["PolicyName"] for each in attached] == ["AdministratorAccess"]
    assert inline == []


def test_a_role_s_own_policies_are_shown() -> None:
    session = session_for(build_app("read-only", moto=False), MANAGEMENT)
    iam = session.client("iam")
    denied = [role["RoleName"] for role in roles(session) if iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]]
    for name in denied:
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            assert iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]["Statement"]


def test_regions_are_those_of_the_account(front: Front, session: boto3.Session) -> None:
    """What account and EC2 say of Regions is one thing."""
    without = next(each for each in front.world.organization.accounts.values() if each.regions.get("eu-south-1") == "DISABLED")
    for account in (MANAGEMENT, without.id):
        own = session_for(front, account)
        listed = own.client("account").list_regions()["Regions"]
        usable = {each["RegionName"] for each in listed if each["RegionOptStatus"] in ("ENABLED", "ENABLED_BY_DEFAULT")}
        ec2 = own.client("ec2", region_name="us-east-1")
        described = ec2.describe_regions()["Regions"]
        assert {each["RegionName"] for each in described} == usable
        every = {each["RegionName"]: each["OptInStatus"] for each in ec2.describe_regions(AllRegions=True)["Regions"]}
        assert set(every) == {each["RegionName"] for each in listed}
        assert every["eu-south-1"] == ("opted-in" if "eu-south-1" in usable else "not-opted-in")
    assert described[0]["Endpoint"] == f"ec2.{described[0]['RegionName']}.amazonaws.com"


def test_what_else_scanners_read_of_accounts_and_inspector(session: boto3.Session) -> None:
    found = session.client("account").get_account_information()
    described = session.client("organizations").describe_account(AccountId=MANAGEMENT)["Account"]
    assert (found["AccountId"], found["AccountName"]) == (MANAGEMENT, described["Name"])
    assert found["AccountCreatedDate"] == described["JoinedTimestamp"]
    assert session.client("inspector2", region_name="us-east-1").list_filters()["filters"] == []


def test_regions_by_name_and_filter(session: boto3.Session) -> None:
    ec2 = session.client("ec2", region_name="us-east-1")
    one = ec2.describe_regions(RegionNames=["us-east-2"])["Regions"]
    assert [each["RegionName"] for each in one] == ["us-east-2"]
    filters = [{"Name": "opt-in-status", "Values": ["opt-in-not-required", "opted-in"]}]
    assert len(ec2.describe_regions(AllRegions=True, Filters=filters)["Regions"]) == 3
    for wrong in ({"RegionNames": ["us-gov-west-1"]}, {"Filters": [{"Name": "colour", "Values": ["red"]}]}):
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            ec2.describe_regions(**wrong)


@pytest.mark.parametrize(
    ("service", "operation", "given"),
    [
        ("detective", "list_graphs", {}),
        ("sns", "put_data_protection_policy", {"ResourceArn": "arn", "DataProtectionPolicy": "{}"}),
        ("autoscaling", "describe_scaling_process_types", {}),
        ("ec2", "describe_aggregate_id_format", {}),
        ("cloudfront", "list_realtime_log_configs", {}),
        ("s3control", "list_jobs", {"AccountId": MANAGEMENT}),
        ("cloudwatch", "list_metric_streams", {}),
        ("fms", "list_policies", {}),
        ("securitylake", "list_data_lakes", {}),
        ("auditmanager", "get_account_status", {}),
    ],
)
def test_what_nobody_simulates_says_so_in_one_line(
    session: boto3.Session, service: str, operation: str, given: dict[str, Any]
) -> None:
    client: Any = vars(boto3.Session)["client"](session, service, region_name="us-east-1")
    with pytest.raises(ClientError) as raised:
        getattr(client, operation)(**given)
    said = raised.value.response["Error"]
    assert said["Code"] == "NotSimulated"
    assert said["Message"].endswith(" is not simulated")
    assert "\n" not in said["Message"]
    assert "Error" not in said["Message"], "no exception of Python's is shown"


def test_cbor() -> None:
    """botocore parses what a client of this protocol gets."""
    environ = {"HTTP_SMITHY_PROTOCOL": "rpc-v2-cbor"}
    error = ApiError("NotSimulated", "monitoring:X is not simulated", 501)
    status, content, body = failure("monitoring", environ, error, "id")
    shape = service_model("cloudwatch").operation_model("ListMetricStreams").output_shape
    assert shape is not None
    headers = {"content-type": content, "smithy-protocol": "rpc-v2-cbor"}
    found = create_parser("smithy-rpc-v2-cbor").parse({"status_code": status, "headers": headers, "body": body}, shape)
    assert found["Error"] == {"Code": error.code, "Message": error.message}
