"""Statements in signed envelopes: in-toto Statement v1 as RFC 8785 JSON, in a DSSE envelope, one line per file.

Reading accepts exactly the bytes that writing makes. Whatever an envelope could say in two ways (spaces, duplicate keys, padding of
base64, floats for integers) is refused, so one digest names one statement.
"""

import base64
import binascii
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

from runbook_lib.base.own_files import FileBroken, json_of
from runbook_lib.evidence.seal.low_s import is_low, lowered
from runbook_lib.evidence.signatures import Envelope, Key, Signature, Signer, UnverifiedSignatureError, VerificationError

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
LONGEST = 64 * 1024 * 1024
"""Bytes of an envelope that are read at most; a run of ten thousand files needs about two million."""
_SIGNATURES = 16


class EnvelopeBroken(FileBroken):
    """Bytes that are no envelope of ours; the message says what is wrong with them."""


@dataclass(frozen=True)
class Sealed:
    """An envelope as read: its bytes, the digest that names it, the statement in it, and the ids of the keys that signed."""

    data: bytes
    statement: Mapping[str, Any]
    signatures: Mapping[str, str]
    payload: bytes
    """The statement as it was signed."""

    @functools.cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def signed_by(self, keys: Iterable[Key]) -> frozenset[str]:
        """Ids of those of `keys` whose signature on this statement verifies."""
        envelope = Envelope(self.payload, PAYLOAD_TYPE, {})
        found = set()
        for key in keys:
            if key.keyid in self.signatures:
                try:
                    key.verify_signature(Signature(key.keyid, self.signatures[key.keyid]), envelope.pae())
                except (UnverifiedSignatureError, VerificationError):
                    continue
                found.add(key.keyid)
        return frozenset(found)

    def rewritten(self, keys: Iterable[Key]) -> bool:
        """Whether a good signature of one of `keys` has not the one form that `sign` gives it."""
        return any(not is_low(Signature(key.keyid, self.signatures[key.keyid]), key) for key in keys if self.signed_by([key]))


def signature_of(envelope: Envelope, signer: Signer) -> Signature:
    """A signer's signature on an envelope, in the one form that a signature has; see `low_s`."""
    return lowered(signer.sign(envelope.pae()), signer.public_key)


def sign(statement: Mapping[str, Any], signer: Signer) -> bytes:
    """The signed envelope of a statement, as the one line that is written to a file."""
    envelope = Envelope(rfc8785.dumps(dict(statement)), PAYLOAD_TYPE, {})
    made = signature_of(envelope, signer)
    envelope.signatures[made.keyid] = made
    return _line(envelope.to_dict())


def read(data: bytes) -> Sealed:
    """An envelope, read strictly; signatures are not verified here. Raises EnvelopeBroken."""
    try:
        outer = parse(data)
        if not isinstance(outer, dict) or set(outer) != {"payload", "payloadType", "signatures"}:
            raise EnvelopeBroken("is not a DSSE envelope")
        if outer["payloadType"] != PAYLOAD_TYPE or _line(outer) != data:
            raise EnvelopeBroken("is not written as it was when it was sealed")
        payload = base64.b64decode(outer["payload"], validate=True)
        statement = parse(payload)
        if not isinstance(statement, dict) or statement.get("_type") != STATEMENT or rfc8785.dumps(statement) != payload:
            raise EnvelopeBroken("its payload is not an in-toto statement in canonical JSON")
        return Sealed(data, statement, _signatures(outer["signatures"]), payload)
    except (ValueError, TypeError, KeyError, RecursionError, rfc8785.CanonicalizationError, binascii.Error) as error:
        raise EnvelopeBroken(f"cannot be read: {error}") from None


def parse(data: bytes) -> Any:
    """JSON without duplicate keys, NaN or infinities. Raises ValueError."""
    if len(data) > LONGEST:
        raise ValueError("longer than any seal is")
    try:
        return json_of(data)
    except FileBroken as broken:
        raise ValueError(str(broken)) from None


def _signatures(listed: Any) -> dict[str, str]:
    if not isinstance(listed, list) or not 1 <= len(listed) <= _SIGNATURES:
        raise EnvelopeBroken("has no signature, or too many")
    found = {}
    for each in listed:
        if set(each) != {"keyid", "sig"} or not isinstance(each["keyid"], str) or each["keyid"] in found:
            raise EnvelopeBroken("has a signature that is not one")
        raw = base64.b64decode(each["sig"], validate=True)
        if base64.b64encode(raw).decode() != each["sig"]:
            raise EnvelopeBroken("has a signature that is not written as it was when it was sealed")
        found[each["keyid"]] = raw.hex()
    return found


def _line(envelope: Mapping[str, Any]) -> bytes:
    return json.dumps(envelope, sort_keys=True, separators=(",", ":")).encode() + b"\n"
