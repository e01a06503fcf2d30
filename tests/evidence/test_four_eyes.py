import datetime as dt
import hashlib
import json
import os
import pwd
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made
from securesystemslib.signer import CryptoSigner

from runbook_lib.audit.verify import Verified, verify
from runbook_lib.base.identity import system_user
from runbook_lib.cli import commands
from runbook_lib.evidence.people.emergency import declarable, declare
from runbook_lib.evidence.people.four_eyes import (
    Runner,
    needed,
    nobody_here,
    people_refusals,
    reasons,
    refuse,
    signed,
    use_refusals,
)
from runbook_lib.evidence.people.review import review
from runbook_lib.evidence.people.trust import Trust, TrustProblem, read_policy, refuse_another, signed_policy
from runbook_lib.evidence.run.attempts import refuse_second
from runbook_lib.evidence.run.contents import REVIEW
from runbook_lib.evidence.run.folder import RunFolder, RunFolderError, RunStatus
from runbook_lib.evidence.seal.keys import der_digest, local_signer, pem
from runbook_lib.evidence.seal.sealing import seal, seal_of
from runbook_lib.evidence.store.start import start
from runbook_lib.plan.approval import Approval, ApprovalRefused, read_approval
from runbook_lib.settings import EvidenceSection, OrganizationSection, Settings, settings_digest

NOBODY = Runner(frozenset(), frozenset({"operator"}))
PHASE = "20_guardduty"


def signer(root: Path, name: str) -> CryptoSigner:
    return local_signer(root / "people", name)


def policy(root: Path, **others: Any) -> Path:
    def person(name: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "key": pem(signer(root, name).public_key), **more}

    text = {
        "organization": made.ORGANIZATION,
        "owner": "",
        "runners": [{"mode": "rehearsal", "key": pem(local_signer(root / "runs" / "keys", "rehearsal").public_key)}],
        "people": [
            person("alice"),
            person("bob"),
            person("operator", identities=["arn:made-up:operator"]),
            person("left", valid_until="2026-01-01T00:00:00Z"),
            person("reviewer", may=["review"]),
            person("live only", modes=["live"]),
        ],
        "approvals": {"rehearsal": 1, "live": 2},
    } | others  # fmt: skip
    path = root / "trust.json"
    path.write_bytes(signed_policy(json.dumps(text).encode(), signer(root, "owner"), "policy"))
    return path


def given(root: Path, under: Trust, *names: str, **others: Any) -> Approval:
    approval = made.approval(others.pop("phase", PHASE), **({"trust": under.digest} | others))
    for name in names:
        approval = signed(approval, signer(root, name))
    return approval


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


def settings(trust: Path, **more: Any) -> Settings:
    part = EvidenceSection(signing_key="arn:aws:kms:eu-central-1:222222222222:alias/evidence", trust_policy=str(trust), **more)
    organization = OrganizationSection(id=made.ORGANIZATION, management_account="1" * 12, delegated_account="2" * 12)
    return Settings(mode="rehearsal", organization=organization, evidence=part)


def new_run(root: Path) -> RunFolder:
    return RunFolder.create(root / "runs", "rehearsal", made.BEGIN, settings=b"", command=[], organization=made.ORGANIZATION)


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


def used(root: Path, approval: Approval, state: str, number: int = 0) -> RunFolder:
    run = RunFolder.create(
        root, "rehearsal", made.BEGIN + dt.timedelta(minutes=number), settings=b"", command=[], organization=made.ORGANIZATION
    )
    made.apply_phase(run, PHASE, made.BEGIN + dt.timedelta(minutes=number), approval, state)
    return run


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


def verified(root: Path) -> Verified:
    return verify(root / "runs", read_policy(root / "trust.json"))


def sealed(root: Path, approval: Approval, *, number: int = 0, state: str = "applied") -> RunFolder:
    run = used(root / "runs", approval, state, number)
    run.finish(RunStatus.DONE if state == "applied" else RunStatus.FAILED, made.BEGIN + dt.timedelta(minutes=number))
    made.of_process(run, made.ended_process())
    seal(run, made.desk(root / "runs"))
    return run


DEFECTS: dict[str, tuple[tuple[str, ...], dict[str, Any], str]] = {
    "nobody": ((), {}, "it has 0"),
    "approver = runner": (("operator",), {"runner": "operator"}, "who runs this"),
    "another plan": (("alice",), {"fingerprint": "ab" * 32}, "another plan"),
    "another file": (("alice",), {"plan_sha256": "ab" * 32}, "is not the file that was approved"),
    "no such file": (("alice",), {"plan": "plan-gone.json"}, "plan-gone.json: is not there"),
    "a file elsewhere": (("alice",), {"plan": "../plan.json"}, "does not lie beside it: ../plan.json"),
    "another organization": (("alice",), {"organization": "o-another"}, "given for organization o-another"),
    "another phase": (("alice",), {"phase": "30_inspector"}, "given for phase 30_inspector"),
    "too late": (("alice",), {"not_before": made.BEGIN - dt.timedelta(days=1), "not_after": made.BEGIN}, "outside its window"),
    "too early": (("alice",), {"not_before": made.BEGIN + dt.timedelta(hours=1)}, "outside its window"),
}


@pytest.mark.parametrize("name", sorted(DEFECTS))
def test_verify_names_defects_of_approvals(tmp_path: Path, name: str) -> None:
    names, others, said = DEFECTS[name]
    trust = read_policy(policy(tmp_path))
    if others.pop("runner", ""):
        desk = replace(made.desk(tmp_path / "runs"), signer=signer(tmp_path, "operator"))
        run = used(tmp_path / "runs", given(tmp_path, trust, *names), "applied")
        run.finish(RunStatus.DONE, made.BEGIN)
        made.of_process(run, made.ended_process())
        seal(run, desk)
    else:
        sealed(tmp_path, given(tmp_path, trust, *names, **others))
    faults = [fault for fault in verified(tmp_path).faults if fault.kind == "approval defect"]
    assert any(said in fault.text for fault in faults), faults


def test_verify_takes_the_auditors_policy_and_accuses_nobody_wrongly(tmp_path: Path) -> None:
    trust = read_policy(policy(tmp_path))
    sealed(tmp_path, given(tmp_path, trust, "alice", id="one"), state="failed")
    sealed(tmp_path, given(tmp_path, trust, "alice", id="one"), number=5)
    sealed(tmp_path, given(tmp_path, trust, "bob", id="two"), number=9)
    assert verified(tmp_path).faults == ()


def test_an_approval_used_again_is_a_replay(tmp_path: Path) -> None:
    trust = read_policy(policy(tmp_path))
    first = sealed(tmp_path, given(tmp_path, trust, "alice"))
    second = sealed(tmp_path, given(tmp_path, trust, "alice"), number=5)
    (fault,) = verified(tmp_path).faults
    assert (fault.where, fault.text) == (f"{second.name}/{PHASE}", f"its approval was used up by {first.name}")


def killed(root: Path, approval: Approval, *, number: int, found: int) -> RunFolder:
    """A run that was killed, and that somebody found and sealed minutes later."""
    run = used(root / "runs", approval, "running", number)
    made.of_process(run, made.ended_process())
    seal(run, replace(made.desk(root / "runs"), now=lambda: made.BEGIN + dt.timedelta(minutes=found)))
    return run


def test_a_run_goes_on_from_a_killed_one_that_it_has_found_itself(tmp_path: Path) -> None:
    """So the killed one is sealed after this run has begun; its last call was before."""
    approval = given(tmp_path, read_policy(policy(tmp_path)), "alice")
    killed(tmp_path, approval, number=0, found=6)
    sealed(tmp_path, approval, number=5)
    assert verified(tmp_path).faults == ()


def test_two_runs_that_call_under_one_approval_at_a_time_are_named(tmp_path: Path) -> None:
    approval = given(tmp_path, read_policy(policy(tmp_path)), "alice")
    first = used(tmp_path / "runs", approval, "failed", 0)
    second = sealed(tmp_path, approval, number=5, state="failed")
    first.finish(RunStatus.FAILED, made.BEGIN + dt.timedelta(minutes=6))
    made.of_process(first, made.ended_process())
    seal(first, made.desk(tmp_path / "runs"))
    (fault,) = verified(tmp_path).faults
    assert (fault.where, fault.text) == (f"{second.name}/{PHASE}", f"its approval was in use by {first.name} at that time")


def test_calls_without_an_approval_and_unreviewed_emergencies_are_faults(tmp_path: Path) -> None:
    trust = read_policy(policy(tmp_path, emergency=True))
    run = used(tmp_path / "runs", given(tmp_path, trust), "applied")
    run.phase(PHASE).approval.unlink()
    run.finish(RunStatus.DONE, made.BEGIN)
    seal(run, made.desk(tmp_path / "runs"))
    sealed(tmp_path, given(tmp_path, trust, emergency="the building burns", id="e"), number=5)
    assert {(fault.kind.value, fault.text) for fault in verified(tmp_path).faults} == {
        ("approval defect", "calls were made and no approval is there"),
        ("emergency without review", "the building burns"),
    }


@pytest.mark.parametrize(
    ("name", "seal_of_another", "said"),
    [
        ("reviewer", False, ""),
        ("alice", False, "nobody who may review"),
        ("reviewer", True, "another seal"),
        ("", False, "cannot be judged"),
    ],
)
def test_an_emergency_stays_open_until_a_good_review(tmp_path: Path, name: str, seal_of_another: bool, said: str) -> None:
    trust = read_policy(policy(tmp_path, emergency=True))
    run = sealed(tmp_path, given(tmp_path, trust, emergency="the building burns"))
    other = sealed(tmp_path, given(tmp_path, trust, emergency="and again", id="other"), number=5)
    seen = seal_of(other if seal_of_another else run)
    assert seen is not None
    text = review(seen, "as it should be", signer(tmp_path, name), made.BEGIN) if name else b"{}"
    (run.path / REVIEW).write_bytes(text)
    faults = [fault for fault in verified(tmp_path).faults if fault.where.startswith(run.name)]
    assert {str(fault.kind) for fault in faults} == ({"approval defect", "emergency without review"} if said else set())
    assert any(said in fault.text for fault in faults) or not said


def ran_by(root: Path, name: str, approval: Approval, number: int = 0, *, started: bool = False) -> RunFolder:
    """A sealed run of one user of the system; with `started`, one whose record was changed to that after it had begun."""
    run = used(root / "runs", approval, "applied", number)
    run.finish(RunStatus.DONE, made.BEGIN + dt.timedelta(minutes=number))
    if started:
        start(run, made.desk(root / "runs"), f"rehearsal/{made.ORGANIZATION}", approval, {})
    made.of_process(run, made.ended_process(), user={"name": name, "uid": 1234})
    seal(run, made.desk(root / "runs"))
    return run


def people(*identities: str, **more: Any) -> Callable[[Path], list[dict[str, Any]]]:
    """The operator's second person, who has these users of the system."""
    return lambda root: [{"name": "alice", "key": pem(signer(root, "alice").public_key), "identities": identities, **more}]


@pytest.mark.parametrize(
    ("identities", "name", "found"),
    [
        (["asmith"], "asmith", True), (["user 1234"], "asmith", True), ([], "alice", True), (["Asmith"], "asmith", False),
        (["asmith"], "bjones", False), (["user 1235"], "asmith", False), ([], "asmith", False),
    ],
)  # fmt: skip
def test_who_approved_his_own_run_is_found_offline_by_his_user(
    tmp_path: Path, identities: list[str], name: str, found: bool
) -> None:
    trust = read_policy(policy(tmp_path, people=people(*identities)(tmp_path)))
    ran_by(tmp_path, name, given(tmp_path, trust, "alice"))
    said = ["signed by alice, who runs this: another person has to approve", "1 approvals by other people are needed"]
    faults = [fault.text for fault in verified(tmp_path).faults]
    assert [text.startswith(begin) for text, begin in zip(sorted(faults, reverse=True), said, strict=False)] == [True, True] * found


def test_who_reviewed_his_own_emergency_is_found_offline_by_his_user(tmp_path: Path) -> None:
    trust = read_policy(policy(tmp_path, emergency=True, people=people("asmith", may=["approve", "review"])(tmp_path)))
    mine = ran_by(tmp_path, "asmith", given(tmp_path, trust, emergency="the building burns"))
    theirs = ran_by(tmp_path, "bjones", given(tmp_path, trust, emergency="and again", id="other"), 5)
    for run in (mine, theirs):
        seen = seal_of(run)
        assert seen is not None
        (run.path / REVIEW).write_bytes(review(seen, "as it should be", signer(tmp_path, "alice"), made.BEGIN))
    assert {(fault.where, fault.text) for fault in verified(tmp_path).faults} == {
        (f"{mine.name}/{REVIEW}", "this review is signed by nobody who may review this run"),
        (f"{mine.name}/{PHASE}", "the building burns"),
    }


def test_the_start_of_a_run_bears_witness_to_its_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that is changed before it is sealed does not fit what the chain was told before the first call."""
    entry = pwd.struct_passwd(("asmith", "x", 1234, 1234, "", "/", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: entry)
    trust = read_policy(policy(tmp_path, people=people("asmith")(tmp_path)))
    run = ran_by(tmp_path, "bjones", given(tmp_path, trust, "alice"), started=True)
    faults = verified(tmp_path).faults
    uid = os.getuid()
    said = f"it was begun by asmith (uid {uid}), and its seal names bjones (uid 1234)"
    assert (run.name, "another user", said) in {(fault.where, str(fault.kind), fault.text) for fault in faults}
    assert any("signed by alice, who runs this" in fault.text for fault in faults)


def test_a_run_from_before_users_were_recorded_is_held_against_what_it_says(tmp_path: Path) -> None:
    trust = read_policy(policy(tmp_path, people=people(system_user().name)(tmp_path)))
    run = used(tmp_path / "runs", given(tmp_path, trust, "alice"), "applied")
    run.finish(RunStatus.DONE, made.BEGIN)
    record = run.record() | {"process": made.ended_process()}
    del record["user"]
    run.record_file.write_text(json.dumps(record))
    made_seal = seal(run, made.desk(tmp_path / "runs"))
    assert (made_seal.user, "user" in made_seal.parameters) == (None, False)
    assert verified(tmp_path).faults == ()


def test_a_record_whose_user_is_none_is_not_sealed(tmp_path: Path) -> None:
    run = used(tmp_path / "runs", made.approval(PHASE), "applied")
    run.finish(RunStatus.DONE, made.BEGIN)
    made.of_process(run, made.ended_process(), user="bob")
    with pytest.raises(RunFolderError, match=r"run\.json cannot be judged: user: 'bob': is no user"):
        seal(run, made.desk(tmp_path / "runs"))


def test_an_emergency_is_declared_on_ones_own_approval_only(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    own, other = run.path / "approval-20_guardduty.json", tmp_path / "approval.json"
    made.approval(PHASE).write(own)
    made.approval(PHASE).write(other)
    with pytest.raises(ApprovalRefused, match="no trust policy allows"):
        declarable(settings(policy(tmp_path)), run.path.parent, [])
    allowed = settings(policy(tmp_path, emergency=True))
    with pytest.raises(ApprovalRefused, match="somebody's approval file"):
        declarable(allowed, run.path.parent, [other])
    declare([own], "the building burns", declarable(allowed, run.path.parent, []))
    approval = read_approval(own)
    assert approval.emergency == "the building burns"
    refuse(approval, allowed, run, [])


def test_a_phase_takes_one_approval_from_elsewhere(tmp_path: Path) -> None:
    """A second one would lie in the place of the first, whose calls the journal holds."""
    run = used(tmp_path / "runs", made.approval(PHASE, id="one"), "failed")
    refuse_second(run.phase(PHASE), made.approval(PHASE, id="one"))
    refuse_second(run.phase("30_inspector"), made.approval("30_inspector", id="two"))
    with pytest.raises(ApprovalRefused, match="has the approval one of this phase already"):
        refuse_second(run.phase(PHASE), made.approval(PHASE, id="two"))
    for name in ("one", "two"):
        made.approval(PHASE, id=name).write(tmp_path / f"{name}.json")
    command = commands.Command(settings(policy(tmp_path)), tmp_path, run, {}, print)
    with pytest.raises(ApprovalRefused, match=f"two approvals of {PHASE} were given"):
        commands.apply(command, [tmp_path / "one.json", tmp_path / "two.json"], "")
