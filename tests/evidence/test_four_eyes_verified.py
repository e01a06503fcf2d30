"""Who approved and reviewed, as the auditor finds it offline."""

import datetime as dt
import json
import os
import pwd
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made
from four_eyes_rig import PHASE, given, new_run, people, policy, settings, signer, used

from runbook_lib.audit.verify import Verified, verify
from runbook_lib.base.identity import system_user
from runbook_lib.cli import commands
from runbook_lib.cli.kernels import Kernels
from runbook_lib.evidence.people.emergency import declarable, declare
from runbook_lib.evidence.people.four_eyes import (
    refuse,
)
from runbook_lib.evidence.people.review import review
from runbook_lib.evidence.people.trust import read_policy
from runbook_lib.evidence.run.attempts import refuse_second
from runbook_lib.evidence.run.contents import REVIEW
from runbook_lib.evidence.run.folder import RunFolder, RunFolderError, RunStatus
from runbook_lib.evidence.seal.sealing import seal, seal_of
from runbook_lib.evidence.store.start import start
from runbook_lib.plan.approval import Approval, ApprovalRefused, read_approval


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
    with pytest.raises(RunFolderError, match=r"run\.json cannot be judged: user: 'bob': is not a user"):
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
    command = commands.Command(settings(policy(tmp_path)), tmp_path, run, Kernels({}), print)
    with pytest.raises(ApprovalRefused, match=f"two approvals of {PHASE} were given"):
        commands.apply(command, [tmp_path / "one.json", tmp_path / "two.json"], "")
