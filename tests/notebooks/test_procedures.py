"""The notebooks that take something away, on an organization in which Inspector has been enabled by its own notebook.

One level of the way out, then the run that enabled it is backed out: without an approval, with another one's, approved.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cells import Executed, in_process, latest
from doors import PAPERMILL, ROOT, Served, lines, served, states
from simulated import ENABLING, PARAMETERS, fitting

from runbook_lib.base.clock import Clock
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve
from runbook_lib.runbook.phases import BACK_OUT, OFFBOARDING

PHASE, SERVICE, LEVEL = "30_inspector", "inspector2", "stop-auto-enable"


def planned(organization: Served, name: str) -> Plan:
    return plan_file.load(latest(organization, name).phase(name).plan_json)


def approved(organization: Served, name: str) -> str:
    """An approval of the newest plan, with every loss typed, beside it; its path."""
    folder = latest(organization, name).phase(name)
    plan = plan_file.load(folder.plan_json)
    given = approve(plan, approver="tests", ticket="T-1", now=Clock().now(), loses=plan.to_type)
    given.write(folder.approval)
    return str(folder.approval)


@pytest.fixture(scope="module")
def enabled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, dict[str, str]]]:
    """The organization, and what a notebook is told of the run that enabled Inspector."""
    with served("seven", tmp_path_factory.mktemp("procedures")) as organization:
        for phase in (*ENABLING[:2], PHASE):
            in_process(organization, phase)
            done = in_process(organization, phase, approval=approved(organization, phase))
            assert done.halted == ""
        run = latest(organization, PHASE).path.name
        yield organization, {"undo_run": run, "undo_phase": PHASE}


@pytest.fixture(scope="module")
def left(enabled: tuple[Served, dict[str, str]]) -> tuple[Served, list[Executed]]:
    """One level of the way out, planned and then applied under its approval."""
    organization, _ = enabled
    settings = organization.settings.with_name("leaving.yaml")
    settings.write_text(fitting(organization.front, PARAMETERS.with_name("rehearsal-offboarding.yaml")), encoding="utf-8")
    about = {"parameters_file": str(settings), **dict(zip(OFFBOARDING.parameters, (SERVICE, LEVEL), strict=True))}
    before = len(organization.changes)
    first = in_process(organization, OFFBOARDING.name, **about)
    assert len(organization.changes) == before, "without an approval nothing is called"
    given = approved(organization, OFFBOARDING.name)
    return organization, [first, in_process(organization, OFFBOARDING.name, approval=given, **about)]


def test_a_level_is_planned_and_then_done_with_before_and_after_side_by_side(left: tuple[Served, list[Executed]]) -> None:
    organization, (first, done) = left
    assert (first.halted, done.halted) == ("", "")
    assert "Not attempted" in first.shown["apply"]
    assert "side by side" not in first.shown["verify"]
    said = done.shown["verify"]
    assert "Before and now, where it has changed" in said
    (line,) = [each for each in said.splitlines() if "accounts that join are scanned automatically" in each]
    assert line.index("to do: accounts that join are scanned") < line.index("covered: nothing is enabled automatically")
    record = latest(organization, OFFBOARDING.name).record()["phases"][OFFBOARDING.name]
    assert (record["status"], record["results"]["state"]) == ("done", "applied")
    back = record["results"]["coming back"]
    assert all(each in said for each in back)
    assert "let settings ask for Inspector again, then runbook plan -p SETTINGS --phase 30_inspector" in back[0]
    assert "inspector2:UpdateOrganizationConfiguration" in back[1]


def test_a_run_is_backed_out_by_its_notebook_as_far_as_it_is_as_it_was(
    left: tuple[Served, list[Executed]], enabled: tuple[Served, dict[str, str]], tmp_path: Path
) -> None:
    organization, run = enabled
    before = len(organization.changes)
    first = in_process(organization, BACK_OUT.name, **run)
    assert first.halted == ""
    assert "Not attempted" in first.shown["apply"]
    assert len(organization.changes) == before
    plan = planned(organization, BACK_OUT.name)
    assert plan.to_type
    assert "UpdateOrganizationConfiguration" not in {each.operation for each in plan.actions}, "taken away since, and left alone"
    out, given = tmp_path / "out.ipynb", {**run, "parameters_file": str(organization.settings)}
    given["approval"] = approved(organization, BACK_OUT.name)
    options = [part for name, value in given.items() for part in ("-r", name, value)]
    command = [*PAPERMILL, str(ROOT / "notebooks" / f"{BACK_OUT.name}.ipynb"), str(out), "--no-progress-bar", *options]
    done = organization.run(command)
    assert done.returncode == 0, done.stderr
    assert set(states(out)) == {"completed"}
    folder = latest(organization, BACK_OUT.name)
    sent = organization.changes[before:]
    assert {each.operation for each in sent} == {each.operation for each in plan.actions}
    intents = [each for each in lines(folder.phase(BACK_OUT.name).journal) if each["kind"] == "intent"]
    assert sorted(each["invocation"] for each in intents) == sorted(each.invocation for each in sent)
    results = folder.record()["phases"][BACK_OUT.name]["results"]
    assert (results["state"], results["gap"], results["unknown"]) == ("applied", 0, 0)
    assert f"runbook plan -p SETTINGS --phase {PHASE}" in results["coming back"][0]
    page = out.read_text(encoding="utf-8")
    assert "Before and now, where it has changed" in page


def test_another_s_approval_is_refused_in_the_gate_cell(
    left: tuple[Served, list[Executed]], enabled: tuple[Served, dict[str, str]]
) -> None:
    organization, run = enabled
    other, before = str(latest(organization, OFFBOARDING.name).phase(OFFBOARDING.name).approval), len(organization.changes)
    done = in_process(organization, BACK_OUT.name, approval=other, **run)
    assert [*done.shown][-1] == "confirm"
    assert "approval refused: it is for phase 95_offboarding, this is 95_back_out" in done.halted
    assert len(organization.changes) == before
