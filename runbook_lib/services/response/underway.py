"""Reading how far the findings of a drill have come: where they arose, where they are gathered, and in the queues. Reads only.

Messages are looked at without being taken: ReceiveMessage with a visibility timeout of 0 hides them from nobody. A queue that moves
messages elsewhere after so many looks (RedrivePolicy) is not looked into, and neither is one of somebody else's.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation
from runbook_lib.services.answers import text
from runbook_lib.services.response.kinds import TOPIC
from runbook_lib.services.response.names import DRILLED, HUB, QUEUES, TOPICS
from runbook_lib.services.response.observe import queue_url
from runbook_lib.services.response.state import State
from runbook_lib.services.response.trial import Trial
from runbook_lib.services.response.wanted import Wanted

READS = frozenset({f"{HUB}:GetFindings", f"{QUEUES}:ReceiveMessage", f"{TOPICS}:ListSubscriptionsByTopic"})
LOOKED_AT = 10
"""Messages of one look [model: the most of ReceiveMessage]."""


@dataclass(frozen=True)
class Letter:
    """A message about a finding of a drill; of one that could not be delivered also where to, and why not."""

    finding: str
    target: str = ""
    why: str = ""


@dataclass(frozen=True)
class Box:
    """What one look into a queue showed. `full`: there are more messages than one look shows."""

    letters: tuple[Letter, ...]
    full: bool
    moves: bool
    """Whether it moves messages elsewhere that were looked at; it is not looked into then."""


@dataclass(frozen=True)
class Underway:
    """How far the findings of a drill have come, as far as it was read."""

    there: State
    arisen: Mapping[tuple[str, str], Observation[Mapping[str, Mapping[str, Any]]]]
    """(Region, home Region) → finding id → finding, as Security Hub has it there."""
    boxes: Mapping[str, Observation[Box]]
    """ARN of a queue → what is in it."""
    heard: Mapping[str, Observation[tuple[int, int]]]
    """ARN of a topic → subscriptions that were confirmed, and that still wait for somebody to."""


def underway(there: State, wanted: Mapping[str, Wanted], tried: Iterable[Trial], drill: str, reader: Reader) -> Underway:
    """Look at everything once, side by side."""
    places = sorted({(each, trial.home) for trial in tried for each in (trial.home, trial.origin)})
    jobs: dict[Any, Any] = {("found", *each): partial(_found, drill, each, wanted, reader) for each in places}
    for region, here in wanted.items():
        account = here.view.delegated
        for each in here.destinations:
            known = there.regions[region].destinations[each.arn]
            if not (isinstance(known, Known) and known.value is not None):
                continue
            if each.kind is TOPIC:
                jobs["heard", each.arn] = partial(_heard, each.arn, account, region, reader)
            elif known.value.ours:
                jobs["box", each.arn] = partial(read_box, each.name, account, region, reader)
    answers = dict(zip(jobs, reader.parallel([partial(_try, job) for job in jobs.values()]), strict=True))
    named = {kind: {key[1:]: each for key, each in answers.items() if key[0] == kind} for kind in ("found", "heard", "box")}
    return Underway(
        there,
        named["found"],
        {arn: each for (arn,), each in named["box"].items()},
        {arn: each for (arn,), each in named["heard"].items()},
    )


def _try(read: Any) -> Observation[Any]:
    try:
        return Known(read())
    except CallFailed as error:
        return unread(error)


def read_found(drill: str, account: str, region: str, reader: Reader) -> dict[str, Mapping[str, Any]]:
    """Finding id → finding of a drill, as Security Hub has it in a Region. Raises CallFailed."""
    filters = {"Id": [{"Value": f"{DRILLED}{drill}/", "Comparison": "PREFIX"}]}
    pages = reader.pages(HUB, "GetFindings", account, region, Filters=filters)
    return {each["Id"]: each for page in pages for each in page.get("Findings") or () if each["AwsAccountId"] == account}


def _found(drill: str, place: tuple[str, str], wanted: Mapping[str, Wanted], reader: Reader) -> dict[str, Mapping[str, Any]]:
    region, home = place
    return read_found(drill, wanted[home].view.delegated, region, reader)


def _heard(arn: str, account: str, region: str, reader: Reader) -> tuple[int, int]:
    pages = reader.pages(TOPICS, "ListSubscriptionsByTopic", account, region, TopicArn=arn)
    waiting = [each["SubscriptionArn"] == "PendingConfirmation" for page in pages for each in page.get("Subscriptions") or ()]
    return waiting.count(False), waiting.count(True)


def read_box(name: str, account: str, region: str, reader: Reader) -> Box:
    """One look into a queue, which takes nothing out. Raises CallFailed."""
    url = queue_url(name, account, region, reader)
    attributes = reader.read(QUEUES, "GetQueueAttributes", account, region, QueueUrl=url, AttributeNames=["All"]).get("Attributes")
    if (attributes or {}).get("RedrivePolicy"):
        return Box((), full=False, moves=True)
    found = reader.read(
        QUEUES, "ReceiveMessage", account, region,
        QueueUrl=url, MaxNumberOfMessages=LOOKED_AT, VisibilityTimeout=0, WaitTimeSeconds=0, MessageAttributeNames=["All"],
    )  # fmt: skip
    messages = found.get("Messages") or ()
    number = int((attributes or {}).get("ApproximateNumberOfMessages") or 0)
    letters = tuple(letter for each in messages if (letter := _letter(each)) is not None)
    return Box(letters, full=number > LOOKED_AT, moves=False)


def _letter(message: Mapping[str, Any]) -> Letter | None:
    """What a message says of a drill: ours name the finding, an event that could not be delivered holds it."""
    try:
        body = json.loads(message.get("Body") or "")
        identity = body["finding"] if "finding" in body else body["detail"]["findings"][0]["Id"]
    except (ValueError, LookupError, TypeError):
        return None
    if not (isinstance(identity, str) and identity.startswith(DRILLED)):
        return None
    said = {key: text(each.get("StringValue")) for key, each in (message.get("MessageAttributes") or {}).items()}
    why = ": ".join(each for each in (said.get("ERROR_CODE", ""), said.get("ERROR_MESSAGE", "")) if each)
    return Letter(identity, said.get("TARGET_ARN", ""), why)
