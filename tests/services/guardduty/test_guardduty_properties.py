"""What must hold of every GuardDuty plan, from random states and settings."""

import copy
from typing import Any

import hypothesis.strategies as st
import pytest
from guardduty_fake import World, settings_of
from hypothesis import given
from hypothesis import settings as effort
from service_fakes import NAMES, Run, in_order, take
from service_properties import after_the_plan_nothing_is_left, every_account_is_spoken_of, half_way_nothing_is_added, same_plan

from runbook_lib.plan import Scope
from runbook_lib.services.guardduty.wanted import own_detector

D, M = NAMES["delegated"], NAMES["management"]
FEATURES = ("S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "RUNTIME_MONITORING")
ITEMS = ("S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "RUNTIME_MONITORING", "RUNTIME_MONITORING/EC2_AGENT_MANAGEMENT")
CHOICES = ("NEW", "ALL", "NONE")
on = st.sets(st.sampled_from(ITEMS))
detector = st.fixed_dictionaries(
    {"enabled": st.booleans(), "frequency": st.sampled_from(["FIFTEEN_MINUTES", "ONE_HOUR", "SIX_HOURS"]), "on": on}
)
feature = st.fixed_dictionaries({}, optional={"auto_enable": st.sampled_from(CHOICES), "enabled": st.booleans()})
wanted = st.fixed_dictionaries(
    {},
    optional={
        "auto_enable": st.sampled_from(CHOICES),
        "publishing_frequency": st.sampled_from(["FIFTEEN_MINUTES", "ONE_HOUR", "SIX_HOURS"]),
        "features": st.dictionaries(st.sampled_from(FEATURES), feature, min_size=1),
        "management_account": st.booleans(),
    },
)


@st.composite
def worlds(draw: Any) -> dict[str, Any]:
    """One Region, from bare to done by hand, with what people leave behind."""
    accounts = {NAMES[name]: "ACTIVE" for name in ("management", "delegated", "alpha", "beta", "gamma")}
    accounts[NAMES["gamma"]] = draw(st.sampled_from(["ACTIVE", "SUSPENDED"]))
    designated = draw(st.booleans())
    fresh = draw(st.booleans())
    detectors = {account: draw(detector) for account in sorted(accounts) if draw(st.booleans())}
    members = {}
    if designated:
        detectors.setdefault(D, draw(detector))
        for account in sorted(set(accounts) - {D}):
            status = "" if fresh else draw(st.sampled_from(["Enabled", "Disabled", "Created", "Removed", "AccountSuspended", ""]))
            if status:
                members[account] = status
                detectors[account] = {**draw(detector), "enabled": status != "Disabled"}
    items = draw(st.dictionaries(st.sampled_from(ITEMS), st.sampled_from(CHOICES)))
    configuration = {"auto_enable": draw(st.sampled_from(CHOICES)), "items": items}
    return {
        "all_regions": ["us-east-1"],
        "accounts": accounts,
        "registered": [D] if designated else [],
        "administrators": {"us-east-1": {D: "ENABLED"}} if designated else {},
        "spreading": ["us-east-1"] if designated and fresh else [],
        "detectors": {"us-east-1": detectors},
        "configurations": {"us-east-1": configuration} if designated and not fresh else {},
        "members": {"us-east-1": members},
    }


@effort(max_examples=300, deadline=None)
@given(worlds(), wanted)
def test_plan_apply_plan_has_no_action_and_nothing_is_added_on_the_way(observed: dict[str, Any], section: dict[str, Any]) -> None:
    after_the_plan_nothing_is_left(World(observed), settings_of(section))


@effort(max_examples=200, deadline=None)
@given(worlds(), wanted, st.data())
def test_half_way_only_units_of_the_first_plan_are_left(observed: dict[str, Any], section: dict[str, Any], data: Any) -> None:
    half_way_nothing_is_added(World(observed), settings_of(section), data)


@effort(max_examples=300, deadline=None)
@given(worlds(), wanted)
def test_no_plan_lowers_and_every_account_is_spoken_of(observed: dict[str, Any], section: dict[str, Any]) -> None:
    made = Run(World(observed), settings_of(section))
    assert not [action for action in made.actions if action.stage == "lowering"]
    every_account_is_spoken_of(made, "us-east-1")


@effort(max_examples=100, deadline=None)
@given(worlds(), wanted)
def test_shuffled_inputs_give_the_same_plan(observed: dict[str, Any], section: dict[str, Any]) -> None:
    reversed_world = copy.deepcopy(observed)
    for key in ("detectors", "members"):
        inner = reversed_world[key]["us-east-1"]
        reversed_world[key]["us-east-1"] = dict(reversed(list(inner.items())))
    one = Run(World(observed), settings_of(section))
    two = Run(World(reversed_world), settings_of(section), reverse=True)
    same_plan(one, two)


def test_batches_pages_and_one_part_of_the_organization() -> None:
    """Peers' faults 1 and 2: pages of two in the fake, and never more than fifty accounts in one call."""
    accounts = {f"{number}": "ACTIVE" for number in range(700000000000, 700000000120)} | {D: "ACTIVE", M: "ACTIVE"}
    settings = settings_of({"auto_enable": "NEW", "features": {"S3_DATA_EVENTS": {"enabled": True}}})
    world = World({"accounts": accounts})
    made = Run(world, settings)
    sizes = {op: [len(a.targets) for a in made.actions if a.operation == op] for op in ("CreateMembers", "UpdateMemberDetectors")}
    assert sizes == {"CreateMembers": [50, 50, 21], "UpdateMemberDetectors": [50, 50, 21]}
    for step in in_order(made.steps):
        take(world, step)
    assert not Run(world, settings).actions
    part = Run(World({"accounts": accounts}), settings, Scope(accounts=("700000000003",)))
    assert {target for action in part.actions for target in action.targets} == {"700000000003"}
    assert "UpdateOrganizationConfiguration" not in {action.operation for action in part.actions}


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"])
def test_a_new_detector_says_what_is_wanted_and_what_would_come_by_itself_and_nothing_else(region: str) -> None:
    part = settings_of({"features": {"S3_DATA_EVENTS": {"enabled": True}}}).guardduty
    assert part is not None
    said = {str(each["Name"]): each["Status"] for each in own_detector(part, region)}
    by_itself = {"EBS_MALWARE_PROTECTION", "EKS_AUDIT_LOGS", "LAMBDA_NETWORK_LOGS", "RDS_LOGIN_EVENTS"}
    assert said.pop("S3_DATA_EVENTS") == "ENABLED"
    assert set(said.values()) == {"DISABLED"}
    assert set(said) == by_itself | ({"AI_PROTECTION"} if region == "us-east-1" else set())


def test_what_acts_on_workloads_is_off_in_a_new_detector_or_not_named() -> None:
    wanted = {"RUNTIME_MONITORING": {"enabled": True}, "EBS_MALWARE_PROTECTION": {"enabled": True}}
    part = settings_of({"features": wanted}).guardduty
    assert part is not None
    said = {str(each["Name"]): each["Status"] for each in own_detector(part, "us-east-1")}
    assert said["EBS_MALWARE_PROTECTION"] == "DISABLED"
    assert "RUNTIME_MONITORING" not in said
