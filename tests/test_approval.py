"""What an approval covers, and what it refuses."""

import dataclasses
import datetime as dt
import json
import os
from pathlib import Path

import pytest
from test_plan import DELEGATED, MEMBERS, create_members, plan_of

from runbook_lib.plan import Action, Blocker, Condition, Loss, Plan, Wait, batches
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import Approval, ApprovalRefused, approve, cover, read_approval, refusals, window
from runbook_lib.plan.decision import given

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
APPROVED = plan_of(*[create_members(cut) for cut in batches(MEMBERS, 50)])
HERE = {"mode": "rehearsal", "organization": "o-rehearsal001", "phase": "20_guardduty", "settings": "0" * 64}


def test_an_approval_of_this_plan_is_accepted() -> None:
    approval = approve(APPROVED, approver="Ada", ticket="CHG-1", now=NOW)
    assert refusals(approval, APPROVED, **HERE) == ()
    assert window(approval, NOW) == ()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("mode", "live", "given in mode rehearsal"),
        ("organization", "o-another0001", "for organization o-rehearsal001"),
        ("phase", "00_prerequisites", f"for phase {HERE['phase']}"),
        ("settings", "1" * 64, "settings have changed"),
    ],
)
def test_refused_elsewhere(key: str, value: str, said: str) -> None:
    approval = approve(APPROVED, approver="Ada", ticket="CHG-1", now=NOW)
    (reason,) = refusals(approval, APPROVED, **{**HERE, key: value})
    assert said in reason


def test_refused_for_another_plan() -> None:
    approval = approve(APPROVED, approver="Ada", ticket="CHG-1", now=NOW)
    other = dataclasses.replace(APPROVED, steps=APPROVED.steps[:1])
    assert any("fingerprint" in reason for reason in refusals(approval, other, **HERE))


@pytest.mark.parametrize(("hours", "good"), [(-0.1, False), (0, True), (11.9, True), (12, False)])
def test_window(hours: float, *, good: bool) -> None:
    approval = approve(APPROVED, approver="Ada", ticket="CHG-1", now=NOW, hours=12)
    assert (window(approval, NOW + dt.timedelta(hours=hours)) == ()) is good


def changed(**values: object) -> str:
    approval = approve(APPROVED, approver="Ada", ticket="CHG-1", now=NOW)
    return json.dumps(approval.model_dump(mode="json") | values)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: the file is empty"),
        ("{", "line 1: this is not JSON"),
        ("[]", "Keys with values are wanted"),
        ("{}", "fingerprint: This key is missing."),
        (json.dumps({"approved": True}), "approved: 'True': Unknown key in the file. Did you mean approver?"),
        (changed(not_before="2026-06-01T12:00:00"), "not_before: '2026-06-01T12:00:00': This time says no zone."),
        (
            changed(not_after="0001-01-01T00:00:00+23:59"),
            "not_after: '0001-01-01T00:00:00+23:59': Not a time that the calendar has",
        ),
        (changed(mode="Live"), "mode: 'Live': Not one of the values known here. Did you mean live?"),
        (changed(approver=7), "approver: '7': This is not text"),
        (changed(fingerprint="F" * 64), "fingerprint: 'FFF"),
    ],
)
def test_bad_file_names_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "approval.json"
    path.write_text(text)
    with pytest.raises(ApprovalRefused) as refused:
        read_approval(path)
    assert "approval.json" in str(refused.value)
    assert said in str(refused.value)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ApprovalRefused, match="there is no such file; give the approval"):
        read_approval(tmp_path / "none.json")


def test_written_and_read(tmp_path: Path) -> None:
    approval = approve(APPROVED, approver="Ada", ticket="CHG-1", now=NOW)
    approval.write(tmp_path / "a.json")
    assert read_approval(tmp_path / "a.json") == approval


def test_an_approval_is_written_whole_beside_what_was_there(tmp_path: Path) -> None:
    path, kept = tmp_path / "a.json", tmp_path / "kept.json"
    path.write_text("what somebody reads at this moment", encoding="utf-8")
    os.link(path, kept)
    approve(APPROVED, approver="Ada", ticket="CHG-1", now=NOW).write(path)
    assert kept.read_text(encoding="utf-8") == "what somebody reads at this moment"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.json", "kept.json"]


def test_cover_what_is_left() -> None:
    rest = dataclasses.replace(APPROVED, steps=(create_members(tuple(MEMBERS[10:])),))
    covered = cover(APPROVED, rest, "delegated")
    assert covered.refused == ()
    assert {target for _, target in covered.already_so} == set(MEMBERS[:10])
    assert covered.dropped == frozenset()


def test_a_suspended_account_is_dropped() -> None:
    gone = MEMBERS[0]
    now = dataclasses.replace(APPROVED, steps=(create_members(tuple(MEMBERS[1:])),), population=APPROVED.population - {gone})
    covered = cover(APPROVED, now, "delegated")
    assert covered.refused == ()
    assert {target for _, target in covered.dropped} == {gone}


def test_a_new_account_is_listed_and_never_added() -> None:
    new = "999999999999"
    first = create_members((*MEMBERS[50:], new))
    wait = Wait(
        "guardduty",
        "ListMembers",
        DELEGATED,
        "us-east-1",
        Condition("members"),
        "w",
        60,
        "delegated",
        (*MEMBERS[50:], new),
        (first.id,),
    )
    now = dataclasses.replace(APPROVED, steps=(first, wait), population=APPROVED.population | {new})
    covered = cover(APPROVED, now, "delegated")
    assert covered.refused == ()
    assert covered.appeared == {new}
    assert all(new not in step.targets for step in covered.steps)
    action, after = covered.steps
    assert isinstance(action, Action)
    assert after.after == (action.id,)


def test_a_step_only_for_new_accounts_vanishes() -> None:
    now = dataclasses.replace(APPROVED, steps=(create_members(("999999999999",)),))
    assert cover(APPROVED, now, "delegated").steps == ()


@pytest.mark.parametrize(
    "step",
    [
        create_members(tuple(MEMBERS), region="us-east-2"),
        create_members(tuple(MEMBERS), operation="DeleteMembers"),
        create_members((), parameters={"AutoEnableOrganizationMembers": "ALL"}, operation="UpdateOrganizationConfiguration"),
        create_members(tuple(MEMBERS), account=MEMBERS[0]),
    ],
    ids=["region", "operation", "another call", "another caller"],
)
def test_one_unit_outside_refuses_the_stage(step: Action) -> None:
    covered = cover(APPROVED, dataclasses.replace(APPROVED, steps=(*APPROVED.steps, step)), "delegated")
    (reason,) = covered.refused
    assert "not in the approved plan" in reason
    assert step.operation in reason


def test_a_new_blocker_refuses_the_stage() -> None:
    blocker = Blocker("guardduty", "us-east-1", "administrator", frozenset({DELEGATED}), "another administrator", "ask", "them")
    agreed = dataclasses.replace(APPROVED, blockers=(blocker,))
    assert cover(APPROVED, agreed, "delegated").refused
    assert not cover(agreed, agreed, "delegated").refused
    beside = dataclasses.replace(APPROVED, blockers=(dataclasses.replace(blocker, holds_up=False),))
    assert not cover(APPROVED, beside, "delegated").refused


def test_an_approval_names_the_file_that_was_approved(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(plan_file.dumps(APPROVED))
    approve(APPROVED, approver="Ada", ticket="CHG-1", now=NOW).write(tmp_path / "approval.json")
    assert given(tmp_path / "approval.json").approved == APPROVED
    other = dataclasses.replace(APPROVED, created="2026-06-02T00:00:00+00:00")
    assert other.fingerprint == APPROVED.fingerprint
    (tmp_path / "plan.json").write_text(plan_file.dumps(other))
    with pytest.raises(ApprovalRefused, match=r"plan\.json: is not the file that was approved"):
        given(tmp_path / "approval.json")
    (tmp_path / "plan.json").write_bytes(b"\xff")
    with pytest.raises(ApprovalRefused, match=r"plan\.json, line 1: the byte 0xFF is not UTF-8"):
        given(tmp_path / "approval.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"plan_sha256": ""}, "plan_sha256 (its SHA-256) are needed"), ({"plan_sha256": "x"}, "plan_sha256"),
        ({"plan": "journal.jsonl"}, "a file called plan.json or plan-"), ({"plan": "a/settings.json"}, "a file called plan.json"),
        ({"plan": "plan.json/.."}, "a file called plan.json"), ({"version": 1}, "version 1 has no plan_sha256"),
        ({"version": 3}, "version"),
    ],
)  # fmt: skip
def test_an_approval_that_names_no_plan_is_refused(tmp_path: Path, change: dict[str, object], said: str) -> None:
    approval = approve(APPROVED, approver="Ada", ticket="CHG-1", now=NOW)
    (tmp_path / "a.json").write_text(json.dumps(approval.model_dump(mode="json") | change))
    with pytest.raises(ApprovalRefused) as refused:
        read_approval(tmp_path / "a.json")
    assert said in str(refused.value)


def test_an_approval_from_before_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(plan_file.dumps(APPROVED))
    said = approve(APPROVED, approver="Ada", ticket="CHG-1", now=NOW).model_dump(mode="json") | {"version": 1}
    del said["plan_sha256"]
    (tmp_path / "approval.json").write_text(json.dumps(said))
    found = given(tmp_path / "approval.json").approval
    assert (found.version, found.plan_sha256, found.names("ab" * 32)) == (1, "", True)
    assert refusals(found, APPROVED, **HERE) == ()


def losing() -> Plan:
    """A plan of a procedure that takes two things away, of which one has to be typed."""
    losses = (
        Loss("findings of 2 accounts", frozenset({"111111111111"}), ("us-east-1",), "", for_good=True, typed=True),
        Loss("a setting", frozenset(), ("us-east-1",), "", for_good=False, typed=False),
    )
    return dataclasses.replace(APPROVED, about="a-service a-level", losses=losses)


def test_what_has_to_be_typed_is_held_in_a_third_version_that_is_read_back(tmp_path: Path) -> None:
    given = approve(losing(), approver="Ada", ticket="CHG-1", now=NOW, loses=["  findings of\t2 accounts "])
    assert (given.version, given.loses) == (3, ("findings of 2 accounts",))
    given.write(tmp_path / "approval.json")
    assert read_approval(tmp_path / "approval.json") == given


@pytest.mark.parametrize("typed", [(), ("a setting",), ("findings of 2 accounts", "more"), ("Findings of 2 accounts",)])
def test_nothing_else_than_what_has_to_be_typed_will_do(typed: tuple[str, ...]) -> None:
    with pytest.raises(ApprovalRefused):
        approve(losing(), approver="Ada", ticket="CHG-1", now=NOW, loses=typed)


def test_earlier_versions_have_no_losses_and_are_written_as_ever(tmp_path: Path) -> None:
    given = approve(APPROVED, approver="Ada", ticket="CHG-1", now=NOW)
    assert given.version == 2
    given.write(tmp_path / "approval.json")
    assert "loses" not in json.loads((tmp_path / "approval.json").read_text())
    with pytest.raises(ValueError, match="version 3's, and no other's"):
        Approval.model_validate(given.model_dump(mode="json") | {"loses": ["findings of 2 accounts"]})


def test_a_plan_of_a_phase_has_the_fingerprint_and_the_file_it_always_had() -> None:
    assert "losses" not in plan_file.dumps(APPROVED)
    assert "about" not in json.loads(plan_file.dumps(APPROVED))
    assert plan_file.loads(plan_file.dumps(losing()), "plan.json") == losing()
    assert losing().fingerprint != APPROVED.fingerprint
