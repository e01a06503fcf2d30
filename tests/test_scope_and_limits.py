"""Plans for a part of the organization, plans that touch too much, and settings that ask for less protection than there is."""

from pathlib import Path
from typing import Any

import pytest
import twins
from simulated import ENABLING, Simulated, open_cells, simulated

from runbook_lib.base.text import counted
from runbook_lib.plan import Direction, Plan, Scope
from runbook_lib.services.registry import by_name
from runbook_lib.settings import Limits, Lowering, Settings

SERVICE_PHASES = ENABLING[1:]
DELEGATED, MEMBER = "222222222222", "333333333333"
PLATFORM = "ou-reh1-platform1"
BEYOND = {"UpdateOrganizationConfiguration", "CreateFindingAggregator", "UpdateFindingAggregator"}
"""Calls whose effect is not limited to the accounts of a part."""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulated:
    return simulated("seven", tmp_path, monkeypatch)


@pytest.fixture
def enabled(made: Simulated) -> Simulated:
    made.enable()
    return made


def targets(plan: Plan) -> set[str]:
    return {target for action in plan.actions for target in action.targets}


def test_a_plan_for_one_region_touches_no_other(made: Simulated) -> None:
    made.enable(ENABLING[:1])
    plan = made.plan("10_security_hub", Scope(regions=("us-east-2",)))
    assert {action.region for action in plan.actions if action.service == "securityhub"} == {"us-east-2"}
    assert made.apply("10_security_hub", plan, made.approve(plan)).ok
    assert {entry.region for entry in made.mutating() if entry.service == "securityhub"} == {"us-east-2"}
    left = open_cells(made.phase_cells("10_security_hub"))
    assert "us-east-1" in {cell.region for cell in left}
    assert {cell.aspect for cell in left if cell.region == "us-east-2"} == {"auto-enable"}


@pytest.mark.parametrize("scope", [Scope(accounts=(MEMBER,)), Scope(organizational_units=(PLATFORM,))], ids=["account", "unit"])
def test_a_plan_for_some_accounts_touches_only_them_and_sets_nothing_for_all(made: Simulated, scope: Scope) -> None:
    made.enable(ENABLING[:1])
    for phase in SERVICE_PHASES:
        plan = made.plan(phase, scope)
        assert targets(plan) - {DELEGATED} == {MEMBER}
        assert not BEYOND & {action.operation for action in plan.actions}
        assert made.apply(phase, plan, made.approve(plan)).ok
        assert made.plan(phase, scope).actions == ()
    assert not BEYOND & {entry.operation for entry in made.mutating()}
    named = {account for line in made.journaled("intent") for account in line["target_accounts"]}
    assert named - {DELEGATED} == {MEMBER}


def test_a_part_and_then_the_whole_is_the_whole(made: Simulated) -> None:
    made.enable(ENABLING[:1])
    for phase in SERVICE_PHASES:
        part = made.plan(phase, Scope(accounts=(MEMBER,)))
        assert made.apply(phase, part, made.approve(part)).ok
    made.enable(SERVICE_PHASES)
    assert open_cells(made.cells()) == []


@pytest.mark.parametrize("limits", [Limits(accounts=3, regions=5), Limits(accounts=100, regions=1)], ids=["accounts", "Regions"])
@pytest.mark.parametrize("phase", SERVICE_PHASES)
def test_a_plan_beyond_the_limits_has_one_blocker_and_no_step(made: Simulated, phase: str, limits: Limits) -> None:
    made.settings = made.settings.model_copy(update={"limits": limits})
    plan = made.plan(phase)
    assert plan.steps == ()
    assert [each.aspect for each in plan.blockers] == ["limits"]
    bounds = f"{counted(limits.accounts, 'account')} and {counted(limits.regions, 'Region')}"
    assert plan.blockers[0].reason.endswith(f"limits in settings are {bounds}")
    assert "plan a part" in plan.blockers[0].next_step
    if phase == "10_security_hub":
        made.enable(ENABLING[:1])
        calls = len(made.mutating())
        made.apply(phase, plan, made.approve(plan))
        assert len(made.mutating()) == calls


def wanting_less(made: Simulated, **more: Any) -> None:
    """Settings that ask for less of each service than what is on."""
    less = {by_name()[name].section: twins.module(name, "facts").lowered(section) for name, section in lowerable(made).items()}
    assert set(less) <= set(Settings.model_fields)
    made.settings = made.settings.model_copy(update={**less, **more})


def lowerable(made: Simulated) -> dict[str, Any]:
    """Service → its section, of those whose settings can ask for less."""
    return {name: each for name, each in made.settings.sections().items() if hasattr(twins.module(name, "facts"), "lowered")}


def test_less_protection_is_a_blocker_and_never_a_call(enabled: Simulated) -> None:
    wanting_less(enabled)
    calls = len(enabled.mutating())
    phases = [by_name()[service].phase for service in lowerable(enabled)]
    assert len(phases) > 1
    for phase in phases:
        plan = enabled.plan(phase)
        assert plan.actions == ()
        assert plan.blockers
        assert all("lowers protection" in each.reason for each in plan.blockers)
        enabled.apply(phase, plan, enabled.approve(plan))
    assert len(enabled.mutating()) == calls


def test_lowering_that_settings_allow_by_name_is_a_stage_of_its_own_and_nothing_more(enabled: Simulated) -> None:
    allowed = tuple(
        Lowering(service="guardduty", aspect=aspect, item="S3_DATA_EVENTS", reason="kept elsewhere")
        for aspect in ("features", "auto-enable")
    )
    wanting_less(enabled, allow_lowering=allowed)
    plan = enabled.plan("20_guardduty")
    assert plan.blockers == ()
    assert {action.stage for action in plan.actions} == {"lowering"}
    assert {action.direction for action in plan.actions} == {Direction.LOWERS}
    report = enabled.apply("20_guardduty", plan, enabled.approve(plan))
    assert report.ok
    assert [stage for stage, _ in report.stages] == ["lowering"]
    assert enabled.plan("20_guardduty").steps == ()
    assert open_cells(enabled.phase_cells("20_guardduty")) == []
    assert enabled.plan("30_inspector").blockers
