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
    RUNTIMES,
    SAME,
    add,
    designate,
    details,
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
    small_world,
)

from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.operations.guardduty.state import MALWARE_ROLE, SERVICE_ROLE
from runbook_lib.rehearsal.organization import deregister_delegated, register_delegated
from runbook_lib.rehearsal.registry import HANDLERS
from runbook_lib.rehearsal.world import World


@pytest.fixture
def world() -> World:
    return small_world()


@pytest.fixture
def call(world: World) -> Caller:
    return Caller(world, "guardduty")


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
def test_designation_is_refused(call: Caller, caller: str, target: str, text: str) -> None:
    assert call.refused(caller, "EnableOrganizationAdminAccount", AdminAccountId=target) == ("BadRequestException", text)
    assert call(MANAGEMENT, "ListOrganizationAdminAccounts")["AdminAccounts"] == []


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
def test_a_second_designation(call: Caller, region: str, target: str, text: str) -> None:
    call(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    assert call.refused(MANAGEMENT, "EnableOrganizationAdminAccount", region, AdminAccountId=target)[1] == text


def test_the_same_account_in_another_region_is_designated(call: Caller) -> None:
    call(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    call(MANAGEMENT, "EnableOrganizationAdminAccount", SECOND, AdminAccountId=DELEGATED)
    assert call(MANAGEMENT, "ListOrganizationAdminAccounts", SECOND)["AdminAccounts"][0]["AdminAccountId"] == DELEGATED


def test_another_account_registered_only_in_organizations_blocks(world: World, call: Caller) -> None:
    register_delegated(world, "guardduty.amazonaws.com", OTHER)
    assert call.refused(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=DELEGATED)[1] == ANOTHER


def test_the_administrator_needs_the_region(world: World, call: Caller) -> None:
    world.organization.accounts[DELEGATED].regions[OPT_IN] = "DISABLED"
    assert call.refused(MANAGEMENT, "EnableOrganizationAdminAccount", OPT_IN, AdminAccountId=DELEGATED)[1] == GENERIC


def test_only_the_management_account_lists_administrators(call: Caller) -> None:
    designate(call)
    assert call.refused(DELEGATED, "ListOrganizationAdminAccounts")[1] == NOT_MASTER
    assert call.refused(MEMBERS[0], "DisableOrganizationAdminAccount", AdminAccountId=DELEGATED)[1] == NOT_MASTER


def test_the_detector_of_the_administrator_appears_after_polls(call: Caller) -> None:
    call(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    seen = [call(DELEGATED, "ListDetectors")["DetectorIds"] for _ in range(POLLS + 1)]
    assert seen[:POLLS] == [[]] * POLLS
    assert len(seen[POLLS]) == 1
    assert statuses(own(call, DELEGATED))["S3_DATA_EVENTS"] == "ENABLED"


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
def test_calls_of_an_account_that_is_no_administrator(call: Caller, operation: str, parameters: dict[str, Any], text: str) -> None:
    detector = call(OTHER, "CreateDetector", Enable=True)["DetectorId"]
    for _ in range(POLLS + 1):
        assert call.refused(OTHER, operation, DetectorId=detector, **parameters)[1] == text
    assert call(OTHER, "ListMembers", DetectorId=detector)["Members"] == []


def test_disabling_leaves_the_registration_and_members_running(world: World, call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    assert call.refused(MANAGEMENT, "DisableOrganizationAdminAccount", AdminAccountId=OTHER)[1] == texts.ALREADY_DISABLED
    call(MANAGEMENT, "DisableOrganizationAdminAccount", AdminAccountId=DELEGATED)
    assert call.refused(MANAGEMENT, "DisableOrganizationAdminAccount", AdminAccountId=DELEGATED)[1] == texts.ALREADY_DISABLED
    seen = [call(MANAGEMENT, "ListOrganizationAdminAccounts")["AdminAccounts"] for _ in range(POLLS + 1)]
    assert seen == [[{"AdminAccountId": DELEGATED, "AdminStatus": "DISABLE_IN_PROGRESS"}]] * POLLS + [[]]
    assert own(call, MEMBERS[0])["Status"] == "ENABLED"
    assert call.refused(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=OTHER)[1] == ANOTHER
    deregister_delegated(world, "guardduty.amazonaws.com", DELEGATED)
    call(MANAGEMENT, "EnableOrganizationAdminAccount", AdminAccountId=OTHER)


def test_deregistering_empties_every_region(world: World, call: Caller) -> None:
    designate(call)
    designate(call, SECOND)
    deregister_delegated(world, "inspector2.amazonaws.com", DELEGATED)
    assert call(MANAGEMENT, "ListOrganizationAdminAccounts")["AdminAccounts"]
    deregister_delegated(world, "guardduty.amazonaws.com", DELEGATED)
    assert [call(MANAGEMENT, "ListOrganizationAdminAccounts", each)["AdminAccounts"] for each in (REGION, SECOND)] == [[], []]


# Detectors


def test_a_second_detector_is_refused(call: Caller) -> None:
    call(OTHER, "CreateDetector", Enable=True)
    assert call.refused(OTHER, "CreateDetector", Enable=True)[1] == texts.DETECTOR_EXISTS
    call(OTHER, "CreateDetector", SECOND, Enable=True)


def test_defaults_of_a_detector(world: World, call: Caller) -> None:
    call(OTHER, "CreateDetector", Enable=True)
    detector = own(call, OTHER)
    off = {name for name, status in statuses(detector).items() if status == "DISABLED"}
    assert off == {"RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING", "AI_ANALYST"}
    assert detector["FindingPublishingFrequency"] == "SIX_HOURS"
    assert {SERVICE_ROLE, MALWARE_ROLE} <= world.organization.accounts[OTHER].service_linked_roles
    assert detector["DataSources"]["DNSLogs"] == {"Status": "ENABLED"}


def test_features_that_are_not_named_are_on_too(call: Caller) -> None:
    call(OTHER, "CreateDetector", Enable=False, Features=[{"Name": "S3_DATA_EVENTS", "Status": "DISABLED"}])
    detector = own(call, OTHER)
    assert detector["Status"] == "DISABLED"
    assert statuses(detector)["S3_DATA_EVENTS"] == "DISABLED"
    assert statuses(detector)["EKS_AUDIT_LOGS"] == "ENABLED"
    assert detector["DataSources"]["S3Logs"] == {"Status": "DISABLED"}


@pytest.mark.parametrize(
    "features",
    [
        RUNTIMES,
        [{"Name": "NO_SUCH_FEATURE", "Status": "ENABLED"}],
        [{"Name": "FLOW_LOGS", "Status": "DISABLED"}],
        [{"Name": "S3_DATA_EVENTS", "AdditionalConfiguration": [{"Name": "EC2_AGENT_MANAGEMENT", "Status": "ENABLED"}]}],
    ],
)
def test_features_that_are_refused(call: Caller, features: list[dict[str, Any]]) -> None:
    assert call.refused(OTHER, "CreateDetector", Enable=True, Features=features)[1] == GENERIC
    detector = call(OTHER, "CreateDetector", Enable=True)["DetectorId"]
    assert call.refused(OTHER, "UpdateDetector", DetectorId=detector, Features=features)[1] == GENERIC


def test_a_feature_the_region_lacks_refuses_the_whole_call(world: World, call: Caller) -> None:
    world.unavailable["guardduty"] = {REGION: frozenset({"RDS_LOGIN_EVENTS"})}
    detector = call(OTHER, "CreateDetector", Enable=True)["DetectorId"]
    both = [{"Name": name, "Status": "DISABLED"} for name in ("S3_DATA_EVENTS", "RDS_LOGIN_EVENTS")]
    assert "RDS_LOGIN_EVENTS" in call.refused(OTHER, "UpdateDetector", DetectorId=detector, Features=both)[1]
    assert statuses(own(call, OTHER))["S3_DATA_EVENTS"] == "ENABLED"
    assert "RDS_LOGIN_EVENTS" not in statuses(own(call, OTHER))


def test_an_update_merges(call: Caller) -> None:
    detector = call(OTHER, "CreateDetector", Enable=True, FindingPublishingFrequency="ONE_HOUR")["DetectorId"]
    agent = {"Name": "EC2_AGENT_MANAGEMENT", "Status": "ENABLED"}
    runtime = {"Name": "RUNTIME_MONITORING", "Status": "ENABLED", "AdditionalConfiguration": [agent]}
    call(OTHER, "UpdateDetector", DetectorId=detector, Features=[runtime])
    found = own(call, OTHER)
    assert found["FindingPublishingFrequency"] == "ONE_HOUR"
    assert statuses(found)["LAMBDA_NETWORK_LOGS"] == "ENABLED"
    parts = next(each for each in found["Features"] if each["Name"] == "RUNTIME_MONITORING")["AdditionalConfiguration"]
    assert [(each["Name"], each["Status"]) for each in parts] == [
        ("ECS_FARGATE_AGENT_MANAGEMENT", "DISABLED"),
        ("EC2_AGENT_MANAGEMENT", "ENABLED"),
        ("EKS_ADDON_MANAGEMENT", "DISABLED"),
    ]


def test_data_sources_are_translated_and_not_mixed(call: Caller) -> None:
    sources = {"S3Logs": {"Enable": False}}
    detector = call(OTHER, "CreateDetector", Enable=True, DataSources=sources)["DetectorId"]
    assert statuses(own(call, OTHER))["S3_DATA_EVENTS"] == "DISABLED"
    features = [{"Name": "S3_DATA_EVENTS", "Status": "ENABLED"}]
    mixed = call.refused(OTHER, "UpdateDetector", DetectorId=detector, DataSources=sources, Features=features)
    assert mixed[1] == GENERIC


@pytest.mark.parametrize("operation", ["GetDetector", "UpdateDetector", "DeleteDetector", "ListMembers", "GetAdministratorAccount"])
def test_a_foreign_detector(call: Caller, operation: str) -> None:
    detector = call(OTHER, "CreateDetector", Enable=True)["DetectorId"]
    assert call.refused(MEMBERS[0], operation, DetectorId=detector)[1] == texts.DETECTOR_NOT_OWNED
    assert call.refused(OTHER, operation, SECOND, DetectorId=detector)[1] == texts.DETECTOR_NOT_OWNED


def test_who_may_delete_a_detector(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    member = call(MEMBERS[0], "ListDetectors")["DetectorIds"][0]
    assert call.refused(MEMBERS[0], "DeleteDetector", DetectorId=member)[1] == GENERIC
    assert call.refused(DELEGATED, "DeleteDetector", DetectorId=detector)[1] == texts.HAS_MEMBERS
    call(DELEGATED, "DisassociateMembers", DetectorId=detector, AccountIds=[MEMBERS[0]])
    call(MEMBERS[0], "DeleteDetector", DetectorId=member)
    assert call(MEMBERS[0], "ListDetectors")["DetectorIds"] == []
    assert call(MEMBERS[0], "CreateDetector", Enable=True)["DetectorId"] != member


@pytest.mark.parametrize("change", [{"Enable": False}, {"FindingPublishingFrequency": "ONE_HOUR"}, {"Features": [RUNTIMES[0]]}])
def test_a_member_may_not_change_what_its_administrator_manages(call: Caller, change: dict[str, Any]) -> None:
    add(call, designate(call), MEMBERS[0])
    member = call(MEMBERS[0], "ListDetectors")["DetectorIds"][0]
    assert call.refused(MEMBERS[0], "UpdateDetector", DetectorId=member, **change)[1] == GENERIC


def test_tags_and_trial_days(world: World, call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    world.skip(3 * 86400)
    answer = call(DELEGATED, "GetRemainingFreeTrialDays", DetectorId=detector, AccountIds=[DELEGATED, MEMBERS[0], OTHER])
    assert [each["AccountId"] for each in answer["UnprocessedAccounts"]] == [OTHER]
    days = {each["Name"]: each["FreeTrialDaysRemaining"] for each in answer["Accounts"][0]["Features"]}
    assert days["FLOW_LOGS"] == days["S3_DATA_EVENTS"] == 27
    tagged = call(OTHER, "CreateDetector", Enable=True, Tags={"owner": "soc"})["DetectorId"]
    arn = f"arn:aws:guardduty:{REGION}:{OTHER}:detector/{tagged}"
    assert call(OTHER, "ListTagsForResource", ResourceArn=arn)["Tags"] == {"owner": "soc"}
    assert call.refused(DELEGATED, "ListTagsForResource", ResourceArn=arn)[1] == GENERIC


def test_another_partition() -> None:
    gov = Caller(small_world("aws-us-gov"), "guardduty")
    gov(OTHER, "CreateDetector", "us-gov-west-1", Enable=True)
    assert own(gov, OTHER, "us-gov-west-1")["ServiceRole"].startswith("arn:aws-us-gov:iam::")


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
