"""When asynchronous states settle: after so many reads, after so much time, or whichever comes first."""

from pathlib import Path
from typing import Any

import pytest
from simulated import open_cells, simulated
from small_world import DELEGATED, MANAGEMENT, OPT_IN, Caller, small_world

from runbook_lib.base.documents import DocumentError
from runbook_lib.rehearsal import scenario, seeds
from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.scenario import Scenario
from runbook_lib.rehearsal.world import World, current

T = 20.0


def timed(polls: int | None, seconds: float | None) -> World:
    world = small_world()
    world.settle_polls, world.settle_seconds = polls, seconds
    return world


def test_by_reads_alone_time_changes_nothing() -> None:
    world = timed(2, None)
    state = world.settling("before", "after")
    world.skip(36_000)
    assert [state.read() for _ in range(4)] == ["before", "before", "after", "after"]


def test_by_time_alone_reading_changes_nothing() -> None:
    world = timed(None, T)
    state = world.settling("before", "after")
    assert {state.read() for _ in range(100)} == {"before"}
    world.skip(T)
    assert (current(state), state.read()) == ("after", "after")


def test_by_whichever_comes_first() -> None:
    world = timed(2, T)
    read, waited = world.settling("before", "after"), world.settling("before", "after")
    assert [read.read() for _ in range(3)] == ["before", "before", "after"]
    world.skip(T)
    assert waited.read() == "after"


def test_what_was_held_settles_from_its_release_on() -> None:
    world = timed(None, T)
    world.never_settles = {("guardduty", "*")}
    state = world.settling("before", "after", "guardduty", MANAGEMENT)
    world.skip(10 * T)
    assert state.read() == "before"
    world.release()
    assert state.read() == "before"
    world.skip(T)
    assert state.read() == "after"


def test_a_client_that_sleeps_once_and_acts_once_succeeds() -> None:
    """What AWS's own samples do: designate, sleep, go on as the administrator; remove, sleep, designate again."""
    world = timed(2, T)
    hub = Caller(world, "securityhub")
    guard = Caller(world, "guardduty")
    hub(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    guard(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    world.skip(T)
    hub(DELEGATED, "UpdateOrganizationConfiguration", AutoEnable=True)
    (detector,) = guard(DELEGATED, "ListDetectors")["DetectorIds"]
    guard(DELEGATED, "UpdateOrganizationConfiguration", DetectorId=detector, AutoEnableOrganizationMembers="ALL")
    hub(MANAGEMENT, "DisableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    assert hub.refused(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=DELEGATED)[0] == "ResourceConflictException"
    world.skip(T)
    hub(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    assert len(guard(DELEGATED, "GetOrganizationStatistics")["OrganizationDetails"]) == 2
    assert guard("444444444400", "ListDetectors")["DetectorIds"], "ALL has reached members that nobody listed"


def test_what_settles_by_time_has_its_effects_without_being_looked_at() -> None:
    world = timed(None, T)
    account = "444444444420"
    Caller(world, "account")(account, "EnableRegion", RegionName=OPT_IN)
    organizations = Caller(world, "organizations")
    organizations(MANAGEMENT, "CreateAccount", Email="new@example.com", AccountName="New")
    names = [each.name for each in world.organization.accounts.values()]
    assert "New" not in names
    world.skip(T)
    rows: list[dict[str, Any]] = organizations(MANAGEMENT, "ListRoots")["Roots"]
    assert rows
    assert "New" in [each.name for each in world.organization.accounts.values()]
    assert world.organization.accounts[account].regions[OPT_IN] == "ENABLED"


@pytest.mark.parametrize(
    ("way", "polls", "seconds"),
    [
        ({}, 1, 20.0),
        ({"settle_polls": 3}, 3, 20.0),
        ({"settle_polls": "never", "settle_seconds": 45}, None, 45.0),
        ({"settle_seconds": "never"}, 1, None),
    ],
)
def test_a_scenario_says_which_way(way: dict[str, Any], polls: int | None, seconds: float | None) -> None:
    world = build_app("seven", moto=False, scenario=Scenario.model_validate(way)).world
    assert (world.settle_polls, world.settle_seconds) == (polls, seconds)


def test_a_seed_says_which_way_and_neither_is_refused(tmp_path: Path) -> None:
    seed = tmp_path / "timed.yaml"
    seed.write_text("extends: seven\nsettle_polls: never\nsettle_seconds: 30\n", encoding="utf-8")
    world = seeds.load(seed)
    assert (world.settle_polls, world.settle_seconds) == (None, 30.0)
    seed.write_text("extends: seven\nsettle_polls: never\nsettle_seconds: never\n", encoding="utf-8")
    with pytest.raises(ValueError, match="nothing would ever settle"):
        seeds.load(seed)
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("settle_polls: never\nsettle_seconds: never\n", encoding="utf-8")
    with pytest.raises(ValueError, match="nothing would ever settle"):
        scenario.load(wrong)
    wrong.write_text("settle_polls: sometimes\n", encoding="utf-8")
    with pytest.raises(DocumentError, match="settle_polls"):
        scenario.load(wrong)


@pytest.mark.parametrize(
    "way", [{"settle_polls": "never", "settle_seconds": 45}, {"settle_seconds": "never"}], ids=["time", "reads"]
)
def test_the_whole_runbook_either_way(way: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("seven", tmp_path, monkeypatch, scenario=Scenario.model_validate({"throttled": False, **way}))
    assert all(each.report.ok for each in made.enable())
    assert open_cells(made.cells()) == []
