"""One decision per account: cut plans, what a ballot takes, and that stages cannot overtake each other."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from simulated import Simulated, simulated

from runbook_lib.apply.report import Final
from runbook_lib.notebook.question import question
from runbook_lib.notebook.screen import StopWithKernel, Troubles, operator
from runbook_lib.plan.decision import Ballot, Question
from runbook_lib.plan.estimate import estimate
from runbook_lib.plan.gates import GATES, gates, part
from runbook_lib.runbook.phases import NOTEBOOKS, phase_named

NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
ASKED = Question("Decision", "live", {}, phrase="apply 3", needs_ticket=True)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulated:
    made = simulated("seven", tmp_path, monkeypatch)
    made.enable(["00_prerequisites"])
    return made


def test_every_stage_has_exactly_one_gate() -> None:
    declared = {stage.name for notebook in NOTEBOOKS for stage in notebook.stages}
    assert sorted(stage for gate in GATES for stage in gate.stages) == sorted(declared)


def test_a_plan_is_cut_whole(there: Simulated) -> None:
    plan = there.plan("10_security_hub")
    parts = [part(plan, gate) for gate in GATES]
    assert sum((each.steps for each in parts), ()) == plan.steps
    assert [gate.name for gate in gates(plan)] == ["management", "delegated"]
    assert len({plan.fingerprint, *(each.fingerprint for each in parts)}) == 4
    assert not any(each.units & other.units for each in parts for other in parts if each is not other)


def test_gate_by_gate_does_what_one_approval_does(there: Simulated) -> None:
    plan = there.plan("10_security_hub")
    for gate in gates(plan):
        cut = part(plan, gate)
        report = there.apply("10_security_hub", cut, there.approve(cut))
        assert report.ok
        assert {stage for stage, _ in report.stages} <= set(gate.stages)
    assert not there.plan("10_security_hub").actions


def test_a_later_gate_cannot_overtake(there: Simulated) -> None:
    plan = there.plan("10_security_hub")
    cut = part(plan, gates(plan)[1])
    report = there.apply("10_security_hub", cut, there.approve(cut))
    assert not report.ok
    assert {result.final for _, stage in report.stages for step in stage.steps for result in step.results} == {Final.NOT_ATTEMPTED}
    assert not there.journal("10_security_hub").read_text(encoding="utf-8")


def test_what_is_asked(there: Simulated) -> None:
    plan, phase = there.plan("10_security_hub"), phase_named("10_security_hub")
    first, second = gates(plan)
    assert question(plan, first, phase, there.settings).phrase == ""
    sensitive = there.settings.model_copy(update={"confirm_by_typing": ("management",)})
    asked = question(plan, first, phase, sensitive)
    assert asked.phrase == f"apply {len(part(plan, first).actions)}"
    assert asked.facts["Fingerprint"] == part(plan, first).fingerprint
    assert (asked.calls, asked.facts["How many"]) == (
        7,
        f"7 calls; {estimate(part(plan, first), there.settings.concurrency).duration}",
    )
    assert str(asked.facts["Plan"]).startswith(f"decision 1 of 2 of plan {plan.fingerprint[:16]}")
    assert asked.facts["Where"] == "2 Regions: us-east-1, us-east-2"
    assert list(asked.facts)[:4] == ["What", "Where", "How many", "Blast radius"], "what is decided comes first"
    assert question(plan, second, phase, sensitive).phrase == ""
    assert question(plan, second, phase, there.settings, ticket="CHG-1").ticket == "CHG-1"
    assert "unknown" in question(plan, second, phase, sensitive, may_cost="unknown").facts.values()
    from dataclasses import replace

    live = question(replace(plan, mode="live"), second, phase, there.settings)
    assert live.phrase.startswith("apply ")
    assert live.needs_ticket


def cast(ballot: Ballot, **given: Any) -> str:
    return ballot.cast(**{"approved": True, "ticket": "T-1", "reason": "", "typed": "apply 3", "now": NOW, **given})


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, ""),
        ({"typed": " apply 3 "}, ""),
        ({"typed": "apply 4"}, "apply 4 was typed"),
        ({"typed": "Apply 3"}, "Apply 3 was typed"),
        ({"typed": ""}, "nothing was typed"),
        ({"ticket": "  "}, "needs a ticket"),
        ({"approved": False}, "rejecting needs a reason"),
        ({"approved": False, "reason": "no", "typed": "", "ticket": ""}, ""),
    ],
)
def test_what_a_ballot_takes(given: dict[str, Any], problem: str) -> None:
    ballot = Ballot(ASKED)
    said = cast(ballot, **given)
    assert problem in said
    assert (ballot.answer is None) == bool(problem)
    assert bool(said) == bool(problem)


def test_the_first_answer_counts() -> None:
    ballot = Ballot(ASKED)
    assert cast(ballot) == ""
    assert "already" in cast(ballot, approved=False, reason="no")
    assert ballot.answer is not None
    assert ballot.answer.approved


def test_a_closed_ballot_takes_nothing() -> None:
    ballot = Ballot(ASKED)
    ballot.close("void")
    assert cast(ballot) == "void"
    assert ballot.answer is None


def test_refusals_come_from_the_journal_as_it_grows(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    troubles = Troubles(journal)
    assert troubles.lines() == []
    intent = {"kind": "intent", "invocation": "i", "operation": "CreateMembers", "region": "us-east-1"}
    refused = {"account": "444444444444", "verdict": "failed", "code": "Denied", "message": "no"}
    outcome = {"kind": "outcome", "invocation": "i", "outcomes": [refused, {**refused, "verdict": "applied"}]}
    whole = "".join(json.dumps(line) + "\n" for line in (intent, outcome))
    journal.write_text(whole[:-20], encoding="utf-8")
    assert troubles.lines() == []
    journal.write_text(whole, encoding="utf-8")
    assert troubles.lines() == ["CreateMembers in us-east-1: Denied (1 account) no"]


def test_who_decides_is_named_with_the_callers() -> None:
    assert "arn:aws:sts::111111111111:x" in operator({"111111111111": "arn:aws:sts::111111111111:x"})


def test_a_stop_that_the_end_of_the_kernel_sets_too() -> None:
    stop = StopWithKernel()
    assert not stop.is_set()
    stop.request("asked")
    stop.request("later")
    assert stop.reason == "asked"
