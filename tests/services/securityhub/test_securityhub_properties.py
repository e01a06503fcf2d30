"""What holds for Security Hub whatever is observed and wanted: design's invariants over random states and settings."""

import copy
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from securityhub_fake import CIS, FSBP, OFFERED, REGIONS, Run, World, settings_of
from service_fakes import NAMES

from runbook_lib.base.observation import Known
from runbook_lib.coverage import Gap, Status
from runbook_lib.plan import Action, Direction, Wait
from runbook_lib.services.securityhub.service import SERVICE
from runbook_lib.services.spec import EVALUATING
from runbook_lib.settings import Settings

M, D, ALPHA, BETA, GAMMA, OTHER = (NAMES[name] for name in ("management", "delegated", "alpha", "beta", "gamma", "other"))
ACCOUNTS = (M, ALPHA, BETA, GAMMA)
STAGES = ("prepare", "management", "delegated", "members", "workloads", "lowering")
STATUSES = ("READY", "PENDING", "INCOMPLETE NO_AVAILABLE_CONFIGURATION_RECORDER", "FAILED INTERNAL_ERROR", "DELETING")
MEMBER = ("Enabled", "Created", "Invited", "Removed", "Resigned", "Deleted", "AccountSuspended", "Associated")
OPTED = ("ENABLED_BY_DEFAULT", "ENABLED", "DISABLED", "ENABLING")
MODES = ("ALL_REGIONS", "ALL_REGIONS_EXCEPT_SPECIFIED", "SPECIFIED_REGIONS", "NO_REGIONS")
MAY_COME_BY_ITSELF = ("BatchEnableStandards", "UpdateOrganizationConfiguration")
EVERY = ("us-east-1", "us-east-2", "us-west-2")
quick = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


def some(values: Any, most: int = 9, least: int = 0) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(sorted(values)), unique=True, min_size=least, max_size=most)


def by_region(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(REGIONS), strategy)


configurations = st.fixed_dictionaries(
    {"AutoEnable": st.booleans(), "AutoEnableStandards": st.sampled_from(["NONE", "DEFAULT"])},
    optional={
        "MemberAccountLimitReached": st.booleans(),
        "OrganizationConfiguration": st.fixed_dictionaries(
            {
                "ConfigurationType": st.sampled_from(["LOCAL", "CENTRAL"]),
                "Status": st.sampled_from(["ENABLED", "DISABLED", "PENDING"]),
            }
        ),
    },
)
aggregators = st.fixed_dictionaries(
    {"home": st.sampled_from(REGIONS), "mode": st.sampled_from(MODES), "regions": some(EVERY)},
).map(lambda made: {**made, "regions": made["regions"] if "SPECIFIED" in made["mode"] else []})
errors = st.lists(
    st.fixed_dictionaries(
        {
            "operation": st.sampled_from(sorted(each.split(":")[1] for each in SERVICE.reads)),
            "code": st.sampled_from(["AccessDeniedException", "InternalException", "ThrottlingException", "ReadTimeoutError"]),
        },
        optional={"region": st.sampled_from(REGIONS), "account": st.sampled_from([M, D, ALPHA])},
    ),
    max_size=2,
)
late = st.dictionaries(st.sampled_from([*ACCOUNTS, D, "o-rehearsal001"]), st.sampled_from(["FAILED NO_DATA", "OUTDATED"]))
recordings = st.fixed_dictionaries(
    {},
    optional={
        "aggregator": st.sampled_from([True, False, ["us-east-2"]]),
        "without": by_region(some([*ACCOUNTS, D])),
        "stopped": by_region(some([*ACCOUNTS, D])),
        "late": by_region(late),
        "findings": by_region(st.dictionaries(st.sampled_from([*ACCOUNTS, D]), st.sampled_from(["Config.1", "EC2.1"]))),
    },
)
worlds = st.fixed_dictionaries(
    {},
    optional={
        "registered": some([D, OTHER]),
        "administrators": by_region(
            st.dictionaries(
                st.sampled_from([D, D, D, OTHER]), st.sampled_from(["ENABLED", "ENABLED", "DISABLE_IN_PROGRESS"]), max_size=1
            )
        ),
        "spreading": some(REGIONS, 1),
        "hubs": by_region(some([*ACCOUNTS, D])),
        "configurations": by_region(configurations),
        "members": by_region(st.dictionaries(st.sampled_from(ACCOUNTS), st.sampled_from(MEMBER))),
        "standards": by_region(
            st.dictionaries(
                st.sampled_from([*ACCOUNTS, D]), st.dictionaries(st.sampled_from(sorted(OFFERED)), st.sampled_from(STATUSES))
            )
        ),
        "offered": by_region(st.just({FSBP: False, "nist-800-53/5.0.0": False})),
        "aggregator": aggregators,
        "errors": errors,
        "opted": st.dictionaries(
            st.sampled_from([*ACCOUNTS, D]), st.dictionaries(st.sampled_from(REGIONS), st.sampled_from(OPTED)), max_size=1
        ),
        "doors": st.booleans(),
        "config": recordings,
    },
)
healthy = st.fixed_dictionaries(
    {},
    optional={
        "hubs": by_region(some([ALPHA, BETA])),
        "standards": by_region(
            st.dictionaries(st.sampled_from([ALPHA]), st.dictionaries(st.just("nist-800-53/5.0.0"), st.just("READY")))
        ),
    },
)
standards = st.lists(st.sampled_from(sorted(OFFERED)), unique=True, min_size=1, max_size=3).map(
    lambda items: [dict(zip(("name", "version"), item.split("/"), strict=True)) for item in items]
)
aggregations = st.tuples(st.sampled_from(MODES), some(EVERY, least=1)).map(
    lambda made: {"home_region": "us-east-1", "linking_mode": made[0], **({"regions": made[1]} if "SPECIFIED" in made[0] else {})}
)
wishes = st.fixed_dictionaries(
    {"management_account": st.booleans()},
    optional={
        "regions": st.sampled_from([["us-east-1"], ["us-east-1", "us-east-2"]]),
        "auto_enable": st.booleans(),
        "new_account_standards": st.sampled_from(["default", "none"]),
        "accept_default_standards": standards,
        "delegated_account_standards": standards,
        "existing_account_standards": standards,
        "aggregation": aggregations,
    },
)
lowerings = st.lists(
    st.sampled_from([("auto-enable", "new accounts"), ("auto-enable", "standards for new accounts"), ("aggregation", "")])
)


def wanted(hub: dict[str, Any], allowed: list[tuple[str, str]] | None = None, role: bool = True) -> Settings:
    access = {"members": {"role_name": "RunbookMember", "via": "delegated"}} if role else {}
    lowering = [{"service": "securityhub", "aspect": aspect, "item": item, "reason": "x"} for aspect, item in allowed or ()]
    return settings_of(hub, access=access, allow_lowering=lowering)


def states(made: dict[str, Any]) -> dict[str, str]:
    return {M: "ACTIVE", D: "ACTIVE", ALPHA: "ACTIVE", BETA: "ACTIVE", GAMMA: "SUSPENDED"}


def world(made: dict[str, Any]) -> World:
    """The Regions that a random opt-in does not mention are enabled by default."""
    opted = {account: {**dict.fromkeys(REGIONS, "ENABLED_BY_DEFAULT"), **found} for account, found in made.get("opted", {}).items()}
    return World({**made, "opted": opted})


@quick
@given(worlds, wishes, lowerings, st.booleans())
def test_one_plan_is_sound(made: dict[str, Any], hub: dict[str, Any], allowed: list[tuple[str, str]], role: bool) -> None:
    run = Run(world(made), wanted(hub, allowed, role), accounts=states(made))
    asked = [cell for cell in run.cells if cell.in_scope and cell.aspect != EVALUATING]
    gaps = [cell for cell in asked if cell.status in (Status.GAP, Status.UNKNOWN)]
    assert (not run.actions and not run.blockers) == all(cell.gap is Gap.IN_PROGRESS for cell in gaps)
    assert bool(run.waits) or not any(cell.gap is Gap.IN_PROGRESS for cell in gaps)
    said = {(region, account) for region, accounts in places(run) for account in accounts}
    assert {(cell.region, account) for cell in asked for account in cell.accounts} <= said
    assert all(cell.code for cell in run.cells if cell.status is Status.UNKNOWN)
    assert not any(action.targets and GAMMA in action.targets for action in run.actions), "a suspended account is never called on"
    assert all(f"{action.service}:{action.operation}" in SERVICE.mutations for action in run.actions)
    assert all(blocker.next_step and blocker.who and blocker.accounts for blocker in run.blockers)
    assert all(action.reason and action.back_out.why for action in run.actions)
    ids = [step.id for step in run.steps]
    assert len(ids) == len(set(ids))
    for number, step in enumerate(run.steps):
        assert set(step.after) <= set(ids[:number]), "a step comes after what it waits for"
    order = [STAGES.index(step.stage) for step in run.steps]
    assert order == sorted(order)


def places(run: Run) -> list[tuple[str, frozenset[str]]]:
    found = [(said.region, said.accounts) for said in run.no_changes] + [(said.region, said.accounts) for said in run.blockers]
    found += [(action.region, action.affects) for action in run.actions]
    return found + [(wait.region, frozenset(wait.targets) or frozenset({wait.account})) for wait in run.waits]


@quick
@given(worlds, wishes)
def test_nothing_is_lowered_without_permission(made: dict[str, Any], hub: dict[str, Any]) -> None:
    run = Run(world(made), wanted(hub), accounts=states(made))
    assert not any(action.direction is Direction.LOWERS or action.stage == "lowering" for action in run.actions)
    forbidden = ("Delete", "Disable", "Disassociate", "Deregister", "Stop", "BatchDisable")
    assert not any(name.split(":")[1].startswith(forbidden) for name in SERVICE.mutations)
    for action in run.actions:
        if action.operation == "UpdateOrganizationConfiguration":
            now = run.state.configurations[action.region]
            if isinstance(now, Known) and now.value.auto_enable:
                assert action.parameters["AutoEnable"]
                assert now.value.standards == "NONE" or action.parameters["AutoEnableStandards"] == "DEFAULT"


@quick
@given(worlds, wishes)
def test_no_standard_comes_that_nobody_named(made: dict[str, Any], hub: dict[str, Any]) -> None:
    run = Run(world(made), wanted(hub), accounts=states(made))
    for action in run.actions:
        if action.operation == "EnableSecurityHub":
            assert action.parameters["EnableDefaultStandards"] is False
        if action.operation == "UpdateOrganizationConfiguration" and hub.get("new_account_standards") != "default":
            standing = made.get("configurations", {}).get(action.region, {})
            kept = standing.get("AutoEnable") and standing.get("AutoEnableStandards") == "DEFAULT"
            assert action.parameters["AutoEnableStandards"] == "NONE" or kept
        if action.operation == "BatchEnableStandards":
            key = "delegated_account_standards" if action.account == D else "existing_account_standards"
            named = {(each["name"], each["version"]) for each in hub[key]}
            sent = {each["StandardsArn"].split("/", 1)[1] for each in action.parameters["StandardsSubscriptionRequests"]}
            assert sent <= {f"{name}/v/{version}" for name, version in named}


@quick
@given(healthy, wishes, st.integers(0, 40))
def test_half_way_the_plan_is_the_rest_of_the_first(made: dict[str, Any], hub: dict[str, Any], stop: int) -> None:
    """Every plan made on the way holds no unit that the first one lacked, and none that was already called; the end is quiet.

    Units that are true already vanish: AWS's default standards, and values that AWS starts with.
    """
    hub = {**hub, "accept_default_standards": [{"name": i.split("/")[0], "version": i.split("/")[1]} for i in (FSBP, CIS)]}
    there, desired = world(made), wanted(hub)
    first = Run(there, desired, accounts=states(made))
    called = frozenset[tuple[str, str]]()
    stopped = False
    for stage in STAGES:
        now = Run(there, desired, accounts=states(made))
        assert now.units <= first.units - called
        for step in [each for each in now.steps if each.stage == stage]:
            if isinstance(step, Wait):
                there.settle()
                assert SERVICE.check(step, there).reached == frozenset(step.targets or ("",))
                continue
            if len(called) >= stop and not stopped:
                stopped = True
                again = Run(there, desired, accounts=states(made))
                assert again.units <= now.units - called
            there.obey(step)
            called |= step.units
    there.settle()
    last = Run(there, desired, accounts=states(made))
    assert (last.actions, last.waits) == ([], [])
    assert {action.unit_key for action in first.actions if action.operation not in MAY_COME_BY_ITSELF} <= {key for key, _ in called}
    assert not [blocker for blocker in last.blockers if blocker not in first.blockers]
    assert SERVICE.missing(last.state, last.view) == []


@quick
@given(worlds, wishes, st.integers())
def test_the_order_of_what_aws_and_settings_say_is_nothing(made: dict[str, Any], hub: dict[str, Any], seed: int) -> None:
    shuffled = shuffle([made, hub], random.Random(seed))
    one = Run(world(copy.deepcopy(made)), wanted(hub), accounts=states(made))
    two = Run(world(shuffled[0]), wanted(shuffled[1]), accounts=dict(reversed(states(made).items())))
    assert one.said == two.said
    assert one.cells == two.cells
    assert one.plan.fingerprint == two.plan.fingerprint


def shuffle(value: Any, chance: random.Random) -> Any:
    """The same description with every mapping and list in another order (the order of a plain list means nothing here)."""
    if isinstance(value, dict):
        items = [(key, shuffle(item, chance)) for key, item in value.items()]
        chance.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        inner = [shuffle(item, chance) for item in value]
        if not any(isinstance(item, dict) for item in inner):
            chance.shuffle(inner)
        return inner
    return value


@quick
@given(worlds, wishes)
def test_what_cannot_be_read_leads_to_no_call(made: dict[str, Any], hub: dict[str, Any]) -> None:
    """With every read refused there is no Action, and every asked Region says so."""
    closed = world({**made, "errors": [{"operation": "*", "code": "AccessDeniedException"}]})
    run = Run(closed, wanted(hub), accounts=states(made))
    assert run.actions == []
    assert {blocker.region for blocker in run.blockers} >= set(run.population.regions)
    assert not any(cell.status is Status.COVERED for cell in run.cells if cell.aspect != "administrator")


def test_two_processes_with_different_hash_seeds_plan_alike() -> None:
    script = (
        "from securityhub_fake import *; from service_fakes import told; "
        "aggregation = {'home_region': 'us-east-1', 'linking_mode': 'ALL_REGIONS'}; "
        "run = Run(World(), settings_of({'auto_enable': True, 'aggregation': aggregation})); "
        "print([step.id for step in run.steps], run.plan.fingerprint, [told(step) for step in run.steps], run.no_changes == [])"
    )
    here = Path(__file__).parent
    said = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": f"{here}:{here.parents[1] / 'support'}"},
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1
    assert "EnableOrganizationAdminAccount" in said.pop()


@pytest.mark.parametrize("operation", ["DescribeHub", "DescribeOrganizationConfiguration", "ListMembers", "DescribeStandards"])
def test_one_read_that_fails_in_one_region_leaves_the_other_region_alone(operation: str) -> None:
    errors = [{"operation": operation, "region": "us-east-2", "account": D, "code": "AccessDeniedException"}]
    standing = {
        "registered": [D],
        "administrators": {region: {D: "ENABLED"} for region in REGIONS},
        "hubs": {region: [D] for region in REGIONS},
    }
    hub = {"management_account": False, "auto_enable": True}
    whole, hurt = Run(World(standing), settings_of(hub)), Run(World({**standing, "errors": errors}), settings_of(hub))
    assert [step for step in hurt.steps if step.region == "us-east-1"] == [
        step for step in whole.steps if step.region == "us-east-1"
    ]
    assert any(blocker.region == "us-east-2" and "AccessDeniedException" in blocker.reason for blocker in hurt.blockers)
    assert isinstance(whole.steps[0], Action)
