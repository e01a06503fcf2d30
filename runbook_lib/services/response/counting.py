"""The state machine that counts a channel's messages: up to a daily ceiling they go on, the rest is kept and named in a digest.

No code of ours runs for it. Each finding starts an execution. A conditional update of a table counts it; what is beyond the ceiling
goes to the channel's queue of kept messages and is counted by its class. A schedule starts one execution a day, which takes the
counts away, in one call, and sends the digest. Pure. Sources: [docs] Step Functions' optimized integrations of DynamoDB, SNS and
SQS, which turn an object that is a message into text; an error of DynamoDB is caught as `DynamoDB.CODE`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.services.response.classes import families_of, reported
from runbook_lib.services.response.names import MARK
from runbook_lib.services.response.patterns import product_suffix
from runbook_lib.services.spec import OTHER
from runbook_lib.settings import Settings

TABLE = "runbook-response-ceilings"
"""The table of all channels' counts: one item for each."""
KEY = "channel"
FULL = "DynamoDB.ConditionalCheckFailedException"
CONTROL = "$.Compliance.SecurityControlId"
CONTROLS = "securityhub"
"""The product whose findings are about controls."""
AGAIN = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "MaxAttempts": 6, "BackoffRate": 2}
"""Tried again for some two minutes: there is no other way."""
SOON = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 3, "BackoffRate": 2}
"""Tried again for some seconds: then the message goes another way, and nobody waits for it."""
SENDING = {
    "sns": ("arn:{partition}:states:::sns:publish", "Message"),
    "sqs": ("arn:{partition}:states:::sqs:sendMessage", "MessageBody"),
}
"""Service of a channel → the integration that sends there, and its parameter for the message."""
SUFFIXES = {"aws-cn": "amazonaws.com.cn"}
"""Partition → the domain of its endpoints, where it is not amazonaws.com."""


@dataclass(frozen=True)
class Counting:
    """What is counted: messages for one channel of one account and Region."""

    channel: str
    most: int
    arn: str
    """Of the channel, a queue or topic."""
    kept: str
    """ARN of the queue that has what is beyond the ceiling."""
    message: Mapping[str, str]
    """Name → path in a finding, or a plain value, of what a message says."""

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1]

    def sent(self, arn: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """Resource and Parameters of a task that sends a message to a queue or topic."""
        service = arn.split(":")[2]
        resource, named = SENDING[service]
        there = {"TopicArn": arn} if service == "sns" else {"QueueUrl": queue_address(arn)}
        return {"Resource": resource.format(partition=self.partition), "Parameters": {**there, named: dict(message)}}


def queue_address(arn: str) -> str:
    """The address of a queue [docs: SQS's endpoints]."""
    _, partition, _, region, account, name = arn.split(":", 5)
    return f"https://sqs.{region}.{SUFFIXES.get(partition, 'amazonaws.com')}/{account}/{name}"


def definition(counting: Counting, settings: Settings) -> str:
    """The state machine as it is sent: the same text for the same settings."""
    states = {**_one_finding(counting), **_classes(settings), **_digest(counting)}
    comment = f"{MARK}: at most {counting.most} messages a day for the channel {counting.channel} of its settings."
    return json.dumps({"Comment": comment, "StartAt": "What", "States": states}, sort_keys=True, separators=(",", ":"))


def allowed(counting: Counting, table: str) -> tuple[tuple[str, str], ...]:
    """What the state machine's role has to be let do: action, and ARN."""
    sends = {"sns": "sns:Publish", "sqs": "sqs:SendMessage"}
    return (
        ("dynamodb:UpdateItem", table),
        ("dynamodb:DeleteItem", table),
        (sends[counting.arn.split(":")[2]], counting.arn),
        ("sqs:SendMessage", counting.kept),
    )


def _one_finding(counting: Counting) -> dict[str, Any]:
    """Counted, and sent; or, beyond the ceiling, kept. A counter that fails silences nobody: then it is sent uncounted."""
    table = f"arn:{counting.partition}:states:::dynamodb:updateItem"
    here = {"TableName": TABLE, "Key": {KEY: {"S": counting.channel}}}
    one = {":one": {"N": "1"}}
    return {
        "What": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.digest", "IsPresent": True, "Next": "Take"}],
            "Default": "Count",
        },
        "Count": {
            "Type": "Task", "Resource": table, "ResultPath": None, "Next": "Send",
            "Parameters": {
                **here, "UpdateExpression": "ADD sent :one",
                "ConditionExpression": "attribute_not_exists(sent) OR sent < :most",
                "ExpressionAttributeValues": {**one, ":most": {"N": str(counting.most)}},
            },
            "Retry": [{"ErrorEquals": [FULL], "MaxAttempts": 0}, SOON],
            "Catch": [
                {"ErrorEquals": [FULL], "ResultPath": "$.over", "Next": "Typed"},
                {"ErrorEquals": ["States.ALL"], "ResultPath": "$.over", "Next": "Send"},
            ],
        },
        "Send": {
            "Type": "Task", **counting.sent(counting.arn, counting.message), "ResultPath": None, "End": True, "Retry": [SOON],
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.over", "Next": "Typed"}],
        },
        "Keep": {
            "Type": "Task", **counting.sent(counting.kept, counting.message), "ResultPath": None, "Next": "Tally",
            "Retry": [AGAIN],
        },
        "Tally": {
            "Type": "Task", "Resource": table, "ResultPath": None, "End": True, "Retry": [AGAIN],
            "Parameters": {
                **here, "UpdateExpression": "ADD kept :one, #class :one", "ExpressionAttributeNames": {"#class.$": "$.class"},
                "ExpressionAttributeValues": one,
            },
        },
    }  # fmt: skip


def _digest(counting: Counting) -> dict[str, Any]:
    """The counts, taken away in one call so that none is told twice or lost between two; nothing is said where all was sent."""
    said = {
        "digest": counting.channel, "ceiling": counting.most, "kept.$": "$.taken.Attributes.kept.N",
        "kept_in": counting.kept.rpartition(":")[2], "counts.$": "$.taken.Attributes",
    }  # fmt: skip
    return {
        "Take": {
            "Type": "Task", "Resource": f"arn:{counting.partition}:states:::dynamodb:deleteItem", "ResultPath": "$.taken",
            "Next": "Any",
            "Parameters": {"TableName": TABLE, "Key": {KEY: {"S": counting.channel}}, "ReturnValues": "ALL_OLD"},
            "Retry": [AGAIN],
        },
        "Any": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.taken.Attributes.kept", "IsPresent": True, "Next": "Say"}],
            "Default": "None",
        },
        "None": {"Type": "Succeed"},
        "Say": {"Type": "Task", **counting.sent(counting.arn, said), "End": True, "Retry": [AGAIN]},
    }  # fmt: skip


def _classes(settings: Settings) -> dict[str, Any]:
    """States that say which class a finding is of, as `class_of` would: by its product, and its control or else its types."""
    products, states, names = list[dict[str, Any]](), dict[str, Any](), ["unknown"]
    for each in reported(settings):
        families = f"{each.product} families"
        products.append({"Variable": "$.ProductArn", "StringMatches": f"*{product_suffix(each.product)}", "Next": families})
        controls = [rule for family in each.families for rule in _of_control(f"{each.product}/{family.name}", family.marks)]
        types = [rule for family in each.families for rule in _of_types(f"{each.product}/{family.name}", family.marks)]
        other = f"{each.product}/{OTHER}"
        if each.product == CONTROLS:
            controlled = {"Variable": CONTROL, "IsPresent": True, "Next": f"{each.product} controls"}
            states[families] = {"Type": "Choice", "Choices": [controlled], "Default": other}
            states[f"{each.product} controls"] = {"Type": "Choice", "Choices": controls, "Default": other}
        else:
            states[families] = {"Type": "Choice", "Choices": types, "Default": other}
        names += [f"{each.product}/{name}" for name in families_of(each)]
    text = {"text.$": "States.JsonToString($.Types)"}
    return {
        "Typed": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.Types", "IsPresent": True, "Next": "Types"}],
            "Default": "Untyped",
        },
        "Types": {"Type": "Pass", "Parameters": text, "ResultPath": "$.types", "Next": "Class"},
        "Untyped": {"Type": "Pass", "Result": {"text": ""}, "ResultPath": "$.types", "Next": "Class"},
        "Class": {"Type": "Choice", "Choices": products, "Default": "unknown"},
        **states,
        **{name: {"Type": "Pass", "Result": name, "ResultPath": "$.class", "Next": "Keep"} for name in names},
    }


def _of_control(family: str, marks: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """A rule for controls' services that begin with one of a family's marks."""
    yield from ({"Variable": CONTROL, "StringMatches": f"{mark}*", "Next": family} for mark in marks)


def _of_types(family: str, marks: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Rules for what stands between slashes and colons of types and begins with one of a family's marks."""
    for mark in marks:
        for before in '"/:':
            yield {"Variable": "$.types.text", "StringMatches": f"*{before}{mark}*", "Next": family}
