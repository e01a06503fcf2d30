"""Plans as values: ids, units, fingerprints, requests."""

import dataclasses
import datetime as dt
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.plan import (
    ACCOUNT_EMAIL,
    ACCOUNT_ID,
    Action,
    BackOut,
    Blocker,
    Condition,
    ForEach,
    NoChange,
    Plan,
    Reference,
    Scope,
    Wait,
    batches,
    digest,
    freeze,
    plain,
    thaw,
)

PLANE = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLANE, inner, max_size=4),
    max_leaves=12,
)

MEMBERS = [f"{number:012d}" for number in range(100000000001, 100000000061)]
DELEGATED = "222222222222"


def create_members(targets: tuple[str, ...], **changes: Any) -> Action:
    action = Action(
        service="guardduty",
        operation="CreateMembers",
        account=DELEGATED,
        region="us-east-1",
        parameters={
            "DetectorId": Reference("guardduty:detector", DELEGATED, "us-east-1"),
            "AccountDetails": ForEach({"AccountId": ACCOUNT_ID, "Email": ACCOUNT_EMAIL}),
        },
        reason="not a member yet",
        affects=frozenset(targets),
        before="none",
        becomes="Enabled",
        back_out=BackOut("not reversible here"),
        stage="delegated",
        targets=targets,
    )
    return dataclasses.replace(action, **changes)


def plan_of(*steps: Action | Wait, **changes: Any) -> Plan:
    plan = Plan(
        phase="20_guardduty",
        organization="o-rehearsal001",
        settings_digest="0" * 64,
        scope=Scope(),
        population=frozenset({*MEMBERS, DELEGATED}),
        steps=steps,
        no_changes=(),
        blockers=(),
        requires=("00_prerequisites",),
        mode="rehearsal",
        created=dt.datetime(2026, 1, 1, tzinfo=dt.UTC).isoformat(),
    )
    return dataclasses.replace(plan, **changes)


def test_request_expands_targets_and_resolves_references() -> None:
    action = create_members(("444444444444", "555555555555"))
    seen = []

    def resolve(reference: Reference) -> str:
        seen.append(reference)
        return f"<{reference.kind} {reference.account}>"

    assert action.request(resolve) == {
        "DetectorId": "<guardduty:detector 222222222222>",
        "AccountDetails": [
            {"AccountId": "444444444444", "Email": "<account-email 444444444444>"},
            {"AccountId": "555555555555", "Email": "<account-email 555555555555>"},
        ],
    }
    assert {reference.account for reference in seen if reference.kind == "account-email"} == {"444444444444", "555555555555"}


def test_request_with_one_bare_target() -> None:
    action = create_members(("444444444444",), parameters={"accountId": ACCOUNT_ID})
    assert action.request(lambda reference: "never") == {"accountId": "444444444444"}


def test_parameters_cannot_be_changed_afterwards() -> None:
    given = {"Features": [{"Name": "S3_DATA_EVENTS", "AutoEnable": "NEW"}]}
    action = create_members((), parameters=given)
    before = action.id
    given["Features"][0]["AutoEnable"] = "ALL"
    assert plain(action.parameters)["Features"][0]["AutoEnable"] == "NEW"
    assert create_members((), parameters=action.parameters).id == before
    with pytest.raises(TypeError):
        action.parameters["Features"] = ()


def test_parameters_survive_the_way_through_json() -> None:
    parameters = create_members(("444444444444",)).parameters
    assert thaw(plain(parameters)) == parameters


def test_batch_cuts_do_not_change_units_or_fingerprint() -> None:
    whole = plan_of(*[create_members(cut) for cut in batches(MEMBERS, 50)])
    small = plan_of(*[create_members(cut) for cut in batches(MEMBERS, 7)])
    assert whole.units == small.units
    assert len(whole.units) == len(MEMBERS)
    assert whole.fingerprint == small.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"created": "2027-01-01T00:00:00+00:00"},
        {"mode": "live"},
        {"no_changes": (NoChange("guardduty", "us-east-1", "membership", frozenset(MEMBERS), "already so"),)},
        {"steps": (create_members(tuple(MEMBERS), reason="worded otherwise"),)},
    ],
    ids=["time", "mode", "what is left alone", "wording"],
)
def test_fingerprint_leaves_out(change: dict[str, Any]) -> None:
    plan = plan_of(create_members(tuple(MEMBERS)))
    assert dataclasses.replace(plan, **change).fingerprint == plan.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"organization": "o-another0001"},
        {"settings_digest": "1" * 64},
        {"scope": Scope(regions=("us-east-1",))},
        {"steps": (create_members(tuple(MEMBERS[:-1])),)},
        {"steps": (create_members(tuple(MEMBERS), region="us-east-2"),)},
        {"steps": (create_members(tuple(MEMBERS), account="333333333333"),)},
        {"steps": (create_members(tuple(MEMBERS), parameters={"AccountDetails": ForEach({"AccountId": ACCOUNT_ID})}),)},
        {"steps": ()},
        {"requires": ()},
        {"blockers": (Blocker("guardduty", "us-east-1", "membership", frozenset({MEMBERS[0]}), "r", "n", "w"),)},
        {
            "steps": (
                create_members(tuple(MEMBERS)),
                Wait("guardduty", "ListMembers", DELEGATED, "us-east-1", Condition("c"), "w", 9, "delegated"),
            )
        },
    ],
    ids=["organization", "settings", "scope", "account", "region", "caller", "parameter", "none", "requires", "blocker", "wait"],
)
def test_fingerprint_holds(change: dict[str, Any]) -> None:
    plan = plan_of(create_members(tuple(MEMBERS)))
    assert dataclasses.replace(plan, **change).fingerprint != plan.fingerprint


def test_fingerprint_is_the_same_in_processes_with_other_hash_seeds() -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]; import test_plan as t; "
        "print(t.plan_of(*[t.create_members(c) for c in t.batches(set(t.MEMBERS), 50)]).fingerprint)"
    )
    here = Path(__file__).parent
    prints = {
        subprocess.run(
            [sys.executable, "-c", code, str(here), str(here / "support")],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(prints) == 1


def test_fewer_targets_keep_their_units() -> None:
    action = create_members(tuple(MEMBERS))
    assert action.only(MEMBERS[:3]).units < action.units
    assert action.only(MEMBERS[:3]).affects == frozenset(MEMBERS[:3])


@given(JSON)
def test_a_digest_is_of_the_canonical_json(value: Any) -> None:
    assert digest(value) == digest(freeze(value)) == hashlib.sha256(rfc8785.dumps(value)).hexdigest()


def test_a_digest_is_of_references_as_plans_write_them() -> None:
    parameters = {"DetectorId": Reference("guardduty:detector", "1", "r"), "AccountIds": ForEach(ACCOUNT_ID)}
    assert digest(freeze(parameters)) == hashlib.sha256(rfc8785.dumps(plain(parameters))).hexdigest()


@pytest.mark.parametrize("value", [float("nan"), object(), b"x"])
def test_what_json_does_not_have_has_no_digest(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        digest({"a": value})
