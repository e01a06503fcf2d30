"""The simulated AWS without sockets: botocore's `before-send` event carries each request straight into the WSGI application."""

import io
import os
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.loaders import Loader, create_loader

from runbook_lib.rehearsal.errors import ApiError, ConnectionCut
from runbook_lib.rehearsal.identity import Credential, session_credential, user_credential
from runbook_lib.rehearsal.neighbours import Around
from runbook_lib.rehearsal.world import SimulatedRole, World

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Raw(io.BytesIO):
    """A body as urllib3 would hand it over."""

    def stream(self, *_: Any, **__: Any) -> Iterable[bytes]:
        yield self.read()


class InProcess:
    """A transport to one application. Nothing global is patched, and no request of an attached session leaves the process."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def attach(self, session: Any) -> Any:
        """Send every request of a boto3 or botocore session's clients to the application; returns the session."""
        events = session.events if hasattr(session, "events") else session.get_component("event_emitter")
        events.register_first("before-send", self._send)
        return session

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        taken: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            taken["status"], taken["headers"] = int(status.split(maxsplit=1)[0]), dict(headers)

        try:
            body = b"".join(self._application({**environ_of(request), "rehearsal.in_process": True}, start))
        except ConnectionCut as cut:
            # What botocore makes of a connection that ends without an answer, or of none in time.
            if cut.silence:
                raise ReadTimeoutError(endpoint_url=request.url, error=cut) from None
            raise ConnectionClosedError(endpoint_url=request.url, request=request, error=cut) from None
        return AWSResponse(request.url, taken["status"], taken["headers"], _Raw(body))


def environ_of(request: AWSPreparedRequest) -> dict[str, Any]:
    """The WSGI environ of a signed botocore request."""
    parts = urlsplit(request.url)
    body = request.body or b""
    if not isinstance(body, bytes | bytearray | str):
        request.reset_stream()  # who signs it has read it
        body = body.read()
    content = body.encode() if isinstance(body, str) else bytes(body)
    headers = {name: value.decode() if isinstance(value, bytes) else str(value) for name, value in request.headers.items()}
    headers.pop("Transfer-Encoding", None)  # the whole body is here, and its length known
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    return environ | {
        "REQUEST_METHOD": request.method,
        "REQUEST_URI": parts.path + (f"?{parts.query}" if parts.query else ""),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(parts.path),
        "QUERY_STRING": parts.query,
        "CONTENT_TYPE": headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(content)),
        "SERVER_NAME": parts.hostname or "localhost",
        "SERVER_PORT": str(parts.port or 443),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": parts.netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


@cache
def _loader() -> Loader:
    """One loader of service models for all sessions: a new one each costs 150 ms a client."""
    return create_loader()


def session_for(app: Any, account: str, region: str = "us-east-1", credential: Credential | None = None) -> Any:
    """A boto3 session in `account` (as its user "administrator", or with a given credential) that reaches only `app`.

    Region-less calls use `region`. Nothing of the surrounding environment is read: neither profiles nor endpoint variables.
    """
    world: World = app.world
    used = credential or user_credential(world, account, "administrator")
    nothing = (None, None, None, None)
    inner = botocore.session.Session(session_vars={"config_file": (None, None, os.devnull, None), "profile": nothing})
    inner.register_component("data_loader", _loader())
    inner.set_config_variable("region", region)
    inner.set_config_variable("ignore_configured_endpoint_urls", True)
    session = boto3.Session(
        aws_access_key_id=used.key, aws_secret_access_key=used.secret, aws_session_token=used.token or None, botocore_session=inner
    )
    InProcess(app).attach(session)
    return session


def clients_as(world: World, actor: Credential, region: str) -> Callable[[str], Any]:
    """Clients with which a part of the simulation acts on the others in the name of a session, by service.

    The session is let do everything: what it may is asked before, where the resources are known. Nothing is tried again.
    """
    application = world.of(Around).application
    if application is None:
        raise ApiError("NotSimulated", "nothing can be done here in the name of a role", 501)
    used = actor
    if actor.role is not None:
        name = actor.principal.rpartition("/")[2]
        used = session_credential(world, actor.account, SimulatedRole(actor.role.name, set()), name, 3600)
    session = session_for(application, actor.account, region, used)
    once = Config(retries={"total_max_attempts": 1})
    return lambda service: session.client(service, region_name=region, config=once)
