"""Rules that a schedule sets off, and what a state machine's tasks may do."""

import datetime as dt
import json
import time
from typing import Any

import pytest
from small_organization import DELEGATED
from test_event_delivery import HOME, RULE, Desk, desk, from_rule, front

from runbook_lib.rehearsal.operations.events.schedules import wait_for

__all__ = ["desk", "front"]
MACHINE = f"arn:aws:states:{HOME}:{DELEGATED}:stateMachine:flow"


@pytest.mark.parametrize(
    ("schedule", "wait"),
    [
        ("rate(5 minutes)", 300), ("rate(1 hour)", 3_600), ("rate(2 days)", 172_800), ("cron(0 0 * * ? *)", 43_200),
        ("cron(30 12 * * ? *)", 1_800), ("cron(0 12 * * ? *)", 86_400), ("cron(0 12 ? * MON-FRI *)", None),
    ],
)  # fmt: skip
def test_when_a_schedule_comes_next(schedule: str, wait: float | None) -> None:
    assert wait_for(schedule, dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC).timestamp()) == wait


@pytest.mark.fact("EV-7-34")
def test_a_schedule_comes_as_often_as_it_says_and_not_where_its_rule_is_disabled(desk: Desk) -> None:
    events = desk.client("events")
    arn = desk.queue("tap", from_rule())
    events.put_rule(Name="own", ScheduleExpression="rate(1 hour)")
    events.put_targets(Rule="own", Targets=[{"Id": "one", "Arn": arn}])
    desk.later(3_000)
    assert desk.messages("tap") == []
    desk.later(4_800)
    sent = [json.loads(each["Body"]) for each in desk.messages("tap")]
    assert [(each["source"], each["detail-type"], each["resources"]) for each in sent] == [
        ("aws.events", "Scheduled Event", [RULE])
    ] * 2
    assert len({each["id"] for each in sent}) == 2
    events.disable_rule(Name="own")
    desk.later(7_200)
    assert len(desk.outcomes()) == 2
    events.enable_rule(Name="own")
    desk.later(3_600)
    assert len(desk.outcomes()) == 3


def execution(desk: Desk, role: str) -> dict[str, Any]:
    """How a machine of that role ends whose one task puts a message into a queue."""
    address = f"https://sqs.{HOME}.amazonaws.com/{DELEGATED}/tap"
    send = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True, "Parameters": {
        "QueueUrl": address, "MessageBody": {"said.$": "$.detail.number"},
    }}  # fmt: skip
    kept = {"ErrorEquals": ["States.ALL"], "ResultPath": "$", "Next": "Kept"}
    states = {"Send": {**send, "Catch": [kept]}, "Kept": {"Type": "Succeed"}}
    machines = desk.client("stepfunctions")
    machines.create_state_machine(name="flow", definition=json.dumps({"StartAt": "Send", "States": states}), roleArn=role)
    desk.rule(MACHINE, RoleArn=desk.role("starts", "states:StartExecution"))
    desk.put(number=7)
    while (found := machines.list_executions(stateMachineArn=MACHINE)["executions"])[0]["status"] == "RUNNING":
        time.sleep(0.05)
    return dict(machines.describe_execution(executionArn=found[0]["executionArn"]))


def trusting(machine: str) -> dict[str, Any]:
    return {"Principal": {"Service": "states.amazonaws.com"}, "Condition": {"ArnEquals": {"aws:SourceArn": machine}}}


@pytest.mark.fact("EV-7-35")
@pytest.mark.parametrize(
    ("action", "trusted", "why"),
    [
        ("sqs:SendMessage", MACHINE, ""),
        ("sqs:ReceiveMessage", MACHINE, "may not sqs:SendMessage"),
        ("sqs:SendMessage", f"{MACHINE}-other", "does not let states.amazonaws.com assume it"),
    ],
)
def test_a_task_calls_as_the_machines_role(desk: Desk, action: str, trusted: str, why: str) -> None:
    desk.queue("tap")
    ended = execution(desk, desk.role("acts", action, trusting(trusted)))
    assert ended["status"] == "SUCCEEDED"
    assert [json.loads(each["Body"]) for each in desk.messages("tap")] == ([] if why else [{"said": 7}])
    if why:
        told = json.loads(ended["output"])
        assert told["Error"].startswith("SQS.")
        assert why in told["Cause"]
