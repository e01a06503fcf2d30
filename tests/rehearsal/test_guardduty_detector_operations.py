import re
from typing import Any

import pytest
from guardduty_steps import (
    GENERIC,
    RUNTIMES,
    add,
    designate,
    details,
    own,
    statuses,
)
from small_world import (
    DELEGATED,
    MEMBERS,
    OTHER,
    REGION,
    SECOND,
    Caller,
    small_world,
)

from runbook_lib.rehearsal.internal import run
from runbook_lib.rehearsal.operations.guardduty import kept, texts
from runbook_lib.rehearsal.operations.guardduty.endpoints import has_endpoint
from runbook_lib.rehearsal.operations.guardduty.state import MALWARE_ROLE, SERVICE_ROLE
from runbook_lib.rehearsal.world import World

SERVICE = "guardduty"


# Detectors


@pytest.mark.fact("GD-5.1-03", "GD-5.1-13")
def test_a_second_detector_is_refused(call: Caller) -> None:
    call(OTHER, "CreateDetector", Enable=True)
    assert call.refused(OTHER, "CreateDetector", Enable=True)[1] == texts.DETECTOR_EXISTS
    call(OTHER, "CreateDetector", SECOND, Enable=True)


@pytest.mark.fact("GD-5.2-08", "GD-5.2-09", "GD-5.2-11")
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
@pytest.mark.fact("GD-5.2-11", "GD-5.3-01", "GD-5.3-02")
def test_features_that_are_refused(call: Caller, features: list[dict[str, Any]]) -> None:
    assert call.refused(OTHER, "CreateDetector", Enable=True, Features=features)[1] == GENERIC
    detector = call(OTHER, "CreateDetector", Enable=True)["DetectorId"]
    assert call.refused(OTHER, "UpdateDetector", DetectorId=detector, Features=features)[1] == GENERIC


@pytest.mark.fact("GD-5.3-04")
def test_a_feature_the_region_lacks_refuses_the_whole_call(world: World, call: Caller) -> None:
    world.unavailable["guardduty"] = {REGION: frozenset({"RDS_LOGIN_EVENTS"})}
    detector = call(OTHER, "CreateDetector", Enable=True)["DetectorId"]
    both = [{"Name": name, "Status": "DISABLED"} for name in ("S3_DATA_EVENTS", "RDS_LOGIN_EVENTS")]
    assert "RDS_LOGIN_EVENTS" in call.refused(OTHER, "UpdateDetector", DetectorId=detector, Features=both)[1]
    assert statuses(own(call, OTHER))["S3_DATA_EVENTS"] == "ENABLED"
    assert "RDS_LOGIN_EVENTS" not in statuses(own(call, OTHER))


@pytest.mark.fact("GD-5.2-13", "GD-5.3-05")
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


@pytest.mark.fact("GD-5.2-13")
def test_data_sources_are_translated_and_not_mixed(call: Caller) -> None:
    sources = {"S3Logs": {"Enable": False}}
    detector = call(OTHER, "CreateDetector", Enable=True, DataSources=sources)["DetectorId"]
    assert statuses(own(call, OTHER))["S3_DATA_EVENTS"] == "DISABLED"
    features = [{"Name": "S3_DATA_EVENTS", "Status": "ENABLED"}]
    mixed = call.refused(OTHER, "UpdateDetector", DetectorId=detector, DataSources=sources, Features=features)
    assert mixed[1] == GENERIC


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("GetDetector", {}),
        ("UpdateDetector", {}),
        ("DeleteDetector", {}),
        ("ListMembers", {}),
        ("GetMembers", {"AccountIds": [MEMBERS[0]]}),
        ("CreateMembers", {"AccountDetails": details(MEMBERS[0])}),
        ("GetMemberDetectors", {"AccountIds": [MEMBERS[0]]}),
        ("GetAdministratorAccount", {}),
        ("DescribeOrganizationConfiguration", {}),
        ("UpdateOrganizationConfiguration", {"AutoEnable": True}),
        ("GetRemainingFreeTrialDays", {"AccountIds": [MEMBERS[0]]}),
        ("ListPublishingDestinations", {}),
        ("CreateSampleFindings", {}),
        ("ListFindings", {}),
    ],
)
@pytest.mark.fact("GD-5.1-14")
def test_a_foreign_detector(call: Caller, operation: str, parameters: dict[str, Any]) -> None:
    detector = call(OTHER, "CreateDetector", Enable=True)["DetectorId"]
    assert call.refused(MEMBERS[0], operation, DetectorId=detector, **parameters)[1] == texts.DETECTOR_NOT_OWNED
    assert call.refused(OTHER, operation, SECOND, DetectorId=detector, **parameters)[1] == texts.DETECTOR_NOT_OWNED


@pytest.mark.fact("GD-5.1-15", "GD-5.2-07")
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
@pytest.mark.fact("GD-5.1-12", "GD-5.2-14")
def test_a_member_may_not_change_what_its_administrator_manages(call: Caller, change: dict[str, Any]) -> None:
    add(call, designate(call), MEMBERS[0])
    member = call(MEMBERS[0], "ListDetectors")["DetectorIds"][0]
    assert call.refused(MEMBERS[0], "UpdateDetector", DetectorId=member, **change)[1] == GENERIC


@pytest.mark.fact("MF-10.1-21")
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


def test_what_scanners_look_for_is_empty_and_whose_member_it_is_has_an_old_name_too(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    empty = {"ListFilters": "FilterNames", "DescribeMalwareScans": "Scans"}
    for operation, member in (empty | {f"List{kind}s": ids for kind, (_, ids) in kept.SETS.items()}).items():
        assert call(DELEGATED, operation, DetectorId=detector) == {member: [], "NextToken": None}
        assert call.refused(DELEGATED, operation, DetectorId="0" * 32)[0] == "BadRequestException"
    assert call(DELEGATED, "GetInvitationsCount") == {"InvitationsCount": 0}
    assert call(DELEGATED, "ListInvitations")["Invitations"] == []
    own_id = call(MEMBERS[0], "ListDetectors")["DetectorIds"][0]
    old = call(MEMBERS[0], "GetMasterAccount", DetectorId=own_id)["Master"]
    assert old == call(MEMBERS[0], "GetAdministratorAccount", DetectorId=own_id)["Administrator"]
    assert old["AccountId"] == DELEGATED


def test_what_a_detector_s_owner_keeps_is_changed_by_the_owner_and_by_no_member(call: Caller) -> None:
    detector = designate(call)
    add(call, detector, MEMBERS[0])
    own_id = call(MEMBERS[0], "ListDetectors")["DetectorIds"][0]
    rule: dict[str, Any] = {
        "Name": "known",
        "Action": "ARCHIVE",
        "FindingCriteria": {"Criterion": {"type": {"Equals": ["Recon:EC2/Portscan"]}}},
    }
    call(DELEGATED, "CreateFilter", DetectorId=detector, **rule)
    assert call(DELEGATED, "ListFilters", DetectorId=detector)["FilterNames"] == ["known"]
    call(DELEGATED, "UpdateFilter", DetectorId=detector, FilterName="known", Action="NOOP")
    assert call(DELEGATED, "GetFilter", DetectorId=detector, FilterName="known")["Action"] == "NOOP"
    assert call.refused(DELEGATED, "CreateFilter", DetectorId=detector, **rule)[1] == GENERIC, "the name is taken"
    assert call.refused(MEMBERS[0], "CreateFilter", DetectorId=own_id, **rule)[1] == texts.KEPT_BY_ADMINISTRATOR
    call(DELEGATED, "DeleteFilter", DetectorId=detector, FilterName="known")
    assert call.refused(DELEGATED, "GetFilter", DetectorId=detector, FilterName="known")[1] == GENERIC
    for kind, (key, ids) in kept.SETS.items():
        given: dict[str, Any] = {"Name": "one", "Format": "TXT", "Location": "s3://lists/one.txt", "Activate": True}
        made = call(DELEGATED, f"Create{kind}", DetectorId=detector, **given)[key]
        call(DELEGATED, f"Update{kind}", DetectorId=detector, **{key: made}, Activate=False)
        assert call(DELEGATED, f"Get{kind}", DetectorId=detector, **{key: made})["Status"] == "INACTIVE"
        assert call(DELEGATED, f"List{kind}s", DetectorId=detector)[ids] == [made]
        assert call.refused(MEMBERS[0], f"Create{kind}", DetectorId=own_id, **given)[1] == texts.KEPT_BY_ADMINISTRATOR
        call(DELEGATED, f"Delete{kind}", DetectorId=detector, **{key: made})
        assert call(DELEGATED, f"List{kind}s", DetectorId=detector)[ids] == []


def test_times_have_milliseconds(call: Caller) -> None:
    """As the AWS CLI's example of get-detector shows them."""
    found = call(DELEGATED, "GetDetector", DetectorId=designate(call))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["CreatedAt"])


@pytest.mark.parametrize(("agents", "gone"), [(True, "deleted"), (True, "suspended"), (False, "deleted")])
@pytest.mark.fact("RM-9-09")
def test_what_agents_put_into_networks_stays_when_the_detector_goes(world: World, call: Caller, agents: bool, gone: str) -> None:
    status = "ENABLED" if agents else "DISABLED"
    part = [{"Name": "EC2_AGENT_MANAGEMENT", "Status": status}]
    feature = {"Name": "RUNTIME_MONITORING", "Status": "ENABLED", "AdditionalConfiguration": part}
    detector = call(OTHER, "CreateDetector", Enable=True, Features=[feature])["DetectorId"]
    if gone == "suspended":
        call(OTHER, "UpdateDetector", DetectorId=detector, Enable=False)
    else:
        call(OTHER, "DeleteDetector", DetectorId=detector)
    assert has_endpoint(world, OTHER, REGION) is agents
    assert not has_endpoint(world, OTHER, SECOND)
    if agents:
        [left] = run(world, "ec2", "DescribeVpcEndpoints", OTHER, REGION, {})["VpcEndpoints"]
        assert left["ServiceName"] == f"com.amazonaws.{REGION}.guardduty-data"


def test_agents_that_are_switched_off_first_leave_nothing(world: World, call: Caller) -> None:
    on, off = ([{"Name": "EC2_AGENT_MANAGEMENT", "Status": status}] for status in ("ENABLED", "DISABLED"))
    feature = {"Name": "RUNTIME_MONITORING", "Status": "ENABLED"}
    detector = call(OTHER, "CreateDetector", Enable=True, Features=[{**feature, "AdditionalConfiguration": on}])["DetectorId"]
    call(OTHER, "UpdateDetector", DetectorId=detector, Features=[{**feature, "AdditionalConfiguration": off}])
    call(OTHER, "DeleteDetector", DetectorId=detector)
    assert not has_endpoint(world, OTHER, REGION)
