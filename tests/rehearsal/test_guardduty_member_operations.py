"""Members of GuardDuty's administrator: adding, features, suspending, letting go."""

from typing import Any

import pytest
from guardduty_steps import (
    GENERIC,
    MEMBER,
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
)

from runbook_lib.rehearsal.operations.guardduty import texts
from runbook_lib.rehearsal.operations.guardduty.state import MALWARE_ROLE, SERVICE_ROLE
from runbook_lib.rehearsal.world import World

SERVICE = "guardduty"


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
    world.variants["guardduty members again"] = "refused"
    detector = designate(call)
    add(call, detector, MEMBERS[50])
    world.tell("member by invitation", account=MEMBERS[51], region=REGION, service="guardduty", administrator=OUTSIDER)
    batch = [*MEMBERS[:25], number, *MEMBERS[25:49]]
    assert add(call, detector, *batch) == [{"AccountId": number, "Result": result}]
    assert set(list_all(call, detector)) == {*MEMBERS[:49], MEMBERS[50]}


@pytest.mark.fact("GD-5.1-21")
def test_fifty_bad_accounts(world: World, call: Caller) -> None:
    world.variants["guardduty members again"] = "refused"
    detector = designate(call)
    add(call, detector, *MEMBERS[:50])
    again = add(call, detector, *MEMBERS[:50])
    assert [each["Result"] for each in again] == [MEMBER] * 50


@pytest.mark.fact("UV-13-13")
def test_a_member_again_has_the_settings_applied_once_more(call: Caller) -> None:
    """[docs] "irrespective of the accounts being new or existing members"; whoever sends all at each update relies on it."""
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    settle(call, detector, MEMBERS[0])
    configure(call, detector, S3_DATA_EVENTS="NEW")
    assert add(call, detector, MEMBERS[0], MEMBERS[1]) == []
    assert statuses(own(call, MEMBERS[0]))["S3_DATA_EVENTS"] == "ENABLED"
    assert relationship(call, detector, MEMBERS[0]) == "Enabled"


@pytest.mark.parametrize(
    ("variant", "role", "taken"),
    [("role", True, True), ("role", False, False), ("detector", True, False), ("designation", False, True)],
)
@pytest.mark.fact("GD-5.2-02", "UV-13-14")
def test_what_the_management_account_needs_to_be_a_member(
    world: World, call: Caller, variant: str, role: bool, taken: bool
) -> None:
    world.variants["guardduty management account"] = variant
    if role:
        world.organization.accounts[MANAGEMENT].service_linked_roles.add(SERVICE_ROLE)
    detector = designate(call)
    refused = [] if taken else [{"AccountId": MANAGEMENT, "Result": texts.MANAGEMENT_NOT_ENABLED}]
    assert add(call, detector, MANAGEMENT) == refused
    assert bool(call(MANAGEMENT, "ListDetectors")["DetectorIds"]) is taken


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
    add(call, detector, MEMBERS[0])
    assert own(call, MEMBERS[0])["Status"] == "DISABLED"  # no way back
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
