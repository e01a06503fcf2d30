"""The digest of a value: SHA-256 of its RFC 8785 canonical JSON."""

import hashlib
import json
from collections.abc import Callable
from typing import Any


def canonical_digest(value: Any, unfrozen: Callable[[Any], Any] | None = None) -> str:
    """SHA-256 (hex) of the RFC 8785 canonical JSON of `value`; `unfrozen` makes JSON of what JSON does not have.

    Written by the standard library, which does it in C: for text, whole numbers, flags and null (plans hold nothing else) with
    names in the basic plane its bytes are the same; a test holds that.
    """
    return hashlib.sha256(_encoder(unfrozen).encode(value).encode()).hexdigest()


def _encoder(unfrozen: Callable[[Any], Any] | None) -> json.JSONEncoder:
    return json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False, default=unfrozen)
