"""Ways to decide about a plan, without a browser: what each says comes next, and what it leaves in the run folder."""

import asyncio
import datetime as dt
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import loops
import pytest
from doors import Served, served
from securesystemslib.signer import CryptoSigner
from simulated import Simulated, settings_for

from runbook_lib.evidence.people.trust import signed_policy
from runbook_lib.notebook import OPEN, Notebook, open_phase
from runbook_lib.notebook.deciding import Decider, GivenFile, Nobody
from runbook_lib.notebook.gate_by_gate import Asked, GateByGate
from runbook_lib.notebook.second_person import SecondPerson
from runbook_lib.phase_run.halt import Halt, RunEnded
from runbook_lib.plan.approval import approve, read_approval
from runbook_lib.plan.gates import gates
from runbook_lib.settings.file import load

PHASE = "10_security_hub"


@pytest.fixture
def organization(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The prerequisites are applied; this process is led there as a kernel would be."""
    with served("seven", tmp_path) as made:
        for name in [each for each in os.environ if each.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        Simulated(made.front, settings_for(made.front), tmp_path).enable(["00_prerequisites"])
        made.front.log.entries.clear()
        yield made
        while OPEN:  # another test would end it, in a folder that is gone
            OPEN.pop().abandon()


def planned(organization: Served, approval: str = "", settings: Path | None = None) -> Notebook:
    notebook = open_phase(PHASE, str(settings or organization.settings), "", approval, "")
    notebook.observe()
    notebook.plan()
    return notebook


def decider(notebook: Notebook, emergency: str = "") -> Decider:
    made = notebook._decides(emergency)
    assert notebook._decides() is made, "one for the plan"
    return made


async def drawn(way: GateByGate, gate: str) -> Asked:
    """The panel of a gate, once it is there."""
    for _ in range(1000):
        if gate in way._asked:
            return way._asked[gate]
        await asyncio.sleep(0.01)
    raise AssertionError(gate)


async def pressed(asking: Any, way: GateByGate, gate: str, **answer: Any) -> Any:
    """Wait for the panel of a gate, answer it, and give what comes of it."""
    task = asyncio.ensure_future(asking)
    given = {"approved": True, "ticket": "T-1", "reason": "", "typed": "", "now": dt.datetime.now(dt.UTC), **answer}
    assert (await drawn(way, gate)).ballot.cast(**given) == ""
    return await task


def names(notebook: Notebook) -> set[str]:
    return {each.name for each in notebook.record.folder.path.iterdir()}


def test_without_anybody_nothing_comes_next(organization: Served) -> None:
    notebook = planned(organization)
    assert type(decider(notebook)) is Nobody
    shown = loops.run(notebook.confirm())
    assert shown is not None
    assert shown.title == "No approval was given"
    assert "Not attempted" in repr(loops.run(notebook.apply()))
    assert notebook.record.state == "not attempted"
    notebook.plan()
    assert notebook.finish().title == "Done, with something left"
    with pytest.raises(Halt, match="has ended"):
        notebook.plan()


def test_a_given_file_is_taken_up_where_it_is_confirmed_and_not_before(organization: Served, tmp_path: Path) -> None:
    first = planned(organization)
    plan = first.run.planned
    assert plan is not None
    file = first.record.folder.plan_json
    approve(plan, approver="Ada", ticket="T-1", now=dt.datetime.now(dt.UTC), file=str(file)).write(tmp_path / "approval.json")
    notebook = planned(organization, str(tmp_path / "approval.json"))
    assert type(decider(notebook)) is GivenFile
    assert "Not attempted" in repr(loops.run(notebook.apply()))
    loops.run(notebook.confirm())
    notebook.plan()

    async def next_ones() -> list[str]:
        return [each.title async for each in decider(notebook).approved()]

    assert loops.run(next_ones()) == loops.run(next_ones()) == ["Security Hub"]
    assert {"approval.json", "plan.json", "plan-at-apply.json"} <= names(notebook)
    assert notebook.run.carried_out == plan
    assert organization.changes == []


@pytest.fixture
def at_the_screen(organization: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setattr("runbook_lib.notebook.headless", lambda: False)
    return organization


def test_gates_are_asked_for_one_after_the_other(at_the_screen: Served) -> None:
    notebook = planned(at_the_screen)
    way = decider(notebook)
    assert isinstance(way, GateByGate)
    first, second = gates(way.planned)

    async def steps() -> None:
        with pytest.raises(Halt, match=r"Nothing is decided yet\. Nothing was called\.\nDecide in the panel above"):
            await anext(way.approved())
        await pressed(notebook.confirm(), way, first.name)
        assert notebook.run.decision is None, "it is taken up where it is applied"
        coming = way.approved()
        assert (await anext(coming)).title == first.title
        task = asyncio.ensure_future(anext(coming))
        assert (await drawn(way, second.name)).panel.ticket == "T-1", "the change has one ticket"
        then = await pressed(task, way, second.name)
        assert then.title == second.title
        assert then.decision.approved.fingerprint != way.planned.fingerprint
        with pytest.raises(StopAsyncIteration):
            await anext(coming)

    loops.run(steps())
    assert {f"{kind}-{gate.name}.json" for kind in ("plan", "approval") for gate in (first, second)} <= names(notebook)
    with pytest.raises(Halt, match="has been decided on"):
        notebook.plan()


def test_no_at_the_first_gate_ends_the_run(at_the_screen: Served) -> None:
    notebook = planned(at_the_screen)
    way = decider(notebook)
    assert isinstance(way, GateByGate)
    gate = gates(way.planned)[0]
    with pytest.raises(Halt, match=r"Rejected by .*: not today\nNothing was called"):
        loops.run(pressed(notebook.confirm(), way, gate.name, approved=False, reason="not today"))
    assert (notebook.record.state, notebook.record.ended) == ("rejected", "left-over")
    assert f"rejection-{gate.name}.json" in names(notebook)
    with pytest.raises(RunEnded):
        notebook.record.must_run()


def test_a_plan_made_anew_makes_the_panels_of_the_other_void(at_the_screen: Served) -> None:
    notebook = planned(at_the_screen)
    way = decider(notebook)
    assert isinstance(way, GateByGate)
    gate = gates(way.planned)[0].name

    async def interrupted() -> None:
        task = asyncio.ensure_future(notebook.confirm())
        asked = await drawn(way, gate)
        notebook.plan()
        assert asked.ballot.closed == "There is a new plan; this panel is void."
        task.cancel()
        with pytest.raises(Halt, match="Interrupted before a decision; nothing was called"):
            await task

    loops.run(interrupted())
    assert decider(notebook) is not way
    assert notebook.record.state == "stopped"


def under_a_policy(organization: Served, folder: Path, *, emergency: bool) -> Path:
    """The same settings, with a trust policy by which another person has to approve."""
    owner = CryptoSigner.generate_ecdsa()
    said = {"organization": load(organization.settings, dt.date(2026, 6, 1)).organization.id, "emergency": emergency}
    trust = folder / "trust.json"
    trust.write_bytes(signed_policy(json.dumps({**said, "approvals": {"rehearsal": 1, "live": 1}}).encode(), owner, "policy"))
    settings = folder / "settings.yaml"
    text = organization.settings.read_text(encoding="utf-8")
    key = "arn:aws:kms:us-east-1:222222222222:alias/evidence"
    settings.write_text(f"{text}\nevidence: {{ signing_key: {key}, trust_policy: {trust} }}\n", encoding="utf-8")
    return settings


def test_in_an_emergency_one_person_decides_for_an_hour_where_the_policy_lets_them(at_the_screen: Served, tmp_path: Path) -> None:
    notebook = planned(at_the_screen, settings=under_a_policy(at_the_screen, tmp_path, emergency=True))
    assert type(decider(notebook)) is SecondPerson
    notebook.plan()
    way = decider(notebook, "keys are used from abroad")
    assert isinstance(way, GateByGate)
    gate = gates(way.planned)[0].name
    loops.run(pressed(notebook.confirm("keys are used from abroad"), way, gate))
    approval = read_approval(notebook.record.folder.path / f"approval-{gate}.json")
    assert (approval.emergency, len(approval.trust)) == ("keys are used from abroad", 64)
    assert approval.not_after - approval.not_before == dt.timedelta(hours=1)


def test_an_emergency_that_no_policy_allows_is_refused_at_the_screen(at_the_screen: Served, tmp_path: Path) -> None:
    notebook = planned(at_the_screen, settings=under_a_policy(at_the_screen, tmp_path, emergency=False))
    with pytest.raises(Halt, match="no trust policy allows emergency approvals here"):
        loops.run(notebook.confirm("keys are used from abroad"))
    assert notebook.run.decision is None
