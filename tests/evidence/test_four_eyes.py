"""Who may approve, at the door and before the first call."""

import datetime as dt
import hashlib
import json
import pwd
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made
from four_eyes_rig import NOBODY, PHASE, given, new_run, people, policy, settings, signer, used
from securesystemslib.signer import CryptoSigner

from runbook_lib.evidence.people.four_eyes import (
    Runner,
    needed,
    nobody_here,
    people_refusals,
    reasons,
    refuse,
    use_refusals,
)
from runbook_lib.evidence.people.trust import Trust, TrustProblem, read_policy, refuse_another, signed_policy
from runbook_lib.evidence.run.folder import RunStatus
from runbook_lib.evidence.seal.keys import der_digest, pem
from runbook_lib.evidence.seal.sealing import seal
from runbook_lib.plan.approval import ApprovalRefused, read_approval
from runbook_lib.settings import settings_digest


def refused(root: Path, *names: str, runner: Runner = NOBODY, change: dict[str, Any] | None = None, **others: Any) -> str:
    trust = read_policy(policy(root))
    approval = given(root, trust, *names, **others).model_copy(update=change or {})
    return "; ".join(people_refusals(approval, trust, runner, made.BEGIN))


def test_one_other_person_is_enough_where_one_is_asked_for(tmp_path: Path) -> None:
    assert refused(tmp_path, "alice") == ""
    assert refused(tmp_path, "alice", "bob") == ""


def test_live_needs_two_where_the_policy_says_so(tmp_path: Path) -> None:
    assert "2 approvals by other people are needed in mode live, it has 1" in refused(tmp_path, "alice", mode="live")
    assert refused(tmp_path, "alice", "live only", mode="live") == ""
    assert "it has 1" in refused(tmp_path, "alice", "alice", mode="live")


@pytest.mark.parametrize("name", ["left", "reviewer", "live only", "stranger"])
def test_who_may_not_approve_does_not_count(tmp_path: Path, name: str) -> None:
    assert "it has 0" in refused(tmp_path, name)


def test_nobody_approves_for_himself(tmp_path: Path) -> None:
    assert "signed by operator, who runs this" in refused(tmp_path, "operator")
    assert "signed by operator, who runs this" in refused(tmp_path, "operator", "alice")
    by_arn = Runner(frozenset(), frozenset({"arn:made-up:operator"}))
    assert "who runs this" in refused(tmp_path, "operator", runner=by_arn)
    by_key = Runner(frozenset({signer(tmp_path, "alice").public_key.keyid}), frozenset())
    assert "signed by alice, who runs this" in refused(tmp_path, "alice", runner=by_key)


@pytest.mark.parametrize(
    "change",
    [
        {"fingerprint": "ab" * 32}, {"mode": "live"}, {"not_after": made.BEGIN + dt.timedelta(days=90)}, {"ticket": "CHG-2"},
        {"id": "another"}, {"approver": "bob"}, {"phase": "30_inspector"}, {"plan": "plan-other.json"}, {"plan_sha256": "ab" * 32},
        {"reason": "none"}, {"version": 1, "plan_sha256": ""},
    ],
)  # fmt: skip
def test_a_signature_is_on_everything_that_was_said(tmp_path: Path, change: dict[str, Any]) -> None:
    assert "it has 0" in refused(tmp_path, "alice", change=change)


def test_the_folder_of_the_plan_may_change(tmp_path: Path) -> None:
    assert refused(tmp_path, "alice", change={"plan": "elsewhere/plan.json"}) == ""


def test_an_approval_under_another_policy_or_organization_is_refused(tmp_path: Path) -> None:
    assert "another trust policy" in refused(tmp_path, "alice", trust="ab" * 32)
    trust = read_policy(policy(tmp_path, organization="o-another"))
    assert "is for organization o-another" in "; ".join(people_refusals(given(tmp_path, trust, "alice"), trust, NOBODY, made.BEGIN))


def test_an_emergency_needs_a_policy_that_allows_it(tmp_path: Path) -> None:
    assert "allows no emergency" in refused(tmp_path, emergency="the building burns")
    trust = read_policy(policy(tmp_path, emergency=True))
    assert not list(people_refusals(given(tmp_path, trust, emergency="the building burns"), trust, NOBODY, made.BEGIN))


def test_an_approval_reads_back_with_its_signatures(tmp_path: Path) -> None:
    trust = read_policy(policy(tmp_path))
    given(tmp_path, trust, "alice").write(tmp_path / "approval.json")
    assert not list(people_refusals(read_approval(tmp_path / "approval.json"), trust, NOBODY, made.BEGIN))


def broken(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize("change", [broken(lambda data: data[:-1]), broken(lambda data: b"{}"), Path.unlink])
def test_a_policy_that_was_altered_is_refused(tmp_path: Path, change: Callable[[Path], object]) -> None:
    path = policy(tmp_path)
    change(path)
    with pytest.raises(TrustProblem, match="trust"):
        read_policy(path)


def test_a_policy_not_signed_by_its_owner_or_misspelt_is_refused(tmp_path: Path) -> None:
    mine, theirs = json.loads(policy(tmp_path).read_bytes()), tmp_path / "other"
    other = json.loads(policy(theirs).read_bytes())
    (tmp_path / "mixed").write_bytes(
        json.dumps(mine | {"signatures": other["signatures"]}, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    )
    with pytest.raises(TrustProblem, match="not signed by the owner"):
        read_policy(tmp_path / "mixed")
    with pytest.raises(TrustProblem, match="emergancy"):
        signed_policy(b'{"organization": "o", "emergancy": true}', signer(tmp_path, "owner"), "p")


Keys = Callable[[str], str]


"""The public key of somebody, by name."""


DOUBLES: dict[str, tuple[Callable[[Keys], dict[str, Any]], str]] = {
    "one key, two people": (
        lambda key: {"people": [{"name": "alice", "key": key("alice")}, {"name": "bob", "key": key("alice")}]},
        r"people\[1\] \(bob\) has the same key as people\[0\] \(alice\)",
    ),
    "one key in two spellings": (
        lambda key: {"people": [{"name": "alice", "key": key("alice")}, {"name": "bob", "key": f"  note\n{key('alice')}\n"}]},
        r"people\[1\] \(bob\) has the same key",
    ),
    "one name, two keys": (
        lambda key: {"people": [{"name": "alice", "key": key("alice")}, {"name": "alice", "key": key("bob")}]},
        r"people\[1\] has the same name as people\[0\], 'alice'",
    ),
    "one name in two spellings": (
        lambda key: {"people": [{"name": "Al  Smith", "key": key("alice")}, {"name": "al\u00a0smith ", "key": key("bob")}]},
        r"people\[1\] has the same name as people\[0\]",
    ),
    "the sealing key among people": (
        lambda key: {"runners": [{"mode": "live", "key": key("r")}], "people": [{"name": "alice", "key": key("r")}]},
        r"people\[0\] \(alice\) has the same key as runners\[0\] \(live\)",
    ),
    "one sealing key for both modes": (
        lambda key: {"runners": [{"mode": "live", "key": key("r")}, {"mode": "rehearsal", "key": key("r")}], "people": []},
        r"runners\[1\] \(rehearsal\) has the same key as runners\[0\] \(live\)",
    ),
    "the sealing key is the owner's": (
        lambda key: {"runners": [{"mode": "live", "key": key("owner")}], "people": []},
        r"the owner has the same key as runners\[0\] \(live\)",
    ),
}


@pytest.mark.parametrize("name", sorted(DOUBLES))
def test_a_policy_in_which_one_counts_as_two_is_neither_signed_nor_read(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, said = DOUBLES[name]
    doubled = change(lambda who: pem(signer(tmp_path, who).public_key))
    with pytest.raises(TrustProblem, match=said):
        policy(tmp_path, **doubled)
    with monkeypatch.context() as before:  # as an earlier version signed it
        before.setattr("runbook_lib.evidence.people.trust._refuse_doubles", lambda *given: None)
        path = policy(tmp_path, **doubled)
    with pytest.raises(TrustProblem, match=said):
        read_policy(path)


def test_keys_are_counted_and_not_names(tmp_path: Path) -> None:
    """Should one key ever stand there twice, it still counts once."""
    trust = read_policy(policy(tmp_path))
    assert trust.policy is not None
    alice = trust.policy.people[0]
    doubled = trust.policy.model_copy(update={"people": (alice, alice.model_copy(update={"name": "bob"}))})
    approval = given(tmp_path, trust, "alice", mode="live")
    reasons = list(people_refusals(approval, replace(trust, policy=doubled), NOBODY, made.BEGIN))
    assert reasons == ["2 approvals by other people are needed in mode live, it has 1"]


@pytest.mark.parametrize("kind", ["ecdsa", "ed25519", "rsa"])
def test_an_owner_may_have_any_kind_of_key(tmp_path: Path, kind: str) -> None:
    owner = getattr(CryptoSigner, f"generate_{kind}")()
    path = tmp_path / "trust.json"
    path.write_bytes(signed_policy(json.dumps({"organization": made.ORGANIZATION}).encode(), owner, "policy"))
    found = read_policy(path)
    assert found.policy is not None
    (tmp_path / "owner.pem").write_text(found.policy.owner)
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", tmp_path / "owner.pem", "-outform", "DER"], capture_output=True, check=True
    ).stdout
    refuse_another(found, hashlib.sha256(der).hexdigest(), hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize("pin", ["trust_policy_owner", "trust_policy_sha256"])
def test_whoever_runs_cannot_put_another_policy_in_the_place_of_the_pinned_one(tmp_path: Path, pin: str) -> None:
    trust = policy(tmp_path)
    found = read_policy(trust)
    assert found.policy is not None
    pins = {"trust_policy_owner": der_digest(found.policy.owner), "trust_policy_sha256": found.digest}
    pinned = settings(trust, **{pin: pins[pin]})
    assert needed(pinned, tmp_path / "runs") == 1
    own = json.dumps({"organization": made.ORGANIZATION, "approvals": {"rehearsal": 0, "live": 0}}).encode()
    trust.write_bytes(signed_policy(own, signer(tmp_path, "the runner"), "policy"))
    assert needed(settings(trust), tmp_path / "runs") == 0
    with pytest.raises(ApprovalRefused, match=rf"trust\.json: is .*evidence\.{pin}\) pin {pins[pin]}"):
        needed(pinned, tmp_path / "runs")
    assert settings_digest(pinned) != settings_digest(settings(trust)), "so every plan and approval is under the pin"


def test_apply_takes_what_the_policy_takes(tmp_path: Path) -> None:
    trust = policy(tmp_path)
    run = new_run(tmp_path)
    refuse(given(tmp_path, read_policy(trust), "alice"), settings(trust), run, [])
    with pytest.raises(ApprovalRefused, match="it has 0"):
        refuse(given(tmp_path, read_policy(trust)), settings(trust), run, [])
    assert needed(settings(trust), run.path.parent) == 1
    with pytest.raises(ApprovalRefused, match="No such file"):
        refuse(given(tmp_path, read_policy(trust), "alice"), settings(tmp_path / "gone"), run, [])
    none = settings(trust).model_copy(update={"evidence": None})
    assert needed(none, run.path.parent) == 0
    refuse(made.approval(PHASE), none, run, [])


@pytest.mark.parametrize(
    ("approver", "policy_names", "signed_", "change", "refused_"),
    [
        ("root", None, False, {}, True),
        ("ubuntu (arn:aws:iam::111111111111:user/deployer)", None, False, {}, True),
        ("Jovyan", None, False, {}, True),
        ("user 1000", None, False, {}, True),
        ("root", None, True, {}, False),
        ("root", None, False, {"mode": "rehearsal"}, False),
        ("alice", None, False, {}, False),
        ("root", (), False, {}, True),
        ("root", (), True, {}, False),
        ("root", ("root",), False, {}, False),
        ("ubuntu", ("root",), False, {}, True),
        ("user 1000", ("user 1000",), False, {}, False),
        ("root", (), False, {"emergency": "the building burns"}, True),
        ("alice", (), False, {"emergency": "the building burns"}, False),
    ],
)
def test_a_live_approval_names_somebody_or_is_signed(
    tmp_path: Path, approver: str, policy_names: tuple[str, ...] | None, signed_: bool, change: dict[str, Any], refused_: bool
) -> None:
    trust = Trust({}, "nothing")
    if policy_names is not None:
        asked = {"approvals": {"live": 0}, "emergency": True, "people": people(*policy_names)(tmp_path)}
        trust = read_policy(policy(tmp_path, **asked))
    approval = given(tmp_path, trust, *["alice"] * signed_, **({"mode": "live", "approver": approver} | change))
    found = reasons(approval, trust, NOBODY, new_run(tmp_path))
    assert [why.partition(",")[0] for why in found] == [f"it is given by {approver.partition(' (')[0]}"] * refused_
    assert all("have it signed with a person's own key (runbook approve)" in why for why in found)


@pytest.mark.parametrize("name", ["root", "alice"])
def test_who_is_nobody_in_particular_is_told_before_a_live_plan_is_approved(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: pwd.struct_passwd((name, "x", uid, 1, "", "/", "/bin/sh")))
    rehearsal = settings(tmp_path).model_copy(update={"evidence": None})
    live = rehearsal.model_copy(update={"mode": "live"})
    assert nobody_here(rehearsal, tmp_path) == ""
    assert nobody_here(live, tmp_path).startswith("it is given by root, which is nobody in particular" if name == "root" else "")
    assert bool(nobody_here(live, tmp_path)) == (name == "root")


def test_an_approval_serves_until_it_is_completed_and_one_run_at_a_time(tmp_path: Path) -> None:
    approval = made.approval(PHASE)
    assert not list(use_refusals(approval, tmp_path, "me"))
    first = used(tmp_path, approval, "failed")
    assert "at this moment" in "; ".join(use_refusals(approval, tmp_path, "me"))
    assert not list(use_refusals(approval, tmp_path, first.name))
    first.finish(RunStatus.FAILED, made.BEGIN)
    assert not list(use_refusals(approval, tmp_path, "me"))
    second = used(tmp_path, approval, "applied", 1)
    second.finish(RunStatus.DONE, made.BEGIN)
    assert f"completed by run {second.name}" in "; ".join(use_refusals(approval, tmp_path, "me"))


def test_a_run_says_which_earlier_run_it_goes_on_from(tmp_path: Path) -> None:
    approval = made.approval(PHASE)
    none = settings(tmp_path).model_copy(update={"evidence": None})
    first = used(tmp_path / "runs", approval, "failed")
    first.finish(RunStatus.FAILED, made.BEGIN)
    second = new_run(tmp_path)
    refuse(approval, none, second, [])
    refuse(made.approval(PHASE, id="another"), none, second, [])
    assert second.record()["resumes"] == first.name
    second.finish(RunStatus.DONE, made.BEGIN)
    assert seal(second, made.desk(tmp_path / "runs")).parameters["resumes"] == first.name
