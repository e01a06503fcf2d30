from typing import Any

import pytest
from inspector2_steps import (
    associate,
    designate,
    enable,
    settle,
    trusting_world,
)
from small_world import (
    DELEGATED,
    MEMBERS,
    OTHER,
    POLLS,
    REGION,
    Caller,
)

from runbook_lib.rehearsal.world import World

SERVICE = "inspector2"


@pytest.fixture
def world() -> World:
    return trusting_world()


# Scan settings


def mode(call: Caller, caller: str, **parameters: str) -> tuple[str, str]:
    found = call(caller, "GetConfiguration", **parameters)["ec2Configuration"]["scanModeState"]
    return found["scanMode"], found["scanModeStatus"]


@pytest.mark.fact("MF-10.1-12")
def test_scan_mode_of_the_first_activation_and_its_change(call: Caller) -> None:
    designate(call)
    assert call(DELEGATED, "GetConfiguration") == {}
    call(DELEGATED, "Enable", resourceTypes=["EC2", "ECR"])
    assert mode(call, DELEGATED) == ("EC2_HYBRID", "SUCCESS")
    call(DELEGATED, "UpdateConfiguration", ec2Configuration={"scanMode": "EC2_SSM_AGENT_BASED"})
    seen = [mode(call, DELEGATED) for _ in range(POLLS + 1)]
    assert seen == [("EC2_SSM_AGENT_BASED", "PENDING")] * POLLS + [("EC2_SSM_AGENT_BASED", "SUCCESS")]


@pytest.mark.fact("MF-10.1-13")
def test_scan_settings_reach_members_that_have_none_of_their_own(call: Caller) -> None:
    designate(call)
    associate(call, *MEMBERS[:2])
    call(DELEGATED, "Enable", resourceTypes=["EC2"])
    enable(call, list(MEMBERS[:2]), ["EC2", "ECR"])
    call(DELEGATED, "UpdateConfiguration", accountId=MEMBERS[1], ec2Configuration={"scanMode": "EC2_HYBRID"})
    call(DELEGATED, "UpdateConfiguration", ec2Configuration={"scanMode": "EC2_SSM_AGENT_BASED"})
    call(DELEGATED, "UpdateConfiguration", ecrConfiguration={"rescanDuration": "DAYS_90"})
    assert mode(call, DELEGATED, accountId=MEMBERS[0])[0] == mode(call, MEMBERS[0])[0] == "EC2_SSM_AGENT_BASED"
    assert mode(call, DELEGATED, accountId=MEMBERS[1])[0] == "EC2_HYBRID"
    ecr = call(MEMBERS[0], "GetConfiguration")["ecrConfiguration"]["rescanDurationState"]
    assert ecr["rescanDuration"] == "DAYS_90"
    inherit = {"ec2Configuration": "INHERIT_FROM_ADMIN"}
    call(DELEGATED, "UpdateConfiguration", accountId=MEMBERS[1], updateConfigurationInheritance=inherit)
    assert mode(call, MEMBERS[1])[0] == "EC2_SSM_AGENT_BASED"


@pytest.mark.parametrize(
    ("caller", "parameters", "code"),
    [
        (MEMBERS[0], {"ec2Configuration": {"scanMode": "EC2_HYBRID"}}, "AccessDeniedException"),
        (MEMBERS[0], {"accountId": MEMBERS[1], "ec2Configuration": {"scanMode": "EC2_HYBRID"}}, "AccessDeniedException"),
        (DELEGATED, {"accountId": MEMBERS[1], "ec2Configuration": {"scanMode": "EC2_HYBRID"}}, "AccessDeniedException"),
        (OTHER, {"accountId": MEMBERS[0], "ec2Configuration": {"scanMode": "EC2_HYBRID"}}, "AccessDeniedException"),
        (DELEGATED, {}, "ValidationException"),
        (DELEGATED, {"updateConfigurationInheritance": {"ec2Configuration": "INHERIT_FROM_ADMIN"}}, "ValidationException"),
    ],
)
def test_scan_settings_that_are_refused(call: Caller, caller: str, parameters: dict[str, Any], code: str) -> None:
    designate(call)
    associate(call, MEMBERS[0])
    assert call.refused(caller, "UpdateConfiguration", **parameters)[0] == code


@pytest.mark.fact("MF-10.1-13")
def test_deep_inspection(call: Caller) -> None:
    designate(call)
    associate(call, MEMBERS[0])
    enable(call, [MEMBERS[0]], ["EC2"])
    settle(call, MEMBERS[0])
    call(DELEGATED, "UpdateOrgEc2DeepInspectionConfiguration", orgPackagePaths=["/opt/app"])
    found = call(MEMBERS[0], "GetEc2DeepInspectionConfiguration")
    assert (found["orgPackagePaths"], found["status"]) == (["/opt/app"], "ACTIVATED")
    assert call(OTHER, "GetEc2DeepInspectionConfiguration") == {
        "packagePaths": [],
        "orgPackagePaths": [],
        "status": "DEACTIVATED",
    }
    answer = call(DELEGATED, "BatchGetMemberEc2DeepInspectionStatus", accountIds=[MEMBERS[0], OTHER])
    assert answer["accountIds"] == [{"accountId": MEMBERS[0], "status": "ACTIVATED"}]
    assert [each["accountId"] for each in answer["failedAccountIds"]] == [OTHER]
    too_many = [f"/opt/{number}" for number in range(6)]
    assert call.refused(DELEGATED, "UpdateOrgEc2DeepInspectionConfiguration", orgPackagePaths=too_many)[0] == "ValidationException"


# Reports


@pytest.mark.fact("MF-10.1-21")
def test_trials(world: World, call: Caller) -> None:
    designate(call)
    associate(call, MEMBERS[0])
    enable(call, [MEMBERS[0]], ["EC2"])
    world.skip(16 * 86400)
    enable(call, [DELEGATED], ["ECR"])
    answer = call(DELEGATED, "BatchGetFreeTrialInfo", accountIds=[DELEGATED, MEMBERS[0], OTHER])
    found = {each["accountId"]: {row["type"]: row["status"] for row in each["freeTrialInfo"]} for each in answer["accounts"]}
    assert found == {DELEGATED: {"ECR": "ACTIVE"}, MEMBERS[0]: {"EC2": "INACTIVE"}}
    assert [(each["accountId"], each["code"]) for each in answer["failedAccounts"]] == [(OTHER, "ACCESS_DENIED")]


@pytest.mark.parametrize(
    ("operation", "member", "largest"),
    [("ListFindings", "findings", 100), ("ListCoverage", "coveredResources", 200), ("ListAccountPermissions", "permissions", 1024)],
)
@pytest.mark.fact("IN-6.2-38")
def test_reports_and_their_pages(call: Caller, operation: str, member: str, largest: int) -> None:
    assert isinstance(call(OTHER, operation, maxResults=largest)[member], list)
    assert call.refused(OTHER, operation, maxResults=largest + 1)[0] == "ValidationException"


def test_tags_of_what_is_not_there(call: Caller) -> None:
    arn = f"arn:aws:inspector2:{REGION}:{OTHER}:owner/{OTHER}/filter/none"
    assert call.refused(OTHER, "ListTagsForResource", resourceArn=arn)[0] == "ResourceNotFoundException"
