"""Encrypted channels: a key that does not let EventBridge in is found before anything is called, and said; the courier agrees."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from simulated import Simulated
from test_response_rehearsed import DELEGATED, PHASE, apply, client, imported, messages, reasons, with_response
from test_response_rehearsed import made as made  # noqa: PLC0414 the fixture, by its own name

from runbook_lib.coverage import Status
from runbook_lib.rehearsal.operations.events.state import state_of
from runbook_lib.services.response.keys import STATEMENT

OWNER = {
    "Sid": "Owner", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{DELEGATED}:root"}, "Action": "kms:*", "Resource": "*",
}  # fmt: skip
UNDER_CONDITION = {**STATEMENT, "Condition": {"StringEquals": {"aws:SourceAccount": DELEGATED}}}
DECRYPT_ALONE = {**STATEMENT, "Action": "kms:Decrypt"}
WITHOUT_TLS = {
    "Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}  # fmt: skip
DENIES = {"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*"}


def key(made: Simulated, *statements: Mapping[str, Any]) -> str:
    """A customer's key with these statements beside its owner's."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": [OWNER, *statements]})
    found: str = client(made, "kms").create_key(Policy=policy)["KeyMetadata"]["KeyId"]
    return found


def encrypt(made: Simulated, queue: str, named: str) -> None:
    """Give a queue a key. Its policy is written once more: moto forgets it where other attributes are set."""
    sqs = client(made, "sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": named, "Policy": policy})


@pytest.fixture
def ready(made: Simulated) -> Simulated:
    """The response of settings, applied."""
    apply(made)
    return made


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        ((), "does not let EventBridge call kms:Decrypt"),
        ((DECRYPT_ALONE,), "does not let EventBridge call kms:GenerateDataKey"),
        ((UNDER_CONDITION,), "under a Condition"),
        ((STATEMENT, DENIES), "denies use"),
        ((STATEMENT,), ""),
        ((STATEMENT, WITHOUT_TLS), ""),
    ],
)
def test_a_key_is_judged_before_the_first_event_as_eventbridge_judges_it(
    ready: Simulated, statements: tuple[Mapping[str, Any], ...], says: str
) -> None:
    encrypt(ready, "runbook-triage", key(ready, *statements))
    found = reasons(ready)
    assert says in found.get("channels triage", "")
    imported(ready)
    triage = [each for each in state_of(ready.front.world).deliveries if each.target.endswith("runbook-triage")]
    assert [each.outcome for each in triage] == ["dlq" if says else "delivered"], triage[0].failed
    assert (found == {}) is (not says)
    if says:
        blocker = next(each for each in ready.plan(PHASE).blockers if says in each.reason)
        assert blocker.next_step
        assert ready.plan(PHASE).actions == ()


@pytest.mark.parametrize("undelivered", ["runbook-response-undelivered", "runbook-triage"])
def test_a_key_that_is_disabled_or_of_awss_own_is_said(ready: Simulated, undelivered: str) -> None:
    identity = key(ready, STATEMENT)
    client(ready, "kms").disable_key(KeyId=identity)
    item = "channels undelivered" if "undelivered" in undelivered else "channels triage"
    encrypt(ready, undelivered, identity)
    assert "is Disabled" in reasons(ready)[item]
    encrypt(ready, undelivered, "alias/aws/sqs")
    assert "AWS's own key" in reasons(ready)[item]


@pytest.mark.parametrize("spelled", [lambda made, key: "alias/ours", lambda made, key: key])
def test_a_topic_of_others_names_its_key_as_it_likes(made: Simulated, spelled: Callable[[Simulated, str], str]) -> None:
    identity, kms = key(made), client(made, "kms")
    kms.create_alias(AliasName="alias/ours", TargetKeyId=identity)
    arn = client(made, "sns").create_topic(Name="theirs", Attributes={"KmsMasterKeyId": spelled(made, identity)})["TopicArn"]
    let_in = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [let_in]})
    client(made, "sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    channels = {"triage": {"queue": {"make": "runbook-triage"}}, "people": {"topic": {"arn": arn}}}
    made.settings = with_response(made.settings, channels=channels)
    assert list(reasons(made)) == ["channels people"]
    kms.put_key_policy(
        KeyId=identity, PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": [OWNER, STATEMENT]})
    )
    assert reasons(made) == {}
    apply(made)
    imported(made)
    assert len(messages(made)) == 1
    assert {each.outcome for each in state_of(made.front.world).deliveries} == {"delivered"}


def test_a_key_that_is_not_there_is_no_missing_queue(ready: Simulated) -> None:
    encrypt(ready, "runbook-triage", "11111111-2222-3333-4444-555555555555")
    assert "is not there" in reasons(ready)["channels triage"]


def test_a_key_that_cannot_be_read_is_unknown(ready: Simulated) -> None:
    encrypt(ready, "runbook-triage", key(ready))
    ready.front.world.organization.accounts[DELEGATED].roles["RunbookDelegated"].denied = ("kms:GetKeyPolicy",)
    [cell] = [each for each in ready.phase_cells(PHASE) if (each.aspect, each.item) == ("channels", "triage")]
    assert (cell.status, "AccessDenied" in cell.code) == (Status.UNKNOWN, True)
