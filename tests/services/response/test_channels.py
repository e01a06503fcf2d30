"""Channels that EventBridge uses by a role: made, narrowed, proven by an event, changed by others, killed, and taken back."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from leaving import Out
from simulated import Simulated, home, open_cells
from test_killed import Killed, Mortal, Start, _kept
from test_response_rehearsed import DELEGATED, PHASE, apply, client, imported, reasons, with_response
from test_response_rehearsed import made as made  # noqa: PLC0414 the fixture, by its own name
from undone import applied

from runbook_lib.rehearsal.inproc import InProcess
from runbook_lib.rehearsal.operations.events.state import state_of
from runbook_lib.services.registry import RESPONSE, ways_out

DEFINITION = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
TRUST = json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}],
})  # fmt: skip
ROLE = "runbook-channel-flow"


def state_machine(made: Simulated) -> dict[str, Any]:
    """A state machine of the organization's own, as a channel."""
    role = client(made, "iam").create_role(RoleName="theirs", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    answer = client(made, "stepfunctions").create_state_machine(name="theirs", definition=DEFINITION, roleArn=role)
    return {"state_machine": {"arn": answer["stateMachineArn"]}}


def using(made: Simulated, channel: dict[str, Any]) -> None:
    """Settings with this channel alone."""
    made.settings = with_response(
        made.settings, channels={"flow": channel}, custom_actions={},
        routes={"high-findings": {"findings": {"severities": ["HIGH"]}, "to": ["flow"]}},
    )  # fmt: skip


def invoked(made: Simulated) -> list[Any]:
    """What targets were given that are not run."""
    return [json.loads(each.input) for each in state_of(made.front.world).invocations]


def test_a_state_machine_gets_ids_and_labels_by_a_role_of_its_own(made: Simulated) -> None:
    channel = state_machine(made)
    using(made, channel)
    apply(made)
    assert open_cells(made.phase_cells(PHASE)) == []
    imported(made)
    imported(made, Id="f-2", Severity={"Label": "LOW"})
    [given] = invoked(made)
    assert (given["finding"], "Nobody else's business" in json.dumps(given)) == ("f-1", False)
    machine = channel["state_machine"]["arn"]
    [started] = client(made, "stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert started["stateMachineArn"] == machine
    role = client(made, "iam").get_role(RoleName=ROLE)["Role"]
    [trust] = role["AssumeRolePolicyDocument"]["Statement"]
    rule = f"arn:aws:events:{home(made.front)}:{DELEGATED}:rule/runbook-high-findings"
    assert trust["Condition"] == {"ArnEquals": {"aws:SourceArn": [rule]}, "StringEquals": {"aws:SourceAccount": DELEGATED}}
    [may] = client(made, "iam").get_role_policy(RoleName=ROLE, PolicyName="deliver")["PolicyDocument"]["Statement"]
    assert (may["Action"], may["Resource"]) == ("states:StartExecution", machine)
    assert made.plan(PHASE).steps == ()


def test_a_role_that_was_changed_is_written_again(made: Simulated) -> None:
    using(made, state_machine(made))
    apply(made)
    iam = client(made, "iam")
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=TRUST)
    iam.delete_role_policy(RoleName=ROLE, PolicyName="deliver")
    plan = made.plan(PHASE)
    assert [each.operation for each in plan.actions] == ["UpdateAssumeRolePolicy", "PutRolePolicy"]
    imported(made)
    assert invoked(made) == []
    apply(made)
    imported(made, Id="f-2")
    assert [each["finding"] for each in invoked(made)] == ["f-2"]


def test_what_is_not_there_or_not_ours_is_said_before_anything_is_called(made: Simulated) -> None:
    arn = f"arn:aws:states:{home(made.front)}:{DELEGATED}:stateMachine:nowhere"
    client(made, "iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=TRUST)
    using(made, {"state_machine": {"arn": arn}})
    found = reasons(made)
    assert found["channels flow"] == f"there is no state machine {arn}"
    assert found["roles flow"] == f"there is a role {ROLE} that the runbook did not make"
    assert {each.service for each in made.plan(PHASE).blockers} == {"response"}


@pytest.mark.parametrize("moment", ["in flight", "after"])
def test_killed_at_every_call_it_converges(made: Simulated, moment: str, tmp_path: Path) -> None:
    using(made, state_machine(made))
    plan = made.plan(PHASE)
    start = Start(made, PHASE, made.front.world, _kept(plan, made.approve(plan), made.folder), made.clock.now(), (), (), tmp_path)
    for _ in plan.actions:
        start.runs = tmp_path / "runs"
        with suppress(Killed):
            start.attempt(Mortal(made.front, 1, moment))
    assert start.attempt(InProcess(made.front)).ok
    assert open_cells(start.seen) == []


def roles(made: Simulated) -> list[str]:
    """The roles that were made for channels."""
    return [each["RoleName"] for each in client(made, "iam").list_roles(PathPrefix="/runbook-response/")["Roles"]]


def test_the_way_out_takes_the_role_and_leaves_the_state_machine(made: Simulated) -> None:
    channel = state_machine(made)
    using(made, channel)
    apply(made)
    out = Out(made, RESPONSE)
    out.allow(ways_out()[RESPONSE])
    for level in ways_out()[RESPONSE]:
        assert out.do(level)[1].ok
        assert out.plan(level).actions == (), level
    assert roles(made) == []
    assert (
        client(made, "stepfunctions").describe_state_machine(stateMachineArn=channel["state_machine"]["arn"])["status"] == "ACTIVE"
    )


def test_a_run_that_is_taken_back_takes_its_role_with_it(made: Simulated) -> None:
    using(made, state_machine(made))
    change = applied(made, PHASE)
    assert roles(made) == [ROLE]
    assert change.apply(change.plan()).ok
    assert roles(made) == []
    assert change.plan().actions == ()
