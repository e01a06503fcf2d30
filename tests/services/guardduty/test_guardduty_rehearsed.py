"""GuardDuty in a rehearsal where a Region lacks a feature, and where an organization has billing alone."""

from pathlib import Path

import pytest
from simulated import ENABLING, PARAMETERS, settings_for, simulated

PHASE = "20_guardduty"
ONLY_S3 = """\
guardduty:
  regions: [us-east-1, us-east-2]
  management_account: true
  auto_enable: NEW
  features:
    S3_DATA_EVENTS: { auto_enable: NEW, enabled: true }
"""


def minimal(text: str) -> str:
    """The rehearsal's settings with GuardDuty alone, and one protection plan in it."""
    head = text.partition("security_hub:")[0]
    return head[: head.index("exclusions:")] + ONLY_S3


@pytest.mark.parametrize(
    "lacking", [("RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING"), ("AI_PROTECTION",), ("LAMBDA_NETWORK_LOGS",)]
)
def test_a_feature_that_a_region_lacks_and_nobody_asked_for(
    lacking: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is off by itself is not named, so it is never in the way. What comes by itself AWS refuses by name, with a way out."""
    one = simulated("seven", tmp_path, monkeypatch)
    one.settings = settings_for(one.front, minimal(PARAMETERS.read_text(encoding="utf-8")))
    one.front.world.unavailable = {"guardduty": {"us-east-2": frozenset(lacking)}}
    prepared, applied = one.enable(["00_prerequisites", PHASE])
    assert prepared.report.ok
    if lacking[0] == "RUNTIME_MONITORING":
        assert applied.report.ok
        assert not one.plan(PHASE).steps
        return
    said = (tmp_path / f"{PHASE}.jsonl").read_text(encoding="utf-8")
    assert not applied.report.ok
    assert f"the feature {lacking[0]} is not available" in said
    assert "by hand, without that feature" in said


def test_an_organization_with_billing_alone_has_a_blocker_in_every_phase_and_no_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = simulated("seven", tmp_path, monkeypatch)
    one.front.world.organization.feature_set = "CONSOLIDATED_BILLING"
    for phase in ENABLING:
        plan = one.plan(phase)
        assert plan.steps == (), phase
        assert any("feature set is CONSOLIDATED_BILLING" in each.reason and each.holds_up for each in plan.blockers), phase
        assert all("Enable all features" in each.next_step for each in plan.blockers if "feature set" in each.reason)
    assert one.mutating() == []
