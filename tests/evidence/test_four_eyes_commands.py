"""The commands of four eyes: approving with one's own key, reviewing, making keys and policies."""

import json
import pwd
import re
from dataclasses import replace
from pathlib import Path

import pytest
import sealed_runs as made
from click.testing import CliRunner
from four_eyes_rig import PHASE, policy, signer

from runbook_lib.base.identity import user
from runbook_lib.cli import cli
from runbook_lib.evidence.people.trust import read_policy, refuse_another
from runbook_lib.evidence.run.contents import REVIEW, SEAL
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.seal.chain import FolderStore, StoreFailed
from runbook_lib.evidence.seal.keys import local_signer, pem
from runbook_lib.evidence.seal.sealing import seal
from runbook_lib.plan.approval import read_approval


def call(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, list(map(str, words)), standalone_mode=False)
    return (done.return_value if done.exception is None else 1), done.output + str(done.exception or "")


@pytest.fixture
def planned(tmp_path: Path) -> RunFolder:
    return ended_run(tmp_path, (Path(__file__).parents[2] / "parameters" / "rehearsal.yaml").read_bytes())


def ended_run(tmp_path: Path, text: bytes) -> RunFolder:
    """A sealed run that only planned."""
    run = RunFolder.create(tmp_path / "runs", "rehearsal", made.BEGIN, settings=text, command=[], organization=made.ORGANIZATION)
    made.apply_phase(run, PHASE, made.BEGIN, made.approval(PHASE), state="planned")
    for path in (run.phase(PHASE).approval, run.phase(PHASE).journal):
        path.unlink()
    run.start_phase(PHASE, made.BEGIN)
    run.finish_phase(PHASE, RunStatus.LEFT_OVER, made.BEGIN, {"state": "planned", "covered": 3, "gap": 0})
    run.finish(RunStatus.LEFT_OVER, made.BEGIN)
    made.of_process(run, made.ended_process())
    seal(run, made.desk(tmp_path / "runs"))
    return run


def test_the_approve_command_signs_a_plan_with_the_persons_own_key(tmp_path: Path, planned: RunFolder) -> None:
    words = ("approve", planned.name, "--ticket", "CHG-7", "--runs", tmp_path / "runs")
    code, said = call(*words, "--key", tmp_path / "alice.pem")
    assert code == 0, said
    (path,) = (tmp_path / "runs" / "approvals").iterdir()
    approval = read_approval(path)
    assert (approval.ticket, approval.approver, len(approval.signatures)) == ("CHG-7", user(), 1)
    assert (path.parent / approval.plan).resolve() == planned.phase(PHASE).plan_json
    assert call(*words, "--key", tmp_path / "bob.pem")[0] == 0
    assert [each.keyid for each in read_approval(path).signatures] == [
        local_signer(tmp_path, name).public_key.keyid for name in ("alice", "bob")
    ]
    assert made.checked(tmp_path / "runs").faults == ()


@pytest.mark.parametrize(
    ("name", "may"),
    [("alice", "approve"), ("reviewer", "review"), ("stranger", ""), ("left", ""), ("live only", "")],
)
def test_a_key_that_the_policy_does_not_let_sign_is_refused_at_once(
    tmp_path: Path, name: str, may: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust, path = policy(tmp_path), tmp_path / "trust.json"
    text = (Path(__file__).parents[2] / "parameters" / "rehearsal.yaml").read_text()
    text += f"\nevidence:\n  signing_key: arn:aws:kms:us-east-1:222222222222:alias/e\n  trust_policy: {trust}\n"
    run = ended_run(tmp_path, text.encode())
    key = tmp_path / "people" / f"{name}.pem"
    signer(tmp_path, name)
    approved = call("approve", run.name, "--ticket", "CHG-7", "--key", key, "--runs", tmp_path / "runs")
    reviewed = call("evidence", "review", run.name, "--text", "fine", "--key", key, "--runs", tmp_path / "runs")
    assert (approved[0], reviewed[0]) == (int(may != "approve"), int(may != "review"))
    assert (tmp_path / "runs" / "approvals").exists() == (may == "approve")
    assert (run.path / REVIEW).exists() == (may == "review")
    if may != "approve":
        why = "names nobody with this key" if name == "stranger" else f"does not let {name} approve in mode rehearsal now"
        first, second = approved[1].splitlines()
        assert first == f"nothing was signed: trust policy {path} {why}"
        assert "--key" in second


def test_who_ran_it_is_told_at_once_that_the_review_would_not_count(tmp_path: Path) -> None:
    mine = {"name": "me", "key": pem(signer(tmp_path, "me").public_key), "may": ["review"], "identities": [user()]}
    trust = policy(tmp_path, people=[mine])
    text = (Path(__file__).parents[2] / "parameters" / "rehearsal.yaml").read_text()
    text += f"\nevidence:\n  signing_key: arn:aws:kms:us-east-1:222222222222:alias/e\n  trust_policy: {trust}\n"
    run = ended_run(tmp_path, text.encode())
    words = ("evidence", "review", run.name, "--text", "fine", "--key", tmp_path / "people" / "me.pem", "--runs", tmp_path / "runs")
    assert call(*words) == (1, f"nothing was signed: me ran {run.name}; another person has to review it")
    assert not (run.path / REVIEW).exists()


def test_a_review_that_does_not_reach_the_store_is_kept_and_said(
    tmp_path: Path, planned: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[bytes] = []

    class Away(FolderStore):
        def keep_review(self, chain: str, run: str, data: bytes) -> None:
            raise StoreFailed("s3://made-up: no way there")

    class There(FolderStore):
        def keep_review(self, chain: str, run: str, data: bytes) -> None:
            kept.append(data)

    runs = tmp_path / "runs"
    monkeypatch.setattr("runbook_lib.cli.approve.store_for", lambda root, settings, resources: Away(runs / "chain"))
    words = ("evidence", "review", planned.name, "--text", "fine", "--key", tmp_path / "alice.pem", "--runs", runs)
    code, said = call(*words)
    assert (code, said.splitlines()[-1]) == (1, f"once the store can be written: runbook evidence seal {planned.name}")
    desk = replace(made.desk(runs), store=There(runs / "chain"))
    monkeypatch.setattr("runbook_lib.cli.sealing.desk_for", lambda *given: desk)
    call("evidence", "seal", planned.name, "--runs", runs)
    assert kept == [(planned.path / REVIEW).read_bytes()]


def test_nothing_is_approved_that_was_altered_unplanned_or_names_an_address(tmp_path: Path, planned: RunFolder) -> None:
    words = ("approve", planned.name, "--key", tmp_path / "alice.pem", "--runs", tmp_path / "runs", "--ticket")
    (tmp_path / "bad.pem").write_text("nothing")
    (tmp_path / "bad.pem").chmod(0o600)
    bad = ("approve", planned.name, "--key", tmp_path / "bad.pem", "--runs", tmp_path / "runs", "--ticket", "CHG-1")
    assert "cannot be read as a private key" in call(*bad)[1]
    assert "no e-mail addresses" in call(*words, "someone@example.com")[1]
    assert "has no plan of 30_inspector" in call(*words, "CHG-1", "--phase", "30_inspector")[1]
    (planned.path / "settings.yaml").write_text("other")
    assert "this run was altered" in call(*words, "CHG-1")[1]
    assert not (tmp_path / "runs" / "approvals").exists()
    assert (planned.path / SEAL).exists()


def test_keys_and_policies_are_made_by_commands(tmp_path: Path) -> None:
    code, text = call("evidence", "key", tmp_path / "owner.pem")
    assert (code, text) == (0, pem(local_signer(tmp_path, "owner").public_key))
    assert call("evidence", "key", tmp_path / "owner.key")[0] == 1
    (tmp_path / "policy.json").write_text(json.dumps({"organization": made.ORGANIZATION}))
    words = ("evidence", "trust", tmp_path / "policy.json", tmp_path / "signed.json", "--key", tmp_path / "owner.pem")
    code, said = call(*words)
    assert code == 0
    trust = read_policy(tmp_path / "signed.json")
    assert trust.needed("live") == 1
    pins = dict(re.findall(r'^  (trust_policy_\w+): "([0-9a-f]{64})"', said, re.MULTILINE))
    assert set(pins) == {"trust_policy_owner", "trust_policy_sha256"}
    refuse_another(trust, pins["trust_policy_owner"], pins["trust_policy_sha256"])


def test_nobody_in_particular_approves_a_live_plan_by_its_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: pwd.struct_passwd(("ec2-user", "x", uid, 1, "", "/", "/bin/sh")))
    text = (Path(__file__).parents[2] / "parameters" / "rehearsal.yaml").read_text().replace("mode: rehearsal", "mode: live")
    (tmp_path / "live.yaml").write_text(text)
    (tmp_path / "runs").mkdir()
    code, said = call("apply", "-p", tmp_path / "live.yaml", "--approval", "ab" * 32, "--runs", tmp_path / "runs")
    assert code == 1
    assert "it is given by ec2-user, which is nobody in particular (the user of Amazon Linux" in said
    assert list((tmp_path / "runs").iterdir()) == [], "nothing was begun"
