"""What EventBridge knows in one world: buses with their rules and targets, connections, and the record of events and deliveries."""

from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.operations.events.pattern import Pattern, compiled
from runbook_lib.rehearsal.world import World, get_or_make

DEFAULT = "default"
Place = tuple[str, str]
"""An account and a Region."""


@dataclass
class Rule:
    """A rule of a bus. `targets`: by their id, each as PutTargets takes it."""

    name: str
    bus: str
    arn: str
    created_by: str
    pattern: str = ""
    schedule: str = ""
    state: str = "ENABLED"
    description: str = ""
    role: str = ""
    managed_by: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    targets: dict[str, dict[str, Any]] = field(default_factory=dict)
    due: float | None = None
    """When its schedule comes next; None where it has none that is simulated."""

    @property
    def compiled(self) -> Pattern | None:
        return compiled(self.pattern) if self.pattern else None


@dataclass
class Bus:
    """An event bus. `policy`: its statements by their Sid."""

    name: str
    arn: str
    created: float
    description: str = ""
    policy: dict[str, dict[str, Any]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)


@dataclass
class Connection:
    """Where an API destination's credentials lie; their values are kept in no other place than moto's Secrets Manager."""

    name: str
    arn: str
    secret: str
    kind: str
    shown: dict[str, Any]
    """AuthParameters as DescribeConnection shows them, without what is secret."""
    headers: dict[str, str]
    """What is sent along, as EventBridge would read it from the secret."""
    created: float
    changed: float
    state: str = "AUTHORIZED"
    description: str = ""


@dataclass
class ApiDestination:
    name: str
    arn: str
    connection: str
    endpoint: str
    method: str
    rate: int
    created: float
    changed: float
    description: str = ""


@dataclass(frozen=True)
class Delivery:
    """One event at one target. `outcome`: delivered, retried (and still on its way), dlq or dropped; `failed` says why not.

    `code` is the error as a dead-letter queue's message names it; `attempts` counts every try so far.
    """

    account: str
    region: str
    rule: str
    target: str
    failed: str
    event: str = ""
    outcome: str = "delivered"
    code: str = ""
    attempts: int = 1
    time: float = 0.0
    input: str = ""


@dataclass(frozen=True)
class Invocation:
    """What a target that the simulation does not run was given: a function, a state machine, a stream, a task."""

    kind: str
    target: str
    input: str
    time: float
    rule: str = ""


@dataclass
class EventsState:
    """All of it; found by `state_of(world)`."""

    buses: dict[Place, dict[str, Bus]] = field(default_factory=dict)
    connections: dict[Place, dict[str, Connection]] = field(default_factory=dict)
    destinations: dict[Place, dict[str, ApiDestination]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    """Every event that was put on a bus."""
    deliveries: list[Delivery] = field(default_factory=list)
    invocations: list[Invocation] = field(default_factory=list)
    disturbances: list["Disturbance"] = field(default_factory=list)
    failing_entries: dict[str, str] = field(default_factory=dict)
    """Glob of target ARNs → ErrorCode with which PutTargets hands their entries back."""
    installed: bool = False


@dataclass
class Disturbance:
    """What befalls the delivery of events: `twice`, `late` by so many seconds (so others overtake it), or a target `throttled`.

    It befalls the next `times` events (or attempts at a target) that fit `source` and `target`, globs.
    """

    kind: str
    source: str = "*"
    target: str = "*"
    seconds: float = 600.0
    times: int = 1


def state_of(world: World) -> EventsState:
    return world.of(EventsState)


def buses_of(world: World, account: str, region: str) -> dict[str, Bus]:
    """The buses of an account and Region; the default one is there from the start."""
    found = get_or_make(state_of(world).buses, (account, region), dict[str, Bus])
    if DEFAULT not in found:
        arn = f"arn:{world.partition}:events:{region}:{account}:event-bus/{DEFAULT}"
        found[DEFAULT] = Bus(DEFAULT, arn, world.now())
    return found
