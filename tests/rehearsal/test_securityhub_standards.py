"""Security Hub's standards: what is offered, on and off, and how long either takes."""

from functools import partial
from typing import Any

import pytest
from securityhub_rig import DELEGATED, HOME, PLAIN, POLLS, RECORDING, SECOND, Rig, refused

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.internal import run
from runbook_lib.rehearsal.operations.config import RecordersState

DEFAULTS = {"aws-foundational-security-best-practices/v/1.0.0", "cis-aws-foundations-benchmark/v/1.2.0"}
NIST = "arn:aws:securityhub:us-east-1::standards/nist-800-53/v/5.0.0"
PCI = "arn:aws:securityhub:us-east-1::standards/pci-dss/v/4.0.1"


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.mark.parametrize(("account", "final"), [(RECORDING, "READY"), (PLAIN, "INCOMPLETE")])
@pytest.mark.fact("MF-10.1-15", "SH-4.5-08", "SH-4.5-09", "SH-4.5-12", "SH-4.5-16")
def test_standards_settle_by_polls_and_need_a_recorder(rig: Rig, account: str, final: str) -> None:
    rig(account).enable_security_hub(EnableDefaultStandards=False)
    [first] = rig(account).batch_enable_standards(StandardsSubscriptionRequests=[{"StandardsArn": NIST}])["StandardsSubscriptions"]
    assert (first["StandardsStatus"], first["StandardsControlsUpdatable"]) == ("PENDING", "NOT_READY_FOR_UPDATES")
    assert first["StandardsSubscriptionArn"] == f"arn:aws:securityhub:{HOME}:{account}:subscription/nist-800-53/v/5.0.0"
    seen = [rig.statuses(account)["nist-800-53/v/5.0.0"] for _ in range(POLLS + 1)]
    assert seen == ["PENDING"] * POLLS + [final]
    [shown] = rig(account).get_enabled_standards()["StandardsSubscriptions"]
    reason = {"StatusReasonCode": "NO_AVAILABLE_CONFIGURATION_RECORDER"} if final == "INCOMPLETE" else None
    assert shown.get("StandardsStatusReason") == reason
    rig.world.organization.accounts[account].config_recorders.add(HOME)
    assert rig.statuses(account) == {"nist-800-53/v/5.0.0": "READY"}


def enable(rig: Rig, arn: str) -> dict[str, Any]:
    """Enable one standard in the account that records."""
    answer = rig(RECORDING).batch_enable_standards(StandardsSubscriptionRequests=[{"StandardsArn": arn}])
    return dict(answer["StandardsSubscriptions"][0])


@pytest.mark.fact("SH-4.5-08", "SH-4.5-10", "SH-4.5-13")
def test_no_standard_changes_while_one_is_pending_or_deleting(rig: Rig) -> None:
    rig(RECORDING).enable_security_hub(EnableDefaultStandards=False)
    own = enable(rig, NIST)["StandardsSubscriptionArn"]
    disable = partial(rig(RECORDING).batch_disable_standards, StandardsSubscriptionArns=[own])
    refused(lambda: enable(rig, PCI), "InvalidInputException", status=400)
    refused(disable, "InvalidInputException", status=400)
    rig.settle(RECORDING)
    [leaving] = disable()["StandardsSubscriptions"]
    assert leaving["StandardsStatus"] == "DELETING"
    refused(lambda: enable(rig, PCI), "InvalidInputException")
    rig.settle(RECORDING)
    enable(rig, PCI)
    assert set(rig.statuses(RECORDING)) == {"pci-dss/v/4.0.1"}


@pytest.mark.parametrize("variant", ["returned", "refused"])
@pytest.mark.fact("SH-4.5-11")
def test_enabling_a_standard_again(rig: Rig, variant: str) -> None:
    rig.world.variants["securityhub standard again"] = variant
    rig(RECORDING).enable_security_hub(EnableDefaultStandards=False)
    enable(rig, NIST)
    rig.settle(RECORDING)
    if variant == "refused":
        refused(lambda: enable(rig, NIST), "InvalidInputException")
    else:
        assert enable(rig, NIST)["StandardsStatus"] == "READY"


BAD_STANDARDS = {
    "unknown": [NIST.replace("5.0.0", "9.9.9")],
    "other Region": [NIST.replace(HOME, SECOND)],
    "26": [NIST] * 26,
}


@pytest.mark.parametrize("arns", BAD_STANDARDS.values(), ids=BAD_STANDARDS)
@pytest.mark.fact("SH-4.5-09")
def test_standards_that_cannot_be_enabled(rig: Rig, arns: list[str]) -> None:
    rig(PLAIN).enable_security_hub(EnableDefaultStandards=False)
    requests = [{"StandardsArn": arn} for arn in arns]
    refused(lambda: rig(PLAIN).batch_enable_standards(StandardsSubscriptionRequests=requests), "InvalidInputException")
    assert rig.statuses(PLAIN) == {}


@pytest.mark.fact("MF-10.1-01")
def test_standards_act_on_the_callers_account(rig: Rig) -> None:
    rig.designate()
    rig.add(RECORDING)
    rig.settle(DELEGATED)
    rig().batch_enable_standards(StandardsSubscriptionRequests=[{"StandardsArn": NIST}])
    assert set(rig.statuses(RECORDING)) == DEFAULTS


@pytest.mark.fact("SH-4.5-14", "SH-4.5-15")
def test_offered_standards(rig: Rig) -> None:
    found = {each["StandardsArn"]: each["EnabledByDefault"] for each in rig(PLAIN).describe_standards()["Standards"]}
    assert {arn for arn, default in found.items() if default} == {
        "arn:aws:securityhub:us-east-1::standards/aws-foundational-security-best-practices/v/1.0.0",
        "arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0",
    }
    assert NIST in found
    rig.world.variants["securityhub describe standards"] = "hub"
    refused(rig(PLAIN).describe_standards, "InvalidAccessException", "is not subscribed")


def test_controls_are_listed_once_a_standard_is_ready(rig: Rig) -> None:
    rig(PLAIN).enable_security_hub(EnableDefaultStandards=False)
    [own] = rig(PLAIN).batch_enable_standards(StandardsSubscriptionRequests=[{"StandardsArn": NIST}])["StandardsSubscriptions"]
    arn = own["StandardsSubscriptionArn"]
    assert rig(PLAIN).describe_standards_controls(StandardsSubscriptionArn=arn)["Controls"] == []
    rig.settle(PLAIN)
    assert rig(PLAIN).describe_standards_controls(StandardsSubscriptionArn=arn)["Controls"]


@pytest.mark.parametrize("first", ["standards", "hub"])
@pytest.mark.fact("RM-9-08")
def test_standards_that_go_first_take_their_config_rules_along(rig: Rig, first: str) -> None:
    rig(RECORDING).enable_security_hub(EnableDefaultStandards=True)
    rig.settle(RECORDING)
    rules = rig.world.of(RecordersState).service_rules[RECORDING, HOME]
    assert len(rules) == len(DEFAULTS)
    if first == "standards":
        own = [each["StandardsSubscriptionArn"] for each in rig(RECORDING).get_enabled_standards()["StandardsSubscriptions"]]
        rig(RECORDING).batch_disable_standards(StandardsSubscriptionArns=own)
        assert len(rules) == len(DEFAULTS), "as long as the standards are on their way"
        while rig(RECORDING).get_enabled_standards()["StandardsSubscriptions"]:
            pass
    rig(RECORDING).disable_security_hub()
    assert bool(rules) is (first == "hub")
    for name in sorted(rules):
        assert set(rules.values()) == {"securityhub.amazonaws.com"}
        with pytest.raises(ApiError, match="An AWS service owns ServiceLinkedConfigRule"):
            run(rig.world, "config", "DeleteConfigRule", RECORDING, HOME, {"ConfigRuleName": name})
    shown = run(rig.world, "config", "DescribeConfigRules", RECORDING, HOME, {})["ConfigRules"] if rules else []
    assert [each["ConfigRuleName"] for each in shown] == sorted(rules)
