"""A daily ceiling: so many messages go on, the rest is kept, and one digest at the end of the day names it by class."""

import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

import pytest
from leaving import Out
from simulated import Simulated, home, open_cells
from test_drill import Drilling
from test_response_rehearsed import (
    DELEGATED,
    PHASE,
    apply,
    client,
    imported,
    killed_at_every_call,
    messages,
    reasons,
    with_response,
)
from test_response_rehearsed import made as made  # noqa: PLC0414 the fixture, by its own name
from undone import applied

from runbook_lib.coverage import Status
from runbook_lib.services.response.classes import class_of
from runbook_lib.services.response.counting import TABLE

MACHINE = "runbook-ceiling-triage"
ROUTES = {"high-findings": {"findings": {"severities": ["HIGH", "CRITICAL"]}, "to": ["triage"]}}
PATIENCE = 300
"""Seconds of real time for executions to end, on a slow machine."""


def with_ceiling(made: Simulated, most: int, **changes: Any) -> None:
    """Settings whose one channel is a queue with a ceiling."""
    channels = {"triage": {"queue": {"make": "runbook-triage"}, "daily_ceiling": most}}
    made.settings = with_response(made.settings, **{"channels": channels, "routes": ROUTES, "custom_actions": {}, **changes})


def ended(made: Simulated, number: int) -> list[str]:
    """The states of so many executions, once all have ended."""
    arn = f"arn:aws:states:{home(made.front)}:{DELEGATED}:stateMachine:{MACHINE}"
    machines, begun = client(made, "stepfunctions"), time.monotonic()
    while time.monotonic() - begun < PATIENCE:
        pages = machines.get_paginator("list_executions").paginate(stateMachineArn=arn)
        states = [each["status"] for page in pages for each in page["executions"]]
        if len(states) >= number and "RUNNING" not in states:
            return states
        time.sleep(0.1)
    raise AssertionError(states)


def midnight(made: Simulated) -> None:
    """The world's clock passes the end of its day."""
    now = dt.datetime.fromtimestamp(made.front.world.now(), dt.UTC)
    over = (now + dt.timedelta(days=1)).replace(hour=0, minute=0, second=5)
    made.front.world.skip((over - now).total_seconds())
    client(made, "sts").get_caller_identity()


def product(made: Simulated, name: str) -> str:
    return f"arn:aws:securityhub:{home(made.front)}::product/aws/{name}"


def test_beyond_the_ceiling_messages_are_kept_and_one_digest_names_them_by_class(made: Simulated) -> None:
    with_ceiling(made, 2)
    apply(made)
    assert open_cells(made.phase_cells(PHASE)) == []
    assert made.plan(PHASE).steps == ()
    for number in range(7):
        imported(made, Id=f"f-{number}")
    assert set(ended(made, 7)) == {"SUCCEEDED"}
    sent, kept = messages(made), messages(made, "runbook-kept-triage")
    assert (len(sent), len(kept)) == (2, 5)
    assert {each["finding"] for each in (*sent, *kept)} == {f"f-{number}" for number in range(7)}
    assert sorted(sent[0]) == ["account", "finding", "link", "product", "region", "severity"]
    midnight(made)
    ended(made, 8)
    [digest] = messages(made)
    assert (digest["digest"], digest["ceiling"], digest["kept"], digest["kept_in"]) == ("triage", 2, "5", "runbook-kept-triage")
    assert digest["counts"]["unknown"] == {"N": "5"}
    imported(made, Id="tomorrow")
    ended(made, 9)
    assert [each["finding"] for each in messages(made)] == ["tomorrow"]
    midnight(made)
    ended(made, 10)
    assert messages(made) == [], "all was sent: there is nothing to tell"


KINDS: list[tuple[dict[str, Any], str]] = [
    ({"ProductArn": "guardduty", "Types": ["TTPs/Discovery/Recon:EC2-PortProbeUnprotectedPort"]}, "guardduty/Discovery"),
    ({"ProductArn": "guardduty", "Types": ["Unusual Behaviors", "TTPs/Recon:EC2-PortProbeUnprotectedPort"]}, "guardduty/Recon"),
    ({"ProductArn": "guardduty", "Types": ["Something/New"]}, "guardduty/other"),
    ({"ProductArn": "guardduty"}, "guardduty/other"),
    ({"ProductArn": "securityhub", "Compliance": {"SecurityControlId": "S3.8"}, "Types": ["Recon"]}, "securityhub/S3"),
    ({"ProductArn": "securityhub", "Compliance": {"SecurityControlId": "Zzz.1"}, "Types": ["S3"]}, "securityhub/other"),
    (
        {"ProductArn": "inspector", "Types": ["Software and Configuration Checks/Vulnerabilities/CVE"]},
        "inspector/package vulnerability",
    ),
    ({"ProductArn": "somebody-else", "Types": ["Recon"]}, "unknown"),
]


def test_a_digest_names_the_classes_that_the_table_of_owners_has(made: Simulated) -> None:
    """The state machine and `class_of` say the same of every kind of finding."""
    with_ceiling(made, 1)
    apply(made)
    arn = f"arn:aws:states:{home(made.front)}:{DELEGATED}:stateMachine:{MACHINE}"
    where = {"Id": "f", "AwsAccountId": DELEGATED, "Region": home(made.front), "Severity": {"Label": "HIGH"}}
    found = [{**where, **kind, "ProductArn": product(made, kind["ProductArn"])} for kind, _ in KINDS]
    machines = client(made, "stepfunctions")
    imported(made, Id="first")
    ended(made, 1)
    for number, each in enumerate(found):
        machines.start_execution(stateMachineArn=arn, name=f"kind-{number}", input=json.dumps(each))
    ended(made, 1 + len(found))
    counted = client(made, "dynamodb").get_item(TableName=TABLE, Key={"channel": {"S": "triage"}})["Item"]
    named = {name: int(value["N"]) for name, value in counted.items() if name not in ("channel", "sent", "kept")}
    wanted = [name for _, name in KINDS]
    assert named == {name: wanted.count(name) for name in wanted}
    assert [str(class_of(each, made.settings) or "unknown") for each in found] == wanted


def counter(made: Simulated) -> set[str]:
    """What counts, as anybody sees it."""
    machines = client(made, "stepfunctions").list_state_machines()["stateMachines"]
    rules = client(made, "events").list_rules(NamePrefix="runbook-digest")["Rules"]
    roles = client(made, "iam").list_roles(PathPrefix="/runbook-response/")["Roles"]
    tables = client(made, "dynamodb").list_tables()["TableNames"]
    return {*tables, *(each["name"] for each in machines), *(each["Name"] for each in rules), *(each["RoleName"] for each in roles)}


COUNTER = {TABLE, MACHINE, "runbook-digest.triage", "runbook-channel-triage", "runbook-channel-triage.ceiling"}


def test_a_new_number_changes_what_counts_and_nothing_else_and_leaving_takes_all_of_it(made: Simulated) -> None:
    with_ceiling(made, 5)
    apply(made)
    assert counter(made) == COUNTER
    with_ceiling(made, 6)
    [action] = made.plan(PHASE).actions
    assert (action.service, action.operation) == ("stepfunctions", "UpdateStateMachine")
    apply(made)
    assert made.plan(PHASE).steps == ()
    out = Out(made, "response")
    out.allow(("mute", "detach", "remove"))
    for level in ("mute", "detach", "remove"):
        _, report = out.do(level)
        assert report.ok, (level, report)
    assert counter(made) == set()


def test_what_others_made_under_these_names_is_left_alone(made: Simulated) -> None:
    with_ceiling(made, 5)
    key = {"AttributeName": "channel", "KeyType": "HASH"}
    client(made, "dynamodb").create_table(
        TableName=TABLE, AttributeDefinitions=[{"AttributeName": "channel", "AttributeType": "S"}], KeySchema=[key],
        BillingMode="PAY_PER_REQUEST",
    )  # fmt: skip
    assert "that the runbook did not make" in reasons(made)["ceilings counts"]


def test_an_encrypted_channel_has_no_ceiling(made: Simulated) -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "kms:*", "Resource": "*"}
    owner = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{DELEGATED}:root"}, "Action": "kms:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement, owner]})
    key = client(made, "kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    topic = client(made, "sns").create_topic(Name="theirs", Attributes={"KmsMasterKeyId": key})["TopicArn"]
    with_ceiling(made, 5, channels={"triage": {"topic": {"arn": topic}, "daily_ceiling": 5}})
    assert "encrypted with a KMS key" in reasons(made)["ceilings triage"]


@pytest.mark.parametrize("lost", ["role", "table"])
def test_where_counting_fails_nobody_is_silenced_and_nothing_is_lost(made: Simulated, lost: str) -> None:
    """Without leave to count it sends all the same; without leave to send it keeps."""
    with_ceiling(made, 5)
    apply(made)
    role = {"RoleName": "runbook-channel-triage.ceiling", "PolicyName": "deliver"}
    iam = client(made, "iam")
    policy = iam.get_role_policy(**role)["PolicyDocument"]
    taken = "dynamodb:" if lost == "table" else "sqs:SendMessage"
    policy["Statement"] = [
        each for each in policy["Statement"]
        if not each["Action"].startswith(taken) or each["Resource"].endswith("kept-triage")
    ]  # fmt: skip
    iam.put_role_policy(**role, PolicyDocument=json.dumps(policy))
    imported(made)
    assert ended(made, 1) == ["SUCCEEDED"]
    assert [len(messages(made, each)) for each in ("runbook-triage", "runbook-kept-triage")] == (
        [1, 0] if lost == "table" else [0, 1]
    )
    assert made.plan(PHASE).actions != (), "the plan makes the role as it was"


def test_a_drill_follows_what_is_counted(made: Simulated) -> None:
    with_ceiling(made, 5)
    apply(made)
    found = Drilling(made).through()["delivery high-findings to triage"]
    assert found.status is Status.COVERED, found.reason


@pytest.mark.soak
def test_two_hundred_findings_in_a_day_are_fifty_messages_and_a_digest(made: Simulated) -> None:
    with_ceiling(made, 50)
    apply(made)
    for number in range(200):
        imported(made, Id=f"f-{number}")
    assert set(ended(made, 200)) == {"SUCCEEDED"}
    assert (len(messages(made)), len(messages(made, "runbook-kept-triage"))) == (50, 150)
    midnight(made)
    ended(made, 201)
    [digest] = messages(made)
    assert (digest["kept"], digest["counts"]["unknown"]) == ("150", {"N": "150"})


@pytest.mark.parametrize("moment", ["in flight", pytest.param("after", marks=pytest.mark.soak)])
def test_killed_at_every_call_it_converges(made: Simulated, moment: str, tmp_path: Path) -> None:
    with_ceiling(made, 5)
    killed_at_every_call(made, moment, tmp_path)


def test_a_run_that_is_taken_back_takes_what_counts_with_it(made: Simulated) -> None:
    with_ceiling(made, 5)
    change = applied(made, PHASE)
    assert counter(made) == COUNTER
    assert change.apply(change.plan()).ok
    assert counter(made) == set()
    assert change.plan().actions == ()
