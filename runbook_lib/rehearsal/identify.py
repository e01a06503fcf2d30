"""What a request is before anything is decided: service and operation, Region, access key, and what the log wants to know."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote

from runbook_lib.rehearsal.codec import route
from runbook_lib.rehearsal.registry import HANDLERS
from runbook_lib.rehearsal.simulated import simulated

JSON = {
    "AWSOrganizationsV20161128": "organizations",
    "GraniteServiceVersion20100801": "cloudwatch",
    "StarlingDoveService": "config",
}
"""Prefix of X-Amz-Target, by json-1.1 service."""
CLIENTS = {each.signs: each.name for each in simulated()}
"""Name in signatures → client name, of the enabling services."""
REST = (*(each.name for each in simulated()), "account", "security-ir")
ROUTED = (*REST, "lambda")
"""Services whose operations are told by their paths; of those that are not ours whole, moto answers the rest."""
WHOLE = (*REST, "organizations", "sts", "events", "cloudformation", "cloudwatch", "codebuild")
"""Services that are ours whole: an operation without a handler is refused, never handed to moto."""
READS = re.compile(r"(List|Get|Describe|BatchGet|Search|Query|AssumeRole|Simulate|Head|Select|ReceiveMessage)")
"""What changes nothing. ReceiveMessage takes no message away; that is what DeleteMessage does."""
CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
UNSIGNED = ("AssumeRoleWithSAML", "AssumeRoleWithWebIdentity")
"""Operations of sts whose requests carry no signature."""
Environ = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One HTTP request as far as its headers, path and body tell. `operation` is "" where nothing of ours matches."""

    service: str
    operation: str
    region: str
    key: str
    token: str
    query: str
    body: bytes
    labels: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    path: str = "/"
    user_agent: str = ""
    invocation: str = ""
    attempt: int = 1

    @property
    def ours(self) -> bool:
        return (self.service, self.operation) in HANDLERS

    @property
    def named(self) -> str:
        """The operation, or method and path where it has no name here."""
        return self.operation or f"{self.method} {self.path}"

    @property
    def mutating(self) -> bool:
        return READS.match(self.operation) is None if self.operation else self.method not in ("GET", "HEAD")


def identify(environ: Environ) -> Request:
    """Read a WSGI request. The body is taken out of the environ; `front` puts it back for moto."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    found = CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    key, region, scope = found.groups() if found else ("", "", "")
    scope = CLIENTS.get(scope, scope)
    path = str(environ.get("REQUEST_URI") or quote(environ.get("PATH_INFO", "/"))).partition("?")[0]
    service, operation, labels = _operation(scope, environ, path, body)
    attempt = re.search(r"attempt=(\d+)", environ.get("HTTP_AMZ_SDK_REQUEST", ""))
    return Request(
        service=service,
        operation=operation,
        region=region,
        key=key,
        token=environ.get("HTTP_X_AMZ_SECURITY_TOKEN", ""),
        query=environ.get("QUERY_STRING", ""),
        body=body,
        labels=labels,
        method=environ["REQUEST_METHOD"],
        path=path,
        user_agent=environ.get("HTTP_USER_AGENT", ""),
        invocation=environ.get("HTTP_AMZ_SDK_INVOCATION_ID", ""),
        attempt=int(attempt[1]) if attempt else 1,
    )


def _operation(scope: str, environ: Environ, path: str, body: bytes) -> tuple[str, str, dict[str, str]]:
    """Service, operation and path labels, by the protocol of the signed service."""
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        prefix, _, name = target.rpartition(".")
        return JSON.get(prefix, scope), name, {}
    if scope in ROUTED:
        name, labels = route(scope, environ["REQUEST_METHOD"], path) or ("", {})
        return scope, name, labels
    form = (
        body.decode("utf-8", "replace") if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded") else ""
    )
    action = parse_qs(form or environ.get("QUERY_STRING", "")).get("Action", [""])[0]
    return scope or ("sts" if action in UNSIGNED else ""), action, {}
