"""Whether the KMS key of a queue or topic lets EventBridge in: a target whose key does not is never reached, and nobody is told.

A customer's key has to let events.amazonaws.com decrypt and make data keys, with no Condition: AWS's pages show none, and what they
do not show is not relied on [docs: knowledge centre]. Keys that AWS manages cannot be opened. Reads only.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.services.answers import text
from runbook_lib.services.response import policies
from runbook_lib.services.response.names import KEYS

READS = frozenset({f"{KEYS}:DescribeKey", f"{KEYS}:GetKeyPolicy"})
NEEDED = ("kms:Decrypt", "kms:GenerateDataKey")
"""What EventBridge asks of the key of an encrypted queue or topic [docs: knowledge centre]."""
STATEMENT = {
    "Sid": "RunbookResponse", "Effect": "Allow", "Principal": {"Service": policies.PRINCIPAL},
    "Action": ["kms:Decrypt", "kms:GenerateDataKey*"], "Resource": "*",
}  # fmt: skip
"""What lets EventBridge use a key, as AWS's page has it."""


@dataclass(frozen=True)
class KeySeen:
    """Why EventBridge cannot use a key, and the next step; what of it cannot be seen. Empty where nothing is the matter."""

    shut: str = ""
    next_step: str = ""
    unseen: str = ""


OF_AWS = KeySeen(
    "it is encrypted with AWS's own key, which EventBridge may not use",
    "Give it a customer managed key whose policy lets EventBridge use it, or none.",
)


def read_key(named: str, account: str, region: str, reader: Reader) -> KeySeen:
    """The key that a queue or topic names, by id, alias or ARN; an empty name is no key. Raises CallFailed."""
    if not named:
        return KeySeen()
    found = {"KeyManager": "AWS"} if ":alias/aws/" in f":{named}" else _described(named, account, region, reader)
    if found is None:
        return KeySeen(f"its key {named} is not there", "Give it another key, or none.")
    if found.get("KeyManager") == "AWS":
        return OF_AWS
    return _of_customer(str(found["Arn"]), text(found.get("KeyState")), account, region, reader)


def _of_customer(arn: str, state: str, account: str, region: str, reader: Reader) -> KeySeen:
    if state != "Enabled":
        return KeySeen(f"its key {arn} is {state}", "Have the key's owner enable it, or give it another key.")
    if (owner := arn.split(":")[4]) != account:
        return KeySeen(unseen=f"its key's policy is account {owner}'s, and not readable from here: it has to let EventBridge in")
    policy = reader.read(KEYS, "GetKeyPolicy", account, region, KeyId=arn, PolicyName="default")["Policy"]
    why = _refuses(json.loads(policy), arn)
    step = f"Have the key's owner add this statement to its policy: {json.dumps(STATEMENT, sort_keys=True)}"
    return KeySeen(f"{why}: {arn}", step) if why else KeySeen()


def _described(named: str, account: str, region: str, reader: Reader) -> Mapping[str, Any] | None:
    """A key; None where there is none, which is another thing than that there is no queue or topic."""
    try:
        found: Mapping[str, Any] = reader.read(KEYS, "DescribeKey", account, region, KeyId=named)["KeyMetadata"]
    except CallFailed as error:
        if error.code == "NotFoundException":
            return None
        raise
    return found


def _refuses(policy: policies.Policy, arn: str) -> str:
    """Why a key's policy keeps EventBridge out; "" where it lets it in."""
    for action in NEEDED:
        about = policies.about(policy, action, arn)
        if any(map(policies.denies, about)):
            return "the policy of its key denies use, under conditions that cannot be judged from here"
        allowing = [each for each in about if each.get("Effect") == "Allow"]
        if not allowing:
            return f"the policy of its key does not let EventBridge call {action}"
        if all(each.get("Condition") for each in allowing):
            return f"the policy of its key lets EventBridge call {action} under a Condition, which AWS does not document there"
    return ""
