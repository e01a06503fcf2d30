"""What must hold of every Macie plan, from random states and settings."""

import copy
import json
from typing import Any

import hypothesis.strategies as st
from hypothesis import given
from hypothesis import settings as effort
from macie2_fake import World, settings_of
from service_fakes import NAMES, Run, in_order, take
from service_properties import after_the_plan_nothing_is_left, every_account_is_spoken_of, half_way_nothing_is_added, same_plan

from runbook_lib.plan import plain

D, M = NAMES["delegated"], NAMES["management"]
R = "us-east-1"
FREQUENCIES = ["FIFTEEN_MINUTES", "ONE_HOUR", "SIX_HOURS"]
statuses = st.sampled_from(["Enabled", "Paused", "Created", "Removed", "Resigned", "RegionDisabled", ""])
sessions = st.fixed_dictionaries({"status": st.sampled_from(["ENABLED", "PAUSED"]), "frequency": st.sampled_from(FREQUENCIES)})
wanted = st.fixed_dictionaries(
    {},
    optional={
        "auto_enable": st.booleans(),
        "publishing_frequency": st.sampled_from(FREQUENCIES),
        "publication": st.fixed_dictionaries({}, optional={"policy": st.booleans(), "sensitive_data": st.booleans()}),
        "automated_discovery": st.fixed_dictionaries(
            {"members": st.sampled_from(["ALL", "NEW", "NONE"])}, optional={"existing_accounts": st.booleans()}
        ),
        "management_account": st.booleans(),
        "export": st.just({R: {"bucket_name": "acme-results", "kms_key_arn": f"arn:aws:kms:{R}:{D}:key/1"}}),
    },
)


@st.composite
def worlds(draw: Any) -> dict[str, Any]:
    """One Region, from bare to done by hand, with what people leave behind."""
    accounts = {NAMES[name]: "ACTIVE" for name in ("management", "delegated", "alpha", "beta", "gamma")}
    accounts[NAMES["gamma"]] = draw(st.sampled_from(["ACTIVE", "SUSPENDED"]))
    held = {account: draw(sessions) for account in (D, M) if draw(st.booleans())}
    designated, fresh = D in held and draw(st.booleans()), draw(st.booleans())
    members: dict[str, str] = {}
    for account in sorted(set(accounts) - {D}) if designated and not fresh else ():
        if status := draw(statuses):
            members[account] = status
            held.setdefault(account, {"status": "ENABLED", "frequency": "ONE_HOUR"})
            held[account] = {**held[account], "status": "PAUSED" if status == "Paused" else "ENABLED"}
    joined = [account for account, status in members.items() if status in ("Enabled", "Paused")]
    old = designated and not fresh
    mode = draw(st.sampled_from(["", "ALL", "NEW", "NONE"])) if old else ""
    on = joined if mode == "ALL" else [account for account in joined if draw(st.booleans())] if mode else []
    return {
        "accounts": accounts,
        "registered": [D] if designated else [],
        "administrators": {R: {D: "ENABLED"}} if designated else {},
        "spreading": [R] if designated and fresh else [],
        "sessions": {R: held},
        "members": {R: members},
        "auto_enable": {R: draw(st.booleans())} if old else {},
        "discovery": {R: {"status": "ENABLED", "members": mode}} if mode else {},
        "discovers": {R: [D, *on]} if mode else {},
        "publication": {R: {"publishClassificationFindings": draw(st.booleans())}} if D in held else {},
    }


@effort(max_examples=200, deadline=None)
@given(worlds(), wanted)
def test_plan_apply_plan_has_no_action(observed: dict[str, Any], section: dict[str, Any]) -> None:
    after_the_plan_nothing_is_left(World(observed), settings_of(section))


@effort(max_examples=150, deadline=None)
@given(worlds(), wanted, st.data())
def test_half_way_only_units_of_the_first_plan_are_left(observed: dict[str, Any], section: dict[str, Any], data: Any) -> None:
    half_way_nothing_is_added(World(observed), settings_of(section), data)


@effort(max_examples=200, deadline=None)
@given(worlds(), wanted)
def test_no_plan_lowers_names_an_address_or_leaves_discovery_to_a_default(
    observed: dict[str, Any], section: dict[str, Any]
) -> None:
    made = Run(World(observed), settings_of(section))
    every_account_is_spoken_of(made, R)
    for action in made.actions:
        assert "@" not in json.dumps([plain(action.parameters), plain(action.back_out.parameters)])
        if action.operation == "UpdateAutomatedDiscoveryConfiguration":
            assert set(action.parameters) == {"status", "autoEnableOrganizationMembers"}
            assert action.stage == "workloads"


@effort(max_examples=80, deadline=None)
@given(worlds(), wanted)
def test_shuffled_inputs_give_the_same_plan(observed: dict[str, Any], section: dict[str, Any]) -> None:
    other = copy.deepcopy(observed)
    other["members"] = {region: dict(reversed(list(held.items()))) for region, held in other["members"].items()}
    same_plan(Run(World(observed), settings_of(section)), Run(World(other), settings_of(section), reverse=True))


def test_members_are_created_one_by_one_and_discovery_is_switched_on_by_fifties() -> None:
    accounts = {f"{number}": "ACTIVE" for number in range(700000000000, 700000000060)} | {D: "ACTIVE", M: "ACTIVE"}
    chosen = {"automated_discovery": {"members": "NEW", "existing_accounts": True}, "management_account": False}
    world, settings = World({"accounts": accounts}), settings_of(chosen)
    made = Run(world, settings)
    batch = "BatchUpdateAutomatedDiscoveryAccounts"
    sizes = {name: [len(each.targets) for each in made.actions if each.operation == name] for name in ("CreateMember", batch)}
    assert sizes == {"CreateMember": [1] * 60, batch: [50, 10]}
    for step in in_order(made.steps):
        take(world, step)
    assert not Run(world, settings).actions
