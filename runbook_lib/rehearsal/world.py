"""The state of the simulated organization: accounts, OUs, roles, Regions, delegation; each service keeps its own beside it."""

import heapq
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from math import inf
from typing import Any, TypeVar

from runbook_lib.rehearsal.conditions import Conditions
from runbook_lib.rehearsal.regions import regions_of
from runbook_lib.rehearsal.resources import Resource

K = TypeVar("K")
S = TypeVar("S")
NEVER = 10**9
"""More polls than anybody makes."""


@dataclass
class SimulatedRole:
    """An IAM role: who may assume it (account ids, service principals, or a full principal ARN), and what it may do.

    `denied` are glob patterns of "service:Operation" that no policy of the role allows; all else is allowed, unless it has
    `policies` of its own (JSON documents). `boundary` is the document of its permissions boundary.
    """

    name: str
    trusts: set[str]
    max_session_seconds: int = 3600
    external_id: str | None = None
    denied: tuple[str, ...] = ()
    policies: tuple[str, ...] | None = None
    boundary: str = ""


@dataclass
class SimulatedAccount:
    """One account. `state` is ListAccounts' `State`; `regions` holds only opt-in Regions (status ENABLED, DISABLED, …)."""

    id: str
    name: str
    email: str
    parent: str
    state: str = "ACTIVE"
    joined_method: str = "CREATED"
    joined: float = 0.0
    regions: dict[str, str] = field(default_factory=dict)
    roles: dict[str, SimulatedRole] = field(default_factory=dict)
    service_linked_roles: set[str] = field(default_factory=set)
    config_recorders: set[str] = field(default_factory=set)
    """Regions with a running AWS Config recorder."""
    stopped_recorders: set[str] = field(default_factory=set)
    """Regions with an AWS Config recorder that somebody stopped."""
    generated: bool = False
    """Whether it fills up a seed's number of accounts, which does not name it."""


@dataclass
class OrganizationalUnit:
    id: str
    name: str
    parent: str


@dataclass
class SimulatedOrganization:
    """One AWS Organization. `parent` of accounts and OUs leads up to `root`."""

    id: str
    root: str
    management: str
    feature_set: str = "ALL"
    accounts: dict[str, SimulatedAccount] = field(default_factory=dict)
    units: dict[str, OrganizationalUnit] = field(default_factory=dict)
    trusted: dict[str, float] = field(default_factory=dict)
    """Service principal → when trusted access was enabled."""
    delegated: dict[str, dict[str, float]] = field(default_factory=dict)
    """Service principal → account id → when it was registered."""
    region_denied: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Region → service globs an SCP denies there to every account but the management account."""


def get_or_make(table: dict[K, S], key: K, make: Callable[[], S]) -> S:
    """What a table holds for a key, made when it is first asked for (`setdefault` would make it, in vain, every time)."""
    if key not in table:
        table[key] = make()
    return table[key]


class Settling:
    """An asynchronous state: `value` until it was read `polls` times or `clock` shows `until`, whichever comes first; then `final`.

    Counting reads keeps rehearsals quick and deterministic for clients that poll; those that sleep once and act are served by time,
    as at AWS.
    """

    def __init__(self, value: str, final: str, polls: int, until: float = inf, clock: Callable[[], float] | None = None) -> None:
        self.value, self.final, self.left, self.until, self._clock = value, final, polls, until, clock

    @property
    def over(self) -> bool:
        """Whether it has settled."""
        return self.left <= 0 or (self._clock is not None and self._clock() >= self.until)

    def read(self) -> str:
        """What a read sees now; counts as one poll."""
        if not self.over:
            self.left -= 1
            return self.value
        self.value, self.left = self.final, 0
        return self.value


def settled(value: str) -> Settling:
    """A state that nothing changes by itself."""
    return Settling(value, value, 0)


def current(settling: Settling) -> str:
    """The value without counting as a poll: for the simulation's own decisions."""
    return settling.final if settling.over else settling.value


class World:
    """Everything the server knows. `lock` is held around each request, so state changes one request at a time.

    A service's state lives with the service: `world.of(GuardDutyState)` makes it on first use and keeps it. Services react to each
    other through `on(event, handler)` and `tell(event, **facts)`; events: "delegated administrator deregistered" (principal,
    account), "account joined" (account), "account closed" (account), "finding imported" (account, region, finding), "member by
    invitation" (account, region, service, administrator): a seed makes an account the member of an outsider.
    """

    def __init__(
        self,
        organization: SimulatedOrganization,
        partition: str = "aws",
        settle_polls: int | None = 2,
        speed: float = 1.0,
        regions: frozenset[str] | None = None,
    ) -> None:
        self.organization = organization
        self.partition = partition
        self.regions = regions_of(partition) if regions is None else regions
        """The Regions that exist here: a seed may leave most of the partition's out."""
        self.settle_polls = settle_polls
        """Reads after which an asynchronous state settles; None: however often it is read."""
        self.settle_seconds: float | None = None
        """Seconds of simulated time after which it settles; None: however long it takes."""
        self.speed = speed
        self.lock = threading.RLock()
        self.variants: dict[str, str] = {}
        """Which of two behaviours that AWS's documentation leaves open: name → choice."""
        self.unavailable: dict[str, dict[str, frozenset[str]]] = {}
        self.resources: tuple[Resource, ...] = ()
        """Service → Region → features or scan types that the service does not offer there."""
        self.profiles: dict[str, str] = {}
        """AWS profile → account, of clients that have more than the rehearsal's own profile."""
        self.url = ""
        """Where this world is served, for what itself calls AWS: functions. "" where it is not."""
        self.conditions = Conditions(throttled=False)
        self.never_settles: set[tuple[str, str]] = set()
        """(service, glob of account) whose asynchronous states stay on their way until `release`."""
        self._held: list[Settling] = []
        self._due: list[tuple[Settling, Callable[[], object]]] = []
        """What follows once a state has settled."""
        self._states: dict[type[Any], Any] = {}
        self._listeners: dict[str, list[Callable[..., None]]] = {}
        self._coming: list[tuple[float, int, str, dict[str, Any]]] = []
        """What is yet to be told: when, in which order, event, facts."""
        self._announced = 0
        self._moment: float | None = None
        self._started, self._skipped = time.time(), 0.0

    def now(self) -> float:
        """The simulated time, in seconds since the epoch; `speed` times as fast as the real one."""
        return self._reached() if self._moment is None else self._moment

    def _reached(self) -> float:
        real = time.time()
        return self._started + (real - self._started) * self.speed + self._skipped

    def unhurried(self) -> float:
        """Seconds of real time, plus what was skipped: the clock of request rates, which `speed` does not change."""
        return time.monotonic() + self._skipped

    def skip(self, seconds: float) -> None:
        """Let simulated time pass."""
        self._skipped += seconds

    def of(self, state: type[S]) -> S:
        """The one state object of a service."""
        if state not in self._states:
            self._states[state] = state()
        found: S = self._states[state]
        return found

    def on(self, event: str, handler: Callable[..., None]) -> None:
        self._listeners.setdefault(event, []).append(handler)

    def tell(self, event: str, /, **facts: Any) -> None:
        for handler in self._listeners.get(event, ()):
            handler(world=self, **facts)

    def tell_later(self, seconds: float, event: str, /, **facts: Any) -> None:
        """Tell of an event once so much simulated time has passed; facts that are equal in time keep their order."""
        self._announced += 1
        heapq.heappush(self._coming, (self.now() + seconds, self._announced, event, facts))

    def catch_up(self) -> None:
        """Tell of everything whose time has come, as the first thing of every request. What it brings may be due as well.

        What follows on a state that has settled since the request before comes first.
        """
        if self._moment is not None:
            return
        for each in [each for each in self._due if each[0].over]:
            self._due.remove(each)
            each[1]()
        try:
            while self._coming and self._coming[0][0] <= self._reached():
                # Whoever is told sees the time at which it happens, however much was skipped.
                self._moment, _, event, facts = heapq.heappop(self._coming)
                self.tell(event, **facts)
        finally:
            self._moment = None

    def settling(
        self, value: str, final: str, service: str = "", account: str = "", then: Callable[[], object] | None = None
    ) -> Settling:
        """A state that settles after this world's reads or seconds; a member's, where `service` and `account` say whose.

        `then` happens once it has settled, before the next request is looked at, whoever looks.
        """
        made = Settling(value, final, 0, clock=self.now)
        if then is not None:
            self._due.append((made, then))
        self._begin(made)
        if any(service == held and fnmatchcase(account, glob) for held, glob in self.never_settles):
            made.left, made.until = NEVER, inf
            self._held.append(made)
        return made

    def _begin(self, settling: Settling) -> None:
        settling.left = NEVER if self.settle_polls is None else self.settle_polls
        settling.until = inf if self.settle_seconds is None else self.now() + self.settle_seconds

    @property
    def settles_at_once(self) -> bool:
        """Whether nobody ever sees a state on its way."""
        return self.settle_polls == 0 or self.settle_seconds == 0

    def release(self) -> None:
        """Let everything that never settles settle after the usual reads or seconds, from now on."""
        self.never_settles = set()
        for each in self._held:
            self._begin(each)
        self._held.clear()
