from typing import Any

import pytest
from botocore.exceptions import ClientError
from small_world import (
    CLOSED,
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
    account,
    small_world,
)

from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.operations.guardduty.state import MALWARE_ROLE, SERVICE_ROLE, state_of
from runbook_lib.rehearsal.organization import deregister_delegated, join_account, register_delegated
from runbook_lib.rehearsal.registry import HANDLERS
from runbook_lib.rehearsal.world import World

GENERIC = "The request is rejected because an invalid or out-of-range value is specified as an input parameter."
NOT_ENABLED = "The request failed because a delegated administrator account has not been enabled"
NO_PERMISSION = "The request failed because you do not have required AWS Organization master permission."
NOT_MASTER = "The request failed because you are not the master account for your AWS Organization."
SAME = "The request failed because the account is already enabled as the GuardDuty delegated administrator for the organization."
ANOTHER = "The request failed because another account is already enabled as GuardDuty delegated administrator for the organization."
TOO_EARLY = "The request is rejected because the given account ID is not an associated member of account the current account."
MEMBER = "The request is rejected because the given account ID is already a member or associated member of the current account."
BUCKET = {"DestinationArn": "arn:aws:s3:::findings", "KmsKeyArn": f"arn:aws:kms:{REGION}:{DELEGATED}:key/k"}
ALL_OFF = {"S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS", "AI_PROTECTION"}


@pytest.fixture
def world() -> World:
    return small_world()


@pytest.fixture
def call(world: World) -> Caller:
    return Caller(world, "guardduty")


def designate(call: Caller, region: str = REGION) -> str:
    """Designate, poll until the administrator is usable; its detector id."""
    call(MANAGEMENT, "EnableOrganizationAdminAccount", region, AdminAccountId=DELEGATED)
    return wait(call, region)


def wait(call: Caller, region: str = REGION) -> str:
    ids: list[str] = []
    while not ids:
        ids = call(DELEGATED, "ListDetectors", region)["DetectorIds"]
    for _ in range(POLLS):
        assert call.refused(DELEGATED, "DescribeOrganizationConfiguration", region, DetectorId=ids[0])[1] == NOT_ENABLED
    return ids[0]


def details(*accounts: str) -> list[dict[str, str]]:
    return [{"AccountId": each, "Email": f"a{each}@example.com"} for each in accounts]


def add(call: Caller, detector: str, *accounts: str, region: str = REGION) -> list[dict[str, str]]:
    answer = call(DELEGATED, "CreateMembers", region, DetectorId=detector, AccountDetails=details(*accounts))
    found: list[dict[str, str]] = answer["UnprocessedAccounts"]
    return found


def settle(call: Caller, detector: str, *accounts: str) -> None:
    for _ in range(POLLS):
        call(DELEGATED, "GetMembers", DetectorId=detector, AccountIds=list(accounts))


def relationship(call: Caller, detector: str, number: str) -> str:
    answer = call(DELEGATED, "GetMembers", DetectorId=detector, AccountIds=[number])
    return str(answer["Members"][0]["RelationshipStatus"])


def own(call: Caller, number: str, region: str = REGION) -> dict[str, Any]:
    ids = call(number, "ListDetectors", region)["DetectorIds"]
    return call(number, "GetDetector", region, DetectorId=ids[0])


def statuses(detector: dict[str, Any]) -> dict[str, str]:
    return {each["Name"]: each["Status"] for each in detector["Features"]}


def configure(call: Caller, detector: str, members: str = "NEW", **features: str) -> None:
    call(
        DELEGATED,
        "UpdateOrganizationConfiguration",
        DetectorId=detector,
        AutoEnableOrganizationMembers=members,
        Features=[{"Name": name, "AutoEnable": value} for name, value in features.items()],
    )


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


RUNTIMES = [{"Name": "RUNTIME_MONITORING", "Status": "ENABLED"}, {"Name": "EKS_RUNTIME_MONITORING", "Status": "ENABLED"}]


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


# The organization's settings


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
def test_the_two_settings_for_members(call: Caller, parameters: dict[str, Any], members: str, *, automatic: bool) -> None:
    detector = designate(call)
    call(DELEGATED, "UpdateOrganizationConfiguration", DetectorId=detector, **parameters)
    answer = call(DELEGATED, "DescribeOrganizationConfiguration", DetectorId=detector)
    assert (answer["AutoEnableOrganizationMembers"], answer["AutoEnable"]) == (members, automatic)


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


@pytest.mark.parametrize("operation", ["DisassociateMembers", "StopMonitoringMembers", "DeleteMembers"])
def test_all_forbids_letting_members_go(call: Caller, operation: str) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    configure(call, detector, "ALL")
    assert call.refused(DELEGATED, operation, DetectorId=detector, AccountIds=[MEMBERS[0]])[1] == texts.ALL_IN_FORCE


def list_all(call: Caller, detector: str, **parameters: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    token: dict[str, str] = {}
    while True:
        answer = call(DELEGATED, "ListMembers", DetectorId=detector, **parameters, **token)
        found |= {each["AccountId"]: each["RelationshipStatus"] for each in answer["Members"]}
        if not answer["NextToken"]:
            return found
        token = {"NextToken": answer["NextToken"]}


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


def test_all_may_not_reach_anybody_in_the_window(world: World, call: Caller) -> None:
    world.variants["guardduty all"] = "never in the window"
    detector = designate(call)
    configure(call, detector, "ALL")
    for _ in range(POLLS * 5):
        assert list_all(call, detector) == {}


@pytest.mark.parametrize(("members", "joins"), [("NEW", True), ("ALL", True), ("NONE", False)])
def test_a_new_account(world: World, call: Caller, members: str, *, joins: bool) -> None:
    detector = designate(call)
    configure(call, detector, members, EKS_AUDIT_LOGS="NEW")
    join_account(world, account("777777777777"))
    assert list_all(call, detector) == ({"777777777777": "Created"} if joins else {})
    if joins:
        assert statuses(own(call, "777777777777"))["EKS_AUDIT_LOGS"] == "ENABLED"
        assert statuses(own(call, "777777777777"))["S3_DATA_EVENTS"] == "DISABLED"


def test_a_new_account_without_the_region(world: World, call: Caller) -> None:
    detector = designate(call, OPT_IN)
    call(DELEGATED, "UpdateOrganizationConfiguration", OPT_IN, DetectorId=detector, AutoEnable=True)
    join_account(world, account("777777777777"))
    assert call(DELEGATED, "ListMembers", OPT_IN, DetectorId=detector)["Members"] == []


def test_organization_statistics(call: Caller) -> None:
    detector = designate(call)
    configure(call, detector, S3_DATA_EVENTS="NEW")
    add(call, detector, MEMBERS[0], MEMBERS[1])
    counted = call(DELEGATED, "GetOrganizationStatistics")["OrganizationDetails"]["OrganizationStatistics"]
    assert (counted["MemberAccountsCount"], counted["EnabledAccountsCount"]) == (2, 3)
    features = {each["Name"]: each["EnabledAccountsCount"] for each in counted["CountByFeature"]}
    assert (features["S3_DATA_EVENTS"], features["EKS_AUDIT_LOGS"]) == (3, 1)
    assert call.refused(MEMBERS[0], "GetOrganizationStatistics")[1] == NO_PERMISSION


# Members


def test_more_than_fifty_are_refused_whole(call: Caller) -> None:
    detector = designate(call)
    code, text = call.refused(DELEGATED, "CreateMembers", DetectorId=detector, AccountDetails=details(*MEMBERS[:51]))
    assert (code, text) == (
        "BadRequestException",
        "The request failed because the length provided for the accountDetails array was 51. Max allowed length is 50.",
    )
    assert list_all(call, detector) == {}
    for operation in ("GetMembers", "GetMemberDetectors", "UpdateMemberDetectors", "StartMonitoringMembers"):
        text = call.refused(DELEGATED, operation, DetectorId=detector, AccountIds=list(MEMBERS[:51]))[1]
        assert text.endswith("accountIds array was 51. Max allowed length is 50.")


def test_an_overlong_email_is_refused_whole(call: Caller) -> None:
    detector = designate(call)
    both = [*details(MEMBERS[0]), {"AccountId": MEMBERS[1], "Email": "a" * 53 + "@example.com"}]
    assert call.refused(DELEGATED, "CreateMembers", DetectorId=detector, AccountDetails=both)[1] == GENERIC
    assert list_all(call, detector) == {}


@pytest.mark.parametrize(
    ("number", "result"),
    [
        (MANAGEMENT, "Operation failed because your organization master must first enable GuardDuty to be added as a member"),
        (DELEGATED, texts.OWN_ACCOUNT),
        (OUTSIDER, texts.OUTSIDE),
        (SUSPENDED, texts.NOT_ACTIVE),
        (CLOSED, texts.NOT_ACTIVE),
        (MEMBERS[50], MEMBER),
        (MEMBERS[51], texts.OTHER_MEMBER),
    ],
)
def test_one_bad_account_in_the_middle_of_fifty(world: World, call: Caller, number: str, result: str) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[50])
    world.tell("member by invitation", account=MEMBERS[51], region=REGION, service="guardduty", administrator=OUTSIDER)
    batch = [*MEMBERS[:25], number, *MEMBERS[25:49]]
    assert add(call, detector, *batch) == [{"AccountId": number, "Result": result}]
    assert set(list_all(call, detector)) == {*MEMBERS[:49], MEMBERS[50]}


def test_fifty_bad_accounts(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, *MEMBERS[:50])
    again = add(call, detector, *MEMBERS[:50])
    assert [each["Result"] for each in again] == [MEMBER] * 50


def test_a_wrong_email_and_a_region_that_is_off(call: Caller) -> None:
    detector = designate(call, OPT_IN)
    assert add(call, detector, MEMBERS[30], region=OPT_IN) == [{"AccountId": MEMBERS[30], "Result": texts.REGION_DISABLED}]
    wrong = [{"AccountId": MEMBERS[0], "Email": "somebody@example.com"}]
    answer = call(DELEGATED, "CreateMembers", OPT_IN, DetectorId=detector, AccountDetails=wrong)
    assert answer["UnprocessedAccounts"] == [{"AccountId": MEMBERS[0], "Result": texts.WRONG_EMAIL}]


def test_the_management_account_with_a_detector_becomes_a_member(call: Caller) -> None:
    call(MANAGEMENT, "CreateDetector", Enable=True)
    detector = designate(call)
    assert add(call, detector, MANAGEMENT) == []
    assert relationship(call, detector, MANAGEMENT) == "Created"


def test_settings_are_applied_to_new_and_existing_detectors(world: World, call: Caller) -> None:
    call(MEMBERS[1], "CreateDetector", Enable=False, Features=[{"Name": "S3_DATA_EVENTS", "Status": "DISABLED"}])
    detector = designate(call)
    configure(call, detector, S3_DATA_EVENTS="NEW", RUNTIME_MONITORING="ALL")
    assert add(call, detector, MEMBERS[0], MEMBERS[1]) == []
    on = {"S3_DATA_EVENTS", "RUNTIME_MONITORING", "FLOW_LOGS", "CLOUD_TRAIL", "DNS_LOGS"}
    assert {name for name, status in statuses(own(call, MEMBERS[0])).items() if status == "ENABLED"} == on
    existing = own(call, MEMBERS[1])
    assert existing["Status"] == "ENABLED"  # a suspended detector resumes
    assert statuses(existing)["S3_DATA_EVENTS"] == statuses(existing)["EKS_AUDIT_LOGS"] == "ENABLED"
    assert SERVICE_ROLE in world.organization.accounts[MEMBERS[0]].service_linked_roles
    assert MALWARE_ROLE not in world.organization.accounts[MEMBERS[0]].service_linked_roles


def test_an_association_settles_and_is_too_early_before(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    feature = [{"Name": "S3_DATA_EVENTS", "Status": "ENABLED"}]

    def update() -> list[dict[str, str]]:
        answer = call(DELEGATED, "UpdateMemberDetectors", DetectorId=detector, AccountIds=[MEMBERS[0]], Features=feature)
        found: list[dict[str, str]] = answer["UnprocessedAccounts"]
        return found

    for _ in range(POLLS):
        assert update() == [{"AccountId": MEMBERS[0], "Result": TOO_EARLY}]
        assert statuses(own(call, MEMBERS[0]))["S3_DATA_EVENTS"] == "DISABLED"
    assert update() == []
    assert update() == []  # what is already so is fine
    assert statuses(own(call, MEMBERS[0]))["S3_DATA_EVENTS"] == "ENABLED"
    assert relationship(call, detector, MEMBERS[0]) == "Enabled"


def test_created_becomes_enabled_after_polls(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    seen = [relationship(call, detector, MEMBERS[0]) for _ in range(POLLS + 1)]
    assert seen == ["Created"] * POLLS + ["Enabled"]


def test_features_of_members(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0], MEMBERS[1])
    settle(call, detector, *MEMBERS[:2])
    chosen = [{"Name": "RDS_LOGIN_EVENTS", "Status": "ENABLED"}]
    call(DELEGATED, "UpdateMemberDetectors", DetectorId=detector, AccountIds=[MEMBERS[0]], Features=chosen)
    answer = call(DELEGATED, "GetMemberDetectors", DetectorId=detector, AccountIds=[MEMBERS[0], MEMBERS[1], OTHER])
    found = {each["AccountId"]: statuses(each) for each in answer["MemberDataSourceConfigurations"]}
    assert (found[MEMBERS[0]]["RDS_LOGIN_EVENTS"], found[MEMBERS[1]]["RDS_LOGIN_EVENTS"]) == ("ENABLED", "DISABLED")
    assert "FLOW_LOGS" not in found[MEMBERS[0]]
    assert answer["UnprocessedAccounts"] == [{"AccountId": OTHER, "Result": TOO_EARLY}]
    refused = call.refused(DELEGATED, "UpdateMemberDetectors", DetectorId=detector, AccountIds=[MEMBERS[0]], Features=RUNTIMES)
    assert refused[1] == GENERIC


def test_pages_of_members(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, *MEMBERS[:50])
    add(call, detector, *MEMBERS[50:])
    first = call(DELEGATED, "ListMembers", DetectorId=detector)
    assert len(first["Members"]) == 50
    second = call(DELEGATED, "ListMembers", DetectorId=detector, NextToken=first["NextToken"])
    assert (len(second["Members"]), second["NextToken"]) == (10, None)
    assert call.refused(DELEGATED, "ListMembers", DetectorId=detector, MaxResults=51)[1] == GENERIC
    assert call.refused(DELEGATED, "ListMembers", DetectorId=detector, NextToken="made up")[1] == GENERIC


def test_stop_and_start(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    settle(call, detector, MEMBERS[0])
    answer = call(DELEGATED, "StopMonitoringMembers", DetectorId=detector, AccountIds=[MEMBERS[0], OTHER])
    assert answer["UnprocessedAccounts"] == [{"AccountId": OTHER, "Result": TOO_EARLY}]
    assert relationship(call, detector, MEMBERS[0]) == "Disabled"
    assert own(call, MEMBERS[0])["Status"] == "DISABLED"
    assert add(call, detector, MEMBERS[0]) == [{"AccountId": MEMBERS[0], "Result": MEMBER}]  # no way back
    call(DELEGATED, "StartMonitoringMembers", DetectorId=detector, AccountIds=[MEMBERS[0]])
    assert own(call, MEMBERS[0])["Status"] == "ENABLED"
    settle(call, detector, MEMBERS[0])
    assert relationship(call, detector, MEMBERS[0]) == "Enabled"


def test_disassociate_then_delete(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0], MEMBERS[1])
    early = call(DELEGATED, "DeleteMembers", DetectorId=detector, AccountIds=[MEMBERS[0]])
    assert early["UnprocessedAccounts"] == [{"AccountId": MEMBERS[0], "Result": texts.STILL_ASSOCIATED}]
    call(DELEGATED, "DisassociateMembers", DetectorId=detector, AccountIds=[MEMBERS[0]])
    assert set(list_all(call, detector, OnlyAssociated="true")) == {MEMBERS[1]}
    assert list_all(call, detector, OnlyAssociated="false")[MEMBERS[0]] == "Removed"
    assert own(call, MEMBERS[0])["Status"] == "ENABLED"
    again = call(DELEGATED, "DisassociateMembers", DetectorId=detector, AccountIds=[MEMBERS[0]])
    assert again["UnprocessedAccounts"] == [{"AccountId": MEMBERS[0], "Result": TOO_EARLY}]
    call(DELEGATED, "DeleteMembers", DetectorId=detector, AccountIds=[MEMBERS[0]])
    assert set(list_all(call, detector, OnlyAssociated="false")) == {MEMBERS[1]}
    assert add(call, detector, MEMBERS[0]) == []  # it comes back only this way


def test_a_member_that_is_suspended_later(world: World, call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    world.organization.accounts[MEMBERS[0]].state = "SUSPENDED"
    assert relationship(call, detector, MEMBERS[0]) == "AccountSuspended"


def test_only_associated_is_a_string_of_two_values(call: Caller) -> None:
    detector = designate(call)
    assert call.refused(DELEGATED, "ListMembers", DetectorId=detector, OnlyAssociated="yes")[1] == GENERIC


def test_who_administers_an_account(world: World, call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    world.tell("member by invitation", account=MEMBERS[1], region=REGION, service="guardduty", administrator=OUTSIDER)
    world.tell("member by invitation", account=OTHER, region=REGION, service="securityhub", administrator=OUTSIDER)

    def administrator(number: str) -> Any:
        ids = call(number, "ListDetectors")["DetectorIds"]
        return call(number, "GetAdministratorAccount", DetectorId=ids[0])["Administrator"].get("AccountId")

    assert [administrator(each) for each in (MEMBERS[0], MEMBERS[1], DELEGATED)] == [DELEGATED, OUTSIDER, None]
    assert call(OTHER, "ListDetectors")["DetectorIds"] == []


def test_members_publish_as_often_as_their_administrator(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    call(DELEGATED, "UpdateDetector", DetectorId=detector, FindingPublishingFrequency="FIFTEEN_MINUTES")
    add(call, detector, MEMBERS[1])
    assert [own(call, each)["FindingPublishingFrequency"] for each in MEMBERS[:2]] == ["FIFTEEN_MINUTES"] * 2


# Export and findings


def test_an_export_settles_and_is_the_only_one(call: Caller) -> None:
    detector = designate(call)

    def export() -> dict[str, Any]:
        return call(
            DELEGATED, "CreatePublishingDestination", DetectorId=detector, DestinationType="S3", DestinationProperties=BUCKET
        )

    made = export()["DestinationId"]
    with pytest.raises(Exception, match="already exists"):
        export()
    for expected in ["PENDING_VERIFICATION"] * POLLS + ["PUBLISHING"]:
        listed = call(DELEGATED, "ListPublishingDestinations", DetectorId=detector)["Destinations"]
        assert listed == [{"DestinationId": made, "DestinationType": "S3", "Status": expected}]
    described = call(DELEGATED, "DescribePublishingDestination", DetectorId=detector, DestinationId=made)
    assert described["DestinationProperties"] == BUCKET
    change = {"DestinationArn": "arn:aws:s3:::elsewhere"}
    call(DELEGATED, "UpdatePublishingDestination", DetectorId=detector, DestinationId=made, DestinationProperties=change)
    described = call(DELEGATED, "DescribePublishingDestination", DetectorId=detector, DestinationId=made)
    assert (described["DestinationProperties"], described["Status"]) == ({**BUCKET, **change}, "PENDING_VERIFICATION")
    call(DELEGATED, "DeletePublishingDestination", DetectorId=detector, DestinationId=made)
    assert call.refused(DELEGATED, "DeletePublishingDestination", DetectorId=detector, DestinationId=made)[1] == GENERIC


@pytest.mark.parametrize(
    "change",
    [
        {"DestinationArn": "arn:aws-cn:s3:::findings"},
        {"KmsKeyArn": f"arn:aws:kms:{SECOND}:{DELEGATED}:key/k"},
        {"DestinationArn": "arn:aws:s3:::closed"},
    ],
)
def test_a_destination_that_guardduty_cannot_use(world: World, call: Caller, change: dict[str, str]) -> None:
    state_of(world).unwritable.add("arn:aws:s3:::closed")
    detector = designate(call)
    text = call.refused(
        DELEGATED,
        "CreatePublishingDestination",
        DetectorId=detector,
        DestinationType="S3",
        DestinationProperties={**BUCKET, **change},
    )[1]
    assert "does not have permission to the KMS key" in text


def test_sample_findings_are_seen_by_the_administrator(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    member = call(MEMBERS[0], "ListDetectors")["DetectorIds"][0]
    kind = "UnauthorizedAccess:EC2/SSHBruteForce"
    call(MEMBERS[0], "CreateSampleFindings", DetectorId=member, FindingTypes=[kind])
    ids = call(DELEGATED, "ListFindings", DetectorId=detector)["FindingIds"]
    finding = call(DELEGATED, "GetFindings", DetectorId=detector, FindingIds=ids)["Findings"][0]
    assert (finding["AccountId"], finding["Title"][:8]) == (MEMBERS[0], "[SAMPLE]")
    call(DELEGATED, "CreateSampleFindings", DetectorId=detector)
    assert len(call(DELEGATED, "ListFindings", DetectorId=detector)["FindingIds"]) > 2
    chosen = {"Criterion": {"accountId": {"Equals": [MEMBERS[0]]}}}
    assert call(DELEGATED, "ListFindings", DetectorId=detector, FindingCriteria=chosen)["FindingIds"] == ids
    assert call(MEMBERS[0], "ListFindings", DetectorId=member)["FindingIds"] == ids
    other = {"Criterion": {"severity": {"Gte": 7}}}
    assert call.refused(DELEGATED, "ListFindings", DetectorId=detector, FindingCriteria=other)[1] == GENERIC
    assert call.refused(DELEGATED, "CreateSampleFindings", DetectorId=detector, FindingTypes=["No:Such/Type"])[1] == GENERIC


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
