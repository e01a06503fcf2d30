"""CloudFormation's protocol for custom resources: what it asks, and the one answer that it waits for.

The answer is a PUT to a pre-signed address, at most 4,096 bytes all told [docs crpg-ref-responses]. Whoever has the address can
answer for us, so it is in no text that this module makes: neither in a repr nor in an error. Nothing here needs more than the
standard library.
"""

import datetime as dt
import hashlib
import http.client
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from json.encoder import encode_basestring
from typing import Any
from urllib.parse import parse_qs, urlsplit

FORMAT = "1"
"""What resources say of how their properties are written; an older or newer one is not guessed at."""
LARGEST, LONGEST_REASON, LONGEST_VALUE = 4096, 1000, 200
"""Bytes of an answer [docs], and of ours: of its reason, and of one value of its data."""
KEYS = ("Status", "Coverage", "Covered", "Gaps", "Unknown", "Calls", "Fingerprint", "Run", "Evidence", "SealDigest")
"""Every answer has all of them: an output that reads a key which an update leaves out breaks the stack."""
ATTEMPTS, SECONDS = 5, 5.0
"""How often an answer is sent, and how long each attempt may take."""
WORK_SECONDS, ANSWER_SECONDS, LATE_SECONDS = 3200, 3300, 300
"""After the request was signed: work stops, the answer is there, and an event that comes so late begins nothing any more."""
SUCCESS, FAILED = "SUCCESS", "FAILED"
_SIGNED = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class NotARequest(Exception):
    """An event that is none of CloudFormation's. Names the member, never its value."""


class Unanswered(Exception):
    """The answer could not be delivered. Says how it was refused, never where it was to go."""


@dataclass(frozen=True)
class Request:
    """One request of CloudFormation's, members checked for being there."""

    kind: str
    """Create, Update or Delete."""
    id: str
    url: str = field(repr=False)
    stack: str
    logical_id: str
    physical_id: str
    """What CloudFormation knows the resource by; "" where it is about to be made."""
    properties: Mapping[str, str]
    old_properties: Mapping[str, str]

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Request":
        """Read an event. Raises NotARequest."""
        named = {name: event.get(name) for name in ("RequestType", "RequestId", "ResponseURL", "StackId", "LogicalResourceId")}
        if missing := [name for name, value in named.items() if not (isinstance(value, str) and value)]:
            raise NotARequest(f"{', '.join(missing)}: missing")
        if named["RequestType"] not in ("Create", "Update", "Delete"):
            raise NotARequest("RequestType: neither Create, Update nor Delete")
        address = urlsplit(str(named["ResponseURL"]))
        if not (address.scheme == "https" or (address.scheme == "http" and address.hostname in _LOOPBACK)):
            raise NotARequest("ResponseURL: not an https address")
        kind, request, url, stack, logical = map(str, named.values())
        properties, old = event.get("ResourceProperties") or {}, event.get("OldResourceProperties") or {}
        return cls(kind, request, url, stack, logical, str(event.get("PhysicalResourceId") or ""), dict(properties), dict(old))

    def signed(self, received: dt.datetime) -> dt.datetime:
        """When CloudFormation's clock began: the moment at which the address was signed, else of receipt."""
        said = parse_qs(urlsplit(self.url).query).get("X-Amz-Date", [""])[0]
        if not _SIGNED.fullmatch(said):
            return received
        try:
            return min(received, dt.datetime.strptime(said, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC))
        except ValueError:
            return received


def physical_id(stack: str, logical_id: str) -> str:
    """What a resource is called for good: another id in an answer is a replacement, whose cleanup deletes what is in use."""
    return f"runbook:{logical_id}:{hashlib.sha256(stack.encode()).hexdigest()[:32]}"


def execution_name(request: Request) -> str:
    """One name for a request however often it is delivered, another for each retry, which has the request's id but a new address.

    It begins with what all requests about one resource of one stack share.
    """
    own = hashlib.sha256(f"{request.id}\n{request.url}".encode()).hexdigest()[:40]
    return f"{resource_prefix(request)}-{own}"


def resource_prefix(request: Request) -> str:
    """What the executions about one resource of one stack are called."""
    return hashlib.sha256(physical_id(request.stack, request.logical_id).encode()).hexdigest()[:12]


def body(request: Request, status: str, reason: str, data: Mapping[str, object] | None = None) -> bytes:
    """An answer, at most 4,096 bytes; what is too long is cut, and where that is not enough the data goes."""
    given = data or {}
    whole = {
        "Status": status,
        "Reason": cut(reason or "see the run's evidence", LONGEST_REASON),
        "PhysicalResourceId": physical_id(request.stack, request.logical_id),
        "StackId": request.stack,
        "RequestId": request.id,
        "LogicalResourceId": request.logical_id,
        "Data": {key: cut(str(given.get(key, "")), LONGEST_VALUE) for key in KEYS},
    }
    sent = _encoded(whole)
    if len(sent) > LARGEST:
        whole["Data"] = dict.fromkeys(KEYS, "")
        whole["Reason"] = cut(str(whole["Reason"]), 200)
        sent = _encoded(whole)
    return sent


def _encoded(whole: Mapping[str, object]) -> bytes:
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def cut(text: str, most: int) -> str:
    """At most so many bytes of a text as JSON holds it in UTF-8, cut between characters."""
    if _size(text) <= most:
        return text
    kept, size = [], len("…".encode())
    for character in text:
        size += _size(character)
        if size > most:
            break
        kept.append(character)
    return "".join(kept) + "…"


def _size(text: str) -> int:
    """Bytes of a text as JSON holds it in UTF-8, without the quotes."""
    return len(encode_basestring(text).encode("utf-8", "replace")) - 2


def send(url: str, answer: bytes, sleep: Callable[[float], object] = time.sleep) -> None:
    """Deliver an answer. Raises Unanswered after the last attempt; goes by no proxy, follows no redirect."""
    why = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(2.0 ** (attempt - 1))
        try:
            status = _put(url, answer)
        except (OSError, http.client.HTTPException) as error:
            why = type(error).__name__  # its text may name the address
            continue
        if 200 <= status < 300:
            return
        why = f"HTTP {status}"
    raise Unanswered(f"CloudFormation's address did not take the answer in {ATTEMPTS} attempts: {why}")


def _put(url: str, answer: bytes) -> int:
    address = urlsplit(url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=SECONDS)
    try:
        # The signature covers an empty Content-Type: any other is refused.
        path = f"{address.path or '/'}?{address.query}" if address.query else address.path or "/"
        connection.request("PUT", path, answer, {"Content-Type": "", "Content-Length": str(len(answer))})
        return connection.getresponse().status
    finally:
        connection.close()
