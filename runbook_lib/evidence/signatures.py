"""securesystemslib, which makes and checks signatures. Whoever needs it imports it from here.

It imports boto3 for its own clients of KMS, which nobody here uses: KMS signs through a client of ours. That import took as long as
verifying a run, in every command and in the kernel of every notebook, so here it is left for whoever asks boto3 for something.
"""

import importlib
import sys
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Stands for a module until something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


_UNUSED = "boto3" not in sys.modules
if _UNUSED:
    sys.modules["boto3"] = _Later("boto3")
try:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
    from securesystemslib.signer import AWSSigner, CryptoSigner, Key, Signature, Signer, SSlibKey
finally:
    if _UNUSED:
        del sys.modules["boto3"]

__all__ = [
    "AWSSigner",
    "CryptoSigner",
    "Envelope",
    "Key",
    "SSlibKey",
    "Signature",
    "Signer",
    "UnverifiedSignatureError",
    "VerificationError",
]
