"""GuardDuty's settings for the whole organization: what is refused, what merges, and whom they reach."""

from typing import Any

import pytest
from guardduty_steps import (
    GENERIC,
    NO_PERMISSION,
    RUNTIMES,
    add,
    configure,
    designate,
    list_all,
    own,
    statuses,
)
from small_world import (
    DELEGATED,
    MEMBERS,
    OPT_IN,
    OTHER,
    POLLS,
    Caller,
    account,
)

from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.organization import join_account
from runbook_lib.rehearsal.world import World

SERVICE = "guardduty"


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"AutoEnable": True, "AutoEnableOrganizationMembers": "NEW"},
        {"AutoEnableOrganizationMembers": "SOME"},
        {"AutoEnable": True, "Features": [{"Name": each["Name"], "AutoEnable": "NEW"} for each in RUNTIMES]},
        {"AutoEnable": True, "Features": [{"Name": "AI_ANALYST", "AutoEnable": "NEW"}]},
    ],
)
@pytest.mark.fact("GD-5.2-16", "GD-5.3-01", "GD-5.3-02")
def test_organization_settings_that_are_refused(call: Caller, parameters: dict[str, Any]) -> None:
    detector = designate(call)
    assert call.refused(DELEGATED, "UpdateOrganizationConfiguration", DetectorId=detector, **parameters)[1] == GENERIC


@pytest.mark.parametrize(
    ("parameters", "members", "automatic"),
    [
        ({"AutoEnable": True}, "NEW", True),
        ({"AutoEnable": False}, "NONE", False),
        ({"AutoEnableOrganizationMembers": "ALL"}, "ALL", True),
    ],
)
@pytest.mark.fact("GD-5.2-15", "GD-5.2-17")
def test_the_two_settings_for_members(call: Caller, parameters: dict[str, Any], members: str, *, automatic: bool) -> None:
    detector = designate(call)
    call(DELEGATED, "UpdateOrganizationConfiguration", DetectorId=detector, **parameters)
    answer = call(DELEGATED, "DescribeOrganizationConfiguration", DetectorId=detector)
    assert (answer["AutoEnableOrganizationMembers"], answer["AutoEnable"]) == (members, automatic)


@pytest.mark.fact("GD-5.2-15", "GD-5.2-21")
def test_organization_features_merge_and_come_in_pages(call: Caller) -> None:
    detector = designate(call)
    configure(call, detector, S3_DATA_EVENTS="NEW")
    configure(call, detector, EKS_AUDIT_LOGS="ALL")
    found: dict[str, str] = {}
    token: dict[str, str] = {}
    pages = 0
    while pages == 0 or token:
        answer = call(DELEGATED, "DescribeOrganizationConfiguration", DetectorId=detector, MaxResults=3, **token)
        found |= {each["Name"]: each["AutoEnable"] for each in answer["Features"]}
        token = {"NextToken": answer["NextToken"]} if answer["NextToken"] else {}
        pages += 1
    assert pages == 3
    assert {name: value for name, value in found.items() if value != "NONE"} == {"S3_DATA_EVENTS": "NEW", "EKS_AUDIT_LOGS": "ALL"}
    sources = answer["DataSources"]
    assert (sources["S3Logs"], sources["Kubernetes"]["AuditLogs"]) == ({"AutoEnable": True}, {"AutoEnable": True})
    assert sources["MalwareProtection"]["ScanEc2InstanceWithFindings"]["EbsVolumes"] == {"AutoEnable": False}


@pytest.mark.parametrize("operation", ["DisassociateMembers", "StopMonitoringMembers", "DeleteMembers"])
@pytest.mark.fact("GD-5.2-34", "MF-10.1-06", "RM-9-03")
def test_all_forbids_letting_members_go(call: Caller, operation: str) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    configure(call, detector, "ALL")
    assert call.refused(DELEGATED, operation, DetectorId=detector, AccountIds=[MEMBERS[0]])[1] == texts.ALL_IN_FORCE


@pytest.mark.parametrize("operation", ["DisassociateMembers", "StopMonitoringMembers"])
@pytest.mark.parametrize("variant", ["refused", "ok"])
@pytest.mark.fact("GD-5.2-34", "RM-9-03")
def test_one_protection_plan_at_all_forbids_it_too(call: Caller, operation: str, variant: str) -> None:
    call.world.variants["guardduty plan at all"] = variant
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    configure(call, detector, EKS_AUDIT_LOGS="ALL")
    named: dict[str, Any] = {"DetectorId": detector, "AccountIds": [MEMBERS[0]]}
    if variant == "refused":
        assert call.refused(DELEGATED, operation, **named)[1] == texts.ALL_IN_FORCE
        configure(call, detector, EKS_AUDIT_LOGS="NONE")
    assert call(DELEGATED, operation, **named)["UnprocessedAccounts"] == []


@pytest.mark.fact("GD-5.2-18", "SI-11-07")
def test_all_reaches_existing_accounts_after_polls(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0], MEMBERS[1])
    call(DELEGATED, "StopMonitoringMembers", DetectorId=detector, AccountIds=[MEMBERS[0]])
    call(DELEGATED, "DisassociateMembers", DetectorId=detector, AccountIds=[MEMBERS[1]])
    configure(call, detector, "ALL", RUNTIME_MONITORING="ALL", S3_DATA_EVENTS="NEW")
    for _ in range(POLLS):
        assert list_all(call, detector) == {MEMBERS[0]: "Disabled"}
    assert set(list_all(call, detector)) == {OTHER, *MEMBERS}  # the management account has no detector
    assert own(call, MEMBERS[0])["Status"] == own(call, MEMBERS[1])["Status"] == "ENABLED"
    assert statuses(own(call, DELEGATED))["RUNTIME_MONITORING"] == "ENABLED"
    assert statuses(own(call, MEMBERS[5]))["RUNTIME_MONITORING"] == "ENABLED"
    assert (statuses(own(call, MEMBERS[0]))["S3_DATA_EVENTS"], statuses(own(call, MEMBERS[5]))["S3_DATA_EVENTS"]) == (
        "DISABLED",
        "ENABLED",
    )


@pytest.mark.fact("GD-5.2-20", "SI-11-07")
def test_all_may_not_reach_anybody_in_the_window(world: World, call: Caller) -> None:
    world.variants["guardduty all"] = "never in the window"
    detector = designate(call)
    configure(call, detector, "ALL")
    for _ in range(POLLS * 5):
        assert list_all(call, detector) == {}


@pytest.mark.parametrize(("members", "joins"), [("NEW", True), ("ALL", True), ("NONE", False)])
@pytest.mark.fact("SI-11-05")
def test_a_new_account(world: World, call: Caller, members: str, *, joins: bool) -> None:
    detector = designate(call)
    configure(call, detector, members, EKS_AUDIT_LOGS="NEW")
    join_account(world, account("777777777777"))
    assert list_all(call, detector) == ({"777777777777": "Created"} if joins else {})
    if joins:
        assert statuses(own(call, "777777777777"))["EKS_AUDIT_LOGS"] == "ENABLED"
        assert statuses(own(call, "777777777777"))["S3_DATA_EVENTS"] == "DISABLED"


@pytest.mark.fact("SI-11-05")
def test_a_new_account_without_the_region(world: World, call: Caller) -> None:
    detector = designate(call, OPT_IN)
    call(DELEGATED, "UpdateOrganizationConfiguration", OPT_IN, DetectorId=detector, AutoEnable=True)
    join_account(world, account("777777777777"))
    assert call(DELEGATED, "ListMembers", OPT_IN, DetectorId=detector)["Members"] == []


@pytest.mark.fact("GD-5.2-42")
def test_organization_statistics(call: Caller) -> None:
    detector = designate(call)
    configure(call, detector, S3_DATA_EVENTS="NEW")
    add(call, detector, MEMBERS[0], MEMBERS[1])
    counted = call(DELEGATED, "GetOrganizationStatistics")["OrganizationDetails"]["OrganizationStatistics"]
    assert (counted["MemberAccountsCount"], counted["EnabledAccountsCount"]) == (2, 3)
    features = {each["Name"]: each["EnabledAccountsCount"] for each in counted["CountByFeature"]}
    assert (features["S3_DATA_EVENTS"], features["EKS_AUDIT_LOGS"]) == (3, 1)
    assert call.refused(MEMBERS[0], "GetOrganizationStatistics")[1] == NO_PERMISSION
