"""What becomes of an event at each kind of target: permissions, keys, roles, transformed input, retries, dead letters."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from small_organization import DELEGATED, MEMBER

from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.backstop import Backstop
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.operations.events.inputs import input_for
from runbook_lib.rehearsal.operations.events.state import Disturbance, state_of
from runbook_lib.rehearsal.operations.securityhub.controls import watch
from runbook_lib.rehearsal.operations.securityhub.updating import react
from runbook_lib.rehearsal.operations.sns import SnsState, confirm_all

HOME = "us-east-1"
RULE = f"arn:aws:events:{HOME}:{DELEGATED}:rule/own"
EVENTS = {"Service": "events.amazonaws.com"}


@pytest.fixture
def front() -> Iterator[Front]:
    made = build_app("seven")
    yield made
    assert isinstance(made.backstop, Backstop)
    made.backstop.reset()
    made.backstop.close()


class Desk:
    """The delegated account's clients, and short words for what the tests do."""

    def __init__(self, front: Front) -> None:
        self.front = front

    def client(self, service: str, account: str = DELEGATED, region: str = HOME) -> Any:
        made = session_for(self.front, account, region)
        return made.client(service, region_name=region, config=Config(retries={"total_max_attempts": 1}))

    def rule(self, arn: str, name: str = "own", pattern: dict[str, Any] | None = None, **target: Any) -> None:
        self.client("events").put_rule(Name=name, EventPattern=json.dumps(pattern or {"source": ["example.own"]}))
        self.client("events").put_targets(Rule=name, Targets=[{"Id": "one", "Arn": arn, **target}])

    def put(self, **detail: Any) -> None:
        entry = {"Source": "example.own", "DetailType": "Trial", "Detail": json.dumps(detail)}
        assert self.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0

    def outcomes(self) -> list[tuple[str, str]]:
        return [(each.outcome, each.failed) for each in state_of(self.front.world).deliveries]

    def queue(self, name: str, *statements: dict[str, Any], **attributes: str) -> str:
        arn = f"arn:aws:sqs:{HOME}:{DELEGATED}:{name}"
        whole = [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn, **each} for each in statements]
        policy = {"Policy": json.dumps({"Version": "2012-10-17", "Statement": whole})} if whole else {}
        self.client("sqs").create_queue(QueueName=name, Attributes={**policy, **attributes})
        return arn

    def messages(self, name: str) -> list[dict[str, Any]]:
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        return list(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get("Messages", []))

    def role(self, name: str, action: str, trust: dict[str, Any] | None = None) -> str:
        iam = self.client("iam")
        statement = {"Effect": "Allow", "Principal": EVENTS, "Action": "sts:AssumeRole", **(trust or {})}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
        may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=json.dumps(may))
        return str(arn)

    def later(self, seconds: float) -> None:
        self.front.world.skip(seconds)
        self.front.world.catch_up()


@pytest.fixture
def desk(front: Front) -> Desk:
    return Desk(front)


def from_rule(rule: str = RULE) -> dict[str, Any]:
    return {"Principal": EVENTS, "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}


@pytest.mark.fact("EV-7-24")
def test_a_queues_policy_may_ask_for_the_rule(desk: Desk) -> None:
    desk.rule(desk.queue("tap", from_rule()))
    desk.put(number=1)
    assert desk.outcomes() == [("delivered", "")]
    [message] = desk.messages("tap")
    assert json.loads(message["Body"])["detail"] == {"number": 1}
    desk.rule(desk.queue("other", from_rule(f"{RULE}-other")))
    desk.put()
    assert desk.outcomes()[1:] == [("dropped", "the queue's policy does not let EventBridge send")]


@pytest.mark.fact("EV-7-25")
def test_what_a_policy_keeps_out_goes_to_the_dead_letter_queue_at_once(desk: Desk) -> None:
    letters = desk.queue("dlq", from_rule())
    gone = f"arn:aws:sns:{HOME}:{DELEGATED}:gone"
    desk.rule(gone, DeadLetterConfig={"Arn": letters})
    desk.put(number=1)
    assert desk.outcomes() == [("dlq", "there is no such topic")]
    [letter] = desk.messages("dlq")
    said = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    assert said == {
        "RULE_ARN": RULE, "TARGET_ARN": gone, "ERROR_CODE": "NO_RESOURCE", "ERROR_MESSAGE": "there is no such topic",
    }  # fmt: skip
    assert json.loads(letter["Body"])["detail"] == {"number": 1}
    desk.rule(gone, DeadLetterConfig={"Arn": desk.queue("closed")})
    desk.put(number=2)
    closed = "the dead-letter queue does not take it: the queue's policy does not let EventBridge send"
    assert desk.outcomes()[1:] == [("dropped", f"there is no such topic; {closed}")]


@pytest.mark.fact("EV-7-26")
def test_a_throttled_target_is_tried_again_by_the_clock(front: Front, desk: Desk) -> None:
    desk.rule(desk.queue("tap", from_rule()))
    state_of(front.world).disturbances.append(Disturbance("throttled", target="*:tap", times=2))
    desk.put(number=1)
    assert desk.outcomes() == [("retried", "the target is throttled")]
    desk.later(10)
    assert [outcome for outcome, _ in desk.outcomes()] == ["retried", "retried", "delivered"]
    assert len(desk.messages("tap")) == 1
    assert [each.attempts for each in state_of(front.world).deliveries] == [1, 2, 3]


@pytest.mark.parametrize(
    ("policy", "condition"),
    [({"MaximumRetryAttempts": 2}, "MaximumRetryAttempts"), ({"MaximumEventAgeInSeconds": 60}, "MaximumEventAgeInSeconds")],
)
@pytest.mark.fact("EV-7-26")
def test_a_retry_policy_ends_in_the_dead_letter_queue(front: Front, desk: Desk, policy: dict[str, int], condition: str) -> None:
    letters = desk.queue("dlq", from_rule())
    desk.rule(desk.queue("tap", from_rule()), RetryPolicy=policy, DeadLetterConfig={"Arn": letters})
    state_of(front.world).disturbances.append(Disturbance("throttled", target="*:tap", times=1000))
    desk.put()
    desk.later(86_400)
    [letter] = desk.messages("dlq")
    assert letter["MessageAttributes"]["EXHAUSTED_RETRY_CONDITION"]["StringValue"] == condition
    assert desk.outcomes()[-1][0] == "dlq"


@pytest.mark.fact("EV-7-27")
def test_a_target_needs_a_role_that_trusts_eventbridge_and_may(desk: Desk) -> None:
    machine = f"arn:aws:states:{HOME}:{DELEGATED}:stateMachine:flow"
    definition = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}})
    role = desk.role("Deliver", "states:StartExecution")
    absent = role.replace("Deliver", "Absent")
    desk.rule(machine, RoleArn=absent)
    desk.put()
    desk.client("stepfunctions").create_state_machine(name="flow", definition=definition, roleArn=role)
    desk.put()
    desk.rule(machine, RoleArn=desk.role("Lambda", "states:StartExecution", {"Principal": {"Service": "lambda.amazonaws.com"}}))
    desk.put()
    desk.rule(machine, RoleArn=desk.role("Weak", "states:StopExecution"))
    desk.put()
    narrow = {"Condition": {"ArnEquals": {"aws:SourceArn": RULE}, "StringEquals": {"aws:SourceAccount": DELEGATED}}}
    desk.rule(machine, RoleArn=desk.role("Narrow", "states:StartExecution", narrow), InputPath="$.detail")
    desk.put(number=1)
    failed = [why for _, why in desk.outcomes()]
    assert failed[:2] == ["there is no such state machine", f"there is no role {absent}"]
    assert "does not let events.amazonaws.com assume it" in failed[2]
    assert "may not states:StartExecution" in failed[3]
    assert failed[4:] == [""]
    [execution] = desk.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    given = desk.client("stepfunctions").describe_execution(executionArn=execution["executionArn"])["input"]
    assert json.loads(given) == {"number": 1}


@pytest.mark.parametrize(
    ("condition", "choice", "failed"),
    [
        (None, "never met", ""),
        ({"ArnLike": {"aws:SourceArn": RULE}}, "never met", "the key's policy does not let EventBridge use it"),
        ({"ArnLike": {"aws:SourceArn": RULE}}, "met", ""),
    ],
)
@pytest.mark.fact("EV-7-28")
def test_a_customers_key_has_to_let_eventbridge_use_it(
    front: Front, desk: Desk, condition: dict[str, Any] | None, choice: str, failed: str
) -> None:
    front.world.variants["events conditions in key policies"] = choice
    kms = desk.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    desk.rule(desk.queue("tap", from_rule(), KmsMasterKeyId=key))
    desk.put()
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{DELEGATED}:root"}, "Action": "kms:*", "Resource": "*"}
    events = {"Effect": "Allow", "Principal": EVENTS, "Action": ["kms:Decrypt", "kms:GenerateDataKey*"], "Resource": "*"}
    events |= {"Condition": condition} if condition else {}
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": [root, events]}))
    desk.put()
    kms.disable_key(KeyId=key)
    desk.put()
    said = [why for _, why in desk.outcomes()]
    assert said == ["the key's policy does not let EventBridge use it", failed, "the key is Disabled"]


@pytest.mark.parametrize(("choice", "failed"), [("fails", "EventBridge does not reach what a customer's key"), ("works", "")])
@pytest.mark.fact("EV-7-28")
def test_a_role_and_a_key_are_where_two_pages_disagree(front: Front, desk: Desk, choice: str, failed: str) -> None:
    front.world.variants["events role with a key"] = choice
    kms = desk.client("kms")
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    key = kms.create_key(Policy=json.dumps({"Version": "2012-10-17", "Statement": [everybody]}))["KeyMetadata"]["KeyId"]
    desk.rule(desk.queue("tap", KmsMasterKeyId=key), RoleArn=desk.role("Deliver", "sqs:SendMessage"))
    desk.put()
    assert (failed in desk.outcomes()[0][1], bool(desk.outcomes()[0][1])) == (True, bool(failed))
    desk.rule(desk.queue("plain"), RoleArn=f"arn:aws:iam::{DELEGATED}:role/Deliver")
    desk.put()
    assert desk.outcomes()[1] == ("delivered", "")


@pytest.mark.fact("EV-7-23")
def test_a_bus_of_another_account_gets_it_and_hands_it_no_further(front: Front, desk: Desk) -> None:
    there = f"arn:aws:events:{HOME}:{MEMBER}:event-bus/default"
    desk.rule(there)
    desk.put()
    member = desk.client("events", MEMBER)
    member.put_permission(Action="events:PutEvents", Principal=DELEGATED, StatementId="in")
    member.put_rule(Name="seen", EventPattern=json.dumps({"account": [DELEGATED]}))
    third = there.replace(MEMBER, "111111111111")
    member.put_targets(Rule="seen", Targets=[{"Id": "third", "Arn": third}])
    desk.put()
    assert desk.outcomes() == [
        ("dropped", "the event bus's policy does not let the account put events"),
        ("dropped", "an event of another account is not forwarded to a third one"),
        ("delivered", ""),
    ]
    assert [each["account"] for each in state_of(front.world).events] == [DELEGATED] * 3


EVENT: dict[str, Any] = {
    "version": "0", "id": "e-1", "detail-type": "Trial", "source": "example.own", "account": DELEGATED, "region": HOME,
    "time": "2026-01-01T00:00:00Z", "resources": [],
    "detail": {"findings": [{"Id": "f-1", "Title": 'an "open" door', "Resources": [{"Id": "sg-1"}, {"Id": "sg-2"}], "Count": 2}]},
}  # fmt: skip
FIRST = "$.detail.findings[0]"


def shaped(template: str, **paths: str) -> dict[str, Any]:
    return {"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}


INPUTS: dict[str, tuple[dict[str, Any], str]] = {
    "the whole event": ({}, json.dumps(EVENT)),
    "a constant": ({"Input": '{"a": 1}'}, '{"a": 1}'),
    "a part": ({"InputPath": f"{FIRST}.Resources[1]"}, '{"Id": "sg-2"}'),
    "a part that is not there": ({"InputPath": "$.detail.none"}, "{}"),
    "a name in quotes": ({"InputPath": "$['detail-type']"}, '"Trial"'),
    "every element": ({"InputPath": f"{FIRST}.Resources[*].Id"}, '["sg-1", "sg-2"]'),
    "a value": (shaped('{"GroupId":[<id>]}', id=f"{FIRST}.Resources[0].Id"), '{"GroupId":["sg-1"]}'),
    "a number": (shaped('{"n":<n>}', n=f"{FIRST}.Count"), '{"n":2}'),
    "in a text": (shaped('"finding <id> of <n>"', id=f"{FIRST}.Id", n=f"{FIRST}.Count"), '"finding f-1 of 2"'),
    "a quote breaks a text": (shaped('"<t>"', t=f"{FIRST}.Title"), '"an "open" door"'),
    "a quote in a value does not": (shaped('{"t":<t>}', t=f"{FIRST}.Title"), '{"t":"an \\"open\\" door"}'),
    "an absent variable is left out": (shaped('"<a>|<b>"', a="$.none", b="$.id"), '"|e-1"'),
    "the rule's name": (shaped('"<aws.events.rule-name>"'), '"own"'),
    "the rule's ARN": (shaped('{"r":<aws.events.rule-arn>}'), json.dumps({"r": RULE}, separators=(",", ":"))),
    "the event": (shaped('{"e":<aws.events.event.json>}'), '{"e":' + json.dumps(EVENT) + "}"),
}


@pytest.mark.parametrize(("target", "text"), INPUTS.values(), ids=INPUTS)
@pytest.mark.fact("EV-7-29")
def test_what_a_target_gets_of_an_event(target: dict[str, Any], text: str) -> None:
    assert input_for({"Id": "one", **target}, EVENT, RULE) == text


@pytest.mark.fact("EV-7-30")
def test_an_api_destination_is_called_on_this_machine_only(front: Front, desk: Desk) -> None:
    got: list[tuple[str, str]] = []
    answers = [200, 400, 500]

    class Pager(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.headers["x-key"], self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(answers.pop(0))
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    events = desk.client("events")
    secret = {"ApiKeyAuthParameters": {"ApiKeyName": "x-key", "ApiKeyValue": "hidden"}}
    connection = events.create_connection(Name="pager", AuthorizationType="API_KEY", AuthParameters=secret)["ConnectionArn"]
    role = desk.role("Call", "events:InvokeApiDestination")
    with HTTPServer(("127.0.0.1", 0), Pager) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, url in (("here", f"http://127.0.0.1:{server.server_port}/hook"), ("away", "https://pager.example.com/hook")):
            arn = events.create_api_destination(Name=name, ConnectionArn=connection, InvocationEndpoint=url, HttpMethod="POST")[
                "ApiDestinationArn"
            ]
            desk.rule(arn, RoleArn=role, InputPath="$.detail")
            for number in range(3 if name == "here" else 1):
                desk.put(number=number)
        server.shutdown()
    assert got == [("hidden", json.dumps({"number": number})) for number in range(3)]
    assert desk.outcomes() == [
        ("delivered", ""),
        ("dropped", "the endpoint answers 400"),
        ("retried", "the endpoint answers 500"),
        ("dropped", "the endpoint is not on this machine, and the simulation reaches no other"),
    ]


@pytest.mark.fact("EV-7-31")
def test_events_come_twice_and_late_when_a_scenario_says_so(front: Front, desk: Desk) -> None:
    desk.rule(desk.queue("tap", from_rule()))
    disturbances = state_of(front.world).disturbances
    disturbances.append(Disturbance("twice"))
    desk.put(number=1)
    disturbances.append(Disturbance("late", seconds=600))
    desk.put(number=2)
    desk.put(number=3)
    desk.later(601)
    assert [json.loads(each["Body"])["detail"]["number"] for each in desk.messages("tap")] == [1, 1, 3, 2]


def subscribed(desk: Desk) -> str:
    topic = str(desk.client("sns").create_topic(Name="alerts")["TopicArn"])
    open_to_events = {"Effect": "Allow", "Principal": EVENTS, "Action": "sns:Publish", "Resource": topic}
    document = json.dumps({"Version": "2012-10-17", "Statement": [open_to_events]})
    desk.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document)
    desk.rule(topic)
    return topic


@pytest.mark.fact("EV-7-32")
def test_a_topic_reaches_a_queue_by_the_queues_policy(front: Front, desk: Desk) -> None:
    topic = subscribed(desk)
    sns = desk.client("sns")
    closed = desk.queue("closed")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=closed)
    allowed = {"Principal": {"Service": "sns.amazonaws.com"}, "Condition": {"ArnEquals": {"aws:SourceArn": topic}}}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=desk.queue("tap", allowed))
    desk.put(number=1)
    [message] = desk.messages("tap")
    envelope = json.loads(message["Body"])
    assert (envelope["Type"], json.loads(envelope["Message"])["detail"]) == ("Notification", {"number": 1})
    assert desk.messages("closed") == []
    lost = [(each.endpoint, each.why) for each in front.world.of(SnsState).lost]
    assert lost == [(closed, "the queue's policy does not let SNS send")]
    sns.publish(TopicArn=topic, Message="by hand")
    assert len(front.world.of(SnsState).lost) == 2, "whoever publishes"


@pytest.mark.fact("EV-7-11")
def test_an_address_gets_nothing_until_somebody_confirms(front: Front, desk: Desk) -> None:
    topic, sns, address = subscribed(desk), desk.client("sns"), "people@example.com"
    subscription = {"TopicArn": topic, "Protocol": "email", "Endpoint": address}
    assert sns.subscribe(**subscription)["SubscriptionArn"] == "pending confirmation"
    arn = sns.subscribe(**subscription, ReturnSubscriptionArn=True)["SubscriptionArn"]
    assert arn.startswith(f"{topic}:")
    assert sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["PendingConfirmation"] == "true"
    listed = {
        "SubscriptionArn": "PendingConfirmation",
        "Owner": DELEGATED,
        "Protocol": "email",
        "Endpoint": address,
        "TopicArn": topic,
    }
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == [listed]
    desk.put(number=1)
    letters = front.world.of(SnsState).letters
    assert {each.text for each in letters} == {"You have chosen to subscribe to the topic"}
    sns.confirm_subscription(TopicArn=topic, Token=letters[0].token)
    [confirmed] = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert confirmed["SubscriptionArn"].startswith(f"{topic}:")
    desk.put(number=2)
    assert json.loads(letters[-1].text)["detail"] == {"number": 2}
    with pytest.raises(ClientError, match="Token"):
        sns.confirm_subscription(TopicArn=topic, Token=letters[0].token)


@pytest.mark.fact("EV-7-11")
def test_what_nobody_confirms_is_gone_after_two_days(front: Front, desk: Desk) -> None:
    topic, sns = subscribed(desk), desk.client("sns")
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="people@example.com")
    desk.later(48 * 3600 - 60)
    assert len(sns.list_subscriptions()["Subscriptions"]) == 1
    desk.later(61)
    assert sns.list_subscriptions()["Subscriptions"] == []
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="people@example.com")
    assert confirm_all(front.world, "people@example.com") == 1
    assert len(sns.list_subscriptions()["Subscriptions"]) == 1


@pytest.mark.parametrize(("asks", "rounds"), [({}, 10), ({"Workflow": {"Status": ["NEW"]}}, 1)])
@pytest.mark.fact("EV-7-02", "EV-7-33")
def test_an_update_by_a_target_is_a_loop_unless_the_pattern_asks_for_new(
    front: Front, desk: Desk, asks: dict[str, Any], rounds: int
) -> None:
    hub = desk.client("securityhub")
    hub.enable_security_hub(EnableDefaultStandards=False)
    role = desk.role("Deliver", "states:StartExecution")
    definition = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Pass", "End": True}}})
    machine = desk.client("stepfunctions").create_state_machine(name="flow", definition=definition, roleArn=role)["stateMachineArn"]
    desk.rule(machine, pattern={"source": ["aws.securityhub"], "detail": {"findings": asks or {"Id": ["f"]}}}, RoleArn=role)
    react(front.world, machine, "NOTIFIED")
    own = f"arn:aws:securityhub:{HOME}:{DELEGATED}:product/{DELEGATED}/default"
    times = dict.fromkeys(("CreatedAt", "UpdatedAt"), "2026-01-01T00:00:00Z")
    texts = {"SchemaVersion": "2018-10-08", "Id": "f", "GeneratorId": "g", "Title": "t", "Description": "d", **times}
    more = {"Severity": {"Label": "HIGH"}, "Types": ["a/b/c"], "Resources": [{"Type": "Other", "Id": "r"}]}
    answer = hub.batch_import_findings(Findings=[{**texts, **more, "ProductArn": own, "AwsAccountId": DELEGATED}])
    assert answer["FailedCount"] == 0, answer
    desk.later(9 * 60 + 1)
    assert [each.kind for each in state_of(front.world).invocations] == ["states"] * rounds


OPEN = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


@pytest.mark.fact("SH-AR-13")
def test_a_control_finding_follows_its_resource_at_the_next_evaluation(front: Front, desk: Desk) -> None:
    hub, ec2, kms, s3 = (desk.client(each) for each in ("securityhub", "ec2", "kms", "s3"))
    hub.enable_security_hub(EnableDefaultStandards=False)
    group = ec2.create_security_group(GroupName="open", Description="open")["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[OPEN])
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket="door")
    resources = {"EC2.13": f"arn:aws:ec2:{HOME}:{DELEGATED}:security-group/{group}", "KMS.4": key, "S3.8": "arn:aws:s3:::door"}
    for control, resource in resources.items():
        watch(front.world, DELEGATED, HOME, control, resource)

    def found() -> dict[str, tuple[str, str, str]]:
        return {
            each["Compliance"]["SecurityControlId"]: (each["Compliance"]["Status"], each["Workflow"]["Status"], each["RecordState"])
            for each in hub.get_findings()["Findings"]
        }

    assert set(found().values()) == {("FAILED", "NEW", "ACTIVE")}
    events = len(state_of(front.world).events)
    desk.later(12 * 3600)
    assert len(state_of(front.world).events) == events + 3, "the same open fault is an event again"
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[OPEN])
    kms.enable_key_rotation(KeyId=key)
    switches = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    s3.put_public_access_block(Bucket="door", PublicAccessBlockConfiguration=switches)
    assert set(found().values()) == {("FAILED", "NEW", "ACTIVE")}, "nothing turns before it is looked at"
    desk.later(12 * 3600)
    assert set(found().values()) == {("PASSED", "RESOLVED", "ACTIVE")}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[OPEN])
    s3.delete_bucket(Bucket="door")
    desk.later(12 * 3600)
    assert found() == {
        "EC2.13": ("FAILED", "NEW", "ACTIVE"), "KMS.4": ("PASSED", "RESOLVED", "ACTIVE"), "S3.8": ("FAILED", "NEW", "ARCHIVED"),
    }  # fmt: skip
    with pytest.raises(ValueError, match="control: IAM"):
        watch(front.world, DELEGATED, HOME, "IAM.1", key)
