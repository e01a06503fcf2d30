from typing import Any

import pytest
from botocore.exceptions import ClientError
from guardduty_steps import (
    ALL_OFF,
    ANOTHER,
    GENERIC,
    NO_PERMISSION,
    NOT_ENABLED,
    NOT_MASTER,
    SAME,
    add,
    configure,
    designate,
    details,
    list_all,
    own,
    statuses,
)
from small_world import (
    DELEGATED,
    MANAGEMENT,
    MEMBERS,
    OPT_IN,
    OTHER,
    OUTSIDER,
    POLLS,
    REGION,
    SECOND,
    SUSPENDED,
    Caller,
)

from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.organization import deregister_delegated, register_delegated
from runbook_lib.rehearsal.registry import HANDLERS
from runbook_lib.rehearsal.world import World

SERVICE = "guardduty"


# Designation


@pytest.mark.parametrize(
    ("caller", "target", "text"),
    [
        (DELEGATED, DELEGATED, NOT_MASTER),
        (MEMBERS[0], DELEGATED, NOT_MASTER),
        (MANAGEMENT, OUTSIDER, texts.NOT_IN_ORGANIZATION),
        (MANAGEMENT, SUSPENDED, texts.NOT_IN_ORGANIZATION),
        (MANAGEMENT, MANAGEMENT, GENERIC),
    ],
)
@pytest.mark.fact("GD-5.1-07", "GD-5.1-08")
def test_designation_is_refused(call: Caller, caller: str, target: str, text: str) -> None:
    assert call.refused(caller, "EnableOrganizationAdminAccount", AdminAccountId=target) == ("BadRequestException", text)
    assert call(MANAGEMENT, "ListOrganizationAdminAccounts")["AdminAccounts"] == []


@pytest.mark.fact("GD-5.2-01", "SI-11-01")
def test_designation_registers_in_organizations_with_trusted_access(world: World, call: Caller) -> None:
    call(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    assert list(world.organization.delegated["guardduty.amazonaws.com"]) == [DELEGATED]
    assert "guardduty.amazonaws.com" in world.organization.trusted
    assert call(MANAGEMENT, "ListOrganizationAdminAccounts")["AdminAccounts"] == [
        {"AdminAccountId": DELEGATED, "AdminStatus": "ENABLED"}
    ]
    assert call(MANAGEMENT, "ListOrganizationAdminAccounts", SECOND)["AdminAccounts"] == []


@pytest.mark.parametrize(
    ("region", "target", "text"), [(REGION, DELEGATED, SAME), (REGION, OTHER, ANOTHER), (SECOND, OTHER, ANOTHER)]
)
@pytest.mark.fact("GD-5.1-05", "GD-5.1-06", "RM-9-07")
def test_a_second_designation(call: Caller, region: str, target: str, text: str) -> None:
    call(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    assert call.refused(MANAGEMENT, "EnableOrganizationAdminAccount", region, AdminAccountId=target)[1] == text


def test_the_same_account_in_another_region_is_designated(call: Caller) -> None:
    call(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    call(MANAGEMENT, "EnableOrganizationAdminAccount", SECOND, AdminAccountId=DELEGATED)
    assert call(MANAGEMENT, "ListOrganizationAdminAccounts", SECOND)["AdminAccounts"][0]["AdminAccountId"] == DELEGATED


@pytest.mark.fact("GD-5.1-06")
def test_another_account_registered_only_in_organizations_blocks(world: World, call: Caller) -> None:
    register_delegated(world, "guardduty.amazonaws.com", OTHER)
    assert call.refused(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=DELEGATED)[1] == ANOTHER


def test_the_administrator_needs_the_region(world: World, call: Caller) -> None:
    world.organization.accounts[DELEGATED].regions[OPT_IN] = "DISABLED"
    assert call.refused(MANAGEMENT, "EnableOrganizationAdminAccount", OPT_IN, AdminAccountId=DELEGATED)[1] == GENERIC


@pytest.mark.fact("GD-5.1-07", "GD-5.2-04")
def test_only_the_management_account_lists_administrators(call: Caller) -> None:
    designate(call)
    assert call.refused(DELEGATED, "ListOrganizationAdminAccounts")[1] == NOT_MASTER
    assert call.refused(MEMBERS[0], "DisableOrganizationAdminAccount", AdminAccountId=DELEGATED)[1] == NOT_MASTER


@pytest.mark.fact("GD-5.2-01", "GD-5.2-03")
def test_the_detector_of_the_administrator_appears_after_polls(call: Caller) -> None:
    call(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    seen = [call(DELEGATED, "ListDetectors")["DetectorIds"] for _ in range(POLLS + 1)]
    assert seen[:POLLS] == [[]] * POLLS
    assert len(seen[POLLS]) == 1
    assert statuses(own(call, DELEGATED))["S3_DATA_EVENTS"] == "ENABLED"


@pytest.mark.fact("GD-5.2-07", "MF-10.1-03")
def test_a_detector_made_before_designation_keeps_its_settings(call: Caller) -> None:
    off = [{"Name": name, "Status": "DISABLED"} for name in sorted(ALL_OFF)]
    made = call(DELEGATED, "CreateDetector", Enable=True, Features=off)["DetectorId"]
    call(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    assert call(DELEGATED, "ListDetectors")["DetectorIds"] == [made]
    assert {name for name, status in statuses(own(call, DELEGATED)).items() if status == "ENABLED"} == {
        "FLOW_LOGS",
        "CLOUD_TRAIL",
        "DNS_LOGS",
    }


@pytest.mark.parametrize(
    ("operation", "parameters", "text"),
    [
        ("DescribeOrganizationConfiguration", {}, NOT_ENABLED),
        ("UpdateOrganizationConfiguration", {"AutoEnable": True}, NO_PERMISSION),
        ("CreateMembers", {"AccountDetails": details(MEMBERS[0])}, GENERIC),
        ("ListMembers", {}, GENERIC),
        ("GetMembers", {"AccountIds": [MEMBERS[0]]}, GENERIC),
        ("UpdateMemberDetectors", {"AccountIds": [MEMBERS[0]]}, GENERIC),
    ],
)
@pytest.mark.fact("GD-5.1-09", "GD-5.1-12", "SI-11-02")
def test_the_first_calls_after_designation_fail(call: Caller, operation: str, parameters: dict[str, Any], text: str) -> None:
    detector = call(DELEGATED, "CreateDetector", Enable=True)["DetectorId"]
    call(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    for _ in range(POLLS):
        assert call.refused(DELEGATED, operation, DetectorId=detector, **parameters)[1] == text
    call(DELEGATED, operation, DetectorId=detector, **parameters)


@pytest.mark.parametrize(
    ("operation", "parameters", "text"),
    [
        ("DescribeOrganizationConfiguration", {}, NOT_ENABLED),
        ("UpdateOrganizationConfiguration", {"AutoEnable": True}, NO_PERMISSION),
        ("CreateMembers", {"AccountDetails": details(MEMBERS[0])}, GENERIC),
        ("StopMonitoringMembers", {"AccountIds": [MEMBERS[0]]}, GENERIC),
    ],
)
@pytest.mark.fact("GD-5.1-09", "GD-5.1-10")
def test_calls_of_an_account_that_is_no_administrator(call: Caller, operation: str, parameters: dict[str, Any], text: str) -> None:
    detector = call(OTHER, "CreateDetector", Enable=True)["DetectorId"]
    for _ in range(POLLS + 1):
        assert call.refused(OTHER, operation, DetectorId=detector, **parameters)[1] == text
    assert call(OTHER, "ListMembers", DetectorId=detector)["Members"] == []


@pytest.mark.fact("GD-5.1-11", "GD-5.2-04", "GD-5.2-05", "GD-5.2-06", "RM-9-03", "RM-9-06", "SI-11-12")
def test_disabling_leaves_the_registration_and_members_running(world: World, call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    assert call.refused(MANAGEMENT, "DisableOrganizationAdminAccount", AdminAccountId=OTHER)[1] == texts.ALREADY_DISABLED
    call(MANAGEMENT, "DisableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    assert call.refused(MANAGEMENT, "DisableOrganizationAdminAccount", AdminAccountId=DELEGATED)[1] == texts.ALREADY_DISABLED
    seen = [call(MANAGEMENT, "ListOrganizationAdminAccounts")["AdminAccounts"] for _ in range(POLLS + 1)]
    assert seen == [[{"AdminAccountId": DELEGATED, "AdminStatus": "DISABLE_IN_PROGRESS"}]] * POLLS + [[]]
    alone = call(MEMBERS[0], "ListDetectors")["DetectorIds"][0]
    call(MEMBERS[0], "UpdateDetector", DetectorId=alone, FindingPublishingFrequency="ONE_HOUR")
    assert own(call, MEMBERS[0])["Status"] == "ENABLED"
    assert call.refused(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=OTHER)[1] == ANOTHER
    deregister_delegated(world, "guardduty.amazonaws.com", DELEGATED)
    call(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=OTHER)


def test_a_new_designation_starts_without_the_old_settings(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    configure(call, detector, "ALL", S3_DATA_EVENTS="ALL")
    call(MANAGEMENT, "DisableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    for _ in range(POLLS + 1):
        call(MANAGEMENT, "ListOrganizationAdminAccounts")
    designate(call)
    for _ in range(POLLS + 1):
        assert list_all(call, detector, OnlyAssociated="false") == {}
    answer = call(DELEGATED, "DescribeOrganizationConfiguration", DetectorId=detector)
    assert answer["AutoEnableOrganizationMembers"] == "NONE"
    assert {each["AutoEnable"] for each in answer["Features"]} == {"NONE"}


@pytest.mark.fact("ORG-3.2-24", "RM-9-05")
def test_deregistering_empties_every_region(world: World, call: Caller) -> None:
    designate(call)
    designate(call, SECOND)
    deregister_delegated(world, "inspector2.amazonaws.com", DELEGATED)
    assert call(MANAGEMENT, "ListOrganizationAdminAccounts")["AdminAccounts"]
    deregister_delegated(world, "guardduty.amazonaws.com", DELEGATED)
    assert [call(MANAGEMENT, "ListOrganizationAdminAccounts", each)["AdminAccounts"] for each in (REGION, SECOND)] == [[], []]


# Whole


def test_over_botocore(world: World) -> None:
    front = Front(world)
    management = session_for(front, MANAGEMENT).client("guardduty")
    delegated = session_for(front, DELEGATED).client("guardduty")
    management.enable_organization_admin_account(AdminAccountId=DELEGATED)
    ids: list[str] = []
    while not ids:
        ids = delegated.list_detectors()["DetectorIds"]
    for _ in range(POLLS):
        with pytest.raises(ClientError, match="has not been enabled"):
            delegated.describe_organization_configuration(DetectorId=ids[0])
    delegated.update_organization_configuration(DetectorId=ids[0], AutoEnableOrganizationMembers="NEW")
    answer = delegated.create_members(DetectorId=ids[0], AccountDetails=details(*MEMBERS[:3], MANAGEMENT))
    assert [each["AccountId"] for each in answer["UnprocessedAccounts"]] == [MANAGEMENT]
    members = delegated.list_members(DetectorId=ids[0], OnlyAssociated="true")["Members"]
    assert [each["RelationshipStatus"] for each in members] == ["Created"] * 3
    with pytest.raises(ClientError) as raised:
        delegated.create_members(DetectorId=ids[0], AccountDetails=details(*MEMBERS[:51]))
    assert raised.value.response["Error"]["Code"] == "BadRequestException"
    assert delegated.get_detector(DetectorId=ids[0])["Features"][0]["UpdatedAt"].year >= 2025


OPERATIONS = [
    "EnableOrganizationAdminAccount",
    "DisableOrganizationAdminAccount",
    "ListOrganizationAdminAccounts",
    "ListDetectors",
    "CreateDetector",
    "GetDetector",
    "UpdateDetector",
    "DeleteDetector",
    "DescribeOrganizationConfiguration",
    "UpdateOrganizationConfiguration",
    "CreateMembers",
    "ListMembers",
    "GetMembers",
    "GetMemberDetectors",
    "UpdateMemberDetectors",
    "DisassociateMembers",
    "DeleteMembers",
    "StopMonitoringMembers",
    "StartMonitoringMembers",
    "GetAdministratorAccount",
    "CreatePublishingDestination",
    "DescribePublishingDestination",
    "ListPublishingDestinations",
    "UpdatePublishingDestination",
    "DeletePublishingDestination",
    "CreateSampleFindings",
    "ListFindings",
    "GetFindings",
    "GetOrganizationStatistics",
    "ListTagsForResource",
    "GetRemainingFreeTrialDays",
]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_simulated(name: str) -> None:
    assert ("guardduty", name) in HANDLERS
