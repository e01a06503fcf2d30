"""EventBridge's own operations: validation, quotas, pages and texts, asked as any client asks them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from small_organization import DELEGATED, MANAGEMENT, MEMBER

from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.operations.events.serving import manage_rule
from runbook_lib.rehearsal.operations.events.state import state_of
from runbook_lib.rehearsal.world import SimulatedRole

HOME = "us-east-1"
PATTERN = json.dumps({"source": ["aws.securityhub"]})
HERE = f"arn:aws:events:{HOME}:{DELEGATED}"
QUEUE = f"arn:aws:sqs:{HOME}:{DELEGATED}:tap"
ROLE = f"arn:aws:iam::{DELEGATED}:role/Deliver"


@pytest.fixture
def front() -> Front:
    return build_app("seven", moto=False)


def client_of(front: Front, account: str = DELEGATED, region: str = HOME) -> Any:
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    return session_for(front, account, region).client("events", region_name=region, config=config)


@pytest.fixture
def events(front: Front) -> Any:
    return client_of(front)


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def rule(events: Any, name: str = "high", **parameters: Any) -> str:
    return str(events.put_rule(**{"Name": name, "EventPattern": PATTERN, **parameters})["RuleArn"])


@pytest.mark.fact("EV-7-12", "EV-7-19")
def test_a_rule_is_replaced_whole(events: Any) -> None:
    tags = [{"Key": "owner", "Value": "runbook"}]
    arn = rule(events, Description="first", State="DISABLED", RoleArn=ROLE, Tags=tags)
    events.put_targets(Rule="high", Targets=[{"Id": "tap", "Arn": QUEUE}])
    assert rule(events, Tags=[{"Key": "owner", "Value": "other"}]) == arn == f"{HERE}:rule/high"
    found = events.describe_rule(Name="high")
    found.pop("ResponseMetadata")
    assert found == {
        "Name": "high", "Arn": arn, "EventPattern": PATTERN, "State": "ENABLED", "EventBusName": "default", "CreatedBy": DELEGATED,
    }  # fmt: skip
    assert [each["Id"] for each in events.list_targets_by_rule(Rule="high")["Targets"]] == ["tap"]
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == tags


REFUSED_RULES: dict[str, tuple[dict[str, Any], str, str]] = {
    "a name of 65": ({"Name": "x" * 65}, "ValidationException", "less than or equal to 64"),
    "a name with a blank": ({"Name": "a b"}, "ValidationException", "regular expression pattern"),
    "a pattern of 2,049": (
        {"EventPattern": json.dumps({"source": ["x" * 2033]})}, "InvalidEventPatternException", "too long: 2049 characters",
    ),
    "a pattern of 5,000": ({"EventPattern": json.dumps({"source": ["x" * 5000]})}, "ValidationException", "equal to 4096"),
    "an unknown operator": (
        {"EventPattern": '{"source":[{"like":"a"}]}'}, "InvalidEventPatternException", "Reason: Unrecognized match type like",
    ),
    "no pattern": ({"EventPattern": ""}, "ValidationException", "EventPattern or ScheduleExpression must be specified"),
    "no such bus": ({"EventBusName": "mine"}, "ResourceNotFoundException", "Event bus mine does not exist."),
    "no such state": ({"State": "ON"}, "ValidationException", "enum"),
    "no such schedule": ({"EventPattern": "", "ScheduleExpression": "daily"}, "ValidationException", "ScheduleExpression"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "code", "words"), REFUSED_RULES.values(), ids=REFUSED_RULES)
@pytest.mark.fact("EV-7-17", "EV-7-18")
def test_a_rule_is_refused(events: Any, changes: dict[str, Any], code: str, words: str) -> None:
    found, text = refused(events.put_rule, **{"Name": "high", "EventPattern": PATTERN, **changes})
    assert (found, words in text) == (code, True), text
    assert events.list_rules()["Rules"] == []


@pytest.mark.fact("EV-7-18")
def test_the_301st_rule_is_refused_and_lists_have_pages(events: Any) -> None:
    for number in range(300):
        rule(events, f"r{number:03}")
    assert refused(events.put_rule, Name="r300", EventPattern=PATTERN) == (
        "LimitExceededException", "The requested resource exceeds the maximum number allowed.",
    )  # fmt: skip
    rule(events, "r000", Description="an update is no further rule")
    first = events.list_rules()
    pages = [len(page["Rules"]) for page in events.get_paginator("list_rules").paginate(PaginationConfig={"PageSize": 100})]
    assert (len(first["Rules"]), pages) == (50, [100, 100, 100])
    assert [each["Name"] for each in events.list_rules(NamePrefix="r29", Limit=3)["Rules"]] == ["r290", "r291", "r292"]
    assert "equal to 100" in refused(events.list_rules, Limit=101)[1]


@pytest.mark.fact("EV-7-20")
def test_states_and_deletion(events: Any) -> None:
    rule(events)
    events.disable_rule(Name="high")
    assert events.describe_rule(Name="high")["State"] == "DISABLED"
    events.enable_rule(Name="high")
    assert events.describe_rule(Name="high")["State"] == "ENABLED"
    events.put_targets(Rule="high", Targets=[{"Id": "tap", "Arn": QUEUE}])
    assert events.list_rule_names_by_target(TargetArn=QUEUE)["RuleNames"] == ["high"]
    assert refused(events.delete_rule, Name="high") == ("ValidationException", "Rule can't be deleted since it has targets.")
    events.remove_targets(Rule="high", Ids=["tap", "never-there"])
    events.delete_rule(Name="high")
    for call in (events.describe_rule, events.enable_rule, events.disable_rule):
        assert refused(call, Name="high") == ("ResourceNotFoundException", "Rule high does not exist on EventBus default.")
    assert refused(events.put_targets, Rule="high", Targets=[{"Id": "a", "Arn": QUEUE}])[0] == "ResourceNotFoundException"


@pytest.mark.fact("EV-7-21")
def test_a_managed_rule_is_shown_and_left_alone(front: Front, events: Any) -> None:
    rule(events, "triage")
    by = "triage.security-ir.amazonaws.com"
    manage_rule(front.world, DELEGATED, HOME, "triage", by)
    assert events.describe_rule(Name="triage")["ManagedBy"] == by
    assert [each["ManagedBy"] for each in events.list_rules()["Rules"]] == [by]
    for call in (events.enable_rule, events.disable_rule, events.delete_rule):
        assert refused(call, Name="triage")[0] == "ManagedRuleException"
    assert refused(events.put_rule, Name="triage", EventPattern=PATTERN)[0] == "ManagedRuleException"
    assert refused(events.put_targets, Rule="triage", Targets=[{"Id": "a", "Arn": QUEUE}])[0] == "ManagedRuleException"
    assert refused(events.remove_targets, Rule="triage", Ids=["a"])[0] == "ManagedRuleException"
    events.delete_rule(Name="triage", Force=True)


MACHINE = f"arn:aws:states:{HOME}:{DELEGATED}:stateMachine:flow"
DOCUMENT = f"arn:aws:ssm:{HOME}::automation-definition/AWSConfigRemediation-EnableKeyRotation:1"
REFUSED_TARGETS: dict[str, tuple[dict[str, Any], str]] = {
    "no ARN": ({"Arn": "tap"}, "Parameter tap is not valid. Reason: Provided Arn is not in correct format."),
    "another Region": ({"Arn": QUEUE.replace(HOME, "us-east-2")}, "must be in the Region us-east-1 of its rule"),
    "Step Functions without role": ({"Arn": MACHINE}, f"RoleArn is required for target {MACHINE}."),
    "SSM without role": ({"Arn": DOCUMENT}, f"RoleArn is required for target {DOCUMENT}."),
    "another account's role": ({"RoleArn": ROLE.replace(DELEGATED, MEMBER)}, "Cross-account pass role is not allowed"),
    "no role's ARN": ({"RoleArn": "arn:aws:iam::222222222222:user/x"}, "Provided Arn is not in correct format"),
    "two inputs": ({"Input": "{}", "InputPath": "$.detail"}, "Only one of Input, InputPath, or InputTransformer"),
    "an input that is no JSON": ({"Input": "{"}, "JSON syntax error in input for target tap"),
    "an input of 8,193": ({"Input": json.dumps("x" * 8191)}, "less than or equal to 8192"),
    "a path that is none": ({"InputPath": "detail.findings"}, "Invalid InputPath for target tap."),
    "a reserved key": (
        {"InputTransformer": {"InputPathsMap": {"AWS.x": "$.id"}, "InputTemplate": '"<AWS.x>"'}}, "regular expression pattern",
    ),
    "a placeholder without a path": (
        {"InputTransformer": {"InputPathsMap": {"a": "$.id"}, "InputTemplate": '"<b>"'}}, "contains invalid placeholder b",
    ),
    "101 paths": (
        {"InputTransformer": {"InputPathsMap": dict.fromkeys(map(str, range(101)), "$"), "InputTemplate": '"x"'}}, "equal to 100",
    ),
    "an ordered queue without a group": ({"Arn": f"{QUEUE}.fifo"}, "Parameter(s) SqsParameters must be specified for target: tap."),
    "an ordered dead-letter queue": ({"DeadLetterConfig": {"Arn": f"{QUEUE}.fifo"}}, "must be a standard queue"),
    "a dead-letter queue elsewhere": ({"DeadLetterConfig": {"Arn": QUEUE.replace(HOME, "us-east-2")}}, "Region of the rule"),
    "a dead-letter topic": ({"DeadLetterConfig": {"Arn": f"arn:aws:sns:{HOME}:{DELEGATED}:t"}}, "not in correct format"),
    "186 retries": ({"RetryPolicy": {"MaximumRetryAttempts": 186}}, "equal to 185"),
    "an event older than a day": ({"RetryPolicy": {"MaximumEventAgeInSeconds": 86_401}}, "equal to 86400"),
    "a document for Run Command": ({"Arn": f"arn:aws:ssm:{HOME}::document/X", "RoleArn": ROLE}, "RunCommandParameters"),
    "a task without parameters": ({"Arn": f"arn:aws:ecs:{HOME}:{DELEGATED}:cluster/c", "RoleArn": ROLE}, "EcsParameters"),
    "its own bus": ({"Arn": f"{HERE}:event-bus/default"}, "cannot be a target of its own rule"),
    "a bus with an input": ({"Arn": f"{HERE}:event-bus/other", "Input": "{}"}, "are not supported for target"),
    "a bus of another Region without role": (
        {"Arn": f"arn:aws:events:us-east-2:{DELEGATED}:event-bus/default"}, "RoleArn is required for target",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), REFUSED_TARGETS.values(), ids=REFUSED_TARGETS)
@pytest.mark.fact("EV-7-20", "EV-7-18")
def test_a_target_is_refused_with_the_whole_call(events: Any, changes: dict[str, Any], words: str) -> None:
    rule(events)
    good = {"Id": "good", "Arn": QUEUE}
    code, text = refused(events.put_targets, Rule="high", Targets=[good, {"Id": "tap", "Arn": QUEUE, **changes}])
    assert (code, words in text) == ("ValidationException", True), text
    assert events.list_targets_by_rule(Rule="high")["Targets"] == []


@pytest.mark.fact("EV-7-18")
def test_a_rule_has_five_targets_and_a_call_ten_entries(events: Any) -> None:
    rule(events)
    events.put_targets(Rule="high", Targets=[{"Id": f"t{each}", "Arn": QUEUE} for each in range(5)])
    assert refused(events.put_targets, Rule="high", Targets=[{"Id": "t5", "Arn": QUEUE}])[0] == "LimitExceededException"
    events.put_targets(Rule="high", Targets=[{"Id": "t4", "Arn": QUEUE, "Input": "1"}])
    eleven = [{"Id": "t0", "Arn": QUEUE}] * 11
    assert refused(events.put_targets, Rule="high", Targets=eleven)[0] == "ValidationException"
    assert refused(events.remove_targets, Rule="high", Ids=["t0"] * 11)[0] == "ValidationException"
    assert [each["Id"] for each in events.list_targets_by_rule(Rule="high", Limit=2)["Targets"]] == ["t0", "t1"]


@pytest.mark.fact("EV-7-10")
def test_200_of_put_targets_is_not_success(front: Front, events: Any) -> None:
    rule(events)
    state_of(front.world).failing_entries["*:lost"] = "ConcurrentModificationException"
    lost = {"Id": "lost", "Arn": QUEUE.replace("tap", "lost")}
    answer = events.put_targets(Rule="high", Targets=[lost, {"Id": "tap", "Arn": QUEUE}])
    assert answer["FailedEntryCount"] == 1
    [entry] = answer["FailedEntries"]
    assert (entry["TargetId"], entry["ErrorCode"]) == ("lost", "ConcurrentModificationException")
    assert [each["Id"] for each in events.list_targets_by_rule(Rule="high")["Targets"]] == ["tap"]


EVENT = {
    "id": "1", "account": DELEGATED, "source": "aws.securityhub", "time": "2026-01-01T00:00:00Z", "region": HOME,
    "resources": [], "detail-type": "Security Hub Findings - Imported", "detail": {"findings": [{"Severity": {"Label": "HIGH"}}]},
}  # fmt: skip


@pytest.mark.fact("EV-7-22")
def test_a_pattern_can_be_tried(events: Any) -> None:
    fits = json.dumps({"detail": {"findings": {"Severity": {"Label": ["HIGH"]}}}})
    assert events.test_event_pattern(EventPattern=fits, Event=json.dumps(EVENT))["Result"] is True
    assert events.test_event_pattern(EventPattern=fits.replace("HIGH", "LOW"), Event=json.dumps(EVENT))["Result"] is False
    assert refused(events.test_event_pattern, EventPattern='{"a":[{"x":1}]}', Event=json.dumps(EVENT))[0] == (
        "InvalidEventPatternException"
    )
    for absent in ("id", "detail-type"):
        less = json.dumps({name: value for name, value in EVENT.items() if name != absent})
        assert refused(events.test_event_pattern, EventPattern=fits, Event=less)[1] == (
            f"Parameter Event is not valid. Reason: {absent} is a required field"
        )
    assert "not JSON" in refused(events.test_event_pattern, EventPattern=fits, Event="{")[1]


def entry(**changes: Any) -> dict[str, Any]:
    return {"Source": "example.own", "DetailType": "Trial", "Detail": "{}", **changes}


@pytest.mark.fact("EV-7-13")
def test_200_of_put_events_is_not_success(front: Front, events: Any) -> None:
    entries = [entry(), entry(Source=""), entry(Detail="{"), entry(Detail="[]"), entry(Source="aws.s3"), entry(EventBusName="no")]
    answer = events.put_events(Entries=entries)
    codes = [each.get("ErrorCode", "") for each in answer["Entries"]]
    assert codes == ["", "InvalidArgument", "MalformedDetail", "MalformedDetail", "NotAuthorizedForSourceException", ""]
    assert answer["FailedEntryCount"] == 4
    assert [each["detail-type"] for each in state_of(front.world).events] == ["Trial"], "no bus, no event"
    assert refused(events.put_events, Entries=[entry()] * 11)[0] == "ValidationException"
    large = json.dumps({"x": "y" * 200_000})
    assert refused(events.put_events, Entries=[entry(Detail=large)] * 2)[1].startswith("Total size of the entries")


@pytest.mark.fact("EV-7-23")
def test_a_bus_lets_in_whom_its_policy_names(front: Front, events: Any) -> None:
    bus = f"{HERE}:event-bus/default"
    member = client_of(front, MEMBER)
    assert refused(member.put_events, Entries=[entry(EventBusName=bus)])[0] == "AccessDeniedException"
    events.put_permission(Action="events:PutEvents", Principal=MEMBER, StatementId="one")
    assert member.put_events(Entries=[entry(EventBusName=bus)])["FailedEntryCount"] == 0
    assert json.loads(events.describe_event_bus()["Policy"])["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{MEMBER}:root"}
    events.remove_permission(StatementId="one")
    assert refused(events.remove_permission, StatementId="one")[0] == "ResourceNotFoundException"
    condition = {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": front.world.organization.id}
    events.put_permission(Action="events:PutEvents", Principal="*", StatementId="all", Condition=condition)
    assert member.put_events(Entries=[entry(EventBusName=bus)])["FailedEntryCount"] == 0
    events.remove_permission(RemoveAllPermissions=True)
    assert "Policy" not in events.describe_event_bus()
    assert refused(events.put_permission, Action="events:*", Principal="*", StatementId="x")[0] == "ValidationException"
    long = {"Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": "x" * 10_300}
    assert refused(events.put_permission, Policy=json.dumps({"Statement": long}))[0] == "PolicyLengthExceededException"


def test_buses_and_their_rules(events: Any) -> None:
    arn = events.create_event_bus(Name="mine")["EventBusArn"]
    assert refused(events.create_event_bus, Name="mine")[0] == "ResourceAlreadyExistsException"
    assert rule(events, EventBusName=arn) == f"{HERE}:rule/mine/high"
    assert [each["Name"] for each in events.list_event_buses()["EventBuses"]] == ["default", "mine"]
    assert events.list_rules()["Rules"] == []
    events.tag_resource(ResourceARN=arn, Tags=[{"Key": "a", "Value": "b"}])
    events.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == []
    assert refused(events.list_tags_for_resource, ResourceARN=f"{HERE}:rule/none")[0] == "ResourceNotFoundException"
    assert refused(events.delete_event_bus, Name="default")[0] == "ValidationException"
    events.delete_event_bus(Name="mine")
    assert [each["Name"] for each in events.list_event_buses()["EventBuses"]] == ["default"]


def maker(front: Front) -> Any:
    """A client with a session of the delegated account's role Maker."""
    given = (
        session_for(front, MANAGEMENT)
        .client("sts")
        .assume_role(RoleArn=f"arn:aws:iam::{DELEGATED}:role/Maker", RoleSessionName="me")
    )
    keys = given["Credentials"]
    return session_for(front, DELEGATED).client(
        "events", region_name=HOME, aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )  # fmt: skip


@pytest.mark.fact("EV-7-19")
def test_tags_at_creation_need_leave_of_their_own(front: Front) -> None:
    account = front.world.organization.accounts[DELEGATED]
    account.roles["Maker"] = SimulatedRole("Maker", {MANAGEMENT}, denied=("events:TagResource",))
    made = maker(front)
    code, text = refused(made.put_rule, Name="high", EventPattern=PATTERN, Tags=[{"Key": "a", "Value": "b"}])
    assert (code, "events:TagResource" in text) == ("AccessDeniedException", True)
    made.put_rule(Name="high", EventPattern=PATTERN)


def test_a_role_may_be_let_at_one_rule_only(front: Front) -> None:
    account = front.world.organization.accounts[DELEGATED]
    may = {"Effect": "Allow", "Action": "events:PutRule", "Resource": f"{HERE}:rule/high"}
    lists = {"Effect": "Allow", "Action": "events:ListRules", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may, lists]})
    account.roles["Maker"] = SimulatedRole("Maker", {MANAGEMENT}, policies=(policy,))
    made = maker(front)
    made.put_rule(Name="high", EventPattern=PATTERN)
    assert refused(made.put_rule, Name="higher", EventPattern=PATTERN)[0] == "AccessDeniedException"
    assert [each["Name"] for each in made.list_rules()["Rules"]] == ["high"]
    assert refused(made.put_targets, Rule="high", Targets=[{"Id": "tap", "Arn": QUEUE}])[0] == "AccessDeniedException"


def test_a_connection_shows_no_secret(events: Any) -> None:
    secret = {"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "hidden"}}
    arn = events.create_connection(Name="pager", AuthorizationType="API_KEY", AuthParameters=secret)["ConnectionArn"]
    assert refused(events.create_connection, Name="pager", AuthorizationType="API_KEY", AuthParameters=secret)[0] == (
        "ResourceAlreadyExistsException"
    )
    shown = events.describe_connection(Name="pager")
    assert shown["SecretArn"].split(":secret:")[1].startswith("events!connection/pager/")
    assert (shown["ConnectionState"], "hidden" in json.dumps(shown, default=str)) == ("AUTHORIZED", False)
    place = {"ConnectionArn": arn, "InvocationEndpoint": "https://127.0.0.1/hook", "HttpMethod": "POST"}
    assert refused(events.create_api_destination, Name="d", **{**place, "ConnectionArn": f"{HERE}:connection/no/x"})[0] == (
        "ResourceNotFoundException"
    )
    events.create_api_destination(Name="d", **place)
    assert [each["InvocationRateLimitPerSecond"] for each in events.list_api_destinations()["ApiDestinations"]] == [300]
    assert events.describe_api_destination(Name="d")["ApiDestinationState"] == "ACTIVE"
    events.delete_api_destination(Name="d")
    assert events.delete_connection(Name="pager")["ConnectionState"] == "DELETING"
    assert events.list_connections()["Connections"] == []


def test_what_is_not_simulated_is_refused_by_name(events: Any) -> None:
    code, text = refused(events.create_archive, ArchiveName="a", EventSourceArn=f"{HERE}:event-bus/default")
    assert (code, text) == ("NotSimulated", "events:CreateArchive is not simulated")
