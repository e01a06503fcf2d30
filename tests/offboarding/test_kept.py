"""What an administrator keeps for its members: named where there is some, lost as it was named, back with the members or not."""

from collections.abc import Callable

import pytest
from leaving import REGIONS, SERVICES, Out
from losses import emptied, facts, for_good, kept_notes, lost, unreadable

from runbook_lib.services.departure import OFF
from runbook_lib.services.registry import by_name

Service = Callable[[str], Out]
DELEGATED, (FIRST, SECOND) = "222222222222", REGIONS
KEEPING = [each for each in SERVICES if kept_notes(each)]
"""Services whose administrator keeps something for members."""
DELETING = next(each for each in KEEPING if "filters" in for_good(each))
"""The one that deletes it with itself."""


def notes(leaving: Out) -> dict[str, str]:
    """Of every level: what is lost of what the administrator keeps → what is said of it."""
    losses = [loss for level in leaving.look().levels for loss in level.losses]
    return {each.words: each.note for each in losses if each.words.startswith(tuple(kept_notes(leaving.service)))}


@pytest.mark.parametrize("service", KEEPING)
def test_each_is_named_with_its_kind_and_region_and_none_where_there_is_none(out: Service, service: str) -> None:
    leaving = out(service)
    found = notes(leaving)
    for words, said in kept_notes(service).items():
        (note,) = [note for whole, note in found.items() if whole.startswith(words)]
        assert note.endswith(said)
    assert len(found) == len(kept_notes(service))
    emptied(leaving.world, service)
    assert notes(leaving) == {}
    leaving.allow(by_name()[service].levels)
    assert len(leaving.plan("dissociate").losses) == 1


@pytest.mark.parametrize("service", KEEPING)
def test_what_could_not_be_read_may_be_lost_altogether(out: Service, service: str) -> None:
    leaving, action = out(service), unreadable(service)
    emptied(leaving.world, service)
    leaving.simulated.front.control.deny(DELEGATED, "RunbookDelegated", action)
    way = leaving.look()
    assert sum(each.startswith("what the administrator keeps in ") and action in each for each in way.stays) == len(REGIONS)
    (loss,) = [each for level in way.levels if level.name == "dissociate" for each in level.losses if not each.typed]
    assert loss.words.startswith("administrator suppression rules")
    assert loss.words.endswith(f"of 10 accounts in {FIRST} and {SECOND}")
    assert f"{FIRST}: could not be read; {SECOND}: could not be read." in loss.note


def test_filters_go_when_the_administrator_itself_is_switched_off_and_have_to_be_typed(out: Service) -> None:
    leaving = out(DELETING)
    leaving.allow(by_name()[DELETING].levels, OFF)
    for level in ("switch-off", "dissociate"):
        assert leaving.do(level)[1].ok
    before = facts(leaving.world, DELETING)
    assert before["filters"] == {(DELEGATED, FIRST)}
    plan, report = leaving.do("switch-off")
    assert report.ok
    assert {action.account for action in plan.actions} == {DELEGATED}
    assert f"{by_name()[DELETING].title} suppression rules and filters of the administrator, in {FIRST}" in plan.to_type
    gone = lost(before, facts(leaving.world, DELETING))
    assert gone == {"on": {(DELEGATED, region) for region in REGIONS}, "filters": {(DELEGATED, FIRST)}}


def test_what_is_kept_reaches_whoever_comes_back_but_for_what_was_named_as_lost_for_good(out: Service) -> None:
    for service in KEEPING:
        leaving, missing = out(service), {"paths", "reached"} & for_good(service)
        settings, before = leaving.simulated.settings, facts(leaving.world, service)
        leaving.allow(by_name()[service].levels)
        plans = [leaving.do(level)[0] for level in ("stop-auto-enable", "dissociate", "administrator")]
        assert "reached" in lost(before, facts(leaving.world, service))
        named = [loss for plan in plans for loss in plan.losses if loss.for_good]
        assert {loss.regions for loss in named} == ({(SECOND,)} if missing else set())
        leaving.simulated.settings = settings
        leaving.simulated.enable([by_name()[service].phase])
        gone = lost(before, facts(leaving.world, service))
        assert set(gone) == missing
        assert {region for places in gone.values() for _, region in places} <= {SECOND}
