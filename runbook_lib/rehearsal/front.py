"""The simulated AWS as one WSGI application: who calls, is it allowed, our operation or moto's, answer and log."""

import io
import json
import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable
from email.utils import formatdate
from typing import Any

from runbook_lib.rehearsal import answers, codec, query, unanswered
from runbook_lib.rehearsal.answers import SimulationError
from runbook_lib.rehearsal.asked import Asked, stored
from runbook_lib.rehearsal.control import Control
from runbook_lib.rehearsal.errors import ApiError, ConnectionCut
from runbook_lib.rehearsal.faults import BATCHED, Faults, hand_back, leave_out, refusal
from runbook_lib.rehearsal.identify import REST, WHOLE, Environ, Request, identify
from runbook_lib.rehearsal.identity import QUERY, Credential, Credentials, authenticate
from runbook_lib.rehearsal.internal import install
from runbook_lib.rehearsal.limits import Limits
from runbook_lib.rehearsal.log import Entry, Log, longest_list, page_asked
from runbook_lib.rehearsal.neighbours import Around
from runbook_lib.rehearsal.operations.cloudformation.custom import ADDRESS, take
from runbook_lib.rehearsal.operations.storage import refuse_other_owner
from runbook_lib.rehearsal.permissions import refuse_denied
from runbook_lib.rehearsal.refusals import Designation, refuse_absent, refuse_region
from runbook_lib.rehearsal.registry import HANDLERS, Call, PassOn
from runbook_lib.rehearsal.scenario import Fault, Scenario
from runbook_lib.rehearsal.world import World

LOG = logging.getLogger(__name__)
StartResponse = Callable[..., Any]
Answer = tuple[int, list[tuple[str, str]], bytes]
NO_PAGE = b"<title>404 Not Found</title>"
"""The web page that moto's server has for an operation of a REST service that moto lacks."""
OTHERS_JSON = ("ssm", "states")
"""Services of moto's whose requests are JSON, and are authorized on what they name."""
MOTO_CONTROL = "/moto-api"
"""moto's own control pages, which change its state for whoever asks: there are none here, the rehearsal has its own."""
REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 409: "Conflict", 429: "Too Many Requests"}


class Front:
    """The WSGI application of one world. `backstop` answers what is not ours; None refuses it.

    Where a service has no endpoint, or the scenario cuts a connection, it raises ConnectionCut: the server closes the socket, the
    in-process transport raises what botocore would.
    """

    def __init__(
        self,
        world: World,
        log: Log | None = None,
        backstop: Callable[[Environ, StartResponse], Iterable[bytes]] | None = None,
        scenario: Scenario | None = None,
    ) -> None:
        self.log = log or Log()
        self._backstop = backstop
        self.control = Control(self)
        self.scenario = scenario or Scenario()
        self.pause: Callable[[float], object] = time.sleep
        """How latency passes; a test lets its own clock pass instead."""
        self.adopt(world)

    @property
    def backstop(self) -> Callable[[Environ, StartResponse], Iterable[bytes]] | None:
        """Who answers what is not ours."""
        return self._backstop

    @backstop.setter
    def backstop(self, given: Callable[[Environ, StartResponse], Iterable[bytes]] | None) -> None:
        self._backstop = given
        self._introduce()

    def _introduce(self) -> None:
        """Let the world's own operations see what the backstop keeps."""
        self.world.of(Around).application = self
        if (serve := getattr(self._backstop, "serve", None)) is not None:
            serve(self.world)

    def adopt(self, world: World) -> None:
        """Serve this world from now on, under its own conditions and the scenario, which begins anew."""
        self.world = world
        self._introduce()
        self.faults = Faults(self.scenario, world)
        rates = self.faults.rates(throttled_by_seed=world.conditions.throttled)
        self.limits = Limits(rates, world.conditions.hiccups, world.unhurried)
        self.log.begin(self.scenario.title if self.scenario != Scenario() else "")
        self.designation = Designation(world.conditions.designation_seconds)
        install(world)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if path.startswith("/_rehearsal/"):
            return self.control(environ, start_response)
        if path.startswith(MOTO_CONTROL):
            start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "0")])
            return []
        if not environ.get("rehearsal.in_process"):
            self.world.url = f"http://{environ.get('HTTP_HOST', '')}"
        if path.startswith(ADDRESS):
            return self._answered(environ, path, start_response)
        request = identify(environ)
        if delay := self.faults.delay(request.service, request.operation, request.region, mutating=request.mutating):
            self.pause(delay)
        try:
            status, headers, body = _Handling(self, request, environ).answer()
        except ConnectionCut as cut:
            if cut.silence and not environ.get("rehearsal.in_process"):
                self.pause(cut.silence)
            raise
        if not any(name.lower() == "content-length" for name, _ in headers):
            headers = [*headers, ("Content-Length", str(len(body)))]
        start_response(f"{status} {REASONS.get(status, 'Unknown')}", headers)
        return [body]

    def _answered(self, environ: Environ, path: str, start_response: StartResponse) -> Iterable[bytes]:
        """Somebody answers CloudFormation, at an address of S3's."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        put, query = environ["REQUEST_METHOD"] == "PUT", environ.get("QUERY_STRING", "")
        status = take(self.world, path, query, environ.get("CONTENT_TYPE"), body) if put else 403
        start_response(f"{status} {REASONS.get(status, 'Unknown')}", [("Content-Length", "0")])
        return []


def _members(body: bytes) -> dict[str, Any]:
    """The members of a JSON request; what is none has none, and moto says what it thinks of it."""
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class _Handling:
    """The handling of one request; its fields gather what the log wants."""

    def __init__(self, front: Front, request: Request, environ: Environ) -> None:
        self.front, self.world, self.request, self.environ = front, front.world, request, environ
        self.caller: Credential | None = None
        self.parameters: dict[str, Any] = {}
        self.invalid: ApiError | None = None
        self.given: dict[str, Any] | None = None
        self.code, self.throttled, self.fault = "", False, ""
        # Not uuid4: the kernel's randomness costs as much as a whole operation.
        self.request_id = str(uuid.UUID(int=random.getrandbits(128), version=4))

    def answer(self) -> Answer:
        """Status, headers and body; every refusal in the protocol of its service. Logged in any case."""
        request, status = self.request, 500
        try:
            with self.front.designation.alone(request.service, request.operation, mutating=request.mutating), self.world.lock:
                status, headers, body = self._admitted()
        except ConnectionCut:
            status, self.code = 0, "ConnectionCut"
            raise
        except ApiError as error:
            status, headers, body = self._failure(error)
        except SimulationError as error:
            status, headers, body = self._failure(ApiError("SimulationError", str(error), 500))
        finally:
            self._record(status)
        return status, headers, body

    def _admitted(self) -> Answer:
        """Check identity, Region, rate and permission, then run the operation."""
        request = self.request
        self.world.catch_up()
        refuse_absent(request.service, request.region)
        if request.service == "sts" and not request.key:
            raise ApiError("NotSimulated", f"{request.service}:{request.named} is not simulated", 501)
        self.caller = caller = authenticate(self.world, request.service, request.key, request.token)
        refuse_region(self.world, request.service, caller.account, request.region)
        try:
            self.front.limits.admit(caller.account, request.region, request.service, request.operation)
        except ApiError:
            self.throttled = True
            raise
        self._read_parameters()
        refuse_denied(self.world, caller, self._asked())
        fault = self._struck(caller)
        if fault is None:
            return self._performed(caller)
        refused = refusal(fault, caller, request.service, request.named)
        if refused is not None and fault.effect == "before":
            raise refused
        answer = self._performed(caller, fault)
        if refused is not None:
            raise refused
        return answer

    def _asked(self) -> Asked:
        request = self.request
        if request.service == "s3":
            operation, named = stored(request.method, request.path, request.query)
            resource = f"arn:{self.world.partition}:s3:::{named}" if named else None
            return Asked("s3", operation, request.region, {}, resource)
        return Asked(request.service, request.operation, request.region, self.parameters)

    def _read_parameters(self) -> None:
        """What policies may ask about. A call that is not allowed is refused as such, also where its parameters are no good."""
        request = self.request
        try:
            if request.ours and request.service in QUERY:
                self.parameters = query.parameters(request.service, request.operation, request.body)
            elif request.ours:
                self.parameters = codec.parameters(request.service, request.operation, request.labels, request.query, request.body)
            elif request.service in OTHERS_JSON:
                self.parameters = _members(request.body)
        except ApiError as error:
            self.invalid = error

    def _struck(self, caller: Credential) -> Fault | None:
        request = self.request
        struck = self.front.faults.strike(
            request.service, request.operation, caller.account, request.region, mutating=request.mutating
        )
        self.fault = struck[0] if struck else ""
        # An event may have ended this very session.
        authenticate(self.world, request.service, request.key, request.token)
        return struck[1] if struck else None

    def _performed(self, caller: Credential, fault: Fault | None = None) -> Answer:
        request = self.request
        if request.ours:
            try:
                return self._ours(caller, fault)
            except PassOn:
                return self._theirs()
        if request.service in WHOLE:
            raise ApiError("NotSimulated", f"{request.service}:{request.named} is not simulated", 501)
        return self._theirs()

    def _ours(self, caller: Credential, fault: Fault | None) -> Answer:
        request = self.request
        if self.invalid is not None:
            raise self.invalid
        call = Call(
            self.world,
            request.service,
            request.operation,
            caller.account,
            request.region,
            caller.principal,
            self.parameters,
            caller,
        )
        self.given = self._carried_out(call, fault)
        if request.service in QUERY:
            body = query.success(request.service, request.operation, self.given, self.request_id)
            return 200, self._headers("text/xml"), body
        status, body = answers.success(request.service, request.operation, self.given)
        return status, self._headers("application/json" if request.service in REST else "application/x-amz-json-1.1"), body

    def _carried_out(self, call: Call, fault: Fault | None) -> dict[str, Any] | None:
        """Run the operation, without the accounts that an "unprocessed" fault hands back."""
        run = HANDLERS[call.service, call.operation]
        if fault is None or fault.kind != "unprocessed":
            return run(call, **self.parameters)
        wanted, gone = leave_out(fault, call.service, call.operation, self.parameters)
        given = run(call, **wanted) if not gone or any(wanted.get(name) for name in BATCHED) else None
        return hand_back(fault, call.service, call.operation, given, gone)

    def _theirs(self) -> Answer:
        """Hand the request to moto, or refuse it where there is none."""
        if self.front.backstop is None:
            raise ApiError("NotSimulated", f"{self.request.service}:{self.request.named} is not simulated here", 501)
        if owner := self.environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER"):
            refuse_other_owner(self.world, self.request.path, owner)
        taken: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            taken["status"], taken["headers"] = int(status.split(maxsplit=1)[0]), headers

        try:
            parts = self.front.backstop({**self.environ, "wsgi.input": io.BytesIO(self.request.body)}, start)
            body = b"".join(parts)
        except Exception as error:
            LOG.info("moto has no answer to %s", self.request.named, exc_info=True)
            raise self._unanswered() from error
        if hasattr(parts, "close"):
            parts.close()
        if taken["status"] == 404 and NO_PAGE in body:
            raise self._unanswered()
        return taken["status"], taken["headers"], body

    def _unanswered(self) -> ApiError:
        """Moto lacks the operation, or a library for it; it says so by an exception of its own or by a web page."""
        return ApiError("NotSimulated", f"{self.request.service}:{self.request.named} is not simulated", 501)

    def _failure(self, error: ApiError) -> Answer:
        self.code = error.code
        service = self.request.service
        # One service's newer form signs with the same name and speaks another protocol.
        if service not in (*QUERY, *answers.MODELLED) or unanswered.speaks(service, self.environ) == "cbor":
            status, content, body = unanswered.failure(service, self.environ, error, self.request_id)
            return status, [*self._headers(content), ("x-amzn-errortype", error.code)], body
        if service not in QUERY:
            status, body = answers.failure(service, error)
            members = answers.failure_headers(service, error)
            return status, [*self._headers("application/json"), ("x-amzn-errortype", error.code), *members], body
        status, body = query.failure(service, error, self.request_id)
        return status, self._headers("text/xml"), body

    def _headers(self, content: str) -> list[tuple[str, str]]:
        return [
            ("Content-Type", content),
            ("x-amzn-RequestId", self.request_id),
            ("Date", formatdate(self.world.now(), usegmt=True)),
        ]

    def _record(self, status: int) -> None:
        request = self.request
        # A key that has expired still says whose it is.
        caller = self.caller or self.world.of(Credentials).by_key.get(request.key)
        entry = Entry(
            time=self.world.now(),
            service=request.service,
            operation=request.named,
            account=caller.account if caller else "",
            region=request.region,
            status=status,
            code=self.code,
            mutating=request.mutating,
            throttled=self.throttled,
            invocation=request.invocation,
            attempt=request.attempt,
            user_agent=request.user_agent,
            session=caller.principal.rpartition("/")[2] if caller and caller.role else "",
            items=longest_list(self.parameters),
            page=page_asked(self.parameters),
            answered=longest_list(self.given),
            more=bool(self.given and (self.given.get("NextToken") or self.given.get("nextToken"))),
            fault=self.fault,
            request_id=self.request_id,
            principal=caller.principal if caller else "",
            unique_id=caller.unique_id if caller else "",
        )
        self.front.log.add(entry)
