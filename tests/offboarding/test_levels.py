"""Each level of each service, from a covered organization of twelve accounts in two Regions: done, named, nothing else touched."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest
from granted import granted
from leaving import REGIONS, SERVICES, Out
from losses import facts, lost, won
from ruamel.yaml import YAML

from runbook_lib.plan import Action, Direction, Plan
from runbook_lib.rehearsal.operations.config import RecordersState
from runbook_lib.runbook import ApplyReport
from runbook_lib.services.departure import HAND_OVER, OFF
from runbook_lib.services.departures import departure_of
from runbook_lib.services.registry import RESPONSE, action_name, by_name

Service = Callable[[str], Out]
Station = Callable[[str, str], Out]
Lost = Mapping[str, frozenset[tuple[str, str]]]
CASES = {service: YAML(typ="safe").load(Path(__file__).parents[1] / "services" / service / "way_out.yaml") for service in SERVICES}
WAYS = [
    pytest.param(service, leave, marks=[pytest.mark.soak] * (leave == HAND_OVER and service != SERVICES[2]))
    for service in SERVICES for leave in (HAND_OVER, OFF)
]  # fmt: skip
"""To hand over is to switch off without one level: with every service in `make soak`, and in test_out_and_back.py."""


def levels_of(service: str, leave: str) -> list[str]:
    """The levels of one of the two ways; what only an account itself can switch off is not switched off here."""
    return [level for level in by_name()[service].levels if leave == OFF or level != "switch-off"]


def named(service: str, level: str, plan: Plan) -> set[str]:
    """The facts that a plan says it takes, by the words of its losses."""
    takes = CASES[service]["takes"][level]
    found = {words: fact for words, fact in takes.items() if any(each.words.startswith(words) for each in plan.losses)}
    assert len(plan.losses) == len(found), "and no other"
    return set(found.values())


def ended(report: ApplyReport) -> list[object]:
    return [*report.refused, *(each for _, stage in report.stages for each in stage.problems)]


@pytest.mark.parametrize(("service", "leave"), WAYS)
def test_every_level_in_its_order_is_done_and_takes_what_it_named_and_nothing_else(
    out: Service, service: str, leave: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each under exactly its policies, whose every changing action it needs."""
    leaving, given = out(service), granted(monkeypatch)
    leaving.allow(by_name()[service].levels, leave)
    others = [name for name in SERVICES if name != service]
    for level in levels_of(service, leave):
        before, beside = facts(leaving.world, service), {name: facts(leaving.world, name) for name in others}
        given.begin(leaving, level)
        plan, report = leaving.do(level)
        assert given.denied == [], level
        assert ended(report) == [], level
        assert plan.actions, level
        assert changing(given.unneeded(), service, level) <= INSIDE_ONLY, level
        assert {action.direction for action in plan.actions} == {Direction.LOWERS}
        assert {f"{action.service}:{action.operation}" for action in plan.actions} <= departure_of(service).level(level).operations
        after = facts(leaving.world, service)
        assert set(lost(before, after)) == named(service, level, plan), level
        the_accounts_of_a_loss_are_those_that_lose_it(plan, lost(before, after), CASES[service]["takes"][level])
        assert won(before, after) == {}, level
        assert {name: facts(leaving.world, name) for name in others} == beside, f"{level} is about one service"
        assert leaving.plan(level).actions == (), f"{level} has nothing left to call"


def the_accounts_of_a_loss_are_those_that_lose_it(plan: Plan, gone: Lost, takes: Mapping[str, str]) -> None:
    for loss in plan.losses:
        places = gone[next(fact for words, fact in takes.items() if loss.words.startswith(words))]
        assert not loss.accounts or {account for account, _ in places} == loss.accounts, loss.words
        assert {region for _, region in places} <= {*loss.regions, "global"}, loss.words
        assert {account for action in plan.actions for account in action.affects} >= loss.accounts


def changing(actions: Iterable[tuple[str, str]], service: str, level: str) -> set[tuple[str, str]]:
    """Of account and action, those that are calls of the level."""
    calls = {action_name(*each.split(":")) for each in departure_of(service).level(level).operations}
    return {each for each in actions if each[1] in calls}


INSIDE_ONLY = {
    (account, f"securityhub:{operation}")
    for account in ("management", "member") for operation in ("BatchDisableStandards", "DisableSecurityHub")
}  # fmt: skip
"""Needed where settings name a role in members, and where the management account is on (the next test)."""


def test_hubs_are_switched_off_inside_every_account_under_exactly_the_policies_for_it(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, given = "securityhub", granted(monkeypatch)
    leaving = station(service, "switch-off")
    given.begin(leaving, "switch-off")
    plan, report = leaving.do("switch-off")
    assert (given.denied, ended(report)) == ([], [])
    assert facts(leaving.world, service)["on"] == frozenset()
    rules = leaving.world.of(RecordersState).service_rules
    assert rules
    assert not [place for place, names in rules.items() if names], "standards went first, and took their Config rules along"
    assert len({action.account for action in plan.actions}) > 2
    assert changing(given.unneeded(), service, "switch-off") <= {("management", "securityhub:BatchDisableStandards")}
    needed = {("member", f"securityhub:{each}") for each in ("DescribeHub", "GetEnabledStandards")}
    assert not needed & given.unneeded()


@pytest.mark.parametrize(
    ("service", "level", "action"),
    [
        ("inspector2", "dissociate", "inspector2:DisassociateMember"),
        (RESPONSE, "mute", "events:DisableRule"),
    ],
)
def test_without_one_action_a_level_is_not_done(
    out: Service, monkeypatch: pytest.MonkeyPatch, service: str, level: str, action: str
) -> None:
    leaving, given = out(service), granted(monkeypatch)
    leaving.allow([level])
    before = leaving.plan(level)
    given.begin(leaving, level, without=action)
    report = leaving.apply(level, before)
    assert ended(report)
    assert any(action in each for each in given.denied)
    assert leaving.plan(level).actions


@pytest.mark.parametrize("becomes", ["refused", "kept"])
def test_trusted_access_goes_last_whatever_aws_makes_of_delegations_without_it(out: Service, becomes: str) -> None:
    """The walk above has it that they end with it. Nothing is left to it here: the delegation has been given up before."""
    leaving, levels = out(SERVICES[-1]), by_name()[SERVICES[-1]].levels
    leaving.world.variants["trusted access with delegations"] = becomes
    leaving.allow(levels, OFF)
    assert not leaving.plan("trusted-access").actions
    for level in levels:
        assert ended(leaving.do(level)[1]) == [], level
    assert not facts(leaving.world, SERVICES[-1])["trusted"]


@pytest.mark.parametrize("service", [each for each in SERVICES if "dissociate" in by_name()[each].levels])
def test_one_region_is_left_and_the_other_one_is_as_it_was(out: Service, service: str) -> None:
    leaving = out(service)
    leaving.allow(by_name()[service].levels)
    here, there = (REGIONS[1],), REGIONS[0]
    before = facts(leaving.world, service)
    for level in ("stop-auto-enable", "dissociate", "administrator"):
        plan, report = leaving.do(level, here)
        assert ended(report) == []
        assert {action.region for action in plan.actions} == set(here)
    gone = lost(before, facts(leaving.world, service))
    assert {region for places in gone.values() for _, region in places} == set(here)
    assert set(gone) >= {"watched", "administrator", "new accounts"}
    assert not any(isinstance(step, Action) for step in leaving.plan("delegation").steps)
    (blocker,) = leaving.plan("delegation").blockers
    assert f"there still is an administrator in {there}" in blocker.reason
