"""What must hold of every Access Analyzer plan, from random states and settings."""

import copy
from typing import Any

import hypothesis.strategies as st
from accessanalyzer_fake import DEREGISTERED, World, settings_of
from hypothesis import given
from hypothesis import settings as effort
from service_fakes import NAMES, Run
from service_properties import after_the_plan_nothing_is_left, every_account_is_spoken_of, half_way_nothing_is_added, same_plan

D, M = NAMES["delegated"], NAMES["management"]
REGIONS = ["us-east-1", "us-east-2"]
KINDS = ("ACCOUNT", "ORGANIZATION", "ORGANIZATION_UNUSED_ACCESS", "ORGANIZATION_INTERNAL_ACCESS")
STATES = [
    {"status": "ACTIVE"},
    {"status": "CREATING"},
    {"status": "FAILED", "reason": "SERVICE_LINKED_ROLE_CREATION_FAILED"},
    {"status": "DISABLED", "reason": DEREGISTERED},
    {"status": "DISABLED", "reason": "ORGANIZATION_DELETED"},
]
analyzers = st.dictionaries(
    st.sampled_from(["one", "two", "organization-external-access", "organization-unused-access"]),
    st.builds(
        lambda kind, state, age, out, by: {"type": kind, **state, "age": age, "excluded": out, "managed_by": by},
        st.sampled_from(KINDS),
        st.sampled_from(STATES),
        st.sampled_from([30, 90, 365]),
        st.lists(st.sampled_from([NAMES["alpha"], NAMES["gamma"], NAMES["other"]]), unique=True),
        st.sampled_from(["", "", "securityhubv2.amazonaws.com"]),
    ),
    max_size=3,
)
wanted = st.fixed_dictionaries(
    {"regions": st.sampled_from([REGIONS, ["us-east-1"], ["us-east-2", "us-east-1"]])},
    optional={
        "unused_access": st.fixed_dictionaries({"home_region": st.just("us-east-1"), "age": st.sampled_from([30, 90, 180])}),
    },
)


@st.composite
def worlds(draw: Any) -> dict[str, Any]:
    """Two Regions, from bare to done by hand, with what people leave behind."""
    accounts = {NAMES[name]: "ACTIVE" for name in ("management", "delegated", "alpha", "beta", "gamma")}
    accounts[NAMES["gamma"]] = draw(st.sampled_from(["ACTIVE", "SUSPENDED"]))
    return {
        "accounts": accounts,
        "registered": [D] if draw(st.booleans()) else [],
        "analyzers": {region: {D: draw(analyzers), M: draw(analyzers)} for region in REGIONS},
    }


@effort(max_examples=60, deadline=None)
@given(worlds(), wanted)
def test_plan_apply_plan_has_no_action(observed: dict[str, Any], section: dict[str, Any]) -> None:
    after_the_plan_nothing_is_left(World(observed), settings_of(section))


@effort(max_examples=60, deadline=None)
@given(worlds(), wanted, st.data())
def test_half_way_only_units_of_the_first_plan_are_left(observed: dict[str, Any], section: dict[str, Any], data: Any) -> None:
    half_way_nothing_is_added(World(observed), settings_of(section), data)


@effort(max_examples=60, deadline=None)
@given(worlds(), wanted)
def test_no_plan_lowers_pays_twice_or_passes_over_an_account(observed: dict[str, Any], section: dict[str, Any]) -> None:
    world = World(observed)
    made = Run(world, settings_of(section))
    for region in made.population.regions:
        every_account_is_spoken_of(made, region)
    paid = [each for each in made.actions if each.parameters.get("type") == "ORGANIZATION_UNUSED_ACCESS"]
    others = [
        about
        for region in made.population.regions
        for held in world.analyzers[region].values()
        for about in held.values()
        if about["type"] == "ORGANIZATION_UNUSED_ACCESS" and not about["managed_by"]
    ]
    assert len(paid) <= (0 if others else 1)
    for action in made.actions:
        if action.operation == "UpdateAnalyzer":
            before = world.analyzers[action.region][D][action.parameters["analyzerName"]]
            unused = action.parameters["configuration"]["unusedAccess"]
            out = {account for each in unused["analysisRule"]["exclusions"] for account in each["accountIds"]}
            assert unused["unusedAccessAge"] <= before["age"]
            assert out <= set(before["excluded"])


@effort(max_examples=40, deadline=None)
@given(worlds(), wanted)
def test_shuffled_inputs_give_the_same_plan(observed: dict[str, Any], section: dict[str, Any]) -> None:
    other = copy.deepcopy(observed)
    for held in other["analyzers"].values():
        for account, analyzers_ in held.items():
            held[account] = dict(reversed(list(analyzers_.items())))
    turned = section | {"regions": list(reversed(section["regions"]))}
    one, two = Run(World(observed), settings_of(section)), Run(World(other), settings_of(turned), reverse=True)
    same_plan(one, two)
