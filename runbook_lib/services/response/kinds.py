"""What a channel can be: how settings name it, who reads it, and by what leave EventBridge delivers to it.

A queue and a topic let EventBridge in by their own policy. What else a rule may send to is used by a role that EventBridge assumes
for that rule [docs: targets, and their permissions].
"""

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.services.response.names import MACHINES, QUEUES, TOPICS
from runbook_lib.settings.response import Channel, Destination, StateMachine


@dataclass(frozen=True)
class Kind:
    """One kind of channel."""

    name: str
    """The boto3 client name of the service that it belongs to."""
    what: str
    """What people call it."""
    key: str
    """As settings spell it."""
    action: str = ""
    """What the role has to be allowed that EventBridge assumes; empty where the channel's own policy lets EventBridge in."""


QUEUE = Kind(QUEUES, "queue", "queue")
TOPIC = Kind(TOPICS, "topic", "topic")
STATE_MACHINE = Kind(MACHINES, "state machine", "state_machine", "states:StartExecution")
KINDS: Mapping[str, Kind] = {each.key: each for each in (QUEUE, TOPIC, STATE_MACHINE)}
"""Key of settings → kind."""


def of_channel(channel: Channel) -> tuple[Kind, Destination | StateMachine]:
    """What a channel is, and how settings name it; a checked file has exactly one."""
    return next((kind, named) for key, kind in KINDS.items() if (named := getattr(channel, key)))
