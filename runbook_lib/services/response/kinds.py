"""What a channel can be: how settings name it, and by what leave EventBridge delivers to it.

A queue and a topic let EventBridge in by their own policy, a function by a statement for each rule. What else a rule may send to is
used by a role that EventBridge assumes for that rule [docs: targets, and their permissions].
"""

from collections.abc import Mapping
from dataclasses import dataclass

from runbook_lib.services.response.names import EVENTS, FUNCTIONS, MACHINES, QUEUES, SYSTEMS, TOPICS
from runbook_lib.settings.response import ApiDestination, Automation, Channel, Destination, EventBus, Function, StateMachine

Named = Destination | Function | StateMachine | Automation | ApiDestination | EventBus


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
    """What the role has to be allowed that EventBridge assumes; empty where there is none."""

    @property
    def acts(self) -> bool:
        """Whether what is behind it may change the finding by itself; who reads a queue or topic answers for that."""
        return self not in (QUEUE, TOPIC)


QUEUE = Kind(QUEUES, "queue", "queue")
TOPIC = Kind(TOPICS, "topic", "topic")
FUNCTION = Kind(FUNCTIONS, "function", "function")
STATE_MACHINE = Kind(MACHINES, "state machine", "state_machine", "states:StartExecution")
AUTOMATION = Kind(SYSTEMS, "document", "automation", "ssm:StartAutomationExecution")
API_DESTINATION = Kind(EVENTS, "API destination", "api_destination", "events:InvokeApiDestination")
EVENT_BUS = Kind(EVENTS, "event bus", "event_bus", "events:PutEvents")
KINDS: Mapping[str, Kind] = {
    each.key: each for each in (QUEUE, TOPIC, FUNCTION, STATE_MACHINE, AUTOMATION, API_DESTINATION, EVENT_BUS)
}
"""Key of settings → kind."""


def of_channel(channel: Channel) -> tuple[Kind, Named]:
    """What a channel is, and how settings name it; a checked file has exactly one."""
    return next((kind, named) for key, kind in KINDS.items() if (named := getattr(channel, key)))
