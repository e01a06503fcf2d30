"""What an administrator keeps for its members: named where there is some, lost as it was named, back with the members or not."""

from collections.abc import Callable

import pytest
from leaving import REGIONS, Out
from losses import facts, lost

from runbook_lib.rehearsal.operations.guardduty.state import state_of as guardduty
from runbook_lib.rehearsal.operations.inspector2.state import state_of as inspector
from runbook_lib.rehearsal.world import World
from runbook_lib.services.departure import OFF
from runbook_lib.services.registry import by_name

Service = Callable[[str], Out]
DELEGATED, (FIRST, SECOND) = "222222222222", REGIONS
NOTES = {
    "guardduty": {
        "administrator suppression rules, trusted IP lists, threat lists and threat entity lists": (
            f"{FIRST}: suppression rules known-scanner, trusted IP lists offices; "
            f"{SECOND}: threat lists feed, threat entity lists domains."
        ),
    },
    "inspector2": {
        "administrator suppression rules and deep-inspection paths": (
            f"{FIRST}: suppression rules accepted-risk; {SECOND}: deep-inspection paths /opt/own."
        ),
        "Inspector suppression rules and filters of the administrator": (
            f"{FIRST}: suppression rules accepted-risk, filters only-looks."
        ),
        "Inspector deep-inspection paths of the organization": f"{SECOND}: deep-inspection paths /opt/own.",
    },
}
"""Service → loss → the end of what is said of it: which, and where."""


def emptied(world: World) -> None:
    for detector in guardduty(world).detectors.values():
        detector.filters.clear()
        detector.sets.clear()
    inspector(world).filters.clear()
    inspector(world).paths.clear()


def notes(leaving: Out) -> dict[str, str]:
    """Of every level: what is lost of what the administrator keeps → what is said of it."""
    losses = [loss for level in leaving.look().levels for loss in level.losses]
    known = ("administrator suppression", "administrator deep", "Inspector suppression", "Inspector filters", "Inspector deep")
    return {each.words: each.note for each in losses if each.words.startswith(known)}


@pytest.mark.parametrize("service", NOTES)
def test_each_is_named_with_its_kind_and_region_and_none_where_there_is_none(out: Service, service: str) -> None:
    leaving = out(service)
    found = notes(leaving)
    for words, said in NOTES[service].items():
        (note,) = [note for whole, note in found.items() if whole.startswith(words)]
        assert note.endswith(said)
    assert len(found) == len(NOTES[service])
    emptied(leaving.world)
    assert notes(leaving) == {}
    leaving.allow(by_name()[service].levels)
    assert len(leaving.plan("dissociate").losses) == 1


@pytest.mark.parametrize(("service", "action"), [("guardduty", "guardduty:ListIPSets"), ("inspector2", "inspector2:ListFilters")])
def test_what_could_not_be_read_may_be_lost_altogether(out: Service, service: str, action: str) -> None:
    leaving = out(service)
    emptied(leaving.world)
    leaving.simulated.front.control.deny(DELEGATED, "RunbookDelegated", action)
    way = leaving.look()
    assert sum(each.startswith("what the administrator keeps in ") and action in each for each in way.stays) == len(REGIONS)
    (loss,) = [each for level in way.levels if level.name == "dissociate" for each in level.losses if not each.typed]
    assert loss.words.startswith("administrator suppression rules")
    assert loss.words.endswith(f"of 10 accounts in {FIRST} and {SECOND}")
    assert f"{FIRST}: could not be read; {SECOND}: could not be read." in loss.note


def test_inspector_s_filters_go_when_the_administrator_itself_is_switched_off_and_have_to_be_typed(out: Service) -> None:
    leaving = out("inspector2")
    leaving.allow(by_name()["inspector2"].levels, OFF)
    for level in ("switch-off", "dissociate"):
        assert leaving.do(level)[1].ok
    before = facts(leaving.world, "inspector2")
    assert before["filters"] == {(DELEGATED, FIRST)}
    plan, report = leaving.do("switch-off")
    assert report.ok
    assert {action.account for action in plan.actions} == {DELEGATED}
    assert f"Inspector suppression rules and filters of the administrator, in {FIRST}" in plan.to_type
    gone = lost(before, facts(leaving.world, "inspector2"))
    assert gone == {"on": {(DELEGATED, region) for region in REGIONS}, "filters": {(DELEGATED, FIRST)}}


def test_what_is_kept_reaches_whoever_comes_back_but_for_what_was_named_as_lost_for_good(out: Service) -> None:
    for service, missing in (("guardduty", set()), ("inspector2", {"paths", "reached"})):
        leaving = out(service)
        settings, before = leaving.simulated.settings, facts(leaving.world, service)
        leaving.allow(by_name()[service].levels)
        plans = [leaving.do(level)[0] for level in ("stop-auto-enable", "dissociate", "administrator")]
        assert "reached" in lost(before, facts(leaving.world, service))
        for_good = [loss for plan in plans for loss in plan.losses if loss.for_good]
        assert {loss.regions for loss in for_good} == ({(SECOND,)} if missing else set())
        leaving.simulated.settings = settings
        leaving.simulated.enable([by_name()[service].phase])
        gone = lost(before, facts(leaving.world, service))
        assert set(gone) == missing
        assert {region for places in gone.values() for _, region in places} <= {SECOND}
