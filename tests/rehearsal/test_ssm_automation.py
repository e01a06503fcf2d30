"""SSM Automation: AWS's documents as data, executions by the clock, permissions of the role, and resources that really change."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from small_organization import MANAGEMENT, MEMBER

from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.backstop import Backstop
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.operations.ssm.documents import catalogue
from runbook_lib.rehearsal.operations.ssm.effects import EFFECTS
from runbook_lib.rehearsal.world import SimulatedRole

HOME = "us-east-1"
ROTATION = "AWSConfigRemediation-EnableKeyRotation"
PORTS = "AWS-DisablePublicAccessForSecurityGroup"


@pytest.fixture
def front() -> Iterator[Front]:
    made = build_app("seven")
    yield made
    assert isinstance(made.backstop, Backstop)
    made.backstop.reset()
    made.backstop.close()


class Member:
    """The member's clients, a role for SSM, and executions until they end."""

    def __init__(self, front: Front) -> None:
        self.front = front
        front.world.variants["ssm step seconds"] = "20"  # longer than a slow machine takes between two calls
        self.ssm = self.client("ssm")

    def client(self, service: str) -> Any:
        made = session_for(self.front, MEMBER, HOME)
        return made.client(service, region_name=HOME, config=Config(retries={"total_max_attempts": 1}))

    def role(self, name: str = "Remediate", trust: str = "ssm.amazonaws.com", **resources: str) -> str:
        """A role with a statement for each action (":" written "__") and its resource."""
        iam = self.client("iam")
        trusted = {"Effect": "Allow", "Principal": {"Service": trust}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
        arn = str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"])
        resources = resources or {"kms__EnableKeyRotation": "*"}
        may = [{"Effect": "Allow", "Action": each.replace("__", ":"), "Resource": on} for each, on in resources.items()]
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": may}))
        return arn

    def start(self, document: str, **parameters: str | list[str]) -> str:
        given = {name: value if isinstance(value, list) else [value] for name, value in parameters.items()}
        return str(self.ssm.start_automation_execution(DocumentName=document, Parameters=given)["AutomationExecutionId"])

    def execution(self, identifier: str) -> dict[str, Any]:
        return dict(self.ssm.get_automation_execution(AutomationExecutionId=identifier)["AutomationExecution"])

    def ended(self, identifier: str) -> tuple[str, str]:
        """Status and failure once every step has had its time."""
        self.front.world.skip(60)
        found = self.execution(identifier)
        return found["AutomationExecutionStatus"], found.get("FailureMessage", "")


@pytest.fixture
def member(front: Front) -> Member:
    return Member(front)


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_the_catalogue_is_whole() -> None:
    for document in catalogue().values():
        declared = set(document.parameters) | {"partition", "region", "account"}
        for step in document.steps:
            assert (step.does in EFFECTS) is (step.action != "aws:approve"), (document.name, step.name)
            for _, resource in step.needs:
                resource.format_map(dict.fromkeys(declared, ""))
        assert 1 <= document.default <= document.versions
    assert {each for found in catalogue().values() for each in found.controls} >= {"EC2.13", "S3.8", "KMS.4"}


@pytest.mark.fact("SA-SA-01")
def test_documents_of_awss_have_versions_and_hashes(front: Front, member: Member) -> None:
    shown = member.ssm.describe_document(Name=ROTATION)["Document"]
    assert (shown["Owner"], shown["DocumentVersion"], shown["DefaultVersion"]) == ("Amazon", "4", "4")
    assert {each["Name"] for each in shown["Parameters"]} == {"KeyId", "AutomationAssumeRole"}
    pinned = member.ssm.describe_document(Name=PORTS, DocumentVersion="2")["Document"]["Hash"]
    assert member.ssm.describe_document(Name=PORTS)["Document"]["Hash"] == pinned
    front.world.variants["ssm default version"] = "1"
    moved = member.ssm.describe_document(Name=PORTS)["Document"]
    assert (moved["DefaultVersion"], moved["Hash"] == pinned) == ("3", False)
    assert member.ssm.describe_document(Name=PORTS, DocumentVersion="2")["Document"]["Hash"] == pinned
    assert json.loads(member.ssm.get_document(Name=PORTS, DocumentVersion="2")["Content"])["schemaVersion"] == "0.3"
    assert refused(member.ssm.describe_document, Name=PORTS, DocumentVersion="9")[0] == "InvalidDocumentVersion"
    assert refused(member.ssm.describe_document, Name="AWS-NoSuchDocument")[0] == "InvalidDocument"


@pytest.mark.fact("SA-SA-02", "SA-SA-03")
def test_a_key_is_rotated_by_a_role_that_may_do_just_this(front: Front, member: Member) -> None:
    kms = member.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    on = f"arn:aws:kms:{HOME}:{MEMBER}:key/{key}"
    role = member.role(kms__EnableKeyRotation=on, kms__GetKeyRotationStatus=on)
    identifier = member.start(ROTATION, KeyId=key, AutomationAssumeRole=role)
    first = member.execution(identifier)
    assert (first["AutomationExecutionStatus"], first["CurrentStepName"]) == ("InProgress", "EnableKeyRotation")
    assert not kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    assert member.ended(identifier) == ("Success", "")
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    [entry] = front.log.select(service="kms", operation="EnableKeyRotation")
    assert entry.principal == f"arn:aws:sts::{MEMBER}:assumed-role/Remediate/Automation-{identifier}"
    steps = member.ssm.describe_automation_step_executions(AutomationExecutionId=identifier)["StepExecutions"]
    assert [each["StepStatus"] for each in steps] == ["Success", "Success"]


@pytest.mark.fact("SA-SA-03")
def test_what_the_role_lacks_fails_in_the_step_and_changes_nothing(member: Member) -> None:
    kms = member.client("kms")
    key, other = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
    role = member.role(kms__EnableKeyRotation=f"arn:aws:kms:{HOME}:{MEMBER}:key/{other}")
    status, why = member.ended(member.start(ROTATION, KeyId=key, AutomationAssumeRole=role))
    assert (status, "may not kms:EnableKeyRotation" in why) == ("Failed", True), why
    assert not kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]
    status, why = member.ended(member.start(ROTATION, KeyId=other, AutomationAssumeRole=role))
    assert (status, "may not kms:GetKeyRotationStatus" in why) == ("Failed", True), why
    assert kms.get_key_rotation_status(KeyId=other)["KeyRotationEnabled"], "what a step has done stays done"


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "an unknown document": ({"DocumentName": "AWS-None"}, "AutomationDefinitionNotFoundException", "AWS-None"),
    "an unknown version": ({"DocumentVersion": "5"}, "AutomationDefinitionVersionNotFoundException", "5"),
    "an unknown parameter": ({"Parameters": {"Key": ["x"]}}, "InvalidAutomationExecutionParametersException", "not defined"),
    "a missing parameter": ({"Parameters": {"KeyId": ["x"]}}, "InvalidAutomationExecutionParametersException", "is missing"),
    "two values for a text": (
        {"Parameters": {"KeyId": ["x", "y"]}},
        "InvalidAutomationExecutionParametersException",
        "exactly one",
    ),
    "a value against the pattern": ({"Parameters": {"KeyId": ["a b"]}}, "InvalidAutomationExecutionParametersException", "pattern"),
    "a value of 513": ({"Parameters": {"KeyId": ["x" * 513]}}, "ValidationException", "equal to 512"),
    "a token that is none": ({"ClientToken": "x" * 36}, "ValidationException", "regular expression"),
    "targets": ({"Targets": [{"Key": "a", "Values": ["b"]}]}, "NotSimulated", "Targets"),
}


@pytest.mark.parametrize(("changes", "code", "words"), REFUSED.values(), ids=REFUSED)
@pytest.mark.fact("SA-SA-04")
def test_what_is_refused_at_the_start(member: Member, changes: dict[str, Any], code: str, words: str) -> None:
    wanted = {"DocumentName": ROTATION, "Parameters": {"KeyId": ["x"], "AutomationAssumeRole": ["x"]}, **changes}
    found, text = refused(member.ssm.start_automation_execution, **wanted)
    assert (found, words in text) == (code, True), text
    assert member.ssm.describe_automation_executions()["AutomationExecutionMetadataList"] == []


@pytest.mark.fact("SA-SA-04")
def test_a_role_has_to_trust_ssm_and_be_passed(front: Front, member: Member) -> None:
    given = {"KeyId": ["x"], "AutomationAssumeRole": [member.role("Wrong", "ec2.amazonaws.com")]}
    start = {"DocumentName": ROTATION, "Parameters": given}
    assert "unable to be assumed" in refused(member.ssm.start_automation_execution, **start)[1]
    roles = front.world.organization.accounts[MEMBER].roles
    roles["Narrow"] = SimulatedRole("Narrow", {MANAGEMENT}, denied=("iam:PassRole",))
    narrow = assuming(front, f"arn:aws:iam::{MEMBER}:role/Narrow")
    start["Parameters"] = {**given, "AutomationAssumeRole": [member.role("Right")]}
    code, text = refused(narrow.start_automation_execution, **start)
    assert (code, "iam:PassRole" in text) == ("AccessDeniedException", True)


@pytest.mark.fact("SA-SA-05")
def test_a_token_starts_once(member: Member) -> None:
    role, token = member.role(), str(uuid.uuid4())
    start = {"DocumentName": ROTATION, "ClientToken": token, "Parameters": {"KeyId": ["x"], "AutomationAssumeRole": [role]}}
    first = member.ssm.start_automation_execution(**start)["AutomationExecutionId"]
    assert member.ssm.start_automation_execution(**start)["AutomationExecutionId"] == first
    start["Parameters"] = {"KeyId": ["y"], "AutomationAssumeRole": [role]}
    assert refused(member.ssm.start_automation_execution, **start)[0] == "IdempotentParameterMismatch"


@pytest.mark.fact("SA-SA-06")
def test_the_101st_waits_until_another_has_ended(front: Front, member: Member) -> None:
    role = member.role()
    front.world.variants["ssm step seconds"] = "3600"
    started = [member.start(ROTATION, KeyId="x", AutomationAssumeRole=role) for _ in range(101)]
    filters = [{"Key": "ExecutionStatus", "Values": ["Pending"]}]
    pending = member.ssm.describe_automation_executions(Filters=filters)["AutomationExecutionMetadataList"]
    assert [each["AutomationExecutionId"] for each in pending] == started[100:]
    member.ssm.stop_automation_execution(AutomationExecutionId=started[0])
    assert member.execution(started[0])["AutomationExecutionStatus"] == "Cancelled"
    assert member.execution(started[100])["AutomationExecutionStatus"] == "InProgress"
    assert refused(member.ssm.stop_automation_execution, AutomationExecutionId=started[0])[0] == (
        "InvalidAutomationStatusUpdateException"
    )
    assert len(member.ssm.describe_automation_executions(MaxResults=7)["AutomationExecutionMetadataList"]) == 7
    assert refused(member.ssm.get_automation_execution, AutomationExecutionId=str(uuid.uuid4()))[0] == (
        "AutomationExecutionNotFoundException"
    )


def open_to_all(port: int) -> dict[str, Any]:
    ranges = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **ranges}


@pytest.mark.parametrize(
    ("default", "ports", "status", "left"),
    [(True, [22], "Success", [443]), (False, [22, 3389], "Success", [443]), (False, [22], "Failed", [443])],
)
@pytest.mark.fact("SA-SA-07")
def test_open_ports_are_closed_and_outside_default_vpcs_all_four_forms_have_to_be_there(
    member: Member, default: bool, ports: list[int], status: str, left: list[int]
) -> None:
    ec2 = member.client("ec2")
    own = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    vpc = own if default else ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="open", Description="open", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[open_to_all(each) for each in (*ports, 443)])
    on = f"arn:aws:ec2:{HOME}:{MEMBER}:security-group/{group}"
    role = member.role(ec2__DescribeSecurityGroups="*", ec2__DescribeVpcs="*", ec2__RevokeSecurityGroupIngress=on)
    found, why = member.ended(member.start(PORTS, GroupId=group, AutomationAssumeRole=role))
    assert (found, "InvalidPermission.NotFound" in why) == (status, status == "Failed")
    [after] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert [each["FromPort"] for each in after["IpPermissions"]] == left


@pytest.mark.fact("SA-SA-02")
def test_a_bucket_is_closed(member: Member) -> None:
    s3 = member.client("s3")
    s3.create_bucket(Bucket="door")
    role = member.role(s3__PutBucketPublicAccessBlock="arn:aws:s3:::door", s3__GetBucketPublicAccessBlock="arn:aws:s3:::door")
    document = "AWSConfigRemediation-ConfigureS3BucketPublicAccessBlock"
    assert member.ended(member.start(document, BucketName="door", AutomationAssumeRole=role)) == ("Success", "")
    assert set(s3.get_public_access_block(Bucket="door")["PublicAccessBlockConfiguration"].values()) == {True}
    status, why = member.ended(member.start(document, BucketName="none", AutomationAssumeRole=role))
    assert (status, "may not s3:PutBucketPublicAccessBlock" in why) == ("Failed", True)


@pytest.mark.fact("SA-SA-08")
def test_an_instance_is_contained_and_released(member: Member) -> None:
    ec2 = member.client("ec2")
    member.client("s3").create_bucket(Bucket="kept")
    own = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
    launch = {"ImageId": "ami-12345678901234567", "MinCount": 1, "MaxCount": 1, "SecurityGroupIds": [own]}
    instance = ec2.run_instances(**launch)["Instances"][0]["InstanceId"]

    def groups() -> list[str]:
        [found] = ec2.describe_instances(InstanceIds=[instance])["Reservations"]
        return [each["GroupName"] for each in found["Instances"][0]["SecurityGroups"]]

    before = groups()
    assert before == ["web"]
    role = member.role(**{"ec2__*": "*", "s3__*": "arn:aws:s3:::kept/*"})
    given = {"InstanceId": instance, "BackupS3BucketName": "kept", "AutomationAssumeRole": role}
    document = "AWSSupport-ContainEC2Instance"
    assert member.ended(member.start(document, Action="Contain", **given)) == ("Success", "")
    assert groups() == before, "DryRun is the default"
    for _ in range(2):
        assert member.ended(member.start(document, Action="Contain", DryRun="false", **given)) == ("Success", "")
        assert groups() == [f"contained-{instance}"]
    [contained] = ec2.describe_security_groups(GroupNames=[f"contained-{instance}"])["SecurityGroups"]
    assert (contained["IpPermissions"], contained["IpPermissionsEgress"]) == ([], [])
    assert member.ended(member.start(document, Action="Release", DryRun="false", **given)) == ("Success", "")
    assert groups() == before


@pytest.mark.fact("SA-SA-08")
def test_a_user_is_contained_and_restored(member: Member) -> None:
    iam = member.client("iam")
    member.client("s3").create_bucket(Bucket="kept")
    iam.create_user(UserName="robot")
    keys = [iam.create_access_key(UserName="robot")["AccessKey"]["AccessKeyId"] for _ in range(2)]
    iam.update_access_key(UserName="robot", AccessKeyId=keys[1], Status="Inactive")

    def statuses() -> list[str]:
        found = {each["AccessKeyId"]: each["Status"] for each in iam.list_access_keys(UserName="robot")["AccessKeyMetadata"]}
        return [found[each] for each in keys]

    role = member.role(**{"iam__*": f"arn:aws:iam::{MEMBER}:user/robot", "s3__*": "arn:aws:s3:::kept/*"})
    given = {"PrincipalType": "IAM user", "PrincipalName": "robot", "BackupS3BucketName": "kept", "AutomationAssumeRole": role}
    document = "AWSSupport-ContainIAMPrincipal"
    for _ in range(2):
        assert member.ended(member.start(document, Action="Contain", DryRun="false", **given)) == ("Success", "")
        assert statuses() == ["Inactive", "Inactive"]
    assert member.ended(member.start(document, Action="Restore", DryRun="false", **given)) == ("Success", "")
    assert statuses() == ["Active", "Inactive"]


@pytest.mark.parametrize(("signal", "ended", "state"), [("Approve", "Success", "stopped"), ("Reject", "Rejected", "running")])
@pytest.mark.fact("SA-SA-09")
def test_people_approve_inside_a_document(front: Front, member: Member, signal: str, ended: str, state: str) -> None:
    ec2 = member.client("ec2")
    instance = ec2.run_instances(ImageId="ami-12345678901234567", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    role = member.role(**{"ec2__*": "*", "sns__Publish": "*"})
    topic = f"arn:aws:sns:{HOME}:{MEMBER}:AutomationApprovals"
    me = f"arn:aws:iam::{MEMBER}:user/administrator"
    document = "AWS-StopEC2InstanceWithApproval"
    given = {"InstanceId": instance, "AutomationAssumeRole": role, "SNSTopicArn": topic}
    asked = member.start(document, Approvers=[me], **given)
    front.world.skip(3600)
    assert member.execution(asked)["AutomationExecutionStatus"] == "Waiting"
    others = member.start(document, Approvers=["somebody"], **given)
    answer = {"SignalType": signal, "Payload": {"Comment": ["seen"]}}
    assert "not an approver" in refused(member.ssm.send_automation_signal, AutomationExecutionId=others, **answer)[1]
    member.ssm.send_automation_signal(AutomationExecutionId=asked, **answer)
    assert member.ended(asked)[0] == ended
    assert ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["State"]["Name"] == state
    assert (
        refused(member.ssm.send_automation_signal, AutomationExecutionId=asked, **answer)[0] == "InvalidAutomationSignalException"
    )
    front.world.skip(8 * 86_400)
    assert member.execution(others)["AutomationExecutionStatus"] == "TimedOut"
    given["SNSTopicArn"] = topic.replace("Automation", "")
    assert "pattern" in refused(member.start, document=document, Approvers=[me], **given)[1]


@pytest.mark.fact("SA-SA-10")
def test_executions_are_tagged_and_found_again(front: Front, member: Member) -> None:
    role = member.role()
    given = {"DocumentName": ROTATION, "Parameters": {"KeyId": ["x"], "AutomationAssumeRole": [role]}}
    tags = [{"Key": f"ours-{number}", "Value": "yes"} for number in range(6)]
    assert refused(member.ssm.start_automation_execution, **given, Tags=tags)[0] == "ValidationException"
    started = member.ssm.start_automation_execution(**given, Tags=tags[:5])["AutomationExecutionId"]
    member.ssm.start_automation_execution(**given)

    def found(key: str) -> list[str]:
        listed = member.ssm.describe_automation_executions(Filters=[{"Key": "TagKey", "Values": [key]}])
        return [each["AutomationExecutionId"] for each in listed["AutomationExecutionMetadataList"]]

    assert (found("ours-0"), found("theirs")) == ([started], [])
    front.world.organization.accounts[MEMBER].roles["Narrow"] = SimulatedRole("Narrow", {MANAGEMENT}, denied=("ssm:AddTags*",))
    narrow = assuming(front, f"arn:aws:iam::{MEMBER}:role/Narrow")
    code, text = refused(narrow.start_automation_execution, **given, Tags=tags[:1])
    assert (code, "ssm:AddTagsToResource" in text) == ("AccessDeniedException", True)


def assuming(front: Front, role: str) -> Any:
    """A client of SSM as a role of the member's, entered from the management account."""
    sts = session_for(front, MANAGEMENT).client("sts")
    keys = sts.assume_role(RoleArn=role, RoleSessionName="me")["Credentials"]
    return session_for(front, MEMBER).client(
        "ssm", region_name=HOME, aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )  # fmt: skip


@pytest.mark.fact("SA-SA-02")
def test_a_role_that_somebody_made_is_entered_as_its_policies_say(front: Front, member: Member) -> None:
    iam = member.client("iam")
    trusts = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trusts]})
    arn = iam.create_role(RoleName="Made", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    assert refused(assuming(front, arn).describe_automation_executions)[0] == "AccessDeniedException"
    may = {"Effect": "Allow", "Action": "ssm:DescribeAutomationExecutions", "Resource": "*"}
    iam.put_role_policy(RoleName="Made", PolicyName="may", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [may]}))
    assert assuming(front, arn).describe_automation_executions()["AutomationExecutionMetadataList"] == []
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
        assuming(front, member.role("Closed"))
