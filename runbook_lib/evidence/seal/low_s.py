"""ECDSA signatures in one form: of the two that are good for one statement, (r, s) and (r, n - s), the one with the lower s.

Whoever has a good signature can compute the other without the key. A seal rewritten so would still verify, and an anchor of it
would not fit any more: a false alarm. Signers (cryptography, AWS KMS) give either, so what they give is brought into one form, and
statements say so; whoever reads such a statement takes no other. Statements from before say nothing, and either form is good.
"""

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from runbook_lib.evidence.signatures import Key, Signature

LOW_S = "low-s"
"""What a statement says of its signature."""
ORDERS: Mapping[str, int] = {
    "ecdsa-sha2-nistp256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ecdsa-sha2-nistp384": int(
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16
    ),
    "ecdsa-sha2-nistp521": int(
        "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e"
        "91386409",
        16,
    ),
}
"""Scheme → order of the curve's group. Source: SEC 2 version 2.0, sections 2.4.2, 2.5.1 and 2.6.1."""


def lowered(signature: Signature, key: Key) -> Signature:
    """The signature in the one form; as it is where it is no ECDSA signature."""
    if (order := ORDERS.get(key.scheme)) is None:
        return signature
    r, s = decode_dss_signature(bytes.fromhex(signature.signature))
    return Signature(signature.keyid, encode_dss_signature(r, min(s, order - s)).hex())


def is_low(signature: Signature, key: Key) -> bool:
    """Whether a signature that verifies has the one form."""
    return lowered(signature, key).signature == signature.signature
