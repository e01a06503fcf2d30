"""sns: subscriptions that wait for a confirmation, and what queues' policies let a topic deliver; topics themselves are moto's.

Somebody at the address has to confirm within 48 hours [docs 2023]; letters to addresses are kept here and nothing is ever sent.
"""

import hashlib
from dataclasses import asdict, dataclass, field
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.neighbours import Neighbours, neighbours_of
from runbook_lib.rehearsal.operations.events.access import key_of, key_refusal, refusal_of
from runbook_lib.rehearsal.registry import Call, PassOn, operation, page
from runbook_lib.rehearsal.world import World

SERVICE = "sns.amazonaws.com"
CONFIRMED_BY_SOMEBODY = ("email", "email-json", "http", "https")
"""Protocols whose endpoint has to say that it wants to be told [docs]."""
HOURS_TO_CONFIRM = 48
PAGE = 100
"""Subscriptions of a page [docs]."""


@dataclass(frozen=True)
class Pending:
    """A subscription that nobody has confirmed yet."""

    arn: str
    topic: str
    owner: str
    region: str
    protocol: str
    endpoint: str
    token: str
    until: float


@dataclass(frozen=True)
class Letter:
    """What an endpoint outside was sent: the request to confirm with its token, or a message."""

    endpoint: str
    protocol: str
    topic: str
    text: str
    time: float
    token: str = ""


@dataclass(frozen=True)
class Lost:
    """A message that a subscription did not get. AWS says so in metrics only."""

    topic: str
    endpoint: str
    why: str
    time: float


@dataclass
class SnsState:
    pending: dict[str, Pending] = field(default_factory=dict)
    """By ARN."""
    letters: list[Letter] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)


def state_of(world: World) -> SnsState:
    """Without what waited too long."""
    state = world.of(SnsState)
    state.pending = {arn: each for arn, each in state.pending.items() if each.until > world.now()}
    return state


def _around(call: Call) -> Neighbours:
    neighbours = neighbours_of(call.world)
    if neighbours is None:
        raise ApiError("NotSimulated", f"sns:{call.operation} is not simulated here", 501)
    return neighbours


@operation("sns", "Subscribe")
def subscribe(
    call: Call,
    TopicArn: str,
    Protocol: str,
    Endpoint: str = "",
    Attributes: dict[str, str] | None = None,
    ReturnSubscriptionArn: bool = False,
) -> dict[str, Any]:
    """An address is asked first: the answer is "pending confirmation", or an ARN, which does not mean confirmed [model]."""
    if Protocol not in CONFIRMED_BY_SOMEBODY:
        raise PassOn
    neighbours = _around(call)
    if neighbours.topic(TopicArn) is None:
        raise ApiError("NotFound", "Topic does not exist", 404)
    if Protocol.startswith("email") and "@" not in Endpoint:
        raise ApiError("InvalidParameter", "Invalid parameter: Email address", 400)
    confirmed = next((each for each in neighbours.subscriptions(TopicArn) if each["Endpoint"] == Endpoint), None)
    if confirmed:
        return {"SubscriptionArn": confirmed["SubscriptionArn"]}
    state, now = state_of(call.world), call.world.now()
    token = hashlib.sha256(f"{TopicArn}/{Protocol}/{Endpoint}".encode()).hexdigest()
    arn = f"{TopicArn}:{token[:8]}-{token[8:12]}-{token[12:16]}-{token[16:20]}-{token[20:32]}"
    until = now + HOURS_TO_CONFIRM * 3600
    state.pending[arn] = Pending(arn, TopicArn, call.account, call.region, Protocol, Endpoint, token, until)
    state.letters.append(Letter(Endpoint, Protocol, TopicArn, "You have chosen to subscribe to the topic", now, token))
    return {"SubscriptionArn": arn if ReturnSubscriptionArn else "pending confirmation"}


@operation("sns", "ConfirmSubscription")
def confirm_subscription(call: Call, TopicArn: str, Token: str, AuthenticateOnUnsubscribe: str | None = None) -> dict[str, Any]:
    found = next((each for each in state_of(call.world).pending.values() if (each.topic, each.token) == (TopicArn, Token)), None)
    if found is None:
        raise ApiError("InvalidParameter", "Invalid parameter: Token", 400)
    return {"SubscriptionArn": confirm(call.world, found, _around(call))}


def confirm(world: World, pending: Pending, neighbours: Neighbours) -> str:
    """Somebody at the address follows the link; the subscription's ARN."""
    del state_of(world).pending[pending.arn]
    return neighbours.subscribe(pending.topic, pending.protocol, pending.endpoint)


def confirm_all(world: World, endpoint: str) -> int:
    """Let somebody at an address confirm everything that waits there; how many that were."""
    neighbours = neighbours_of(world)
    waiting = [each for each in state_of(world).pending.values() if each.endpoint == endpoint] if neighbours else []
    for each in waiting:
        assert neighbours is not None, "nothing waits without one"
        confirm(world, each, neighbours)
    return len(waiting)


def subscribe_and_confirm(world: World, topic: str, endpoint: str) -> dict[str, bool]:
    """Somebody has an e-mail address subscribed to a topic and follows the link; whether they were not subscribed before."""
    neighbours = neighbours_of(world)
    if neighbours is None or neighbours.topic(topic) is None:
        raise ApiError("NotFound", "Topic does not exist", 404)
    if any(each["Endpoint"] == endpoint for each in neighbours.subscriptions(topic)):
        return {"subscribed": False}
    neighbours.subscribe(topic, "email", endpoint)
    return {"subscribed": True}


@operation("sns", "ListSubscriptionsByTopic")
def list_subscriptions_by_topic(call: Call, TopicArn: str, NextToken: str | None = None) -> dict[str, Any]:
    """Confirmed ones, and those that wait, whose ARN is "PendingConfirmation" [docs]."""
    if _around(call).topic(TopicArn) is None:
        raise ApiError("NotFound", "Topic does not exist", 404)
    shown, token = page(_listed(call, TopicArn), NextToken, PAGE, PAGE)
    return {"Subscriptions": shown, "NextToken": token}


@operation("sns", "ListSubscriptions")
def list_subscriptions(call: Call, NextToken: str | None = None) -> dict[str, Any]:
    shown, token = page(_listed(call, ""), NextToken, PAGE, PAGE)
    return {"Subscriptions": shown, "NextToken": token}


def _listed(call: Call, topic: str) -> list[dict[str, str]]:
    there = _around(call).subscriptions(topic) if topic else _around(call).all_subscriptions(call.account, call.region)
    waiting = [
        {
            "SubscriptionArn": "PendingConfirmation",
            "Owner": each.owner,
            "Protocol": each.protocol,
            "Endpoint": each.endpoint,
            "TopicArn": each.topic,
        }
        for each in state_of(call.world).pending.values()
        if each.topic == topic or (not topic and (each.owner, each.region) == (call.account, call.region))
    ]
    return [*there, *waiting]


@operation("sns", "GetSubscriptionAttributes")
def get_subscription_attributes(call: Call, SubscriptionArn: str) -> dict[str, Any]:
    found = state_of(call.world).pending.get(SubscriptionArn)
    if found is None:
        raise PassOn
    shown = {
        "SubscriptionArn": found.arn,
        "TopicArn": found.topic,
        "Owner": found.owner,
        "Protocol": found.protocol,
        "Endpoint": found.endpoint,
        "PendingConfirmation": "true",
    }
    return {"Attributes": shown}


@operation("sns", "Unsubscribe")
def unsubscribe(call: Call, SubscriptionArn: str) -> None:
    """One that waits cannot be taken back by its placeholder [docs]."""
    if SubscriptionArn.lower() in ("pendingconfirmation", "pending confirmation"):
        raise ApiError("InvalidParameter", "Invalid parameter: SubscriptionArn Reason: An ARN must have at least 6 elements", 400)
    if state_of(call.world).pending.pop(SubscriptionArn, None) is None:
        raise PassOn


def handed_over(world: World, topic: str, protocol: str, endpoint: str, message: str) -> bool:
    """Whether a topic's message is to be put into a subscribed queue, which its policy and key decide; all else is done here."""
    if protocol != "sqs":
        world.of(SnsState).letters.append(Letter(endpoint, protocol, topic, message, world.now()))
        return False
    why = _queue_refusal(world, topic, endpoint)
    if why:
        world.of(SnsState).lost.append(Lost(topic, endpoint, why, world.now()))
    return not why


def _queue_refusal(world: World, topic: str, endpoint: str) -> str:
    neighbours = neighbours_of(world)
    queue = neighbours.queue(endpoint) if neighbours else None
    if queue is None:
        return "there is no such queue"
    if why := refusal_of(world, queue.policy, "sqs:SendMessage", endpoint, topic, SERVICE):
        return why
    return key_refusal(world, key_of(world, endpoint, queue.key), topic, SERVICE) if queue.key else ""


PAGES = {
    ("GET", "mailbox"): lambda world: [asdict(each) for each in world.of(SnsState).letters],
    ("GET", "lost"): lambda world: [asdict(each) for each in world.of(SnsState).lost],
    ("POST", "subscribe"): subscribe_and_confirm,
    ("POST", "confirm"): lambda world, endpoint: {"confirmed": confirm_all(world, endpoint)},
}
"""Pages of the control: what addresses were sent, what queues did not get, and people who subscribe and confirm."""
