from typing import Any

import pytest
from guardduty_steps import (
    GENERIC,
    MEMBER,
    NO_PERMISSION,
    RUNTIMES,
    TOO_EARLY,
    add,
    configure,
    designate,
    details,
    list_all,
    own,
    relationship,
    settle,
    statuses,
)
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
    SUSPENDED,
    Caller,
    account,
)

from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.operations.guardduty.state import MALWARE_ROLE, SERVICE_ROLE
from runbook_lib.rehearsal.organization import join_account
from runbook_lib.rehearsal.world import World

SERVICE = "guardduty"


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


# Members


@pytest.mark.fact("GD-5.1-17", "GD-5.2-31")
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


@pytest.mark.fact("GD-5.2-23")
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
@pytest.mark.fact("GD-5.1-20", "GD-5.1-21", "GD-5.2-25", "GD-5.2-26", "SI-11-04")
def test_one_bad_account_in_the_middle_of_fifty(world: World, call: Caller, number: str, result: str) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[50])
    world.tell("member by invitation", account=MEMBERS[51], region=REGION, service="guardduty", administrator=OUTSIDER)
    batch = [*MEMBERS[:25], number, *MEMBERS[25:49]]
    assert add(call, detector, *batch) == [{"AccountId": number, "Result": result}]
    assert set(list_all(call, detector)) == {*MEMBERS[:49], MEMBERS[50]}


@pytest.mark.fact("GD-5.1-21")
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


@pytest.mark.fact("GD-5.2-25")
def test_the_management_account_with_a_detector_becomes_a_member(call: Caller) -> None:
    call(MANAGEMENT, "CreateDetector", Enable=True)
    detector = designate(call)
    assert add(call, detector, MANAGEMENT) == []
    assert relationship(call, detector, MANAGEMENT) == "Created"


@pytest.mark.fact("GD-5.2-24", "MF-10.1-04")
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


@pytest.mark.fact("GD-5.1-22", "GD-5.2-32")
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


@pytest.mark.fact("GD-5.2-28")
def test_created_becomes_enabled_after_polls(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    seen = [relationship(call, detector, MEMBERS[0]) for _ in range(POLLS + 1)]
    assert seen == ["Created"] * POLLS + ["Enabled"]


@pytest.mark.fact("GD-5.2-31", "GD-5.3-02")
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


@pytest.mark.fact("GD-5.2-27", "SI-11-09")
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


@pytest.mark.fact("GD-5.2-28", "GD-5.2-36", "MF-10.1-18")
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


@pytest.mark.fact("GD-5.2-28", "GD-5.2-33", "GD-5.2-35", "MF-10.1-19", "RM-9-03")
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


@pytest.mark.fact("GD-5.2-29")
def test_a_member_that_is_suspended_later(world: World, call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    world.organization.accounts[MEMBERS[0]].state = "SUSPENDED"
    assert relationship(call, detector, MEMBERS[0]) == "AccountSuspended"
    call(DELEGATED, "DisassociateMembers", DetectorId=detector, AccountIds=[MEMBERS[0]])
    assert relationship(call, detector, MEMBERS[0]) == "Removed"


@pytest.mark.fact("GD-5.2-29")
def test_a_member_that_switches_the_region_off_later(world: World, call: Caller) -> None:
    detector = designate(call, OPT_IN)
    add(call, detector, MEMBERS[0], region=OPT_IN)
    world.organization.accounts[MEMBERS[0]].regions[OPT_IN] = "DISABLED"
    answer = call(DELEGATED, "GetMembers", OPT_IN, DetectorId=detector, AccountIds=[MEMBERS[0]])
    assert answer["Members"][0]["RelationshipStatus"] == "RegionDisabled"


@pytest.mark.fact("GD-5.2-27")
def test_only_associated_is_a_string_of_two_values(call: Caller) -> None:
    detector = designate(call)
    assert call.refused(DELEGATED, "ListMembers", DetectorId=detector, OnlyAssociated="yes")[1] == GENERIC


@pytest.mark.fact("MF-10.1-20")
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


@pytest.mark.fact("GD-5.2-10")
def test_members_publish_as_often_as_their_administrator(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    call(DELEGATED, "UpdateDetector", DetectorId=detector, FindingPublishingFrequency="FIFTEEN_MINUTES")
    add(call, detector, MEMBERS[1])
    assert [own(call, each)["FindingPublishingFrequency"] for each in MEMBERS[:2]] == ["FIFTEEN_MINUTES"] * 2


@pytest.mark.fact("GD-5.2-12")
def test_features_that_a_policy_manages(world: World, call: Caller) -> None:
    detector = designate(call)
    add(call, detector, *MEMBERS[:2])
    settle(call, detector, *MEMBERS[:2])
    world.tell("organization policy governs", account=MEMBERS[0], service="guardduty")
    chosen = [{"Name": "S3_DATA_EVENTS", "Status": "ENABLED"}]
    call(DELEGATED, "UpdateMemberDetectors", DetectorId=detector, AccountIds=list(MEMBERS[:2]), Features=chosen)
    rows = call(DELEGATED, "GetMemberDetectors", DetectorId=detector, AccountIds=list(MEMBERS[:2]))
    first = [row["Features"][0] for row in rows["MemberDataSourceConfigurations"]]
    assert [(each["Status"], each.get("ManagedBy")) for each in first] == [("DISABLED", "GUARDDUTY_POLICY"), ("ENABLED", None)]
    assert own(call, MEMBERS[0])["Features"][3]["ManagedBy"] == "GUARDDUTY_POLICY"
