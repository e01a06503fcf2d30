"""What stands in the way of a level: each precondition broken in turn is a Blocker, and nothing is called."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from leaving import REGIONS, SERVICES, Out
from losses import broken, facts

import runbook_lib
from runbook_lib.plan import Action, Blocker, Wait
from runbook_lib.plan.approval import ApprovalRefused, approve
from runbook_lib.rehearsal.operations.organizations import OrganizationsState
from runbook_lib.rehearsal.world import World
from runbook_lib.services.departure import HAND_OVER, OFF
from runbook_lib.services.departures import departure_of, leaving, undoing_calls
from runbook_lib.services.implementations import SERVICES as ENABLING
from runbook_lib.services.registry import by_name, ways_out

Service = Callable[[str], Out]
WITH_MEMBERS = [each for each in SERVICES if "dissociate" in by_name()[each].levels]


@dataclass(frozen=True)
class Broken:
    """One precondition, broken: of which service and level, how, and what the Blocker says."""

    name: str
    service: str
    level: str
    breaking: Callable[[Out], object]
    says: str
    leave: str = HAND_OVER


def as_it_is(out: Out) -> None:
    """The level comes too early: nothing has to be broken for it."""


def own(breaking: Callable[[World, str], None], out: Out) -> None:
    """A precondition that one service alone has."""
    breaking(out.world, REGIONS[0])


def policy(kind: str) -> Callable[[Out], None]:
    def attach(out: Out) -> None:
        made = {"id": "p-abcdefgh", "name": "governing", "type": kind, "description": "", "content": "{}", "targets": []}
        out.world.of(OrganizationsState).policies.append(made)

    return attach


CASES = [
    *(Broken(f"{each}: members", each, "administrator", as_it_is, "still among the members here: ") for each in WITH_MEMBERS),
    *(Broken(f"{each}: an administrator", each, "delegation", as_it_is, "there still is an admin") for each in WITH_MEMBERS),
    *(Broken(f"{each}: still registered", each, "trusted-access", as_it_is, "is still registered") for each in SERVICES),
    *(
        Broken(f"{each}: still on where it is to be off", each, "dissociate", as_it_is, "can switch it off", OFF)
        for each in WITH_MEMBERS if by_name()[each].levels.index("switch-off") < by_name()[each].levels.index("dissociate")
    ),
    *(
        Broken(f"{each}: {name}", each, level, partial(own, breaking), says, leave)
        for each in SERVICES for name, level, breaking, says, leave in broken(each)
    ),
    *(
        Broken(f"{each}: a policy", each, "dissociate", policy(by_name()[each].policy_type), "Organizations policies of type")
        for each in WITH_MEMBERS if by_name()[each].policy_type
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_precondition_is_a_blocker_and_nothing_is_called(out: Service, case: Broken) -> None:
    leaving = out(case.service)
    leaving.allow(by_name()[case.service].levels, case.leave)
    case.breaking(leaving)
    before, called = facts(leaving.world, case.service), len(leaving.simulated.mutating())
    region = () if case.level in ("delegation", "trusted-access") else (REGIONS[0],)
    plan = leaving.plan(case.level, region)
    assert not [each for each in plan.actions if each.region == REGIONS[0] and each.targets != ()], case.name
    assert any(case.says in blocker.reason and blocker.next_step and blocker.who for blocker in plan.blockers), plan.blockers
    leaving.apply(case.level, plan)
    assert len(leaving.simulated.mutating()) == called
    assert facts(leaving.world, case.service) == before


@pytest.mark.parametrize("service", SERVICES)
def test_without_leave_of_the_settings_nothing_is_offered(out: Service, service: str) -> None:
    leaving = out(service)
    for level, said in leaving.said(by_name()[service].levels).items():
        assert not [each for each in said if isinstance(each, Action | Wait)]
        assert [each for each in said if isinstance(each, Blocker)], level
    first, *rest = by_name()[service].levels
    leaving.allow(rest)
    (said,) = leaving.said([first]).values()
    assert any(f"settings do not allow level {first}" in each.reason for each in said if isinstance(each, Blocker))


@pytest.mark.parametrize("service", SERVICES)
def test_settings_that_still_ask_for_the_service_are_a_contradiction_that_is_said(out: Service, service: str) -> None:
    leaving = out(service)
    leaving.allow(by_name()[service].levels, OFF, wanted=True)
    first = by_name()[service].levels[0]
    plan = leaving.plan(first)
    assert not plan.steps
    assert all(f"settings still ask for {by_name()[service].title} here" in each.reason for each in plan.blockers)


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_lost_has_to_be_typed_word_by_word(out: Service, service: str) -> None:
    leaving = out(service)
    leaving.allow(by_name()[service].levels, OFF)
    seen = [each for each in leaving.look().levels if each.stands.startswith("to do")]
    level = next(each.name for each in seen if any(loss.typed for loss in each.losses))
    plan = leaving.plan(level)
    now = leaving.simulated.clock.now()
    with pytest.raises(ApprovalRefused, match="has to be typed by its own words"):
        approve(plan, approver="tests", ticket="T-1", now=now)
    first, *rest = sorted(plan.to_type)
    with pytest.raises(ApprovalRefused, match="has to be typed by its own words"):
        approve(plan, approver="tests", ticket="T-1", now=now, loses=[f"{first}!", *rest])
    good = approve(plan, approver="tests", ticket="T-1", now=now, loses=plan.to_type)
    assert good.version == 3
    called = len(leaving.simulated.mutating())
    forged = good.model_copy(update={"loses": ()})
    with pytest.raises(ApprovalRefused, match="has to be typed by its own words"):
        leaving.apply(level, plan, forged)
    assert len(leaving.simulated.mutating()) == called


def test_a_plan_of_one_level_is_not_applied_as_another(out: Service) -> None:
    leaving = out("inspector2")
    leaving.allow(by_name()["inspector2"].levels)
    plan = leaving.plan("stop-auto-enable")
    called = len(leaving.simulated.mutating())
    with pytest.raises(
        ApprovalRefused, match="the approved plan is about inspector2 stop-auto-enable, this is about inspector2 dis"
    ):
        leaving.apply("dissociate", plan)
    assert len(leaving.simulated.mutating()) == called


def test_destructive_operations_are_the_way_outs_alone() -> None:
    """Each level may make its own calls and no other; no enabling service may make any call of a way out that it does not need."""
    enabling = frozenset[str]().union(*(service.mutations for service in ENABLING))
    both = set[str]()
    for service in ways_out():
        for level in departure_of(service).levels:
            assert level.operations, level.name
            assert leaving(service, level.name).mutations == level.operations
            both |= level.operations & enabling
    shared = ("UpdateOrganizationConfiguration", "UpdateAutomatedDiscoveryConfiguration", "UpdateMemberSession")
    assert {each.partition(":")[2] for each in both} == set(shared), "these set a value, which enabling sets to another"
    assert leaving(SERVICES[0]).mutations == frozenset(), "looking calls nothing"


def test_the_page_has_every_call_of_the_way_out() -> None:
    page = (Path(runbook_lib.__file__).parent / "docs" / "offboarding.md").read_text(encoding="utf-8")
    for service in ways_out():
        for level in departure_of(service).levels:
            assert [each for each in sorted(level.operations) if f"`{each}`" not in page] == []
            assert [each for each in sorted(undoing_calls(service)) if f"`{each}`" not in page] == []
            assert f"`{level.name}`" in page
