"""The only way to AWS: clients per (account, service, Region), credentials, retries, pace, and the guard that keeps reads reads.

Operations are listed by name beforehand; anything else is refused, so observing can never write. Every client's endpoint is held
against the mode of the settings before its first call: a rehearsal reaches loopback only, a live run never does.
"""

import contextvars
import logging
import random
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.session import Session

from runbook_lib.aws.call_slots import FIRST, LIST, USUAL, CallSlots
from runbook_lib.aws.callers import Card
from runbook_lib.aws.clients import AS_USUAL, Clients, Counters
from runbook_lib.aws.credentials import AccessRefused, AccountSessions, NoDoor, WrongAccount, failed
from runbook_lib.aws.endpoints import WrongEndpoint, partition_facts, sts_region
from runbook_lib.aws.errors import DENIED, EXPIRED, CallFailed, DoorFailed, denied, passing, throttled
from runbook_lib.aws.limits import SHARE
from runbook_lib.aws.models import service_model
from runbook_lib.aws.other_door import OtherDoor
from runbook_lib.aws.pace import Pace
from runbook_lib.aws.paging import paging
from runbook_lib.base.clock import Clock
from runbook_lib.settings import Door, Settings

T = TypeVar("T")
LOG = logging.getLogger(__name__)
THROTTLED_ATTEMPTS, PASSING_ATTEMPTS = 20, 5
"""At most so many attempts of a read that AWS throttles, or that fails for the moment."""
BACK_OFF, LONGEST_BACK_OFF = 0.25, 20.0
Kind = tuple[str, str, str, str, frozenset[str]]
"""Reads that policies treat alike: service, operation, calling account, Region, names of the parameters."""
READERS = 16
"""Threads of reading jobs per call that may be under way: most of them wait for their turn at AWS's rate, not for an answer."""


class UnlistedOperation(AccessRefused, PermissionError):
    """An operation that nobody listed was asked for; it was not called."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What AWS answered to a mutating call."""

    data: dict[str, Any]
    request_id: str
    date: str
    status: int
    invocation_id: str


class Access:
    """All calls of one run. Implements `Reader`, and `mutate` for apply; safe to use from many threads.

    `reads` and `mutations` are names like "guardduty:CreateMembers". `attach` is called with every botocore session that is made
    (an in-process simulation hooks itself in there). `member_role` enters member accounts by way of the delegated account, in the
    place of the role that settings name. `other` is the door that is somebody else's: it is never opened. Raises AccessRefused,
    and `CallFailed` for what AWS or the network refuse.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        reads: frozenset[str],
        mutations: frozenset[str],
        run: str,
        clock: Clock,
        attach: Callable[[Session], None] | None = None,
        member_role: str = "",
        other: OtherDoor | None = None,
    ) -> None:
        self.other = other
        self.concurrency = settings.concurrency
        self._reads, self._mutations = reads, mutations
        self._clock = clock
        self._pace = Pace(clock, SHARE[settings.mode])
        operations = reads | mutations
        network = settings.network or AS_USUAL
        self._clients = Clients(settings.mode, run, settings.concurrency, self._pace, attach, operations, network)
        self._sts_region = sts_region(settings)
        partition = partition_facts(self._sts_region)[0]
        self._doors = AccountSessions(
            settings, partition, self._sts_region, run, clock, self._clients.session, self._sts, member_role
        )
        self._making = threading.Lock()
        self.on_answer: Callable[..., None] = lambda *answered: None
        """Hears the answer to, or failure of, every read, and what was asked: what coverage is judged from is kept as evidence."""
        self.recall: Callable[..., dict[str, Any] | None] = lambda *asked: None
        """Gives what a read was answered a while ago, where that serves again."""
        self._under_way = CallSlots(settings.concurrency)
        self._paged = set[tuple[str, str]]()
        self._denied: dict[Kind, CallFailed] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._closed = False

    @property
    def counters(self) -> Counters:
        """Attempts, throttles and repetitions so far."""
        return self._clients.counters

    @property
    def endpoints(self) -> dict[str, dict[str, list[str]]]:
        """What was called where so far: service → host → Regions."""
        return self._clients.endpoints()

    def reads_made(self) -> dict[str, list[int]]:
        """Reading operation → all its attempts, and those in the account and Region that had most: what AWS's rates limit."""
        made = sorted(self.counters.by_operation().items())
        return {name: [sum(attempts), max(attempts)] for name, attempts in made if name in self._reads}

    def _sts(self, session: Session) -> Any:
        return self._clients.client(session, "", "sts", self._sts_region)

    def _client(self, account: str, service: str, region: str) -> Any:
        return self._clients.client(self._doors.session(account), account, service, region)

    # What services and apply use.

    def reaches(self, account: str) -> bool:
        """Whether settings name a door into this account, and it is not somebody else's."""
        return self._doors.named(account) and not self._elsewhere(account)

    def _elsewhere(self, account: str) -> bool:
        """Whether the way into an account takes the door that is somebody else's."""
        return self.other is not None and self.other.account in self._doors.through(account)

    def caller(self, account: str) -> str:
        """ARN of the identity that acts in an account; opens its door. Raises WrongAccount, NoDoor, CallFailed."""
        if self.other and account == self.other.account:
            raise self.other.failure("sts", "GetCallerIdentity", account, self._sts_region)
        return self._doors.caller(account)

    def open_doors(self) -> tuple[Card, ...]:
        """Open the management and the delegated account's doors, before anything else is called; who they lead to.

        In the calling thread: whatever has to be said of a door is said before there is work that waits for it. A role that AWS
        refuses is left out, for what the others see is worth looking at. Raises DoorFailed, AccessRefused.
        """
        cards = []
        for account in self._doors.special if self.other is None else (self.other.own,):
            try:
                cards.append(self._doors.card(account))
            except DoorFailed:
                raise
            except CallFailed:
                continue
        return tuple(cards)

    def whoever(self, door: Door) -> Card:
        """Open a door of which no settings say where it leads; its account can be read in from then on. Raises like `caller`."""
        return self._doors.whoever(door)

    def card(self, account: str) -> Card:
        """Who acts in an account, by what credentials, until when; opens its door. Raises like `caller`."""
        return self._doors.card(account)

    def read(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> dict[str, Any]:
        """Make one reading call. Throttles and passing errors are repeated, expired credentials renewed once.

        What a policy has denied is not asked again in this run: the same refusal is raised.
        """
        self._refuse_unlisted(self._reads, service, operation, "reads")
        if self._closed:
            raise AccessRefused(f"{service}:{operation} was not called: its run has ended")
        if (earlier := self.recall(service, operation, account, region, parameters)) is not None:
            self.on_answer(earlier, service, operation, account, region, parameters)
            return earlier
        kind = (service, operation, account, region, frozenset(parameters))
        if self.other is not None and account == self.other.account:
            return self._by_other_ways(kind, parameters, self.other)
        return self._asked(kind, account, parameters)

    def pages(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every page of a paged read, the largest pages the model allows. A repeated token raises CallFailed RepeatedPageToken."""
        self._refuse_unlisted(self._reads, service, operation, "reads")
        sent, received, size = paging(service_model(service), operation)
        self._paged.add((service, operation))
        request = {**size, **parameters}
        seen = set[str]()
        while True:
            page = self.read(service, operation, account, region, **request)
            yield page
            token = page.get(received) if received else None
            if not token:
                return
            if token in seen:
                text = "AWS sent the same page token twice; the list would never end"
                raise CallFailed("RepeatedPageToken", text, service=service, operation=operation, account=account, region=region)
            seen.add(token)
            request[sent] = token

    def parallel(self, jobs: Iterable[Callable[[], T]]) -> list[T]:
        """Run reading jobs side by side, results in order. What a job raises comes out as it is, and no other job is begun then.

        Jobs begin as `jobs` yields them, so a generator may go on reading meanwhile. The caller works too: jobs that the pool has
        not begun run here. So jobs may call `parallel` without a dead end.
        """
        broken: list[BaseException] = []

        def unless_broken(job: Callable[[], T]) -> T:
            if broken:
                raise broken[0]
            try:
                return job()
            except BaseException as error:
                broken.append(error)
                raise

        pool = self._threads()
        if pool is None:
            return [job() for job in jobs]
        futures: list[tuple[Future[T], Callable[[], T]]] = []
        results: list[T] = []
        try:
            for job in jobs:
                futures.append((pool.submit(contextvars.copy_context().run, unless_broken, job), job))  # noqa: PERF401 one by one
            for future, job in futures:
                results.append(unless_broken(job) if future.cancel() else future.result())
        except BaseException:
            running = [future for future, _ in futures if not future.cancel()]
            wait(running)
            raise
        return results

    def begin(self, job: Callable[[], T]) -> Callable[[], T]:
        """Start a reading job beside whatever is under way. What is returned waits for its result, or raises what it raised.

        Where settings allow one thread only, the job is done when its result is asked for. `close` ends it after the call that
        it is making.
        """
        pool = self._threads()
        return job if pool is None else pool.submit(contextvars.copy_context().run, job).result

    def mutate(
        self, service: str, operation: str, account: str, region: str, parameters: dict[str, Any], on_send: Callable[[str], None]
    ) -> Answer:
        """Make exactly one attempt of one mutating call; only apply calls this, once `admit` lets it.

        `on_send` gets botocore's invocation id after signing and before the first byte leaves; when it raises, nothing is sent.
        Expired credentials raise CallFailed like any other refusal; the next attempt has fresh ones.
        """
        self._refuse_unlisted(self._mutations, service, operation, "mutations")
        if self._elsewhere(account):
            raise AccessRefused(f"{service}:{operation} was not called: the door into account {account} is not this run's")
        client = self._client(account, service, region)
        key, invocation = self._doors.key(account), ""

        def sending(identity: str) -> None:
            nonlocal invocation
            invocation = identity
            on_send(identity)

        self._clients.sending.hook = sending
        try:
            with self._under_way.held(FIRST):
                data = self._call(client, service, operation, account, region, parameters)
        except CallFailed as failure:
            if failure.code in EXPIRED:
                self._doors.refresh(account, key)
            raise
        finally:
            self._clients.sending.hook = None
        about = data.pop("ResponseMetadata", {})
        headers = about.get("HTTPHeaders", {})
        return Answer(data, about.get("RequestId", ""), headers.get("date", ""), about.get("HTTPStatusCode", 0), invocation)

    def admit(self, service: str, operation: str, account: str, region: str) -> float:
        """0 when a mutating call may be made now at AWS's rate (it is counted then), else seconds after which to ask again."""
        return self._pace.admit((account, region, service, operation))

    def close(self) -> None:
        """End the threads and connections."""
        self._closed = True
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._clients.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # How calls are made.

    def _asked(self, kind: Kind, acting: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Make one reading call as `acting`, which is the account that it is about but where somebody else holds its door."""
        service, operation, account, region, _ = kind
        self._refuse_denied(kind, parameters)
        try:
            client = self._client(acting, service, region)
        except CallFailed as failure:
            # A door that does not open answers for every read behind it.
            self.on_answer(failure, service, operation, account, region, parameters)
            raise
        rank = FIRST if service == "organizations" else LIST if (service, operation) in self._paged else USUAL
        renewed = False
        for attempt in range(1, THROTTLED_ATTEMPTS + 1):
            key = ""
            try:
                with self._pace.turn((acting, region, service, operation), self._under_way, rank):
                    self._refuse_denied(kind, parameters)
                    key = self._doors.key(acting)
                    data = self._call(client, service, operation, acting, region, parameters)
            except CallFailed as failure:
                self._hear(failure, kind, parameters)
                if failure.code in EXPIRED:
                    if renewed or not self._doors.refresh(acting, key):
                        raise
                    renewed = True
                elif attempt >= _attempts_for(failure):
                    raise
                else:
                    longest = min(BACK_OFF * 2.0**attempt, LONGEST_BACK_OFF)
                    self._clock.sleep(random.uniform(0, longest))  # noqa: S311 spreads calls in time, guards nothing
                self._clients.count_retry()
            else:
                # Only now that its place is free for the next call: to keep an answer takes as long as to ask for one.
                del data["ResponseMetadata"]
                self.on_answer(data, service, operation, account, region, parameters)
                return data
        raise AssertionError("the last attempt returns or raises")

    def _by_other_ways(self, kind: Kind, parameters: dict[str, Any], other: OtherDoor) -> dict[str, Any]:
        """Read what the other account shows: as this one where AWS shows it here too, else as its holder was answered."""
        service, operation, account, region, _ = kind
        if (acting := other.whom(service)) and kind not in self._denied:
            try:
                return self._asked(kind, acting, parameters)
            except CallFailed as failure:
                if failure.code not in DENIED:
                    raise
        try:
            found = other.answer(service, operation, account, region, parameters)
        except CallFailed as failure:
            self.on_answer(failure, service, operation, account, region, parameters)
            raise
        self.on_answer(found, service, operation, account, region, parameters)
        return found

    def _refuse_denied(self, kind: Kind, parameters: dict[str, Any]) -> None:
        """Raise again what a policy denied: asking a second time would tell nothing to anybody but a SOC."""
        if (failure := self._denied.get(kind)) is not None:
            self.on_answer(failure, *kind[:4], parameters)
            raise failure

    def _hear(self, failure: CallFailed, kind: Kind, parameters: dict[str, Any]) -> None:
        """Take up what a read was refused with, and keep in mind what a policy denies."""
        if denied(failure):
            self._denied.setdefault(kind, failure)
        self.on_answer(failure, *kind[:4], parameters)

    def _refuse_unlisted(self, listed: frozenset[str], service: str, operation: str, kind: str) -> None:
        if f"{service}:{operation}" not in listed:
            raise UnlistedOperation(f"{service}:{operation} is not among the {kind} of this run; it was not called")

    def _call(
        self, client: Any, service: str, operation: str, account: str, region: str, parameters: dict[str, Any]
    ) -> dict[str, Any]:
        """One attempt; the answer with its metadata. Raises CallFailed."""
        about = {"service": service, "operation": operation, "account": account, "region": region}
        try:
            data: dict[str, Any] = getattr(client, xform_name(operation))(**parameters)
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            failure = failed(error, service, operation, account, region)
            LOG.debug("call failed", extra={**about, "code": failure.code, "status": failure.status})
            raise failure from error
        LOG.debug("call", extra={**about, "status": data["ResponseMetadata"]["HTTPStatusCode"]})
        return data

    def _threads(self) -> ThreadPoolExecutor | None:
        """The pool beside the calling thread; none where settings allow one thread only."""
        with self._making:
            if self._pool is None and self.concurrency > 1:
                self._pool = ThreadPoolExecutor(READERS * self.concurrency - 1, thread_name_prefix="read")
            return self._pool


def _attempts_for(failure: CallFailed) -> int:
    """How often a read that failed so is made altogether."""
    if throttled(failure):
        return THROTTLED_ATTEMPTS
    return PASSING_ATTEMPTS if passing(failure) else 1


__all__ = [
    "Access",
    "AccessRefused",
    "Answer",
    "Counters",
    "NoDoor",
    "UnlistedOperation",
    "WrongAccount",
    "WrongEndpoint",
]
