"""Waiting at the screen for other people: the file that `runbook approve` writes is judged as `--approval` is."""

import datetime as dt
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from simulated import Simulated, simulated

from runbook_lib.base.identity import user
from runbook_lib.evidence.people.four_eyes import needed, signed
from runbook_lib.evidence.people.trust import read_policy, signed_policy
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal.keys import local_signer, pem
from runbook_lib.notebook.approval_file import ApprovalFile
from runbook_lib.notebook.second_person import OthersAsked, approval_path, command, confirmed
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import Approval, ApprovalRefused, read_approval
from runbook_lib.plan.decision import Decision, Rejection
from runbook_lib.settings import EvidenceSection

PHASE = "00_prerequisites"
KEY = "arn:aws:kms:eu-central-1:222222222222:alias/evidence"


@dataclass
class There:
    """A planned run under a policy, and the people it names."""

    simulated: Simulated
    run: RunFolder
    plan: Plan
    root: Path

    def write(self, *people: str, **change: Any) -> Approval:
        """What `runbook approve` leaves."""
        approval = self.simulated.approve(self.plan).model_copy(update={"trust": self.digest, "ticket": "CHG-7", **change})
        for name in people:
            approval = signed(approval, local_signer(self.root / "people", name))
        path = approval_path(self.run, PHASE)
        path.parent.mkdir(exist_ok=True)
        where = os.path.relpath(self.run.phase(PHASE).plan_json, path.parent)
        approval.model_copy(update={"plan": where}).write(path)
        return approval

    @property
    def digest(self) -> str:
        return read_policy(self.root / "trust.json").digest

    def file(self) -> ApprovalFile:
        return ApprovalFile(approval_path(self.run, PHASE), self.plan, self.simulated.runbook(PHASE), self.run, ["arn:made-up"])

    def asked(self) -> OthersAsked:
        return OthersAsked(self.plan, self.simulated.runbook(PHASE), self.run, {"1" * 12: "arn:made-up"})


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> There:
    made = simulated("seven", tmp_path / "world", monkeypatch)
    policy = {
        "organization": made.settings.organization.id, "owner": "", "approvals": {"rehearsal": 2},
        "people": [
            *({"name": name, "key": pem(local_signer(tmp_path / "people", name).public_key)} for name in ("alice", "bob")),
            {"name": "me", "key": pem(local_signer(tmp_path / "people", "me").public_key), "identities": [user()]},
            {"name": "reviewer", "key": pem(local_signer(tmp_path / "people", "reviewer").public_key), "may": ["review"]},
        ],
    }  # fmt: skip
    owner = local_signer(tmp_path / "people", "owner")
    (tmp_path / "trust.json").write_bytes(signed_policy(json.dumps(policy).encode(), owner, "policy"))
    evidence = EvidenceSection(signing_key=KEY, trust_policy=str(tmp_path / "trust.json"))
    made.settings = made.settings.model_copy(update={"evidence": evidence})
    run = RunFolder.create(tmp_path / "runs", "rehearsal", made.clock.now(), settings=b"", command=[], organization="o-x")
    plan = made.plan(PHASE)
    run.start_phase(PHASE, made.clock.now()).plan_json.write_text(plan_file.dumps(plan))
    return There(made, run, plan, tmp_path)


def later(there: There) -> dt.datetime:
    return there.simulated.clock.now() + dt.timedelta(days=1)


Case = tuple[Sequence[str], Callable[[There], dict[str, Any]], bool, str]
CASES: dict[str, Case] = {
    "both": (("alice", "bob"), lambda _: {}, True, "Approved by alice, bob, ticket CHG-7"),
    "one of two": (("alice",), lambda _: {}, False, "Waiting: 1 of 2 have approved (alice)."),
    "nobody signed": ((), lambda _: {}, False, "cannot be used: 2 approvals by other people are needed"),
    "one person twice": (("alice", "alice"), lambda _: {}, False, "Waiting: 1 of 2"),
    "the runner too": (("alice", "me"), lambda _: {}, False, "signed by me, who runs this"),
    "who may only review": (("alice", "reviewer"), lambda _: {}, False, "Waiting: 1 of 2"),
    "a stranger": (("alice", "stranger"), lambda _: {}, False, "Waiting: 1 of 2"),
    "another plan": (("alice", "bob"), lambda _: {"fingerprint": "ab" * 32}, False, "another plan than the one shown here"),
    "another mode": (("alice", "bob"), lambda _: {"mode": "live"}, False, "given in mode live"),
    "another policy": (("alice", "bob"), lambda _: {"trust": "ab" * 32}, False, "another trust policy"),
    "too early": (("alice", "bob"), lambda there: {"not_before": later(there)}, False, "it is valid from"),
    "too late": (("alice", "bob"), lambda there: {"not_after": there.simulated.clock.now()}, False, "it was valid until"),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_what_came_is_judged_as_an_approval_that_was_given(there: There, name: str) -> None:
    people, change, good, said = CASES[name]
    file = there.file()
    assert file.look().words == "Waiting: 0 of 2 have approved."
    there.write(*people, **change(there))
    state = file.look()
    assert said in state.words
    assert (state.decision is not None) == good
    assert bool(file.problem()) != good


def test_it_is_noticed_when_it_comes_changes_and_grows_old(there: There) -> None:
    file = there.file()
    assert file.look().decision is None
    there.write("alice")
    assert file.look().signed == ("alice",)
    approval_path(there.run, PHASE).write_text("{")
    assert "cannot be used" in file.look().words
    there.write("alice", "bob")
    assert file.look().decision is not None
    there.simulated.clock.sleep(13 * 3600)
    assert "it was valid until" in file.look().words
    approval_path(there.run, PHASE).unlink()
    assert file.look().words.startswith("Waiting: 0 of 2")


def test_who_may_and_what_they_type_is_shown(there: There) -> None:
    assert there.file().people() == ["alice", "bob"]
    assert command(there.run, PHASE).startswith(f"runbook approve {there.run.name} --phase {PHASE} --ticket TICKET --key")
    assert f"--runs {there.root / 'runs'}" in command(there.run, PHASE)


def cast(asked: OthersAsked, *, approved: bool = True, reason: str = "") -> str:
    now = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
    return asked.ballot.cast(approved=approved, ticket="", reason=reason, typed="", now=now)


def test_the_operator_confirms_only_what_is_good_at_that_moment_and_both_are_named(there: There) -> None:
    asked, folder = there.asked(), there.run.phase(PHASE)
    assert "Waiting: 0 of 2" in cast(asked)
    there.write("alice")
    assert "Waiting: 1 of 2" in cast(asked)
    given = there.write("alice", "bob")
    assert cast(asked) == ""
    outcome = asked.decided(folder)
    assert isinstance(outcome, Decision)
    kept = read_approval(folder.approval)
    assert (kept.id, kept.signatures, kept.plan) == (given.id, given.signatures, "plan.json")
    people = confirmed(folder)
    assert people["Approved by"] == "alice, bob"
    assert str(people["Confirmed by"]).startswith(f"{user()} (arn:made-up)")


def test_the_operator_may_reject_whatever_others_said(there: There) -> None:
    there.write("alice", "bob")
    asked, folder = there.asked(), there.run.phase(PHASE)
    assert "needs a reason" in cast(asked, approved=False)
    assert cast(asked, approved=False, reason="not today") == ""
    assert isinstance(asked.decided(folder), Rejection)
    assert not folder.approval.exists()
    assert json.loads((folder.path / "rejection.json").read_text())["reason"] == "not today"
    assert confirmed(folder) == {}


def test_a_policy_that_cannot_be_read_lets_nobody_decide(there: There) -> None:
    (there.root / "trust.json").unlink()
    with pytest.raises(ApprovalRefused, match="No such file"):
        needed(there.simulated.settings, there.root / "runs")
