"""What services say of suspended accounts is not documented: whatever it is, the runbook says the truth and asks for nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
import twins
from simulated import ENABLING, SERVICE_OF, Simulated, open_cells, simulated

from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.organization import close_account
from runbook_lib.rehearsal.scenario import Scenario
from runbook_lib.rehearsal.world import World

MEMBER = "333333333333"
ADDING = twins.said("runbook", "adding")
"""Service → the operation that adds a member."""


@pytest.mark.parametrize("choice", ["named", "unchanged", "absent"])
@pytest.mark.fact("UV-13-10")
def test_a_member_that_is_suspended_later_is_no_gap_however_services_list_it(
    choice: str, seven_before: Callable[[str], World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = simulated("seven", tmp_path, monkeypatch)
    made.front.adopt(seven_before("90_coverage"))
    made.front.world.variants["suspended members"] = choice
    close_account(made.front.world, MEMBER, "SUSPENDED")
    assert listed(made) == {"named": {"AccountSuspended", "ACCOUNT_SUSPENDED"}, "unchanged": {"Enabled", "ENABLED"}}.get(
        choice, set()
    )
    assert open_cells(made.cells()) == []
    for phase in ENABLING:
        plan = made.plan(phase)
        assert (plan.steps, plan.blockers) == ((), ())


def listed(made: Simulated) -> set[str]:
    """What the services' lists say of the member, all that have it agreeing."""
    delegated = session_for(made.front, "222222222222")
    found = [state for service in ADDING for state in twins.module(service, "facts").standing(delegated, MEMBER)]
    assert len(found) in (0, len(ADDING))
    return set(found)


def adding(phase: str) -> dict[str, str]:
    service = SERVICE_OF[phase]
    return {"service": service, "operation": ADDING[service]}


def suspended_at(request: dict[str, str], choice: str) -> Scenario:
    """The member is suspended when the first such call arrives."""
    event = {"kind": "suspend-account", "account": MEMBER, "on": request}
    return Scenario.model_validate({"name": "suspended", "variants": {"suspended account added": choice}, "events": [event]})


@pytest.mark.parametrize("choice", ["refused", "taken"])
@pytest.mark.parametrize("phase", ENABLING[1:])
@pytest.mark.fact("UV-13-10")
def test_an_account_that_is_suspended_just_before_it_is_added(
    phase: str, choice: str, seven_before: Callable[[str], World], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planned and approved as active; AWS knows better when the call arrives. The others are added, and nothing is left to do."""
    made = simulated("seven", tmp_path, monkeypatch, scenario=suspended_at(adding(phase), choice))
    made.front.adopt(seven_before(phase))
    plan = made.plan(phase)
    report = made.apply(phase, plan, made.approve(plan))
    assert {result.account for _, stage in report.stages for _, result in stage.problems} == {MEMBER}
    assert made.front.world.organization.accounts[MEMBER].state == "SUSPENDED"
    rest = made.plan(phase)
    assert rest.blockers == ()
    assert made.apply(phase, rest, made.approve(rest)).ok
    assert open_cells(made.phase_cells(phase)) == []
    assert made.plan(phase).steps == ()
