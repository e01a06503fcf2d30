"""One account that AWS refuses in the middle of a batch of 50, and 50 of 50: the others are covered, and nothing is glossed over.

The simulated AWS is told to refuse certain accounts in one operation, in the way that operation refuses: a list of unprocessed
accounts in an answer with status 200, or an error where the call takes one account.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import twins
from simulated import ENABLING, SERVICE_OF, Simulated, copied, open_cells, simulated

from runbook_lib.apply.report import Final
from runbook_lib.base.privacy import findings
from runbook_lib.plan import Action, Plan
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.internal import run
from runbook_lib.rehearsal.registry import HANDLERS
from runbook_lib.rehearsal.world import World
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.guardduty import GuardDutyAgent, GuardDutyFeature

REGION, DELEGATED = "us-east-1", "222222222222"
PHASE = {service: phase for phase, service in SERVICE_OF.items()}
REFUSAL = "The request is rejected because the account of AKIAIOSFODNN7EXAMPLE, someone@example.com, is refused in this test."
SAID = REFUSAL.partition("AKIA")[0]


Template = dict[str, Any]
"""How an answer names accounts: each list of rows by one row, in which ACCOUNT and WHY stand for what differs."""
REFUSED: dict[tuple[str, str], tuple[str, Template]] = {
    (service, operation): (key, template) for service, (operation, key, template) in twins.rows("runbook", "refused")
}
"""Operation → the list that it takes ("": one account), and how its answer says that it refused some."""
OPERATIONS = list(REFUSED)


def answer(template: Template, bad: list[str]) -> dict[str, Any]:
    def row(one: dict[str, str], account: str) -> dict[str, str]:
        return {key: {"ACCOUNT": account, "WHY": REFUSAL}.get(value, value) for key, value in one.items()}

    return {name: [row(one, account) for account in bad] if one else [] for name, one in template.items()}


def refuse(patch: pytest.MonkeyPatch, service: str, operation: str, bad: frozenset[str]) -> None:
    """Let one operation of the simulated AWS refuse these accounts in one Region, and do its work for the rest."""
    inner = HANDLERS[service, operation]

    def single(call: Any, accountId: str) -> Any:  # noqa: N803 AWS's name
        if call.region == REGION and accountId in bad:
            raise ApiError("ValidationException", REFUSAL)
        return inner(call, accountId=accountId)

    def batch(call: Any, **parameters: Any) -> Any:
        key, template = REFUSED[service, operation]
        listed = parameters.get(key) or []
        asked = [each["AccountId"] if isinstance(each, dict) else each for each in listed]
        refused = [account for account in asked if account in bad] if call.region == REGION else []
        rest = [each for each, account in zip(listed, asked, strict=True) if account not in refused]
        if listed and not rest:
            return answer(template, refused)
        done = inner(call, **{**parameters, key: rest} if listed else parameters) or {}
        for name, rows in (answer(template, refused) if refused else {}).items():
            done[name] = [*done.get(name, []), *rows]
        return done

    patch.setitem(HANDLERS, (service, operation), batch if REFUSED[service, operation][0] else single)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Simulated, dict[str, World]]]:
    """53 members to be, and the world as it is before each phase."""
    with pytest.MonkeyPatch.context() as patch:
        made = simulated("seven", tmp_path_factory.mktemp("batches"), patch, accounts=55)
        worlds = {}
        for phase in ENABLING:
            worlds[phase] = copied(made.front.world)
            made.enable([phase])
        worlds["all"] = copied(made.front.world)
        yield made, worlds


@pytest.fixture
def made(large: tuple[Simulated, dict[str, World]], service: str, operation: str) -> Simulated:
    """An organization whose next plan holds the operation."""
    organization, worlds = large
    suspended = operation == "StartMonitoringMembers"
    organization.front.adopt(copied(worlds["all" if suspended else PHASE[service]]))
    if suspended:
        _suspend_members(organization.front.world)
    if operation == "UpdateMemberDetectors":
        return replace(organization, settings=_features_for_existing_accounts_only(organization.settings))
    return organization


def _features_for_existing_accounts_only(settings: Settings) -> Settings:
    """Settings with which enrolling an account does not switch on its protection plans by the way."""
    part = settings.guardduty
    assert part is not None
    features = {
        name: GuardDutyFeature(
            enabled=each.enabled, agents={agent: GuardDutyAgent(enabled=about.enabled) for agent, about in each.agents.items()}
        )
        if each.agents
        else GuardDutyFeature(enabled=each.enabled)
        for name, each in part.features.items()
    }
    return settings.model_copy(update={"guardduty": part.model_copy(update={"features": features})})


def _suspend_members(world: World) -> None:
    """Somebody stopped monitoring everybody in one Region."""
    detector = run(world, "guardduty", "ListDetectors", DELEGATED, REGION, {})["DetectorIds"][0]
    members = sorted(each.id for each in world.organization.accounts.values() if each.state == "ACTIVE" and each.id != DELEGATED)
    for first in range(0, len(members), 50):
        asked = {"DetectorId": detector, "AccountIds": members[first : first + 50]}
        run(world, "guardduty", "StopMonitoringMembers", DELEGATED, REGION, asked)


def planned(plan: Plan, operation: str) -> list[Action]:
    """The plan's Actions of one operation on members in the Region."""
    found = [action for action in plan.actions if (action.operation, action.region) == (operation, REGION)]
    return [action for action in found if action.targets and DELEGATED not in action.targets]


def bad_of(actions: list[Action], how_many: int) -> frozenset[str]:
    """The one in the middle of the first 50, or all of them."""
    first = sorted({target for action in actions for target in action.targets})[:50]
    assert len(first) == 50
    return frozenset(first[24:25] if how_many == 1 else first)


@pytest.mark.parametrize("how_many", [1, 50])
@pytest.mark.parametrize(("service", "operation"), OPERATIONS, ids=str)
def test_the_others_are_covered_and_the_next_plan_holds_exactly_the_rest(
    made: Simulated, service: str, operation: str, how_many: int
) -> None:
    phase = PHASE[service]
    plan = made.plan(phase)
    bad = bad_of(planned(plan, operation), how_many)
    with pytest.MonkeyPatch.context() as patch:
        refuse(patch, service, operation, bad)
        report = made.apply(phase, plan, made.approve(plan))
    assert not report.ok
    assert (report.refused, report.stopped) == ((), "")
    problems = [(step, result) for _, stage in report.stages for step, result in stage.problems]
    assert {result.account for _, result in problems} == set(bad)
    assert {step.region for step, _ in problems} == {REGION}
    tried = [result for step, result in problems if isinstance(step, Action) and step.operation == operation]
    assert {result.account for result in tried if result.final is Final.FAILED} == set(bad)
    assert [result for result in tried if result.final is Final.FAILED and SAID not in result.message] == []
    assert [result for result in tried if findings(result.message)] == [], "what may not be written down is masked"
    left = open_cells(made.phase_cells(phase))
    assert {account for cell in left for account in cell.accounts} == set(bad)
    assert {cell.region for cell in left} == {REGION}
    rest = made.plan(phase)
    undone = {unit for step, result in problems if isinstance(step, Action) for unit in step.units if unit[1] == result.account}
    assert rest.units == undone
    assert not rest.blockers
    assert made.apply(phase, rest, made.approve(rest)).ok
    assert open_cells(made.phase_cells(phase)) == []


@pytest.mark.parametrize(("service", "operation"), [OPERATIONS[0]], ids=str)
def test_no_batch_is_larger_than_aws_allows(made: Simulated, service: str, operation: str) -> None:
    for phase in ENABLING[1:]:
        made.enable([phase])
    sizes = {(entry.service, entry.operation): 0 for entry in made.mutating()}
    for entry in made.mutating():
        sizes[entry.service, entry.operation] = max(sizes[entry.service, entry.operation], entry.items)
    bounds = {(owner, name): bound for owner, said in twins.said("runbook", "largest").items() for name, bound in said.items()}
    assert len(bounds) > 3
    assert {each: sizes[each] for each, (fewest, most) in bounds.items() if not fewest <= sizes[each] <= most} == {}
