"""Whether an approval may be used is asked by the engine: at the beginning, and right before the first call of each stage."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from simulated import simulated

from runbook_lib.apply.journal import Journal
from runbook_lib.base.clock import Stop
from runbook_lib.base.identity import user
from runbook_lib.evidence.people.four_eyes import signed
from runbook_lib.evidence.people.permit import Permit
from runbook_lib.evidence.people.trust import read_policy, signed_policy
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.seal.keys import local_signer, pem
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import Approval, ApprovalRefused
from runbook_lib.runbook import ApplyReport
from runbook_lib.services.remarks import PreconditionsFailed
from runbook_lib.settings import EvidenceSection

PHASE = "10_security_hub"
KEY = "arn:aws:kms:eu-central-1:222222222222:alias/evidence"


class There:
    """A phase that may be applied, under a policy that asks for one other person."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.made = root, simulated("seven", root / "world", monkeypatch)
        self.made.enable(["00_prerequisites"])
        self.trust = root / "trust.json"
        self.policy("alice", "bob")
        evidence = EvidenceSection(signing_key=KEY, trust_policy=str(self.trust), trust_policy_owner=None)
        self.made.settings = self.made.settings.model_copy(update={"evidence": evidence})
        self.plan = self.made.plan(PHASE)
        digest = read_policy(self.trust).digest
        self.approval = signed(self.made.approve(self.plan).model_copy(update={"trust": digest}), self.key("alice"))
        self.asked: list[int] = []
        self.begun = len(self.calls)

    def key(self, name: str):  # type: ignore[no-untyped-def] # noqa: ANN201 whatever signs
        return local_signer(self.root / "people", name)

    def policy(self, *names: str, mine: str = "") -> None:
        people = [{"name": name, "key": pem(self.key(name).public_key), "identities": [user()] * (name == mine)} for name in names]
        text = {"organization": self.made.settings.organization.id, "approvals": {"rehearsal": 1}, "people": people}
        self.trust.write_bytes(signed_policy(json.dumps(text).encode(), self.key("owner"), "policy"))

    @property
    def calls(self) -> list[str]:
        return [f"{entry.service}:{entry.operation}" for entry in self.made.mutating()]

    def run(self) -> RunFolder:
        made = self.made
        return RunFolder.create(
            self.root / "runs", "rehearsal", made.clock.now(), settings=b"", command=[], organization="o-rehearsal001"
        )

    def apply(self, before: Callable[[int], None] = lambda asked: None) -> ApplyReport:
        """As a door does it; `before` is called with the number of each time that it is asked, just before."""
        run = self.run()
        folder = run.start_phase(PHASE, self.made.clock.now())
        folder.plan_json.write_text(plan_file.dumps(self.plan))
        self.approval.write(folder.approval)
        permit = Permit(run, self.made.settings, {}, {})

        def asked(approval: Approval) -> None:
            self.asked.append(len(self.calls) - self.begun)
            before(len(self.asked))
            permit(approval)

        runbook = self.made.runbook(PHASE)
        with runbook.access, Journal(folder.journal, run.name, self.made.clock) as journal:
            return runbook.apply(self.approval, self.plan, permit=asked, journal=journal, stop=Stop(), progress=lambda tick: None)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> There:
    return There(tmp_path, monkeypatch)


def calls_of(plan: Plan, stage: str) -> int:
    return sum(action.stage == stage for action in plan.actions)


def test_it_is_asked_at_first_and_before_the_first_call_of_each_stage(there: There) -> None:
    assert there.apply().ok
    stages = list(dict.fromkeys(action.stage for action in there.plan.actions))
    made = [0]
    for stage in stages:
        made.append(made[-1] + calls_of(there.plan, stage))
    assert len(stages) > 1, "otherwise this proves nothing"
    assert there.asked == [0, *made[:-1]]


@pytest.mark.parametrize("when", [1, 2, 3])
@pytest.mark.parametrize("how", ["revoked", "the runner after all", "policy gone", "used up elsewhere"])
def test_what_has_changed_since_the_confirmation_is_noticed(there: There, when: int, how: str) -> None:
    """At the very first asking nothing has been called, and it is raised; later the report tells what was done until then."""

    def change(asked: int) -> None:
        if asked != when:
            return
        if how == "revoked":
            there.policy("bob")
        elif how == "the runner after all":
            there.policy("alice", "bob", mine="alice")
        elif how == "policy gone":
            there.trust.unlink()
        else:
            other = there.run()
            folder = other.start_phase(PHASE, there.made.clock.now())
            there.approval.write(folder.approval)
            folder.journal.write_text("")
            other.finish_phase(PHASE, RunStatus.DONE, there.made.clock.now(), {"state": "applied"})

    wanted = {
        "revoked": "it was given under another trust policy", "the runner after all": "signed by alice, who runs this",
        "policy gone": "No such file", "used up elsewhere": "it was completed by run",
    }  # fmt: skip
    if when == 1:
        with pytest.raises(ApprovalRefused, match=wanted[how]):
            there.apply(change)
        assert len(there.calls) == there.begun
        return
    report = there.apply(change)
    assert wanted[how] in report.refused[0]
    assert not report.ok
    assert len(there.calls) - there.begun == there.asked[-1] == (0 if when == 2 else calls_of(there.plan, report.stages[0][0]))
    assert len(report.stages) == when - 2


def test_a_store_that_cannot_be_written_any_more_ends_an_apply(there: There) -> None:
    def gone(asked: int) -> None:
        if asked == 3:
            raise PreconditionsFailed(["the start of this run cannot be recorded, so nothing is applied: no way there"])

    report = there.apply(gone)
    assert "no way there" in report.refused[0]
    assert len(report.stages) == 1
