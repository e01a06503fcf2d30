"""Tampering with seals: none that is not as it was made comes through."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from tampering import (
    Kept,
    still_work,
)

from runbook_lib.evidence.run.contents import SEAL
from runbook_lib.evidence.seal import envelope
from runbook_lib.evidence.seal.keys import local_signer


def line(outer: dict[str, Any]) -> bytes:
    return json.dumps(outer, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def outer(**change: Any) -> Callable[[Kept, bytes], bytes]:
    return lambda kept, data: line(json.loads(data) | change)


def statement_of(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(json.loads(data)["payload"]))
    return found


def payload(change: Callable[[bytes], bytes]) -> Callable[[Kept, bytes], bytes]:
    """Another payload under the same signature."""

    def changed(kept: Kept, data: bytes) -> bytes:
        found = json.loads(data)
        return line(found | {"payload": base64.b64encode(change(base64.b64decode(found["payload"]))).decode()})

    return changed


def signatures(change: Callable[[Kept, list[dict[str, str]]], list[Any]]) -> Callable[[Kept, bytes], bytes]:
    return lambda kept, data: line(json.loads(data) | {"signatures": change(kept, json.loads(data)["signatures"])})


def by_another(kept: Kept, data: bytes) -> bytes:
    return envelope.sign(statement_of(data), kept.signer("mallory"))


def by_another_under_the_true_id(kept: Kept, data: bytes) -> bytes:
    forged, true = json.loads(by_another(kept, data)), json.loads(data)
    return line(forged | {"signatures": [forged["signatures"][0] | {"keyid": true["signatures"][0]["keyid"]}]})


def signed(path: str, value: Any) -> Callable[[Kept, bytes], bytes]:
    """The runner itself signs a statement in which one value is another; `...` takes it out."""

    def changed(kept: Kept, data: bytes) -> bytes:
        statement = statement_of(data)
        *above, last = path.split("/")
        holder: Any = statement
        for each in above:
            holder = holder[int(each) if each.isdecimal() else each]
        place = int(last) if last.isdecimal() else last
        if value is ...:
            del holder[place]
        else:
            holder[place] = value
        return envelope.sign(statement, local_signer(kept.root / "keys", "rehearsal"))

    return changed


INNER = "predicate/buildDefinition/internalParameters"


DETAILS = "predicate/runDetails"


SEALS: dict[str, Callable[[Kept, bytes], bytes]] = {
    "spaces": lambda kept, data: data.replace(b'","', b'", "', 1),
    "a key twice": lambda kept, data: data.replace(b'{"payload":', b'{"payload":"e30=","payload":', 1),
    "an escape": lambda kept, data: data.replace(b'"payload":', b'"\\u0070ayload":', 1),
    "a second line": lambda kept, data: data + data,
    "no end of line": lambda kept, data: data[:-1],
    "other ends of lines": lambda kept, data: data[:-1] + b"\r\n",
    "another key": outer(more=1),
    "another type of payload": outer(payloadType="application/json"),
    "upper case in the type": outer(payloadType=envelope.PAYLOAD_TYPE.upper()),
    "no list of signatures": outer(signatures={}),
    "no signature": outer(signatures=[]),
    "the signature of nobody": outer(signatures=[{"keyid": "0" * 64, "sig": "AAAA"}]),
    "seventeen signatures": signatures(lambda kept, listed: listed * 17),
    "the signature twice": signatures(lambda kept, listed: listed * 2),
    "a signature more": signatures(lambda kept, listed: [*listed, {"keyid": "0" * 64, "sig": "AAAA"}]),
    "a key in the signature": signatures(lambda kept, listed: [listed[0] | {"more": ""}]),
    "a signature that is no base64": signatures(lambda kept, listed: [listed[0] | {"sig": "?"}]),
    "a signature with more padding": signatures(lambda kept, listed: [listed[0] | {"sig": listed[0]["sig"] + "===="}]),
    "a flipped signature": signatures(lambda kept, listed: [listed[0] | {"sig": listed[0]["sig"][::-1].lstrip("=") + "=="}]),
    "a number for a signature": signatures(lambda kept, listed: [7]),
    "base64 for addresses": lambda kept, data: line(
        json.loads(data)
        | {"payload": base64.urlsafe_b64encode(b"\xff\xff" + base64.b64decode(json.loads(data)["payload"])).decode()}
    ),
    "spaces in the payload": payload(lambda data: data.replace(b'":"', b'": "', 1)),
    "a key twice in the payload": payload(lambda data: data.replace(b'{"_type"', b'{"_type":"","_type"', 1)),
    "another word in the payload": payload(lambda data: data.replace(b'"done"', b'"failed"', 1)),
    "a float in the payload": payload(lambda data: data.replace(b'"number":3', b'"number":3.0', 1)),
    "a deep payload": payload(lambda data: b"[" * 200_000 + b"]" * 200_000),
    "a long number in the payload": payload(lambda data: data.replace(b'"number":3', b'"number":' + b"9" * 100_000, 1)),
    "no bytes in the payload": payload(lambda data: b""),
    "a list in the payload": payload(lambda data: b"[]"),
    "a mode swapped": payload(
        lambda data: data.replace(b'"mode":"rehearsal"', b'"mode":"live"').replace(b"rehearsal/o", b"live/o")
    ),
    "signed by another": by_another,
    "signed by another under the true id": by_another_under_the_true_id,
    "no predicate": signed("predicate", ...),
    "another predicate": signed("predicateType", "https://example.com/other"),
    "another kind of statement": signed("predicate/buildDefinition/buildType", "urn:other"),
    "no run": signed(f"{DETAILS}/metadata/invocationId", ...),
    "a run that is none": signed(f"{DETAILS}/metadata/invocationId", "../../etc"),
    "a run with an end of line": signed(f"{DETAILS}/metadata/invocationId", "20261123T075111Z-rehearsal-aaaa\n"),
    "a time without a zone": signed(f"{DETAILS}/metadata/startedOn", "2026-11-23T07:51:11"),
    "a time that is none": signed(f"{DETAILS}/metadata/startedOn", "yesterday"),
    "a list for a time": signed(f"{DETAILS}/metadata/finishedOn", ["2026-11-23T07:51:11Z"]),
    "a time before all": signed(f"{INNER}/sealed", "0001-01-01T00:00:00+23:59"),
    "number 0": signed(f"{INNER}/number", 0),
    "number -3": signed(f"{INNER}/number", -3),
    "number true": signed(f"{INNER}/number", True),
    "number in words": signed(f"{INNER}/number", "3"),
    "a number without end": signed(f"{INNER}/number", 2**53 - 1),
    "another number": signed(f"{INNER}/number", 7),
    "another chain": signed(f"{INNER}/chain", "rehearsal/o-rehearsal002"),
    "folders in words": signed(f"{INNER}/folders", "20_guardduty"),
    "a file without a digest": signed("subject/0/digest", {}),
    "a digest that is none": signed("subject/0/digest/sha256", "ABC"),
    "a file twice": lambda kept, data: signed("subject/1", statement_of(data)["subject"][0])(kept, data),
    "a file left out": signed("subject/0", ...),
    "a file more": signed("subject/0/name", "more"),
    "no byproducts": signed(f"{DETAILS}/byproducts", 1),
    "phases in words": signed(f"{DETAILS}/byproducts/0/annotations/phases", "all"),
    "a phase that is a list": signed(f"{DETAILS}/byproducts/0/annotations/phases", {"90_coverage": ["done"]}),
    "nobody built it": signed(f"{DETAILS}/builder", {}),
    "no word about the start": lambda kept, data: signed(
        "predicate/buildDefinition/resolvedDependencies",
        [
            each
            for each in statement_of(data)["predicate"]["buildDefinition"]["resolvedDependencies"]
            if each.get("name") != "start-record"
        ],
    )(kept, data),
}


@pytest.mark.parametrize("name", sorted(SEALS))
def test_a_seal_that_is_not_as_it_was_made_is_named(kept: Kept, name: str) -> None:
    data = kept.entry.read_bytes()
    changed = SEALS[name](kept, data)
    assert changed != data
    for path in (kept.entry, kept.run.path / SEAL):
        path.write_bytes(changed)
    assert kept.faults(), name
    still_work(kept)
