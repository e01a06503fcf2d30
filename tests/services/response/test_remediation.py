"""Remediations on the simulated organization: findings whose cause is mended, and findings that stay as they are."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from remediating import Remediating, allow, deploy, found_by, pinned, reported, status, workflow
from simulated import Simulated, home
from test_killed import Killed, Mortal
from test_response_rehearsed import MEMBER, client
from test_response_rehearsed import made as made  # noqa: PLC0414 the fixture, by its own name

from runbook_lib.coverage import Gap, Status
from runbook_lib.rehearsal.operations.securityhub.state import state_of
from runbook_lib.rehearsal.registry import HANDLERS
from runbook_lib.settings.register import read_workflow
from runbook_lib.settings.response import Remediation as Allowed

BLOCK = "AWSConfigRemediation-ConfigureS3BucketPublicAccessBlock"
PORTS = "AWS-DisablePublicAccessForSecurityGroup"
ROTATION = "AWSConfigRemediation-EnableKeyRotation"
INSTANCE, USER = "AWSSupport-ContainEC2Instance", "AWSSupport-ContainIAMPrincipal"
STOP = "AWS-StopEC2InstanceWithApproval"


@pytest.fixture
def bucket(made: Simulated, tmp_path: Path) -> Remediating:
    """An open bucket of a member, with its finding, and the workflow that answers for it."""
    client(made, "s3", MEMBER).create_bucket(Bucket="door")
    file = workflow(tmp_path, "exposed-storage", "securityhub", ["S3"], pinned(made, BLOCK))
    deploy(made, read_workflow(file))
    allow(made, MEMBER)
    return Remediating(made, file, found_by(made, "S3.8", "arn:aws:s3:::door"))


def block(made: Simulated) -> set[Any]:
    return set(client(made, "s3", MEMBER).get_public_access_block(Bucket="door")["PublicAccessBlockConfiguration"].values())


def test_a_bucket_is_closed_and_its_finding_resolved(made: Simulated, bucket: Remediating) -> None:
    plan = bucket.plan()
    assert [(each.operation, each.account) for each in plan.actions] == [
        ("StartAutomationExecution", MEMBER), ("BatchUpdateFindings", "222222222222"),
    ]  # fmt: skip
    start = plan.actions[0]
    assert start.parameters["DocumentVersion"] == "5"
    assert start.parameters["Parameters"]["AutomationAssumeRole"] == (
        f"arn:aws:iam::{MEMBER}:role/runbook-response-exposed-storage",
    )
    assert ("off:" in start.before, start.becomes) == (True, "all four settings on")
    assert start.back_out.parameters["Parameters"]["BlockPublicAcls"] == ("false",)
    assert status(made, bucket.findings[0]) == "NEW"
    seen = bucket.through()
    assert {each.status for each in seen.values()} == {Status.COVERED}
    assert (block(made), status(made, bucket.findings[0])) == ({True}, "RESOLVED")


def test_the_second_run_makes_no_call(made: Simulated, bucket: Remediating) -> None:
    bucket.through()
    calls = len(made.mutating())
    again = bucket.plan()
    assert (again.steps, again.blockers) == ((), ())
    assert bucket.apply(again).ok
    assert len(made.mutating()) == calls


@pytest.mark.parametrize("moment", ["in flight", "after"])
def test_killed_at_every_call_it_converges_and_starts_once(made: Simulated, bucket: Remediating, moment: str) -> None:
    plan = bucket.plan()
    for _ in plan.actions:
        made.attach = Mortal(made.front, 1, moment).attach
        with suppress(Killed):
            bucket.apply(plan)
    made.attach = None
    assert bucket.apply(plan).ok
    assert (block(made), status(made, bucket.findings[0])) == ({True}, "RESOLVED")
    assert len(client(made, "ssm", MEMBER).describe_automation_executions()["AutomationExecutionMetadataList"]) == 1
    assert bucket.plan().steps == ()


def test_what_was_opened_again_is_closed_by_a_new_execution(made: Simulated, bucket: Remediating) -> None:
    bucket.through()
    client(made, "s3", MEMBER).delete_public_access_block(Bucket="door")
    made.front.world.skip(13 * 3600)
    assert {each.status for each in bucket.through().values()} == {Status.COVERED}
    assert block(made) == {True}


def left(remediating: Remediating) -> str:
    """Plan, apply, and what is said of the cause that is still there; its finding is as it was."""
    made, before = remediating.made, len(remediating.made.mutating())
    plan = remediating.plan()
    assert [each.operation for each in plan.actions] == ["StartAutomationExecution", "BatchUpdateFindings"], plan.blockers
    report = remediating.apply(plan)
    assert report.ok, report
    [(_, started), (_, closing)] = report.covered
    assert (closing.dropped, closing.already_so, started.dropped) == (plan.actions[1].units, frozenset(), frozenset())
    assert "BatchUpdateFindings" not in [each.operation for each in made.mutating()[before:]]
    assert status(made, remediating.findings[0]) == "NEW"
    cell = remediating.cells()["cause"]
    assert (cell.status, cell.gap) == (Status.GAP, Gap.TO_DO)
    return cell.reason


def group(made: Simulated, *rules: dict[str, Any]) -> str:
    """A security group of the member's default network, with these ways in."""
    ec2 = client(made, "ec2", MEMBER)
    [network] = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    made_: str = ec2.create_security_group(GroupName="web", Description="web", VpcId=network["VpcId"])["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=made_, IpPermissions=list(rules))
    return made_


def way_in(first: int, last: int) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def of_group(made: Simulated, folder: Path, identity: str) -> Remediating:
    file = workflow(folder, "open-network", "securityhub", ["EC2"], pinned(made, PORTS))
    deploy(made, read_workflow(file))
    allow(made, MEMBER)
    arn = f"arn:aws:ec2:{home(made.front)}:{MEMBER}:security-group/{identity}"
    return Remediating(made, file, found_by(made, "EC2.13", arn))


def test_open_ports_are_closed(made: Simulated, tmp_path: Path) -> None:
    identity = group(made, way_in(22, 22), way_in(443, 443))
    remediating = of_group(made, tmp_path, identity)
    [start, _] = remediating.plan().actions
    assert ("open: tcp 22-22 from 0.0.0.0/0" in start.before, start.back_out.operation) == (True, "")
    assert {each.status for each in remediating.through().values()} == {Status.COVERED}
    [after] = client(made, "ec2", MEMBER).describe_security_groups(GroupIds=[identity])["SecurityGroups"]
    assert [each["FromPort"] for each in after["IpPermissions"]] == [443]
    assert status(made, remediating.findings[0]) == "RESOLVED"


def test_success_that_changes_nothing_leaves_the_finding_as_it_was(made: Simulated, tmp_path: Path) -> None:
    """The document revokes rules of exactly these ports; one that opens a range stays, and it ends with Success."""
    remediating = of_group(made, tmp_path, group(made, way_in(0, 65_535)))
    why = left(remediating)
    assert "ended as Success, and it is so now" in why
    assert [each.operation for each in remediating.plan().actions][:1] == ["StartAutomationExecution"], "it may be tried again"


def test_a_role_that_may_not_ends_in_the_step_and_leaves_the_finding(made: Simulated, bucket: Remediating) -> None:
    iam, name = client(made, "iam", MEMBER), "runbook-response-exposed-storage"
    policy = iam.get_role_policy(RoleName=name, PolicyName="runbook")["PolicyDocument"]
    for each in policy["Statement"]:
        each["Action"] = [action for action in each["Action"] if action != "s3:PutBucketPublicAccessBlock"]
    iam.put_role_policy(RoleName=name, PolicyName="runbook", PolicyDocument=json.dumps(policy))
    assert "ended as Failed" in left(bucket)
    iam.delete_role_policy(RoleName=name, PolicyName="runbook")
    cell = bucket.cells()["cause"]
    assert (cell.status, bucket.plan().actions) == (Status.UNKNOWN, ()), "what may not be read is not known"
    assert "AccessDenied" in cell.code


def test_a_key_is_rotated(made: Simulated, tmp_path: Path) -> None:
    kms = client(made, "kms", MEMBER)
    key = kms.create_key()["KeyMetadata"]
    file = workflow(tmp_path, "keys", "securityhub", ["KMS"], pinned(made, ROTATION))
    deploy(made, read_workflow(file))
    allow(made, MEMBER)
    remediating = Remediating(made, file, found_by(made, "KMS.4", key["Arn"]))
    assert {each.status for each in remediating.through().values()} == {Status.COVERED}
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]


def threat(made: Simulated, folder: Path, kind: str, arn: str, name: str, details: Any = None, **parameters: Any) -> Remediating:
    """GuardDuty's finding about a resource, and a workflow that contains it."""
    file = workflow(folder, "threats", "guardduty", ["CryptoCurrency"], pinned(made, name, **parameters))
    deploy(made, read_workflow(file))
    allow(made, MEMBER)
    return Remediating(made, file, reported(made, "guardduty", "TTPs/CryptoCurrency", kind, arn, details))


def instance(made: Simulated) -> tuple[str, str]:
    """An instance of the member's, and its ARN."""
    launch = {"ImageId": "ami-12345678901234567", "MinCount": 1, "MaxCount": 1}
    identity = client(made, "ec2", MEMBER).run_instances(**launch)["Instances"][0]["InstanceId"]
    return identity, f"arn:aws:ec2:{home(made.front)}:{MEMBER}:instance/{identity}"


def test_an_instance_is_contained_and_its_way_back_releases_it(made: Simulated, tmp_path: Path) -> None:
    ec2 = client(made, "ec2", MEMBER)
    client(made, "s3", MEMBER).create_bucket(Bucket=f"kept-{MEMBER}")
    identity, arn = instance(made)

    def groups() -> list[str]:
        [found] = ec2.describe_instances(InstanceIds=[identity])["Reservations"]
        return [each["GroupName"] for each in found["Instances"][0]["SecurityGroups"]]

    before = groups()
    contained = threat(made, tmp_path, "AwsEc2Instance", arn, INSTANCE, BackupS3BucketName="kept-{account}")
    [start, _] = contained.plan().actions
    assert {each.status for each in contained.through().values()} == {Status.COVERED}
    assert groups() == [f"contained-{identity}"]
    back = start.back_out.parameters
    given = {key: list(value) for key, value in back["Parameters"].items()}
    assert back["DocumentVersion"] == start.parameters["DocumentVersion"]
    client(made, "ssm", MEMBER).start_automation_execution(DocumentName=back["DocumentName"], Parameters=given)
    made.front.world.skip(60)
    assert groups() == before


def test_the_keys_of_a_user_are_deactivated(made: Simulated, tmp_path: Path) -> None:
    iam = client(made, "iam", MEMBER)
    client(made, "s3", MEMBER).create_bucket(Bucket="kept")
    arn = iam.create_user(UserName="robot")["User"]["Arn"]
    iam.create_access_key(UserName="robot")
    contained = threat(made, tmp_path, "AwsIamUser", arn, USER, BackupS3BucketName="kept")
    assert {each.status for each in contained.through().values()} == {Status.COVERED}
    assert [each["Status"] for each in iam.list_access_keys(UserName="robot")["AccessKeyMetadata"]] == ["Inactive"]


@pytest.mark.parametrize(("principal", "keys"), [("IAMUser", "Inactive"), ("AssumedRole", "Active")])
def test_a_finding_about_an_access_key_is_about_its_user(made: Simulated, tmp_path: Path, principal: str, keys: str) -> None:
    """GuardDuty names the key, and in its details whose it is; a role's session has no user, and is left to people."""
    iam = client(made, "iam", MEMBER)
    client(made, "s3", MEMBER).create_bucket(Bucket="kept")
    iam.create_user(UserName="robot")
    iam.create_access_key(UserName="robot")
    whose = {"PrincipalName": "robot", "PrincipalType": principal, "PrincipalId": "a"}
    contained = threat(
        made,
        tmp_path,
        "AwsIamAccessKey",
        "AWS::IAM::AccessKey:example",
        USER,
        {"AwsIamAccessKey": whose},
        BackupS3BucketName="kept",
    )
    if principal == "IAMUser":
        assert {each.status for each in contained.through().values()} == {Status.COVERED}
    else:
        [cell] = contained.cells().values()
        assert "no step of threats.yaml has a document that answers it" in cell.reason
        assert contained.plan().actions == ()
    assert [each["Status"] for each in iam.list_access_keys(UserName="robot")["AccessKeyMetadata"]] == [keys]


@pytest.mark.parametrize(("signal", "state", "ends"), [("Approve", "stopped", "RESOLVED"), ("Reject", "running", "NEW")])
def test_people_approve_inside_the_document(made: Simulated, tmp_path: Path, signal: str, state: str, ends: str) -> None:
    identity, arn = instance(made)
    me = f"arn:aws:iam::{MEMBER}:user/administrator"
    topic = f"arn:aws:sns:{home(made.front)}:{MEMBER}:AutomationApprovals"
    asking = threat(made, tmp_path, "AwsEc2Instance", arn, STOP, Approvers=[me], SNSTopicArn=topic)
    ssm, clock = client(made, "ssm", MEMBER), made.clock

    def answered(seconds: float) -> None:
        """Somebody says yes or no after twenty minutes, while the run waits."""
        made.front.world.skip(seconds)
        waiting = ssm.describe_automation_executions(Filters=[{"Key": "ExecutionStatus", "Values": ["Waiting"]}])
        if clock.monotonic() > 1200:
            for each in waiting["AutomationExecutionMetadataList"]:
                ssm.send_automation_signal(AutomationExecutionId=each["AutomationExecutionId"], SignalType=signal)

    clock.hook = answered
    assert asking.apply(asking.plan()).ok
    found = client(made, "ec2", MEMBER).describe_instances(InstanceIds=[identity])["Reservations"][0]["Instances"][0]
    assert (found["State"]["Name"], status(made, asking.findings[0])) == (state, ends)


def test_what_bars_a_remediation_is_said_with_the_next_step(made: Simulated, bucket: Remediating, tmp_path: Path) -> None:
    document, settings = pinned(made, BLOCK), made.settings
    other = tmp_path / "other"
    other.mkdir()

    def said(*documents: dict[str, Any], **changes: Any) -> str:
        file = workflow(other, "exposed-storage", "securityhub", changes.pop("families", ["S3"]), *documents, **changes)
        remediating = Remediating(made, file, *bucket.findings)
        assert remediating.plan().actions == ()
        cell = remediating.cells()["cause"]
        assert (cell.gap, bool(cell.next_step)) == (Gap.BLOCKED, True)
        return f"{cell.reason} | {cell.next_step}"

    assert "exposed-storage.yaml is draft" in said(document, status="draft")
    assert "does not answer for securityhub/S3" in said(document, families=["EC2"])
    assert "no step of exposed-storage.yaml has a document" in said(pinned(made, PORTS))
    changed = said({**document, "sha256": "0" * 64})
    assert ("the workflow has 000" in changed, f"sha256: {document['sha256']}" in changed) == (True, True)
    assert "which nobody has read" in said({key: document[key] for key in ("name", "version")})
    section = settings.response
    assert section is not None
    made.settings = settings.model_copy(update={"response": section.model_copy(update={"remediation": None})})
    assert f"settings do not let a remediation act in account {MEMBER}" in said(document)
    unit = made.front.world.organization.accounts[MEMBER].parent
    allowed = Allowed(organizational_units=(unit,))
    made.settings = settings.model_copy(update={"response": section.model_copy(update={"remediation": allowed})})
    assert bucket.plan().actions
    excepted = {"accounts": [MEMBER], "reason": "A public site", "owner": "Web", "expires": "2027-01-01"}
    exempt = Remediating(
        made, workflow(other, "exposed-storage", "securityhub", ["S3"], document, exceptions=[excepted]), *bucket.findings
    )
    assert ({each.status for each in exempt.cells().values()}, exempt.plan().actions) == ({Status.EXCLUDED}, ())


def test_findings_that_are_over_and_accounts_that_left(made: Simulated, bucket: Remediating) -> None:
    gone = Remediating(made, bucket.file, "no-such-finding")
    assert ({each.status for each in gone.cells().values()}, gone.plan().actions) == ({Status.NOT_APPLICABLE}, ())
    plan, accounts = bucket.plan(), made.front.world.organization.accounts
    left_ = accounts.pop(MEMBER)
    assert "is not in the organization any more" in bucket.cells()["cause"].reason
    assert "is not in the organization any more" in bucket.apply(plan).refused[0]
    accounts[MEMBER] = left_
    client(made, "s3", MEMBER).delete_bucket(Bucket="door")
    made.front.world.skip(13 * 3600)
    calls = len(made.mutating())
    assert bucket.apply(plan).ok
    assert ({each.status for each in bucket.cells().values()}, len(made.mutating())) == ({Status.COVERED}, calls)


def test_a_finding_that_was_not_processed_is_a_failure(
    made: Simulated, bucket: Remediating, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = bucket.plan()
    [kept] = [found for found in state_of(made.front.world).findings.values() if any(key[1] == bucket.findings[0] for key in found)]
    run = HANDLERS["ssm", "StartAutomationExecution"]

    def grown(call: Any, **given: Any) -> Any:
        """The finding grows meanwhile, up to the size at which no update is taken."""
        for key, finding in kept.items():
            finding["Remediation"] = {"Recommendation": {"Text": "x" * 240 * 1024}} if key[1] == bucket.findings[0] else {}
        return run(call, **given)

    monkeypatch.setitem(HANDLERS, ("ssm", "StartAutomationExecution"), grown)
    report = bucket.apply(plan)
    [problem] = [result for _, stage in report.stages for _, result in stage.problems]
    assert problem.code == "FindingSizeExceeded"
    assert (block(made), status(made, bucket.findings[0])) == ({True}, "NEW")
