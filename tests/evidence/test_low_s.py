"""Of the two forms of one ECDSA signature one is made, and one is taken where the statement says so."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner

from runbook_lib.evidence.people.four_eyes import signed
from runbook_lib.evidence.run.contents import SEAL
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal import envelope
from runbook_lib.evidence.seal.chain import entry_name
from runbook_lib.evidence.seal.envelope import PAYLOAD_TYPE, STATEMENT, signature_of
from runbook_lib.evidence.seal.low_s import ORDERS, is_low
from runbook_lib.evidence.seal.statement import run_statement

P256 = ORDERS["ecdsa-sha2-nistp256"]
TIMES = 24
"""Each is low by chance in one of two: that all of so many are is no chance."""


@pytest.mark.parametrize("scheme", sorted(ORDERS))
def test_what_is_signed_has_the_lower_s_on_every_curve(scheme: str) -> None:
    signer = CryptoSigner.generate_ecdsa(scheme=scheme)
    raw = Envelope(b"{}", PAYLOAD_TYPE, {})
    for _ in range(TIMES):
        signature = signature_of(raw, signer)
        r, s = decode_dss_signature(bytes.fromhex(signature.signature))
        assert s <= ORDERS[scheme] // 2
        signer.public_key.verify_signature(signature, raw.pae())
        other = encode_dss_signature(r, ORDERS[scheme] - s).hex()
        signature.signature = other
        signer.public_key.verify_signature(signature, raw.pae())
        assert not is_low(signature, signer.public_key)


@pytest.mark.parametrize("signer", [CryptoSigner.generate_ed25519(), CryptoSigner.generate_rsa()], ids=["ed25519", "rsa"])
def test_other_signatures_stay_as_they_are(signer: CryptoSigner) -> None:
    data = envelope.sign({"_type": STATEMENT}, signer)
    sealed = envelope.read(data)
    assert sealed.signed_by([signer.public_key])
    assert not sealed.rewritten([signer.public_key])


def test_people_sign_in_that_form_too() -> None:
    signer = CryptoSigner.generate_ecdsa()
    for number in range(TIMES):
        (each,) = signed(made.approval("20_guardduty", id=str(number)), signer).signatures
        assert decode_dss_signature(bytes.fromhex(each.sig))[1] <= P256 // 2


def rewritten(run: RunFolder, root: Path) -> None:
    """The other form of a seal's signature, which needs no key, in the run's folder and in the chain."""
    data = (run.path / SEAL).read_bytes()
    outer = json.loads(data)
    r, s = decode_dss_signature(base64.b64decode(outer["signatures"][0]["sig"]))
    outer["signatures"][0]["sig"] = base64.b64encode(encode_dss_signature(r, P256 - s)).decode()
    other = json.dumps(outer, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    for path in (run.path / SEAL, root / "chain" / "rehearsal" / made.ORGANIZATION / entry_name(1)):
        assert path.read_bytes() == data
        path.write_bytes(other)


def test_the_newest_seal_in_the_other_form_is_found(tmp_path: Path) -> None:
    run, _ = made.sealed_run(tmp_path)
    rewritten(run, tmp_path)
    (fault,) = made.checked(tmp_path).faults
    assert (fault.where, str(fault.kind)) == (f"{run.name}/{SEAL}", "broken seal")
    assert "its signature was rewritten" in fault.text


def test_a_seal_from_before_is_good_in_either_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As earlier versions sealed: the statement says nothing of its signature."""

    def before(*facts: Any) -> dict[str, Any]:
        statement = run_statement(*facts)
        del statement["predicate"]["buildDefinition"]["internalParameters"]["signature"]
        return statement

    monkeypatch.setattr("runbook_lib.evidence.seal.sealing.run_statement", before)
    run, _ = made.sealed_run(tmp_path)
    assert made.checked(tmp_path).faults == ()
    rewritten(run, tmp_path)
    assert made.checked(tmp_path).faults == ()
