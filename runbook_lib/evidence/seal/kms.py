"""Signing by AWS KMS: the private key never leaves it, and each signature is an event in CloudTrail."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from runbook_lib.evidence.seal.chain import StoreFailed
from runbook_lib.evidence.signatures import AWSSigner, SSlibKey


class KmsSigner(AWSSigner):
    """Signs with a P-256 key, the one kind that securesystemslib, openssl and KMS know alike.

    securesystemslib's signer with a client of our own session; its own constructor takes the process's default session.
    """

    def __init__(self, key_arn: str, client: Any) -> None:
        try:
            found = client.get_public_key(KeyId=key_arn)
        except (ClientError, BotoCoreError) as error:
            raise StoreFailed(f"{key_arn}: its public key cannot be read: {error}") from None
        public = load_der_public_key(found["PublicKey"])
        if not (isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1)):
            raise StoreFailed(f"{key_arn}: is not a key of ECC_NIST_P256, which is needed")
        self.aws_key_id, self.client = key_arn, client
        self._public_key = SSlibKey.from_crypto(public)
        self.aws_algo = self.aws_algos[self._public_key.scheme]

    def sign(self, payload: bytes) -> Any:
        """Sign, and hold the signature against the public key at once. Raises StoreFailed."""
        try:
            signature = super().sign(payload)
        except (ClientError, BotoCoreError) as error:
            raise StoreFailed(f"{self.aws_key_id}: KMS did not sign: {error}") from None
        self._public_key.verify_signature(signature, payload)
        return signature
