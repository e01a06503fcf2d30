"""Security Hub in a rehearsal: what somebody took away by hand is read, told and left alone."""

from pathlib import Path

import pytest
from simulated import simulated

from runbook_lib.coverage import Gap, Status
from runbook_lib.rehearsal.operations.securityhub.state import SecurityHubState
from runbook_lib.services.spec import INTEGRATION

DELEGATED = "222222222222"


def test_an_integration_that_somebody_took_away_is_a_gap_for_people_and_plans_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = simulated("seven", tmp_path, monkeypatch)
    phase = "10_security_hub"
    one.enable(["00_prerequisites", phase])
    told = {cell.item for cell in one.phase_cells(phase) if cell.aspect == INTEGRATION and cell.status is Status.COVERED}
    assert told == {"aws/guardduty", "aws/inspector"}
    hub = one.front.world.of(SecurityHubState).hubs[DELEGATED, "us-east-1"]
    hub.products = {each for each in hub.products if not each.endswith("aws/inspector")}
    (gap,) = [cell for cell in one.phase_cells(phase) if cell.aspect == INTEGRATION and cell.status is not Status.COVERED]
    assert (gap.region, gap.item, set(gap.accounts), gap.gap) == ("us-east-1", "aws/inspector", {DELEGATED}, Gap.BLOCKED)
    assert "this runbook never does it" in gap.next_step
    plan = one.plan(phase)
    assert not plan.steps
    assert not plan.blockers
    assert any("does not take in findings of Inspector" in each.reason for each in plan.no_changes)
