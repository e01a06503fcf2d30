"""What must hold of every Inspector plan, from random states and settings."""

import copy
from typing import Any

import hypothesis.strategies as st
from hypothesis import example, given
from hypothesis import settings as effort
from inspector2_fake import World, settings_of
from service_fakes import NAMES, Run, in_order, take
from service_properties import after_the_plan_nothing_is_left, every_account_is_spoken_of, half_way_nothing_is_added, same_plan

D, M = NAMES["delegated"], NAMES["management"]
TYPES = ("EC2", "ECR", "LAMBDA", "LAMBDA_CODE")
scans = st.dictionaries(st.sampled_from(TYPES), st.sampled_from(["ENABLED", "ENABLING", "DISABLED", "SUSPENDED"]))
wanted = st.fixed_dictionaries(
    {},
    optional={
        "existing_accounts": st.lists(st.sampled_from(TYPES), min_size=1, unique=True),
        "new_accounts": st.lists(st.sampled_from(TYPES), unique=True),
        "ec2_scan_mode": st.sampled_from(["EC2_SSM_AGENT_BASED", "EC2_HYBRID"]),
        "ecr_rescan_duration": st.sampled_from(["LIFETIME", "DAYS_14", "DAYS_30"]),
        "management_account": st.booleans(),
        "regions": st.sampled_from([["us-east-1"], ["eu-south-1"]]),
    },
)


@st.composite
def worlds(draw: Any) -> dict[str, Any]:
    """One Region, from bare to done by hand, with what people leave behind."""
    accounts = {NAMES[name]: "ACTIVE" for name in ("management", "delegated", "alpha", "beta", "gamma")}
    accounts[NAMES["gamma"]] = draw(st.sampled_from(["ACTIVE", "SUSPENDED"]))
    designated, fresh = draw(st.booleans()), draw(st.booleans())
    members = {}
    held = {D: draw(scans)} if draw(st.booleans()) else {}
    if designated and not fresh:
        for account in sorted(set(accounts) - {D}):
            status = draw(st.sampled_from(["ENABLED", "CREATED", "REMOVED", "ACCOUNT_SUSPENDED", ""]))
            if status:
                members[account] = status
                held[account] = draw(scans) if status == "ENABLED" else {}
    flags = draw(st.dictionaries(st.sampled_from(["ec2", "ecr", "lambda", "ami"]), st.booleans()))
    mode, rescan = draw(st.sampled_from(["EC2_SSM_AGENT_BASED", "EC2_HYBRID"])), draw(st.sampled_from(["DAYS_3", "DAYS_30"]))
    region = draw(st.sampled_from(["us-east-1", "eu-south-1"]))
    old = designated and not fresh
    return {
        "all_regions": ["us-east-1", "eu-south-1"],
        "accounts": accounts,
        "registered": [D] if designated else [],
        "administrators": {region: {D: "ENABLED"}} if designated else {},
        "spreading": [region] if designated and fresh else [],
        "scans": {region: held},
        "flags": {region: flags} if old else {},
        "members": {region: members},
        "configuration": {region: {"mode": mode, "rescan": rescan}} if old else {},
    }


@effort(max_examples=300, deadline=None)
@given(worlds(), wanted)
@example({"scans": {"us-east-1": {D: {"EC2": "DISABLED"}}}}, {"existing_accounts": ["EC2"]})
def test_plan_apply_plan_has_no_action(observed: dict[str, Any], section: dict[str, Any]) -> None:
    after_the_plan_nothing_is_left(World(observed), settings_of(section))


@effort(max_examples=200, deadline=None)
@given(worlds(), wanted, st.data())
def test_half_way_only_units_of_the_first_plan_are_left(observed: dict[str, Any], section: dict[str, Any], data: Any) -> None:
    half_way_nothing_is_added(World(observed), settings_of(section), data)


@effort(max_examples=300, deadline=None)
@given(worlds(), wanted)
def test_no_plan_lowers_and_every_account_is_spoken_of(observed: dict[str, Any], section: dict[str, Any]) -> None:
    world = World(observed)
    made = Run(world, settings_of(section))
    for action in made.actions:
        if action.operation == "UpdateOrganizationConfiguration":
            before = world.flags.get(action.region, {})
            assert not [name for name, on in before.items() if on and not action.parameters["autoEnable"].get(name, True)]
    every_account_is_spoken_of(made, made.population.regions[0])


@effort(max_examples=100, deadline=None)
@given(worlds(), wanted)
def test_shuffled_inputs_give_the_same_plan(observed: dict[str, Any], section: dict[str, Any]) -> None:
    other = copy.deepcopy(observed)
    other["members"] = {region: dict(reversed(list(held.items()))) for region, held in other["members"].items()}
    turned = {key: list(reversed(value)) if key.endswith("_accounts") else value for key, value in section.items()}
    one, two = Run(World(observed), settings_of(section)), Run(World(other), settings_of(turned), reverse=True)
    same_plan(one, two)


def test_members_are_associated_one_by_one_and_switched_on_by_hundreds() -> None:
    accounts = {f"{number}": "ACTIVE" for number in range(700000000000, 700000000220)} | {D: "ACTIVE", M: "ACTIVE"}
    world, settings = World({"accounts": accounts}), settings_of({"existing_accounts": ["EC2"]})
    made = Run(world, settings)
    sizes = {op: [len(a.targets) for a in made.actions if a.operation == op] for op in ("AssociateMember", "Enable")}
    assert sizes == {"AssociateMember": [1] * 221, "Enable": [1, 100, 100, 21]}
    for step in in_order(made.steps):
        take(world, step)
    assert not Run(world, settings).actions
