"""An hour for each resource: what takes longer is cut by Region, shown for 900 accounts in 12 Regions; only then is it refused."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from simulated import Simulated, simulated

from runbook_lib.phase_run.scope_parameter import read_scope
from runbook_lib.plan import Plan
from runbook_lib.plan.cost import Costs
from runbook_lib.plan.estimate import estimate
from runbook_lib.runbook.phases import phase_named
from runbook_lib.settings.regions import ENABLED_BY_DEFAULT
from runbook_lib.stack.answer import WORK_SECONDS
from runbook_lib.stack.cutting import fits, parts, rest
from runbook_lib.stack.deployment import Deployment, PlannedTask, hindrance, task_of
from runbook_lib.stack.template import Task, tasks, template

ACCOUNTS, TWELVE = 900, sorted(ENABLED_BY_DEFAULT)[:12]
INSPECTOR = Task(phase_named("30_inspector"))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The organization, before anything is on."""
    with pytest.MonkeyPatch.context() as patch:
        made = simulated("default", tmp_path_factory.mktemp("large"), patch, accounts=ACCOUNTS, regions=TWELVE)
        made.settings = made.settings.model_copy(update={"limits": None, "concurrency": 8})
        yield made


@pytest.fixture(scope="module")
def whole(large: Simulated) -> Plan:
    plan = large.plan(INSPECTOR.phase.name)
    assert len(plan.actions) > ACCOUNTS * len(TWELVE)
    return plan


def in_a_stack(large: Simulated) -> Any:
    """Its settings with the doors of a function."""
    access = large.settings.access
    own = access.management.model_copy(update={"profile": None, "role_arn": None})
    delegated = access.delegated.model_copy(update={"profile": None})
    doors = access.model_copy(update={"management": own, "delegated": delegated})
    return large.settings.model_copy(update={"access": doors})


def test_900_accounts_in_12_regions_are_cut_so_that_each_part_has_an_hour(large: Simulated, whole: Plan) -> None:
    concurrency = large.settings.concurrency
    assert estimate(whole, concurrency, "live").to_plan_for > WORK_SECONDS
    cut = parts(INSPECTOR, whole, concurrency)
    assert [each.logical_id for each in cut] == [f"InspectorPart{number}" for number in range(1, len(cut) + 1)]
    scopes = [read_scope(each.scope, large.settings) for each in cut]
    assert [region for scope in scopes for region in scope.regions] == TWELVE, "each Region in one part"
    plans = [large.plan(INSPECTOR.phase.name, scope) for scope in scopes]
    left = rest(whole, plans)
    for each in (*plans, left):
        assert not each.blockers
        assert estimate(each, concurrency, "live").to_plan_for <= WORK_SECONDS
    taken = frozenset[tuple[str, str]]().union(*(each.units for each in (*plans, left)))
    assert whole.units <= taken, "nothing is lost"
    more = {action.operation for each in plans for action in each.actions if not action.units <= whole.units}
    assert more <= {"RegisterDelegatedAdministrator"}, "planned in whichever Region comes first, and done by the first part"
    assert max(len(each.actions) for each in plans) > ACCOUNTS
    assert PlannedTask(INSPECTOR, whole, Path("plan.json"), Costs(), left).beyond_the_hour(concurrency) == ""
    made = template(in_a_stack(large), (*cut, INSPECTOR))["Resources"]
    custom = {name: each for name, each in made.items() if each["Type"].startswith("Custom::")}
    assert [*custom] == [*(each.logical_id for each in cut), "Inspector"]
    assert [each["DependsOn"] for each in custom.values()][1:] == [[name] for name in custom][:-1]
    assert {each["Properties"]["ServiceTimeout"] for each in custom.values()} == {3600}


def test_one_region_that_takes_too_long_is_refused_with_the_advice(whole: Plan) -> None:
    """The last resort: no cut by Region helps."""
    region = TWELVE[0]
    alone = replace(whole, steps=tuple(step for step in whole.steps if step.region == region) * 40)
    assert not fits(alone, 8)
    assert parts(INSPECTOR, alone, 8) == ()
    said = PlannedTask(INSPECTOR, alone, Path("plan.json"), Costs())
    why = hindrance([said], [said], "", 8)
    assert why.startswith("30_inspector: usually ")
    assert "also for one Region alone; waves in the settings, or smaller ones, make a resource" in why


def test_what_fits_and_what_is_a_part_already_is_not_cut(whole: Plan) -> None:
    small = replace(whole, steps=whole.steps[:20])
    assert parts(INSPECTOR, small, 8) == ()
    assert parts(replace(INSPECTOR, part=1), whole, 8) == ()


def test_an_approval_of_some_regions_is_of_a_part(large: Simulated, whole: Plan) -> None:
    scope = read_scope('{"regions": ["eu-west-1"]}', large.settings)
    plan = large.plan(INSPECTOR.phase.name, scope)
    approval = large.approve(plan).model_copy(
        update={"not_before": dt.datetime(2026, 6, 1, tzinfo=dt.UTC), "not_after": dt.datetime(2999, 1, 1, tzinfo=dt.UTC)}
    )
    given: Any = SimpleNamespace(approval=approval, approved=plan)
    found = task_of(given, large.settings, "")
    assert (found.logical_id, read_scope(found.scope, large.settings)) == ("InspectorPart1", scope)


@pytest.mark.parametrize(
    ("failed", "cut", "wanted"),
    [
        ([], [], ["InspectorPart1", "InspectorPart2", "Inspector"]),
        (["InspectorPart2"], [], ["InspectorPart1", "Inspector"]),
        ([], [replace(INSPECTOR, part=1)], ["InspectorPart1", "Inspector"]),
    ],
)
def test_parts_of_an_earlier_deployment_stay_while_they_are_done(
    large: Simulated, failed: list[str], cut: list[Task], wanted: list[str]
) -> None:
    """So a stack that was cut once says *no changes* when there is nothing to do."""
    names = [each.logical_id for each in tasks(large.settings)]
    there = [*names, "InspectorPart1", "InspectorPart2"]
    installer: Any = SimpleNamespace(
        stack=lambda: {"Parameters": [{"ParameterKey": f"{name}Order"} for name in there]},
        unfinished=lambda todo: [each for each in todo if each.logical_id in failed],
    )
    made = Deployment(installer, large.settings, Path("settings.yaml"), SimpleNamespace(), "", cut=cut)  # type: ignore[arg-type] # not asked
    assert [each.logical_id for each in made.tasks] == [*names[:-1], *wanted]
