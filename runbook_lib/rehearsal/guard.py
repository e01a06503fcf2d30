"""Who may talk to the simulated server at all, and how much: programs of this machine that know it by a loopback name.

A web page can make a browser send requests to a port of loopback. Under a name of its own that leads there (DNS rebinding) it could
read the answers too: the Host header of such a request has that name. The control pages ask for a token besides (`control`).
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

LARGEST_BODY = 80 * 2**20
"""Bytes. AWS's largest request that is not an object of S3: Lambda's CreateFunction with 50 MB of zipped code, in base64."""
LARGEST_HEAD = 128 * 2**10
"""Bytes of request line and headers: far more than a presigned URL with a session token."""
LOOPBACK = ("127.0.0.1", "[::1]", "localhost")


class Guard:
    """A WSGI application before another one: answers 403 itself to a request for another host."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        host = str(environ.get("HTTP_HOST", ""))
        if is_own(host, str(environ["SERVER_PORT"])):
            return self._application(environ, start_response)
        said = f"this is the simulated organization of one machine, and the request is for {host[:100]!r}; use its loopback address"
        body = json.dumps({"error": said}).encode()
        start_response("403 Forbidden", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def is_own(host: str, port: str) -> bool:
    """Whether a Host header names this server: a loopback name (nobody else can own one below localhost) and its port."""
    name, _, asked = host.rpartition(":")
    return asked == port and (name.lower() in LOOPBACK or name.lower().endswith(".localhost"))
