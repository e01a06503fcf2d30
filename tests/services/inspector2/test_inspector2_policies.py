"""Organizations' Inspector policies, on a simulated organization that has one."""

from pathlib import Path

import pytest
from simulated import simulated

from runbook_lib.rehearsal.operations.organizations import OrganizationsState
from runbook_lib.runbook.phases import phase_named
from runbook_lib.services.inspector2.spec import SPEC


def test_what_a_policy_of_organizations_governs_is_a_blocker_from_the_first_plan_on_and_never_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = simulated("governed", tmp_path, monkeypatch)
    unit = next(each["targets"] for each in made.front.world.of(OrganizationsState).policies if each["type"] == "INSPECTOR_POLICY")
    ruled = {each.id for each in made.front.world.organization.accounts.values() if each.parent in unit}
    *_, done = made.enable([*phase_named(SPEC.phase).requires, SPEC.phase])
    again = made.plan(SPEC.phase)
    assert done.report.ok
    assert again.actions == ()
    for plan in (done.plan, again):
        told = [each for each in plan.blockers if each.reason.endswith("governed by policy, which sets it otherwise")]
        assert told
        assert frozenset[str]().union(*(each.accounts for each in told)) <= ruled
    switched = [each for each in done.plan.actions if each.operation == "Enable"]
    assert switched
    assert not [each for each in switched if ruled & set(each.targets)]
