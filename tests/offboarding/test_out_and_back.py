"""Out and back: the ordinary enablement finds every hole. And a level that is stopped anywhere goes on where it was stopped."""

import datetime as dt
from collections.abc import Callable, Mapping
from itertools import chain

import pytest
from leaving import FEW, SERVICES, Out
from losses import facts, for_good, lost
from simulated import ASKED, PARAMETERS, open_cells

from runbook_lib.apply.report import Tick
from runbook_lib.base.clock import Stop
from runbook_lib.plan import Blocker, Plan
from runbook_lib.plan.approval import approve
from runbook_lib.runbook.way_back import Places, way_back
from runbook_lib.services import departures
from runbook_lib.services.departure import HAND_OVER, OFF
from runbook_lib.services.registry import by_name
from runbook_lib.settings.file import parse

Service = Callable[[str], Out]
OFFBOARDING_SETTINGS = PARAMETERS.with_name("rehearsal-offboarding.yaml")
LEVELS = {
    service: [each for each in by_name()[service].levels if each not in ("delegation", "trusted-access")] for service in SERVICES
}


def called(plan: Plan) -> dict[str, frozenset[tuple[str, str]]]:
    """The calls of a plan, and whom each is about."""
    found: dict[str, set[tuple[str, str]]] = {}
    for each in plan.actions:
        about = {(account, each.region) for account in each.targets or each.affects}
        found.setdefault(f"{each.service}:{each.operation}", set()).update(about)
    return {name: frozenset(places) for name, places in found.items()}


def told_back(leaving: Out, level: str, phase: str) -> Mapping[str, Places]:
    """Do a level; its report says by which command what it took comes back, and what that plan would hold."""
    plan, report = leaving.do(level)
    back = way_back(departures.leaving(leaving.service, level), plan, report)
    assert back is not None
    first, holds, *_ = back.lines()
    assert f"runbook plan -p SETTINGS --phase {phase}" in first
    assert all(name in holds for name in back.calls)
    return back.calls


@pytest.mark.parametrize("service", [each for each in SERVICES if "dissociate" in by_name()[each].levels])
def test_the_ordinary_enablement_brings_back_what_was_handed_over(out: Service, service: str) -> None:
    leaving = out(service)
    settings, before = leaving.simulated.settings, facts(leaving.world, service)
    leaving.allow(by_name()[service].levels, HAND_OVER)
    told = [told_back(leaving, level, by_name()[service].phase) for level in ("stop-auto-enable", "dissociate", "administrator")]
    assert set(lost(before, facts(leaving.world, service))) == {"new accounts", "watched", "administrator"} | (
        {"discovered", "reached", "paths"} & set(before)
    )
    leaving.simulated.settings = settings
    (done,) = leaving.simulated.enable([by_name()[service].phase])
    holds = called(done.plan)
    for name, places in chain.from_iterable(each.items() for each in told):
        assert places <= holds.get(name, frozenset()), f"the report said that this plan would hold {name}"
    assert open_cells(leaving.simulated.phase_cells(by_name()[service].phase)) == []
    assert set(lost(before, facts(leaving.world, service))) <= for_good(service)


def test_a_second_run_of_the_same_level_calls_nothing(out: Service) -> None:
    leaving = out("inspector2")
    leaving.allow(by_name()["inspector2"].levels)
    plan, _ = leaving.do("dissociate")
    called = len(leaving.simulated.mutating())
    report = leaving.apply("dissociate", plan)
    assert report.ok
    assert report.counted["already so"] == len(plan.units)
    assert len(leaving.simulated.mutating()) == called


@pytest.mark.parametrize("after", [0, 1, 7, 19])
def test_a_level_that_was_stopped_goes_on_and_sends_nothing_twice(out: Service, after: int) -> None:
    leaving = out("inspector2")
    leaving.allow(by_name()["inspector2"].levels)
    plan = leaving.plan("dissociate")
    approval = approve(plan, approver="tests", ticket="T-1", now=leaving.simulated.clock.now(), loses=plan.to_type)
    stop, called = Stop(), len(leaving.simulated.mutating())

    def ending(tick: Tick) -> None:
        if tick.done >= after:
            stop.request("tests")

    first = leaving.apply("dissociate", plan, approval, stop=stop, progress=ending)
    assert first.stopped or first.ok
    second = leaving.apply("dissociate", plan, approval)
    assert second.ok, second
    sent = [(entry.operation, entry.region) for entry in leaving.simulated.mutating()[called:]]
    assert len(sent) == len(plan.units)
    assert {operation for operation, _ in sent} == {"DisassociateMember"}
    assert not [cell for cell in leaving.cells("dissociate") if cell.gap]


@pytest.mark.parametrize("service", FEW)
def test_from_every_state_on_the_way_each_level_ends_or_says_what_stands_in_its_way(out: Service, service: str) -> None:
    """However far somebody has gone, no level plans calls beside nothing being left: it is done, or it names who can do what."""
    leaving = out(service)
    leaving.allow(by_name()[service].levels, OFF)
    for done in [*LEVELS[service], ""]:
        for level, said in leaving.said(by_name()[service].levels).items():
            assert all(each.next_step and each.who for each in said if isinstance(each, Blocker)), level
        assert all(loss.accounts or loss.regions for level in leaving.look().levels for loss in level.losses)
        if done:
            leaving.do(done)


def test_the_settings_of_the_rehearsed_way_out_are_those_of_the_rehearsal_without_what_is_left() -> None:
    left = parse(OFFBOARDING_SETTINGS.read_text(encoding="utf-8"), dt.date(2026, 6, 1), str(OFFBOARDING_SETTINGS))
    assert left.offboarding is not None
    gone = {each.service for each in left.offboarding}
    assert set(left.sections()) == set(ASKED.sections()) - gone
    assert left.model_copy(update={"offboarding": None}) == ASKED.model_copy(
        update={by_name()[service].section: None for service in gone}
    )
