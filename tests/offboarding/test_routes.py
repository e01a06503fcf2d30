"""The way out of the response: muted, detached, removed, each with what it takes; and Security Hub waits until its routes are."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from leaving import REGIONS, Out, enabled_routes, muted
from mortal import Killed, Unreliable

from runbook_lib.coverage import Gap
from runbook_lib.phase_run.undone import applied_units
from runbook_lib.rehearsal.operations.events.state import Rule, state_of
from runbook_lib.runbook.phases import OFFBOARDING
from runbook_lib.services.departures import departure_of
from runbook_lib.services.registry import RESPONSE, by_name, ways_out

Service = Callable[[str], Out]
HOME, DELEGATED, HUB = REGIONS[0], "222222222222", "securityhub"
RULES = {"runbook-chosen", "runbook-urgent"}
BARRED = [level for level in by_name()[HUB].levels if level != "stop-auto-enable"]


def rules(out: Out) -> dict[str, Rule]:
    return state_of(out.world).buses[DELEGATED, HOME]["default"].rules


def snapshot(out: Out) -> dict[str, tuple[str, frozenset[str]]]:
    return {name: (rule.state, frozenset(rule.targets)) for name, rule in rules(out).items()}


def foreign(out: Out) -> None:
    """Another team's rule that hears Security Hub too."""
    own = rules(out)["runbook-urgent"]
    targets = {"theirs": {"Id": "theirs", "Arn": f"arn:aws:sqs:{HOME}:{DELEGATED}:theirs"}}
    theirs = Rule("theirs", "default", own.arn.replace("runbook-urgent", "theirs"), DELEGATED, own.pattern, targets=targets)
    rules(out)["theirs"] = theirs


def test_looking_calls_nothing_and_names_every_destination(out: Service) -> None:
    leaving = out(RESPONSE)
    called = len(leaving.simulated.mutating())
    way = leaving.look()
    assert len(leaving.simulated.mutating()) == called
    stands = {level.name: level.stands for level in way.levels}
    assert tuple(stands) == ways_out()[RESPONSE]
    assert (stands["mute"], stands["detach"]) == ("to do", "blocked")
    mute = next(level for level in way.levels if level.name == "mute")
    assert {loss.words: loss.typed for loss in mute.losses} == {
        f"the messages of runbook-chosen to runbook-triage, in {HOME}": True,
        f"the messages of runbook-urgent to runbook-people and runbook-triage, in {HOME}": True,
    }


def test_each_level_takes_what_it_named_and_nothing_of_anybody_else(out: Service) -> None:
    leaving = out(RESPONSE)
    foreign(leaving)
    leaving.allow(("mute", "detach"))
    before = snapshot(leaving)
    plan, report = leaving.do("mute")
    assert report.ok
    assert len(plan.losses) == len(plan.to_type) == len(RULES)
    assert snapshot(leaving) == {**before, **{name: ("DISABLED", before[name][1]) for name in RULES}}
    plan, report = leaving.do("detach")
    assert report.ok
    assert [each.words for each in plan.losses] == [
        f"the targets of runbook-chosen: runbook-triage, in {HOME}",
        f"the targets of runbook-urgent: runbook-people and runbook-triage, in {HOME}",
    ]
    assert snapshot(leaving) == {"theirs": before["theirs"], **{name: ("DISABLED", frozenset()) for name in RULES}}
    for level in ("mute", "detach"):
        assert leaving.plan(level).actions == ()
        assert not [cell for cell in leaving.cells(level) if cell.gap]


@pytest.mark.parametrize("level", ["mute", "detach"])
def test_a_level_that_was_killed_in_flight_at_every_call_goes_on(out: Service, level: str) -> None:
    leaving = out(RESPONSE)
    leaving.allow(("mute", "detach"))
    if level == "detach":
        muted(leaving.world)
    plan, made = leaving.plan(level), leaving.simulated
    for _ in plan.actions:
        made.attach = Unreliable(made.front, 1).attach
        with suppress(Killed):
            leaving.apply(level, plan)
        made.attach = None
    assert leaving.apply(level, plan, applied_before=frozenset(applied_units(made.journal(OFFBOARDING.name)))).ok
    assert leaving.plan(level).actions == ()


def test_a_later_level_before_an_earlier_one_is_refused(out: Service) -> None:
    leaving = out(RESPONSE)
    leaving.allow(ways_out()[RESPONSE])
    called = len(leaving.simulated.mutating())
    plan = leaving.plan("detach")
    assert plan.actions == ()
    assert {each.next_step for each in plan.blockers} == {f"Do level mute in {HOME} first."}
    leaving.apply("detach", plan)
    assert len(leaving.simulated.mutating()) == called


def test_a_rule_that_cannot_be_read_is_not_taken_for_gone(out: Service) -> None:
    leaving = out(RESPONSE)
    leaving.allow(("mute",))
    leaving.simulated.front.control.deny(DELEGATED, "RunbookDelegated", "events:ListRules")
    plan = leaving.plan("mute")
    assert plan.actions == ()
    assert all("could not be read" in each.reason for each in plan.blockers)
    assert {each.region for each in plan.blockers} == set(REGIONS)


def test_a_target_that_refuses_to_go_is_a_failure(out: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    level = departure_of(RESPONSE).level("detach")
    leaving = out(RESPONSE)
    leaving.allow(("mute", "detach"))
    leaving.do("mute")
    action = leaving.plan("detach").actions[0]
    answer = {
        "FailedEntryCount": 1,
        "FailedEntries": [{"TargetId": "triage", "ErrorCode": "InternalException", "ErrorMessage": "later"}],
    }
    assert [(each.verdict, each.code) for each in level.answered(action, answer)] == [("failed", "InternalException")]


@pytest.mark.parametrize("level", ["mute", "detach"])
def test_settings_that_still_have_a_response_are_a_contradiction(out: Service, level: str) -> None:
    leaving = out(RESPONSE)
    leaving.allow(ways_out()[RESPONSE], wanted=True)
    if level == "detach":
        muted(leaving.world)
    plan = leaving.plan(level)
    assert plan.actions == ()
    assert {each.reason.partition(":")[2].strip() for each in plan.blockers} == {
        "settings still ask for Response here (response): the next apply would undo this level"
    }


def test_out_and_back_by_the_calls_that_are_shown_as_reverse(out: Service) -> None:
    """The exact reverse of every call stands in the plan; enabling again is the ordinary phase."""
    leaving = out(RESPONSE)
    leaving.allow(("mute", "detach"))
    plans = [leaving.do(level)[0] for level in ("mute", "detach")]
    assert {each.back_out.operation for plan in plans for each in plan.actions} == {"EnableRule", "PutTargets"}
    assert all(each.direction == "lowers" for plan in plans for each in plan.actions)


@pytest.mark.parametrize("level", BARRED)
def test_security_hub_is_not_left_in_any_region_while_a_route_is_active(out: Service, level: str) -> None:
    leaving = out(HUB)
    enabled_routes(leaving.world)
    leaving.allow(by_name()[HUB].levels, "off")
    called = len(leaving.simulated.mutating())
    plan = leaving.plan(level)
    assert plan.actions == ()
    open_ = [cell for cell in departure_of(HUB).level(level).cells(leaving.ground(level)) if cell.gap is Gap.TO_DO]
    told = [each for each in plan.blockers if "routes of the response are active (runbook-chosen and runbook-urgent" in each.reason]
    assert {each.region for each in told} == {cell.region for cell in open_}
    assert all("runbook offboard response --level mute" in each.next_step for each in told)
    leaving.apply(level, plan)
    assert len(leaving.simulated.mutating()) == called


def test_security_hub_may_be_left_once_its_routes_are_muted(out: Service) -> None:
    routes = out(RESPONSE)
    settings = routes.simulated.settings
    routes.allow(("mute",))
    assert routes.do("mute")[1].ok
    leaving = Out(routes.simulated, HUB)
    leaving.simulated.settings = settings
    leaving.allow(by_name()[HUB].levels)
    assert leaving.plan("dissociate").actions
    assert not leaving.plan("dissociate").blockers


def test_routes_that_cannot_be_read_stand_in_the_way_too_and_new_accounts_may_always_be_let_go(out: Service) -> None:
    leaving = out(HUB)
    leaving.allow(by_name()[HUB].levels)
    leaving.simulated.front.control.deny(DELEGATED, "RunbookDelegated", "events:ListRules")
    plan = leaving.plan("dissociate")
    assert plan.actions == ()
    assert all("events:ListRules" in each.reason and each.next_step for each in plan.blockers)
    assert leaving.plan("stop-auto-enable").actions
