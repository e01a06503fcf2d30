"""Names that hide and stay the same: a keyed digest in place of what names an account, a person or a machine."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from runbook_lib.base.documents import refused
from runbook_lib.base.documents.files import read_bytes
from runbook_lib.base.owner_only import private_folder

LARGEST = 4096
"""Bytes of a key; ours have 65."""


class Pseudonyms:
    """Pseudonyms under one key: equal for equal names, and not to be guessed without the key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def name(self, name: str) -> str:
        return f"Account {self._digest('name', name)[:12]}"

    def email(self, email: str) -> str:
        return f"account-{self._digest('email', email.lower())[:20]}@example.com"

    def of(self, kind: str, value: str) -> str:
        """A pseudonym that says of which kind it is, for any kind of value: `account-…`, `host-…`."""
        return f"{kind}-{self._digest(kind, value)[:16]}"

    def _digest(self, kind: str, text: str) -> str:
        return hmac.new(self._key, f"{kind}\0{text}".encode(), hashlib.sha256).hexdigest()


def key_of(file: Path) -> bytes:
    """The key in a file, which is made (readable by its owner only) when it is missing. Raises DocumentError for what is no key."""
    if not os.path.lexists(file):
        private_folder(file.parent)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as new:
            new.write(secrets.token_hex(32) + "\n")
    key = read_bytes(file, LARGEST).strip()
    if len(key) < 16:
        raise refused(file, "a key has at least 16 bytes; name another file, or one that is not there yet, to have a key made")
    return key
