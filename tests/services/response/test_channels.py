"""Channels that EventBridge uses by a role: made, narrowed, proven by an event, changed by others, killed, and taken back."""

import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from leaving import Out
from simulated import Simulated, home, open_cells
from test_drill import Drilling
from test_response_rehearsed import DELEGATED, MEMBER, PHASE, apply, client, imported, killed_at_every_call, reasons, with_response
from test_response_rehearsed import made as made  # noqa: PLC0414 the fixture, by its own name
from undone import applied

from runbook_lib.coverage import Status
from runbook_lib.rehearsal.operations.events.state import state_of
from runbook_lib.rehearsal.operations.sns import subscribe_and_confirm
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


def function(made: Simulated) -> dict[str, Any]:
    """A function of the organization's own, which the simulation never runs."""
    role = client(made, "iam").create_role(RoleName="theirs", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as code:
        code.writestr("index.py", "")
    answer = client(made, "lambda").create_function(
        FunctionName="theirs", Runtime="python3.13", Role=role, Handler="index.handler", Code={"ZipFile": packed.getvalue()}
    )
    return {"function": {"arn": answer["FunctionArn"]}}


def custom_bus(made: Simulated) -> dict[str, Any]:
    """Another event bus of the delegated account, in another Region."""
    other = next(each for each in made.settings.sections()["securityhub"].regions if each != home(made.front))
    return {"event_bus": {"arn": client(made, "events", region=other).create_event_bus(Name="siem")["EventBusArn"]}}


def api_destination(made: Simulated, endpoint: str = "https://127.0.0.1:1/") -> dict[str, Any]:
    """An HTTP endpoint with a connection of the organization's own."""
    events = client(made, "events")
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "kept-by-the-connection"}}
    connection = events.create_connection(Name="pager", AuthorizationType="API_KEY", AuthParameters=key)["ConnectionArn"]
    made_of = {"Name": "pager", "ConnectionArn": connection, "InvocationEndpoint": endpoint, "HttpMethod": "POST"}
    return {"api_destination": {"arn": events.create_api_destination(**made_of)["ApiDestinationArn"]}}


def document(made: Simulated) -> dict[str, Any]:
    """One of AWS's documents, by a role of the organization's own."""
    trust = TRUST.replace("states.amazonaws.com", "ssm.amazonaws.com")
    iam = client(made, "iam")
    role = iam.create_role(RoleName="mends", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    every = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="mends", PolicyName="every", PolicyDocument=json.dumps(every))
    asked = {
        "document": "AWSConfigRemediation-EnableKeyRotation",
        "version": "1",
        "role": role,
        "parameters": {"KeyId": "{resource}"},
    }
    return {"automation": asked}


@dataclass
class Endpoint:
    """An HTTP endpoint on loopback, and what it was sent: headers and body."""

    url: str
    taken: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    class Pager(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.taken.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing: the test looks at what was taken."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pager) as server:
        found = Endpoint(f"http://127.0.0.1:{server.server_port}/")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


def using(made: Simulated, channel: dict[str, Any]) -> None:
    """Settings with this channel alone; of a document, for findings of where it acts."""
    here = {"accounts": [DELEGATED], "regions": [home(made.front)]} if "automation" in channel else {}
    made.settings = with_response(
        made.settings, channels={"flow": channel}, custom_actions={},
        routes={"high-findings": {"findings": {"severities": ["HIGH"], **here}, "to": ["flow"]}},
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
@pytest.mark.parametrize("kind", [state_machine, function, custom_bus, api_destination, document])
def test_killed_at_every_call_it_converges_and_the_second_run_makes_no_call(
    made: Simulated, kind: Callable[[Simulated], dict[str, Any]], moment: str, tmp_path: Path
) -> None:
    using(made, kind(made))
    killed_at_every_call(made, moment, tmp_path)
    made.attach, calls = None, len(made.mutating())
    again = made.plan(PHASE)
    assert (again.steps, again.blockers) == ((), ())
    assert made.apply(PHASE, again, made.approve(again)).ok
    assert len(made.mutating()) == calls


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


def test_a_function_is_let_in_for_its_route_and_what_others_wrote_stays(made: Simulated) -> None:
    channel = function(made)
    arn, lambdas = channel["function"]["arn"], client(made, "lambda")
    lambdas.add_permission(FunctionName=arn, StatementId="theirs", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com")
    using(made, channel)
    apply(made)
    assert made.plan(PHASE).steps == ()
    imported(made)
    assert [each["finding"] for each in invoked(made)] == ["f-1"]
    written = json.loads(lambdas.get_policy(FunctionName=arn)["Policy"])["Statement"]
    assert [each["Sid"] for each in written] == ["theirs", "RunbookResponse-runbook-high-findings"]
    assert roles(made) == []


def test_another_bus_in_another_region_gets_the_event_as_it_is(made: Simulated) -> None:
    using(made, custom_bus(made))
    apply(made)
    assert made.plan(PHASE).steps == ()
    imported(made)
    state = state_of(made.front.world)
    assert [each.outcome for each in state.deliveries] == ["delivered"]
    assert "Nobody else's business" in json.dumps(state.events[-1])


def test_a_document_is_started_with_what_the_finding_says(made: Simulated) -> None:
    using(made, document(made))
    key = client(made, "kms").create_key()["KeyMetadata"]["KeyId"]
    apply(made)
    assert made.plan(PHASE).steps == ()
    imported(made, DELEGATED, Resources=[{"Type": "AwsKmsKey", "Id": key}])
    [started] = client(made, "ssm").describe_automation_executions()["AutomationExecutionMetadataList"]
    assert started["DocumentName"] == "AWSConfigRemediation-EnableKeyRotation"
    made.clock.sleep(120)
    assert client(made, "kms").get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]


def test_an_endpoint_gets_the_message_with_the_credentials_of_its_connection(made: Simulated, endpoint: Endpoint) -> None:
    using(made, api_destination(made, endpoint.url))
    apply(made)
    assert made.plan(PHASE).steps == ()
    imported(made)
    [(headers, body)] = endpoint.taken
    assert (json.loads(body)["finding"], headers["X-Key"]) == ("f-1", "kept-by-the-connection")
    assert "kept-by-the-connection" not in made.journal(PHASE).read_text()


@pytest.mark.parametrize("kind", [function, custom_bus, api_destination, document])
def test_every_kind_goes_by_the_way_out_and_by_a_run_that_is_taken_back(
    made: Simulated, kind: Callable[[Simulated], dict[str, Any]]
) -> None:
    using(made, kind(made))
    change = applied(made, PHASE)
    assert change.apply(change.plan()).ok
    assert change.plan().actions == ()
    assert roles(made) == []
    made.clock.sleep(61)
    apply(made)
    out = Out(made, RESPONSE)
    out.allow(ways_out()[RESPONSE])
    for level in ways_out()[RESPONSE]:
        assert out.do(level)[1].ok
        assert out.plan(level).actions == (), level
    assert roles(made) == []
    if kind is function:
        with pytest.raises(ClientError, match="does not exist"):
            client(made, "lambda").get_policy(FunctionName="theirs")


def shut(made: Simulated) -> None:
    client(made, "iam").delete_role_policy(RoleName=ROLE, PolicyName="deliver")


def gone(made: Simulated) -> None:
    shut(made)
    client(made, "iam").delete_role(RoleName=ROLE)


def people(made: Simulated) -> dict[str, Any]:
    """A topic, which the response makes."""
    return {"topic": {"make": "runbook-people"}}


def topic(made: Simulated) -> str:
    return f"arn:aws:sns:{home(made.front)}:{DELEGATED}:runbook-people"


def closed(made: Simulated) -> None:
    nobody = {"Sid": "Owner", "Effect": "Allow", "Principal": {"AWS": DELEGATED}, "Action": "sns:Publish", "Resource": topic(made)}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [nobody]})
    client(made, "sns").set_topic_attributes(TopicArn=topic(made), AttributeName="Policy", AttributeValue=policy)


def no_topic(made: Simulated) -> None:
    client(made, "sns").delete_topic(TopicArn=topic(made))


def unheard(made: Simulated) -> None:
    sns = client(made, "sns")
    for each in sns.list_subscriptions_by_topic(TopicArn=topic(made))["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=each["SubscriptionArn"])


def no_endpoint(made: Simulated) -> None:
    client(made, "events").delete_api_destination(Name="pager")


def silent(made: Simulated) -> None:
    client(made, "lambda").remove_permission(FunctionName="theirs", StatementId="RunbookResponse-runbook-high-findings")


@pytest.mark.parametrize(
    ("kind", "broken", "says"),
    [
        (state_machine, shut, "may not states:StartExecution"), (state_machine, gone, "there is no role"),
        (function, silent, "the function's policy does not let EventBridge invoke"),
        (custom_bus, shut, "may not events:PutEvents"), (api_destination, shut, "may not events:InvokeApiDestination"),
        (api_destination, no_endpoint, "there is no such API destination"),
        (document, shut, "may not ssm:StartAutomationExecution"),
        (people, closed, "the topic's policy does not let EventBridge"), (people, no_topic, "there is no such topic"),
        (people, unheard, "nobody subscribes to the topic runbook-people"),
    ],
)  # fmt: skip
def test_the_drill_names_the_permission_that_a_target_lacks(
    made: Simulated, kind: Callable[[Simulated], dict[str, Any]], broken: Callable[[Simulated], None], says: str
) -> None:
    using(made, kind(made))
    apply(made)
    if kind is people:
        subscribe_and_confirm(made.front.world, topic(made), "on-call@example.com")
    before = Drilling(made, "whole").through()["delivery high-findings to flow"]
    assert (before.status, before.code) == (Status.UNKNOWN, "NotSeen")
    broken(made)
    lost = Drilling(made, "broken").through()["delivery high-findings to flow"]
    assert lost.status is Status.GAP
    assert says in lost.reason, lost.reason
    assert lost.next_step


OWN = "acme-starts-flows"
STARTS = {"Effect": "Allow", "Action": "states:StartExecution"}
NEVER, EVERYTHING = {**STARTS, "Effect": "Deny", "Resource": "*"}, {**STARTS, "Action": "s3:*", "Resource": "*"}


def own_role(made: Simulated, machine: str, rule: str = "runbook-high-findings", *more: dict[str, Any]) -> str:
    """A role of the organization's own for that rule, which may start the state machine, and more."""
    arn = f"arn:aws:events:{home(made.front)}:{DELEGATED}:rule/{rule}"
    condition = {"ArnEquals": {"aws:SourceArn": arn}} if rule else {}
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": condition,
    }
    iam, version = client(made, "iam"), {"Version": "2012-10-17"}
    role = iam.create_role(RoleName=OWN, AssumeRolePolicyDocument=json.dumps({**version, "Statement": [trust]}))["Role"]["Arn"]
    iam.put_role_policy(RoleName=OWN, PolicyName="one", PolicyDocument=json.dumps({
        **version, "Statement": [{**STARTS, "Resource": machine}],
    }))  # fmt: skip
    if more:
        policy = iam.create_policy(PolicyName="two", PolicyDocument=json.dumps({**version, "Statement": [*more]}))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName=OWN, PolicyArn=policy)
    return str(role)


def cell_of_role(made: Simulated) -> tuple[str, Status]:
    [found] = [each for each in made.phase_cells(PHASE) if each.aspect == "roles"]
    return found.reason, found.status


def test_a_role_that_settings_name_is_used_in_place_of_a_made_one_and_never_changed(made: Simulated) -> None:
    channel = state_machine(made)
    using(made, {**channel, "role": own_role(made, channel["state_machine"]["arn"])})
    apply(made)
    assert cell_of_role(made) == (
        "named by settings: EventBridge may use this channel by it for these routes, and nothing else", Status.COVERED,
    )  # fmt: skip
    imported(made)
    assert [each["finding"] for each in invoked(made)] == ["f-1"]
    assert roles(made) == []
    assert {entry.operation for entry in made.mutating() if entry.service == "iam" and entry.session} == set()


@pytest.mark.parametrize(
    ("rule", "resource", "more", "status", "says"),
    [
        ("runbook-other", "", (), Status.GAP, "does not let EventBridge assume it for runbook-high-findings"),
        ("runbook-high-findings", "other", (), Status.GAP, "do not let it states:StartExecution"),
        ("runbook-high-findings", "", (NEVER,), Status.GAP, "do not let it states:StartExecution"),
        ("", "", (), Status.COVERED, "wider than this channel needs: EventBridge may assume it for any rule"),
        ("runbook-high-findings", "", (EVERYTHING,), Status.COVERED, "it may s3:* on *"),
    ],
)  # fmt: skip
def test_a_role_that_settings_name_is_judged_by_trust_and_policies(
    made: Simulated, rule: str, resource: str, more: tuple[dict[str, Any], ...], status: Status, says: str
) -> None:
    channel = state_machine(made)
    machine = channel["state_machine"]["arn"]
    using(made, {**channel, "role": own_role(made, f"{machine}{resource}", rule, *more)})
    reason, found = cell_of_role(made)
    assert found is status
    assert says in reason, reason


def test_a_role_that_is_not_there_is_a_blocker(made: Simulated) -> None:
    using(made, {**state_machine(made), "role": f"arn:aws:iam::{DELEGATED}:role/nowhere"})
    assert cell_of_role(made) == (f"there is no role arn:aws:iam::{DELEGATED}:role/nowhere", Status.GAP)


def bus_of_a_member(made: Simulated, *, lets_in: bool) -> dict[str, Any]:
    """A bus of a member's account, with a rule of its own that puts what arrives into a queue there."""
    region, events = home(made.front), client(made, "events", MEMBER)
    arn = events.create_event_bus(Name="siem")["EventBusArn"]
    if lets_in:
        role = f"arn:aws:iam::{DELEGATED}:root"
        statement = {
            "Sid": "security", "Effect": "Allow", "Principal": {"AWS": role}, "Action": "events:PutEvents", "Resource": arn,
        }  # fmt: skip
        events.put_permission(EventBusName="siem", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    queue = f"arn:aws:sqs:{region}:{MEMBER}:siem"
    allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    client(made, "sqs", MEMBER).create_queue(QueueName="siem", Attributes={"Policy": policy})
    events.put_rule(Name="all", EventBusName="siem", EventPattern='{"source":["aws.securityhub"]}')
    events.put_targets(Rule="all", EventBusName="siem", Targets=[{"Id": "1", "Arn": queue}])
    return {"event_bus": {"arn": arn}}


def in_the_members_queue(made: Simulated) -> list[Any]:
    sqs = client(made, "sqs", MEMBER)
    url = sqs.get_queue_url(QueueName="siem")["QueueUrl"]
    return [json.loads(each["Body"]) for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ())]


def test_a_bus_of_another_account_hands_the_event_on_where_its_policy_lets_it_in(made: Simulated) -> None:
    using(made, bus_of_a_member(made, lets_in=True))
    apply(made)
    [cell] = [each for each in made.phase_cells(PHASE) if (each.aspect, each.item) == ("channels", "flow")]
    assert f"its policy is account {MEMBER}'s, which cannot be read from here" in cell.reason
    imported(made)
    [event] = in_the_members_queue(made)
    assert (event["account"], event["detail"]["findings"][0]["Id"]) == (DELEGATED, "f-1")


def test_a_bus_of_another_account_that_lets_nobody_in_is_named_by_the_drill(made: Simulated) -> None:
    using(made, bus_of_a_member(made, lets_in=False))
    apply(made)
    lost = Drilling(made).through()["delivery high-findings to flow"]
    assert lost.status is Status.GAP
    assert "EventBridge could not deliver it: NO_PERMISSIONS" in lost.reason, lost.reason
    assert in_the_members_queue(made) == []
