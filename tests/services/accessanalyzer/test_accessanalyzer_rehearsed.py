"""Access Analyzer on simulated organizations: what others left there, what AWS refuses, and a run that dies at any call."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from simulated import Simulated, fitting, open_cells, settings_for, simulated, throttle
from test_every_service import EVERYTHING
from test_inventory import inventory, replica
from test_killed import MOMENTS, begun, killed_and_restarted
from test_permissions import Asked, Rehearsal

from runbook_lib.audit.cloudtrail import read_trails
from runbook_lib.coverage import Gap, Status
from runbook_lib.rehearsal import cloudtrail
from runbook_lib.rehearsal import permissions as simulation
from runbook_lib.rehearsal.operations.accessanalyzer import texts
from runbook_lib.rehearsal.operations.accessanalyzer.analyzers import CREATION
from runbook_lib.rehearsal.registry import HANDLERS
from runbook_lib.services.permissions import Names, statements
from runbook_lib.services.registry import by_section

PREREQUISITES, PHASE, NAME = "00_prerequisites", "45_access_analyzer", "accessanalyzer"
DELEGATED = "222222222222"


def organization(seed: str, folder: Path, patch: pytest.MonkeyPatch) -> Simulated:
    """A seed, asked for Access Analyzer alone."""
    made = simulated(seed, folder, patch)
    made.settings = settings_for(made.front, fitting(made.front, EVERYTHING))
    made.settings = made.settings.model_copy(update={section: None for section in by_section() if section != "access_analyzer"})
    return made


def calls(made: Simulated) -> list[str]:
    """The phase's changing calls: operation and Region."""
    return [f"{entry.operation} {entry.region}" for entry in made.mutating() if entry.operation != "EnableAWSServiceAccess"]


def test_a_bare_organization(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = organization("fresh", tmp_path, monkeypatch)
    _, applied = made.enable([PREREQUISITES, PHASE])
    assert applied.report.ok
    assert open_cells(made.cells()) == []
    taken = [call for call in calls(made) if not call.startswith("Register")]
    done = {(entry.operation, entry.region) for entry in made.mutating() if entry.service == NAME and entry.status == 200}
    assert {region for _, region in done} == made.front.world.regions
    assert len(taken) >= len(done) == len(made.front.world.regions), "an attempt until Organizations' change has come there"


def test_what_others_made_is_left_and_what_the_delegated_account_has_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = organization("half-done", tmp_path, monkeypatch)
    made.enable([PREREQUISITES, PHASE])
    assert open_cells(made.cells()) == []
    made_ = {"CreateAnalyzer eu-south-1", "CreateAnalyzer us-east-1", "CreateAnalyzer us-east-2"}
    assert set(calls(made)) == {*made_, "UpdateAnalyzer us-east-1"}


def test_another_administrator_is_left_in_charge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = organization("foreign-administrator", tmp_path, monkeypatch)
    _, applied = made.enable([PREREQUISITES, PHASE])
    assert {cell.gap for cell in open_cells(made.phase_cells(PHASE))} == {Gap.BLOCKED}
    assert all("444444444444" in blocker.reason for blocker in applied.plan.blockers)
    assert calls(made) == []


def test_an_analyzer_that_fails_says_why_and_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = organization("seven", tmp_path, monkeypatch)
    made.front.world.variants[CREATION] = "fails"
    _, applied = made.enable([PREREQUISITES, PHASE])
    assert not applied.report.ok
    plan = made.plan(PHASE)
    assert plan.actions == ()
    assert {"SERVICE_LINKED_ROLE_CREATION_FAILED" in blocker.reason for blocker in plan.blockers} == {True}


def test_one_region_that_cannot_be_read_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = organization("region-deny", tmp_path, monkeypatch)
    made.enable([PREREQUISITES, PHASE])
    left = open_cells(made.phase_cells(PHASE))
    assert {(cell.region, cell.status) for cell in left if cell.aspect == "external access"} == {("us-east-2", Status.UNKNOWN)}
    assert not [call for call in calls(made) if call.endswith("us-east-2")]


def test_a_look_takes_one_list_for_each_region_and_account_and_one_more_for_what_is_paid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = organization("seven", tmp_path, monkeypatch)
    made.enable([PREREQUISITES, PHASE])
    made.front.log.clear()
    made.phase_cells(PHASE)
    asked = sorted(f"{entry.operation} {entry.region}" for entry in made.front.log.entries if entry.service == NAME)
    assert asked == ["GetAnalyzer us-east-1", *["ListAnalyzers us-east-1"] * 2, *["ListAnalyzers us-east-2"] * 2]


def test_its_roles_need_what_the_table_of_permissions_gives_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = organization("half-done", tmp_path, monkeypatch)
    asked = Asked()
    monkeypatch.setattr(simulation, "decide", asked.decide)
    rehearsal = Rehearsal(made, statements(Names.of(made.settings)), asked)
    for phase in (PREREQUISITES, PHASE):
        rehearsal.as_role("read")
        plan = made.plan(phase)
        rehearsal.as_role("change")
        assert made.apply(phase, plan, made.approve(plan)).ok
    assert asked.denied == []
    actions = {request.action for requests in asked.requests.values() for request, _ in requests}
    given = {action for each in rehearsal.table for action in each.actions if action.startswith("access-analyzer:")}
    assert given == {action for action in actions if action.startswith("access-analyzer:")}


def test_cloudtrail_calls_it_by_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = organization("seven", tmp_path, monkeypatch)
    made.enable([PREREQUISITES, PHASE])
    trail = cloudtrail.export(made.front.log.entries)
    assert "access-analyzer.amazonaws.com" in {each["eventSource"] for each in trail["Records"]}
    (tmp_path / "trail.json").write_text(json.dumps(trail))
    events = [event for event in read_trails([tmp_path / "trail.json"]) if event.operation == "CreateAnalyzer"]
    assert {event.service for event in events} == {NAME}


def test_an_inventory_of_it_is_an_organization_with_the_same_plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = organization("half-done", tmp_path, monkeypatch)
    plan = made.plan(PHASE)
    copied = replica(made, inventory(made), monkeypatch)
    assert copied.plan(PHASE).fingerprint == plan.fingerprint


def test_throttled_now_and_then_everything_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = organization("half-done", tmp_path, monkeypatch)
    throttle(monkeypatch, NAME, every=3)
    assert all(each.report.ok for each in made.enable([PREREQUISITES, PHASE]))
    refused = {entry.operation for entry in made.front.log.entries if entry.service == NAME and entry.code == "ThrottlingException"}
    assert refused >= {"ListAnalyzers", "CreateAnalyzer"}
    assert open_cells(made.cells()) == []
    done = Counter(entry.operation for entry in made.mutating() if entry.service == NAME and entry.status == 200)
    assert done == {"CreateAnalyzer": 3, "UpdateAnalyzer": 1}


def test_what_is_not_known_for_ten_minutes_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = organization("seven", tmp_path, monkeypatch)
    began, inner = made.clock.monotonic(), HANDLERS[NAME, "CreateAnalyzer"]

    def unaware(call: Any, **parameters: Any) -> Any:
        if made.clock.monotonic() - began < 600:
            raise texts.invalid(texts.NO_ORGANIZATION)
        return inner(call, **parameters)

    monkeypatch.setitem(HANDLERS, (NAME, "CreateAnalyzer"), unaware)
    assert all(each.report.ok for each in made.enable([PREREQUISITES, PHASE]))
    assert open_cells(made.cells()) == []
    assert made.clock.monotonic() - began < 700


@pytest.mark.parametrize("moment", [pytest.param(each, marks=() if each == "in flight" else pytest.mark.soak) for each in MOMENTS])
def test_a_run_that_dies_at_any_call_goes_on_from_there(moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = organization("seven", tmp_path, monkeypatch)
    made.front.world.settle_polls = 0
    plan = made.plan(PHASE)
    approval = made.approve(plan)
    made.enable([PREREQUISITES])
    start = begun(made, plan, approval)
    assert set(start.calls) == {"RegisterDelegatedAdministrator", "CreateAnalyzer"}
    for k in range(1, len(start.calls) + 1):
        killed_and_restarted(start, k, moment, tmp_path / f"runs-{k}")
