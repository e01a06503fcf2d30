"""Resources that another part of the simulation keeps (moto: topics, queues, keys, roles), as our own operations see them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from runbook_lib.rehearsal.world import World

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True)
class Topic:
    """`policy` is JSON, or ""; `key` names the KMS key as the topic's attribute does, or is ""."""

    arn: str
    policy: str
    key: str = ""


@dataclass(frozen=True)
class Queue:
    arn: str
    policy: str
    key: str = ""
    fifo: bool = False
    deduplicates: bool = False
    """Whether it tells messages apart by their content."""


@dataclass(frozen=True)
class Key:
    arn: str
    policy: str
    state: str
    """Enabled, Disabled, PendingDeletion, …"""


@dataclass(frozen=True)
class IamRole:
    """A role that somebody created with IAM; every policy is JSON."""

    name: str
    trust: str
    policies: tuple[str, ...]
    boundary: str = ""


@dataclass(frozen=True)
class ListedRole:
    """A role as lists have it; `trust` is JSON, `created` seconds since the epoch."""

    name: str
    path: str
    id: str
    trust: str
    created: float
    longest_session: int


class Neighbours(Protocol):
    """What is kept elsewhere. Everything is named by its ARN; None where there is no such resource."""

    def topic(self, arn: str) -> Topic | None: ...

    def publish(self, arn: str, message: str) -> None:
        """Hand a message to a topic, which gives it to its subscriptions."""

    def subscriptions(self, topic: str) -> list[dict[str, str]]:
        """A topic's confirmed subscriptions, as ListSubscriptionsByTopic shows them."""

    def all_subscriptions(self, account: str, region: str) -> list[dict[str, str]]: ...

    def subscribe(self, topic: str, protocol: str, endpoint: str) -> str:
        """Make a subscription that is confirmed; its ARN."""

    def queue(self, arn: str) -> Queue | None: ...

    def send(self, arn: str, message: str, attributes: Mapping[str, str], group: str = "") -> None:
        """Put a message into a queue; `attributes` are texts."""

    def key(self, account: str, region: str, named: str) -> Key | None:
        """A key by its id, ARN or alias."""

    def function_policy(self, arn: str) -> str | None:
        """The JSON policy of a function ("" where it has none)."""

    def state_machine(self, arn: str) -> bool: ...

    def make_state_machine(self, arn: str, definition: str, role: str, invoke: Callable[[str, Any], Any]) -> None:
        """Make a state machine, or give it another definition. `invoke` runs a function by its ARN; see `functions.Invoked`."""

    def stored(self, account: str, bucket: str, key: str, version: str) -> bytes | None:
        """An object of an account's bucket; None where there is no such version."""

    def start_execution(self, arn: str, name: str, given: str) -> None:
        """Start an execution of a state machine, as far as it is simulated at all."""

    def role(self, account: str, name: str) -> IamRole | None: ...

    def roles(self, account: str) -> tuple[ListedRole, ...]:
        """Every role that somebody created with IAM in an account."""


@dataclass
class Around:
    """The neighbours of a world, and the whole application in front of it; None where nobody serves them."""

    neighbours: Neighbours | None = None
    application: Application | None = None

    def __deepcopy__(self, memo: object) -> "Around":
        """A copied world has the same ones around it."""
        return Around(self.neighbours, self.application)


def neighbours_of(world: World) -> Neighbours | None:
    return world.of(Around).neighbours
