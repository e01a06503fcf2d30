"""Sessions and clients of botocore, made in one place: endpoint guard, retries, time-outs, user agent, counting.

`access` alone uses this. Every client's endpoint is held against the mode of the settings before its first call.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ConnectTimeoutError, HTTPClientError, ProxyConnectionError, SSLError
from botocore.hooks import HierarchicalEmitter
from botocore.session import Session

from runbook_lib import __version__
from runbook_lib.aws.configuration import certificates, configured
from runbook_lib.aws.endpoints import WrongEndpoint, check_endpoint, check_request, refuse_configured, refuse_unlisted
from runbook_lib.aws.errors import THROTTLED
from runbook_lib.aws.handlers import register_builtin
from runbook_lib.aws.isolation import isolate
from runbook_lib.aws.keys import watch
from runbook_lib.aws.models import TrimmedModels
from runbook_lib.aws.pace import Key, Pace
from runbook_lib.aws.parsing import Parsers
from runbook_lib.settings.network import NetworkSection

STS_ATTEMPTS = 10
UNMET_ATTEMPTS = {ProxyConnectionError: 1, ConnectTimeoutError: 2, HTTPClientError: 4}
"""After so many attempts a call is given up for which there was no connection, the most exact class first: no repetition mends a
wrong proxy, and whoever waits for a door to open wants to know within seconds."""
CUT = ("EOF", "reset", "timed out")
"""In the text of an SSLError: a handshake that was cut, and may go well the next time; a certificate stays what it is."""
CONNECT_SECONDS, READ_SECONDS = 5, 60
AS_USUAL = NetworkSection()
"""AWS's own endpoints, botocore's certificates, and the environment's proxy."""


@dataclass
class Counters:
    """Attempts, throttled ones, and repeated ones."""

    calls: Counter[Key] = field(default_factory=Counter)
    throttles: int = 0
    retries: int = 0

    def by_operation(self) -> dict[str, list[int]]:
        """Names like "guardduty:ListDetectors" → the attempts in each account and Region in which there were any."""
        found = defaultdict[str, list[int]](list)
        for (_, _, service, operation), count in dict(self.calls).items():
            found[f"{service}:{operation}"].append(count)
        return found


class Clients:
    """All sessions and clients of a run, each made once, under a lock (sessions are not thread-safe, clients are).

    Clients of a service of which `operations` names some can do these alone. `network` says how live clients reach AWS; no other
    endpoints are taken from anywhere. None: there are no settings to name any.
    """

    def __init__(
        self,
        mode: str,
        run: str,
        concurrency: int,
        pace: Pace,
        attach: Callable[[Session], None] | None,
        operations: Iterable[str] = (),
        network: NetworkSection | None = AS_USUAL,
    ) -> None:
        self._mode, self._concurrency, self.pace, self._attach = mode, concurrency, pace, attach
        self._agent = f"incident-runbook/{__version__} run/{run}"
        self._models = TrimmedModels(operations)
        self._network = network if mode == "live" and network else AS_USUAL
        self._settings = network is not None
        self._used: dict[str, dict[str, str]] = {}
        self._asides = set[Session]()
        """Sessions whose user has left configured endpoints aside."""
        self._configured: dict[tuple[Session, str], str] = {}
        self._made: dict[tuple[int, str, str, str], Any] = {}
        self._making, self._counting = threading.Lock(), threading.Lock()
        self.counters = Counters()
        self.sending = threading.local()
        """`sending.hook` is the `on_send` of the mutating call that the thread is making."""

    def session(self, profile: str | None) -> Session:
        """A new session for a profile, or for what the environment holds; its clients all pass the endpoint guard.

        Raises BadConfiguration where AWS's own configuration files do not have what it takes.
        """
        # botocore's aliases are for the names that events of some services once had. Each client would look through them, for
        # every event, anew; and the events of today are registered and emitted under their own names.
        events = HierarchicalEmitter()
        session = Session(profile=profile, event_hooks=events, include_builtin_handlers=False)
        register_builtin(events, self._models.services)
        session.register_component("event_emitter", events)
        session.register_component("data_loader", self._models)
        session.set_config_variable("sts_regional_endpoints", "regional")
        session.register_component("response_parser_factory", Parsers())
        # Inherited by every client of the session, also those that botocore makes for itself to get credentials.
        events.register_first("before-send", self._guard)
        events.register_first("needs-retry", _give_up)
        session.set_default_client_config(Config(connect_timeout=CONNECT_SECONDS, proxies=self._proxies))
        if self._network.ca_bundle:
            session.set_config_variable("ca_bundle", certificates(self._network.ca_bundle))
        self._send_botocores_own_sts(session)
        if self._mode == "rehearsal":
            isolate(session)
        if self._attach is not None:
            self._attach(session)
        with configured(profile):
            session.get_scoped_config()
        if self._mode == "live":
            watch(session, profile)
            self._leave_aside_configured(session)
        return session

    def client(self, session: Session, account: str, service: str, region: str) -> Any:
        """The client of a session's account for a service in a Region. It makes one attempt per call; `access` repeats reads.

        botocore's own repetitions share a quota per client that a throttled run uses up, and they do not keep to our pace.
        """
        key = (id(session), account, service, region)
        # A call whose client is there does not stand in line behind dozens that are being made.
        if (made := self._made.get(key)) is not None:
            return made
        with self._making:
            if key not in self._made:
                self._made[key] = self._make(session, account, service, region)
            return self._made[key]

    def count_retry(self) -> None:
        """A read is made again."""
        with self._counting:
            self.counters.retries += 1

    def close(self) -> None:
        """End all connections."""
        for client in self._made.values():
            client.close()

    def endpoints(self) -> dict[str, dict[str, list[str]]]:
        """Service → host → Regions of all clients so far; one host stands for all that differ in their Region alone."""
        found: dict[str, dict[str, list[str]]] = {}
        for service, hosts in sorted(dict(self._used).items()):
            for region, host in sorted(dict(hosts).items()):
                found.setdefault(service, {}).setdefault(host.replace(region, "{region}"), []).append(region)
        return found

    def _send_botocores_own_sts(self, session: Session) -> None:
        """Let the client with which botocore assumes a role that a profile names go where settings send all of STS.

        botocore makes it from the profile alone: its Region, and no endpoint or variant of one.
        """
        network, create = self._network, session.create_client
        if not (network.sts_region or "sts" in (*network.fips, *network.dual_stack, *network.endpoints)):
            return

        def made(service_name: str, region_name: str | None = None, **more: Any) -> Any:
            if service_name == "sts" and "config" not in more:  # our own clients bring theirs
                region_name = network.sts_region or region_name or session.get_config_variable("region")
                named = network.endpoints.get("sts", {}).get(region_name or "")
                more |= {"config": self._variant("sts"), "endpoint_url": named}
            return create(service_name, region_name=region_name, **more)

        session.create_client = made  # type: ignore[assignment] # botocore has no other place for it

    def _leave_aside_configured(self, session: Session) -> None:
        """Let no client of a session, those included that botocore makes for itself, take an endpoint that is configured.

        Where there is one, `_make` refuses it, unless the user has left them aside already.
        """
        if session.get_config_variable("ignore_configured_endpoint_urls"):
            self._asides.add(session)
        session.set_config_variable("ignore_configured_endpoint_urls", True)

    def _make(self, session: Session, account: str, service: str, region: str) -> Any:
        config = self._config(session.user_agent(), STS_ATTEMPTS if service == "sts" else 1).merge(self._variant(service))
        named = self._network.endpoints.get(service, {}).get(region)
        client = session.create_client(service, region_name=region, config=config, endpoint_url=named)
        try:
            if self._mode == "live" and named is None:
                asked = service in (*self._network.fips, *self._network.dual_stack)
                refuse_unlisted(service, region, client.meta.endpoint_url, by_settings=asked)
                self._refuse_configured(session, service, region, client.meta.endpoint_url)
            check_endpoint(self._mode, service, region, client.meta.endpoint_url)
        except WrongEndpoint:
            client.close()
            raise
        self._used.setdefault(service, {})[region] = urlsplit(client.meta.endpoint_url).netloc
        if service != "sts":
            # A handler of the longer event name runs before all of "before-send", an in-process simulation's included.
            identity = client.meta.service_model.service_id.hyphenize()
            client.meta.events.register_first(f"before-send.{identity}", self._announce)
        client.meta.events.register_first("needs-retry", self._tally(account, service, region))
        return client

    def _refuse_configured(self, session: Session, service: str, region: str, own: str) -> None:
        """Refuse what the environment or a profile names in the place of AWS's own endpoint; found out once for each service."""
        if session in self._asides:
            return
        key = (session, service)
        if key not in self._configured:
            heeding = Config(ignore_configured_endpoint_urls=False)  # type: ignore[call-arg] # botocore's types lack it
            heeding = heeding.merge(self._variant(service))
            probe = session.create_client(service, region_name=region, config=heeding)
            self._configured[key] = "" if probe.meta.endpoint_url == own else probe.meta.endpoint_url
            probe.close()
        if other := self._configured[key]:
            refuse_configured(service, region, other, own, settings=self._settings)

    @property
    def _proxies(self) -> dict[str, str] | None:
        """None lets botocore take the environment's proxy, which must not see a rehearsal's loopback calls."""
        if self._mode == "rehearsal":
            return {}
        return {"http": self._network.proxy, "https": self._network.proxy} if self._network.proxy else None

    def _variant(self, service: str) -> Config:
        """Which of a service's endpoints is called. None lets botocore take what environment and profile say of all services."""
        fips = True if service in self._network.fips else None
        return Config(use_dualstack_endpoint=service in self._network.dual_stack, use_fips_endpoint=fips)

    def _config(self, agent: str, attempts: int) -> Config:
        return Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": attempts},
            # No more calls are under way at the same time; each pool is filled, and emptied, place by place.
            max_pool_connections=self._concurrency,
            # Given whole: botocore else puts it together anew, twice for each call, which costs as much as signing.
            user_agent=agent,
            user_agent_extra=self._agent,
            proxies=self._proxies,
        )

    def _guard(self, request: Any, **_: Any) -> None:
        check_request(self._mode, request.url)

    def _announce(self, request: Any, **_: Any) -> None:
        """Tell the thread's `on_send` about an attempt of a mutating call, after signing and before it leaves."""
        if (hook := getattr(self.sending, "hook", None)) is None:
            return
        identity = request.headers["amz-sdk-invocation-id"]
        hook(identity.decode() if isinstance(identity, bytes) else identity)

    def _tally(self, account: str, service: str, region: str) -> Callable[..., None]:
        """Count every attempt, also those that botocore repeats by itself."""

        def tally(response: Any, operation: Any, attempts: int, caught_exception: Any = None, **_: Any) -> None:
            if caught_exception is not None and not isinstance(caught_exception, BotoCoreError):
                return  # stopped by `on_send` or the endpoint guard: nothing was sent
            code = response[1].get("Error", {}).get("Code", "") if response else ""
            key = account, region, service, operation.name
            with self._counting:
                self.counters.calls[key] += 1
                self.counters.throttles += code in THROTTLED
                self.counters.retries += attempts > 1
            if code in THROTTLED:
                self.pace.throttled(key)

        return tally


def _give_up(attempts: int, caught_exception: Any = None, **_: Any) -> None:
    """Raise what prevented a connection, in the place of botocore's own repetitions."""
    most = next((most for kind, most in UNMET_ATTEMPTS.items() if isinstance(caught_exception, kind)), None)
    if isinstance(caught_exception, SSLError) and not any(sign in str(caught_exception) for sign in CUT):
        most = 1
    if most is not None and attempts >= most:
        raise caught_exception
