"""A remediation taken back: what its documents changed is as it was, as far as it is still as they left it."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from procedure_in_process import ProcedureInProcess
from remediating import Remediating, status
from simulated import Simulated
from test_killed import Killed, Mortal
from test_remediation import INSTANCE, block, group, instance, of_group, threat, way_in
from test_remediation import bucket as bucket  # noqa: PLC0414 the fixture, by its own name
from test_response_rehearsed import MEMBER, client
from test_response_rehearsed import made as made  # noqa: PLC0414 the fixture, by its own name

from runbook_lib.coverage import Cell, Gap, Status
from runbook_lib.plan import BackOut, Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.runbook.phases import BACK_OUT, REMEDIATING
from runbook_lib.runbook.undoing import TakingBack, of_change

NEW = "NEW"


class Back(ProcedureInProcess):
    """One back-out of a remediation, from the change as a run keeps it."""

    phase = BACK_OUT

    def __init__(self, made: Simulated, plan: Plan) -> None:
        super().__init__(made)
        about = f"20260601T000000Z-rehearsal-0001 {REMEDIATING.name}"
        self.change = plan_file.dumps(replace(plan, about=about, blockers=(), no_changes=()))

    def doing(self) -> TakingBack:
        return of_change(plan_file.loads(self.change, "change.json"))

    def key(self, cell: Cell) -> str:
        return cell.aspect


def remediated(remediating: Remediating) -> Back:
    plan = remediating.plan()
    assert remediating.apply(plan).ok
    assert status(remediating.made, remediating.findings[0]) == "RESOLVED"
    remediating.made.front.world.skip(60)  # the execution ends a little after its effect is seen
    return Back(remediating.made, plan)


def test_a_bucket_is_as_it_was_and_its_finding_is_open_again(made: Simulated, bucket: Remediating) -> None:
    s3 = client(made, "s3", MEMBER)
    partly = {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": True, "RestrictPublicBuckets": False}
    s3.put_public_access_block(Bucket="door", PublicAccessBlockConfiguration=partly)
    back = remediated(bucket)
    assert block(made) == {True}
    plan = back.plan()
    assert [(each.operation, each.account, each.stage) for each in plan.actions] == [
        ("StartAutomationExecution", MEMBER, "workloads"), ("BatchUpdateFindings", "222222222222", "closing"),
    ]  # fmt: skip
    start = plan.actions[0]
    assert start.parameters["DocumentVersion"] == "5"
    assert start.becomes == "off: IgnorePublicAcls, RestrictPublicBuckets"
    assert [(each.words, each.typed) for each in plan.losses] == [("door: all four settings on", False)]
    assert {each.status for each in back.through().values()} == {Status.COVERED}
    assert s3.get_public_access_block(Bucket="door")["PublicAccessBlockConfiguration"] == partly
    assert status(made, bucket.findings[0]) == NEW
    calls = len(made.mutating())
    assert back.apply(back.plan()).ok
    assert len(made.mutating()) == calls


def test_a_contained_instance_is_released_and_a_finding_that_was_notified_is_that_again(made: Simulated, tmp_path: Path) -> None:
    identity, arn = instance(made)
    client(made, "s3", MEMBER).create_bucket(Bucket=f"kept-{MEMBER}")
    contained = threat(made, tmp_path, "AwsEc2Instance", arn, INSTANCE, BackupS3BucketName="kept-{account}")
    hub = client(made, "securityhub")
    [found] = hub.get_findings(Filters={"Id": [{"Value": contained.findings[0], "Comparison": "EQUALS"}]})["Findings"]
    named = [{key: found[key] for key in ("Id", "ProductArn")}]
    hub.batch_update_findings(FindingIdentifiers=named, Workflow={"Status": "NOTIFIED"})
    back = remediated(contained)
    assert {each.status for each in back.through().values()} == {Status.COVERED}
    [there] = client(made, "ec2", MEMBER).describe_instances(InstanceIds=[identity])["Reservations"][0]["Instances"]
    assert f"contained-{identity}" not in {each["GroupName"] for each in there["SecurityGroups"]}
    assert status(made, contained.findings[0]) == "NOTIFIED"


def test_what_no_document_takes_back_is_named_with_what_to_do_and_its_finding_stays(made: Simulated, tmp_path: Path) -> None:
    identity = group(made, way_in(22, 22))
    back = remediated(of_group(made, tmp_path, identity))
    cells = back.cells()
    assert cells["resource"].status is Status.NOT_APPLICABLE
    assert "cannot be taken back by a call: No document opens them again. By hand: aws ec2 authorize" in cells["resource"].reason
    assert "open: tcp 22-22 from 0.0.0.0/0" in cells["resource"].reason
    assert cells["workflow status"].reason == "its cause stays gone, so it stays RESOLVED"
    assert (back.plan().actions, back.plan().blockers) == ((), ())


def test_an_execution_that_is_under_way_is_waited_for(made: Simulated, bucket: Remediating) -> None:
    plan = bucket.plan()
    assert bucket.apply(plan).ok
    back = Back(made, plan)
    planned = back.plan()
    assert any("of the remediation is InProgress" in each.reason for each in planned.blockers)
    assert planned.actions == ()
    made.front.world.skip(60)
    assert len(back.plan().actions) == 2


def test_what_somebody_changed_since_is_left_alone(made: Simulated, bucket: Remediating) -> None:
    back = remediated(bucket)
    client(made, "s3", MEMBER).delete_public_access_block(Bucket="door")
    cells = back.cells()
    assert "not as the remediation left it any longer (off:" in cells["resource"].reason
    assert [each.operation for each in back.plan().actions] == ["BatchUpdateFindings"], "the cause is there again"
    assert back.apply(back.plan()).ok
    assert (status(made, bucket.findings[0]), back.plan().actions) == (NEW, ())


def test_a_resource_that_is_gone_leaves_nothing_to_take_back(made: Simulated, bucket: Remediating) -> None:
    back = remediated(bucket)
    client(made, "s3", MEMBER).delete_bucket(Bucket="door")
    assert (back.plan().actions, back.cells()["resource"].status) == ((), Status.COVERED)


@pytest.mark.parametrize("moment", ["in flight", "after"])
def test_killed_at_every_call_it_converges(made: Simulated, bucket: Remediating, moment: str) -> None:
    back = remediated(bucket)
    plan = back.plan()
    for _ in plan.actions:
        made.attach = Mortal(made.front, 1, moment).attach
        with suppress(Killed):
            back.apply(plan)
    made.attach = None
    assert back.apply(plan).ok
    assert (block(made), status(made, bucket.findings[0])) == ({False}, NEW)
    assert len(client(made, "ssm", MEMBER).describe_automation_executions()["AutomationExecutionMetadataList"]) == 2
    assert back.plan().steps == ()


def test_success_that_puts_nothing_back_leaves_the_finding(made: Simulated, bucket: Remediating) -> None:
    """The role may not write any longer: the document fails in its step, and nothing is said to be as it was."""
    back = remediated(bucket)
    plan, iam, name = back.plan(), client(made, "iam", MEMBER), "runbook-response-exposed-storage"
    policy = iam.get_role_policy(RoleName=name, PolicyName="runbook")["PolicyDocument"]
    for each in policy["Statement"]:
        each["Action"] = [action for action in each["Action"] if action != "s3:PutBucketPublicAccessBlock"]
    iam.put_role_policy(RoleName=name, PolicyName="runbook", PolicyDocument=json.dumps(policy))
    assert back.apply(plan).ok
    assert (block(made), status(made, bucket.findings[0])) == ({True}, "RESOLVED")
    assert {each.gap for each in back.cells().values()} == {Gap.TO_DO}


def test_accounts_that_settings_do_not_name_any_longer_are_not_touched(made: Simulated, bucket: Remediating) -> None:
    back = remediated(bucket)
    section: Any = made.settings.response
    made.settings = made.settings.model_copy(update={"response": section.model_copy(update={"remediation": None})})
    assert f"settings do not let a remediation act in account {MEMBER}" in back.cells()["resource"].reason
    assert back.plan().actions == ()


def test_a_call_that_was_planned_and_never_sent_is_not_taken_back(made: Simulated, bucket: Remediating) -> None:
    plan = bucket.plan()
    unsent = tuple(replace(each, back_out=BackOut("No call of the run made it so.")) for each in plan.actions)
    back = Back(made, replace(plan, steps=unsent))
    assert back.plan().actions == ()
    assert back.doing().mutations == frozenset()
