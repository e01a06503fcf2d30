"""Findings as events: on which buses, which rules they fit, and what a topic's policy lets through."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.config import Config
from small_organization import DELEGATED, MANAGEMENT, MEMBER

from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.backstop import Backstop
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.operations.events.access import refusal_of
from runbook_lib.rehearsal.operations.events.state import state_of
from runbook_lib.rehearsal.operations.guardduty.events import label_of
from runbook_lib.rehearsal.state import authorization
from runbook_lib.rehearsal.world import SimulatedOrganization, World

HOME, SECOND = "us-east-1", "us-east-2"
DOCUMENTED = {
    "source": ["aws.securityhub"],
    "detail-type": ["Security Hub Findings - Imported"],
    "detail": {
        "findings": {"Severity": {"Label": ["HIGH", "CRITICAL"]}, "Workflow": {"Status": ["NEW"]}, "RecordState": ["ACTIVE"]}
    },
}


def finding(label: str = "HIGH", account: str = MEMBER, region: str = SECOND, key: str = "f-1") -> dict[str, Any]:
    return {
        "SchemaVersion": "2018-10-08",
        "Id": key,
        "ProductArn": f"arn:aws:securityhub:{region}:{account}:product/{account}/default",
        "GeneratorId": "rehearsal",
        "AwsAccountId": account,
        "CreatedAt": "2026-01-01T00:00:00Z",
        "UpdatedAt": "2026-01-01T00:00:00Z",
        "Title": "An open door",
        "Description": "Somebody left the door open",
        "Severity": {"Label": label},
        "Types": ["Software and Configuration Checks"],
        "Resources": [{"Type": "AwsS3Bucket", "Id": "arn:aws:s3:::door"}],
    }


@pytest.fixture
def front() -> Iterator[Front]:
    made = build_app("seven")
    made.world.settle_polls = 0
    yield made
    assert isinstance(made.backstop, Backstop)
    made.backstop.reset()
    made.backstop.close()


class Clients:
    def __init__(self, front: Front) -> None:
        self.front = front

    def __call__(self, service: str, account: str = DELEGATED, region: str = HOME) -> Any:
        made = session_for(self.front, account, region)
        return made.client(service, region_name=region, config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture
def client(front: Front) -> Clients:
    """Security Hub with one member in the second Region, which is linked to the home Region."""
    made = Clients(front)
    for region in (HOME, SECOND):
        made("securityhub", MANAGEMENT, region).enable_organization_admin_account(AdminAccountId=DELEGATED)
    made("securityhub").create_finding_aggregator(RegionLinkingMode="ALL_REGIONS")
    made("securityhub", region=SECOND).create_members(AccountDetails=[{"AccountId": MEMBER}])
    return made


def told(front: Front, source: str) -> list[tuple[str, str]]:
    return [(each["account"], each["region"]) for each in state_of(front.world).events if each["source"] == source]


def imported(front: Front) -> list[tuple[str, str]]:
    return told(front, "aws.securityhub")


def topic_and_rule(client: Clients, policy: dict[str, Any] | None = None, **attributes: str) -> tuple[str, str]:
    topic = client("sns").create_topic(Name="findings", Attributes=attributes)["TopicArn"]
    events = client("events")
    rule = events.put_rule(Name="high", EventPattern=json.dumps(DOCUMENTED))["RuleArn"]
    events.put_targets(Rule="high", Targets=[{"Id": "topic", "Arn": topic}])
    if policy is not None:
        statement = {"Effect": "Allow", "Action": "sns:Publish", "Resource": topic, **policy}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document)
    return topic, rule


def bring_in(client: Clients, label: str = "HIGH", key: str = "f-1") -> None:
    client("securityhub", MEMBER, SECOND).batch_import_findings(Findings=[finding(label, key=key)])


NOT_LET_IN = "the topic's policy does not let EventBridge publish"


def failures(front: Front) -> list[str]:
    return [each.failed for each in state_of(front.world).deliveries]


@pytest.mark.fact("EV-7-01")
def test_an_imported_finding_is_an_event_of_one_finding(front: Front, client: Clients) -> None:
    client("securityhub", MEMBER, SECOND).batch_import_findings(Findings=[finding(key="a"), finding(key="b")])
    own = [each for each in state_of(front.world).events if each["account"] == MEMBER]
    assert [each["detail-type"] for each in own] == ["Security Hub Findings - Imported"] * 2
    assert [[found["Id"] for found in each["detail"]["findings"]] for each in own] == [["a"], ["b"]]
    assert own[0]["resources"] == [f"{finding()['ProductArn']}/a"]


@pytest.mark.fact("EV-7-03", "SI-11-11")
def test_events_reach_the_administrator_and_the_home_region(front: Front, client: Clients) -> None:
    bring_in(client)
    assert imported(front) == [(MEMBER, SECOND), (DELEGATED, SECOND), (DELEGATED, HOME)]


@pytest.mark.fact("EV-7-02")
def test_updates_are_events_too(front: Front, client: Clients) -> None:
    bring_in(client)
    identifier = {"Id": "f-1", "ProductArn": finding()["ProductArn"]}
    client("securityhub").batch_update_findings(FindingIdentifiers=[identifier], Workflow={"Status": "NOTIFIED"})
    assert imported(front)[3:] == [(MEMBER, SECOND), (DELEGATED, SECOND), (DELEGATED, HOME)]
    assert state_of(front.world).events[-1]["detail"]["findings"][0]["Workflow"]["Status"] == "NOTIFIED"


@pytest.mark.fact("EV-7-14", "EV-7-15")
def test_guarddutys_event_is_in_camel_case_at_every_depth(front: Front) -> None:
    member = Clients(front)("guardduty", MEMBER, SECOND)
    [detector] = member.list_detectors()["DetectorIds"]
    member.create_sample_findings(DetectorId=detector, FindingTypes=["Recon:EC2/PortProbeUnprotectedPort"])
    [detail] = [each["detail"] for each in state_of(front.world).events if each["source"] == "aws.guardduty"]
    assert detail["resource"] == {"resourceType": "Instance"}
    assert (detail["service"]["archived"], detail["service"]["additionalInfo"]["sample"]) == (False, True)
    assert {each: label_of(each) for each in (1.0, 3.9, 4.0, 7.0, 8.9, 9.0, 10.0)} == {
        1.0: "LOW", 3.9: "LOW", 4.0: "MEDIUM", 7.0: "HIGH", 8.9: "HIGH", 9.0: "CRITICAL", 10.0: "CRITICAL",
    }  # fmt: skip


@pytest.mark.fact("GD-5.2-41")
def test_sample_findings_reach_security_hub_and_event_buses(front: Front, client: Clients) -> None:
    client("guardduty", MANAGEMENT, SECOND).enable_organization_admin_account(AdminAccountId=DELEGATED)
    administrator = client("guardduty", DELEGATED, SECOND)
    detector = administrator.list_detectors()["DetectorIds"][0]
    email = f"account-{MEMBER}@example.com"
    administrator.create_members(DetectorId=detector, AccountDetails=[{"AccountId": MEMBER, "Email": email}])
    member = client("guardduty", MEMBER, SECOND)
    own = member.list_detectors()["DetectorIds"][0]
    member.create_sample_findings(DetectorId=own, FindingTypes=["CryptoCurrency:EC2/BitcoinTool.B!DNS"])
    assert told(front, "aws.guardduty") == [(MEMBER, SECOND), (DELEGATED, SECOND)]
    assert imported(front) == [(MEMBER, SECOND), (DELEGATED, SECOND), (DELEGATED, HOME)]
    sources = [each["source"] for each in state_of(front.world).events]
    assert (len(sources), sources) == (5, sorted(sources)), "its own first"
    [shown] = client("securityhub").get_findings()["Findings"]
    assert (shown["AwsAccountId"], shown["Severity"]["Label"], shown["Title"][:8]) == (MEMBER, "HIGH", "[SAMPLE]")


@pytest.mark.parametrize(("choice", "conditioned"), [("never met", NOT_LET_IN), ("met", "")])
@pytest.mark.fact("EV-7-07", "EV-7-09")
def test_a_topic_needs_a_policy_and_one_page_says_without_conditions(
    front: Front, client: Clients, choice: str, conditioned: str
) -> None:
    front.world.variants["events conditions in topic policies"] = choice
    topic, rule = topic_and_rule(client)
    bring_in(client)
    assert failures(front) == [NOT_LET_IN]
    allowed: dict[str, Any] = {"Principal": {"Service": "events.amazonaws.com"}}
    topic_and_rule(client, {**allowed, "Condition": {"ArnEquals": {"aws:SourceArn": rule}}})
    bring_in(client, key="f-2")
    assert failures(front)[1:] == [conditioned]
    topic_and_rule(client, allowed)
    bring_in(client, key="f-3")
    bring_in(client, "LOW", key="f-4")
    assert failures(front)[2:] == [""]
    delivered = state_of(front.world).deliveries[-1]
    assert (delivered.account, delivered.region, delivered.target, delivered.rule) == (DELEGATED, HOME, topic, rule)


@pytest.mark.fact("EV-7-08")
def test_a_topic_under_awss_own_key_receives_nothing(front: Front, client: Clients) -> None:
    topic_and_rule(client, {"Principal": {"Service": "events.amazonaws.com"}}, KmsMasterKeyId="alias/aws/sns")
    bring_in(client)
    assert failures(front) == ["the topic's key is AWS's own, which EventBridge may not use"]


RULE = "arn:aws:events:us-east-1:222222222222:rule/high"
POLICIES = {
    "no policy": (None, False),
    "anyone": ({"Principal": "*"}, True),
    "another service": ({"Principal": {"Service": "s3.amazonaws.com"}}, False),
    "one of several": ({"Principal": {"Service": ["s3.amazonaws.com", "events.amazonaws.com"]}}, True),
    "another action": ({"Principal": "*", "Action": "sns:Subscribe"}, False),
    "every action": ({"Principal": "*", "Action": "SNS:*"}, True),
    "another rule": ({"Principal": "*", "Condition": {"ArnLike": {"AWS:SourceArn": RULE + "er"}}}, False),
    "any rule": ({"Principal": "*", "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:events:*:222222222222:rule/*"}}}, True),
    "a condition that events do not meet": ({"Principal": "*", "Condition": {"StringEquals": {"AWS:SourceOwner": "2"}}}, False),
    "denied": ({"Effect": "Deny", "Principal": "*"}, False),
}


@pytest.mark.parametrize(("statement", "allowed"), POLICIES.values(), ids=POLICIES)
def test_what_a_policy_lets_through(statement: dict[str, Any] | None, *, allowed: bool) -> None:
    whole = {"Effect": "Allow", "Action": "sns:Publish", "Resource": "*", **statement} if statement else None
    policy = json.dumps({"Statement": whole}) if whole else None
    topic = "arn:aws:sns:us-east-1:222222222222:alerts"
    world = World(SimulatedOrganization("", "", ""))
    world.variants["events conditions in topic policies"] = "met"
    assert (refusal_of(world, policy or "", "sns:Publish", topic, RULE) == "") is allowed


def test_a_policy_that_cannot_be_judged_lets_nothing_through_and_says_why() -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Statement": {**statement, "Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}})
    world = World(SimulatedOrganization("", "", ""))
    said = refusal_of(world, policy, "sqs:SendMessage", "arn:aws:sqs:us-east-1:222222222222:findings", RULE)
    assert said == "the queue's policy cannot be judged: the condition key aws:SourceVpce is not simulated for services"


OTHER = "arn:aws:logs:us-east-1:222222222222:log-group:/aws/events/findings"


def test_a_queue_gets_the_event_where_its_policy_lets_it(front: Front, client: Clients) -> None:
    queue = client("sqs").create_queue(QueueName="findings")["QueueUrl"]
    arn = f"arn:aws:sqs:{HOME}:{DELEGATED}:findings"
    client("events").put_rule(Name="all", EventPattern=json.dumps({"source": ["aws.securityhub"]}))
    client("events").put_targets(
        Rule="all", Targets=[{"Id": "queue", "Arn": arn}, {"Id": "none", "Arn": arn + "-none"}, {"Id": "other", "Arn": OTHER}]
    )
    bring_in(client, key="f-1")
    statement = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Statement": [statement]})})
    bring_in(client, key="f-2")
    messages = client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(each["Body"])["detail"]["findings"][0]["Id"] for each in messages] == ["f-2"]
    others = ["there is no such queue", "targets of logs are not simulated"]
    assert failures(front) == ["the queue's policy does not let EventBridge send", *others, "", *others]


@pytest.mark.fact("EV-7-12")
def test_a_rule_is_put_again(client: Clients) -> None:
    events = client("events")
    for pattern in ({"source": ["aws.guardduty"]}, DOCUMENTED):
        events.put_rule(Name="high", EventPattern=json.dumps(pattern))
    [rule] = events.list_rules()["Rules"]
    assert json.loads(rule["EventPattern"]) == DOCUMENTED


@pytest.mark.fact("EV-7-13")
def test_events_in_awss_name_are_refused(client: Clients) -> None:
    entry = {"Source": "aws.securityhub", "DetailType": "Security Hub Findings - Imported", "Detail": "{}"}
    answer = client("events").put_events(Entries=[entry])
    assert (answer["FailedEntryCount"], answer["Entries"][0]["ErrorCode"]) == (1, "NotAuthorizedForSourceException")
    assert client("events").put_events(Entries=[{**entry, "Source": "example.own"}])["FailedEntryCount"] == 0


@pytest.mark.fact("EV-7-05")
def test_a_pressed_action_is_one_event_for_each_finding(front: Front, client: Clients) -> None:
    bring_in(client, key="a")
    bring_in(client, key="b")
    hub = client("securityhub")
    arn = hub.create_action_target(Name="Isolate", Description="take it off the network", Id="Isolate")["ActionTargetArn"]
    events = state_of(front.world).events
    before = len(events)
    assert press(front, action=arn, finding=["a", "b"]) == (200, {"events": 2})
    assert [(each["account"], each["region"], each["resources"]) for each in events[before:]] == [(DELEGATED, HOME, [arn])] * 2
    assert events[-1]["detail-type"] == "Security Hub Findings - Custom Action"
    detail = events[-1]["detail"]
    assert (detail["actionName"], detail["actionDescription"]) == ("Isolate", "take it off the network")
    assert [(each["Id"], each["Region"]) for each in detail["findings"]] == [("b", SECOND)]
    hub.delete_action_target(ActionTargetArn=arn)
    assert "ResourceNotFoundException" in press(front, action=arn, finding=["a"])[1]["error"]


def test_what_the_console_does_not_offer_cannot_be_pressed(front: Front, client: Clients) -> None:
    bring_in(client, key="a")
    hub = client("securityhub")
    arn = hub.create_action_target(Name="Isolate", Description="off", Id="Isolate")["ActionTargetArn"]
    assert "not seen in account" in press(front, action=arn, finding=["none"])[1]["error"]
    assert "1 to 20 findings" in press(front, action=arn, finding=[f"f{number}" for number in range(21)])[1]["error"]
    assert "not subscribed" in press(front, account=MANAGEMENT, region="us-west-1", action=arn, finding=["a"])[1]["error"]
    assert "ResourceNotFound" in press(front, account=MEMBER, region=SECOND, action=arn, finding=["a"])[1]["error"]


def press(front: Front, account: str = DELEGATED, region: str = HOME, **given: Any) -> tuple[int, dict[str, Any]]:
    """The control page's status and answer."""
    query = urlencode({"account": account, "region": region, **given}, doseq=True)
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/_rehearsal/press",
        "QUERY_STRING": query,
        "HTTP_AUTHORIZATION": authorization(front.control.token),
    }
    said: list[str] = []
    body = b"".join(front(environ, lambda status, headers: said.append(status)))
    return int(said[0].split()[0]), json.loads(body)
