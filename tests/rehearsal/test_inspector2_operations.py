from typing import Any

import pytest
from botocore.exceptions import ClientError
from inspector2_steps import (
    ALREADY,
    FLAGS,
    NO_ACCESS,
    NO_ORGANIZATION,
    PRINCIPAL,
    associate,
    designate,
    enable,
    settle,
    state,
    trusting_world,
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
    SECOND,
    SUSPENDED,
    Caller,
)

from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.operations.inspector2.state import SERVICE_ROLES
from runbook_lib.rehearsal.organization import deregister_delegated, register_delegated
from runbook_lib.rehearsal.registry import HANDLERS
from runbook_lib.rehearsal.world import World

SERVICE = "inspector2"


@pytest.fixture
def world() -> World:
    return trusting_world()


# Designation


@pytest.mark.parametrize(
    ("caller", "target", "code"),
    [
        (DELEGATED, DELEGATED, "AccessDeniedException"),
        (MEMBERS[0], DELEGATED, "AccessDeniedException"),
        (MANAGEMENT, MANAGEMENT, "ValidationException"),
        (MANAGEMENT, SUSPENDED, "ValidationException"),
        (MANAGEMENT, OUTSIDER, "ValidationException"),
    ],
)
@pytest.mark.fact("IN-6.2-01", "SI-11-01")
def test_designation_is_refused(call: Caller, caller: str, target: str, code: str) -> None:
    assert call.refused(caller, "EnableDelegatedAdminAccount", delegatedAdminAccountId=target)[0] == code


@pytest.mark.fact("IN-6.2-01", "IN-6.2-02")
def test_designation_needs_trusted_access_and_all_features(world: World, call: Caller) -> None:
    world.organization.feature_set = "CONSOLIDATED_BILLING"
    assert call.refused(MANAGEMENT, "EnableDelegatedAdminAccount", delegatedAdminAccountId=DELEGATED)[0] == "AccessDeniedException"
    world.organization.feature_set = "ALL"
    del world.organization.trusted[PRINCIPAL]
    assert "Trusted access" in call.refused(MANAGEMENT, "EnableDelegatedAdminAccount", delegatedAdminAccountId=DELEGATED)[1]
    assert world.organization.delegated == {}


@pytest.mark.fact("IN-6.2-05", "SI-11-01")
def test_designation_registers_in_organizations(world: World, call: Caller) -> None:
    assert call.refused(MEMBERS[0], "GetDelegatedAdminAccount")[0] == "ResourceNotFoundException"
    call(MANAGEMENT, "EnableDelegatedAdminAccount", delegatedAdminAccountId=DELEGATED)
    assert list(world.organization.delegated[PRINCIPAL]) == [DELEGATED]
    listed = call(MANAGEMENT, "ListDelegatedAdminAccounts")["delegatedAdminAccounts"]
    assert listed == [{"accountId": DELEGATED, "status": "ENABLED"}]
    seen = [call(MEMBERS[0], "GetDelegatedAdminAccount")["delegatedAdmin"] for _ in range(POLLS + 1)]
    assert [each["relationshipStatus"] for each in seen] == ["CREATED"] * POLLS + ["ENABLED"]
    assert call(MANAGEMENT, "ListDelegatedAdminAccounts", SECOND)["delegatedAdminAccounts"] == []


@pytest.mark.parametrize(("region", "target"), [(REGION, DELEGATED), (REGION, OTHER), (SECOND, OTHER)])
@pytest.mark.fact("IN-6.2-04", "RM-9-07")
def test_a_second_designation_conflicts(call: Caller, region: str, target: str) -> None:
    call(MANAGEMENT, "EnableDelegatedAdminAccount", delegatedAdminAccountId=DELEGATED)
    found = call.refused(MANAGEMENT, "EnableDelegatedAdminAccount", region, delegatedAdminAccountId=target)
    assert found == ("ConflictException", ALREADY)


def test_another_account_registered_only_in_organizations_conflicts(world: World, call: Caller) -> None:
    register_delegated(world, PRINCIPAL, DELEGATED)
    found = call.refused(MANAGEMENT, "EnableDelegatedAdminAccount", delegatedAdminAccountId=OTHER)
    assert found == ("ConflictException", ALREADY)
    call(MANAGEMENT, "EnableDelegatedAdminAccount", delegatedAdminAccountId=DELEGATED)


@pytest.mark.fact("IN-6.2-06", "SI-11-09")
def test_who_lists_administrators(call: Caller) -> None:
    designate(call)
    code, text = call.refused(DELEGATED, "ListDelegatedAdminAccounts")
    assert code == "ValidationException"
    assert "is the delegated admin" in text
    assert call.refused(MEMBERS[0], "ListDelegatedAdminAccounts")[0] == "AccessDeniedException"
    assert call.refused(MANAGEMENT, "ListDelegatedAdminAccounts", maxResults=6)[0] == "ValidationException"


@pytest.mark.parametrize(
    ("region", "on"),
    [(REGION, {"ec2", "ecr", "lambda", "lambdaCode"}), (OPT_IN, {"ec2", "ecr", "lambda"})],
)
@pytest.mark.fact("IN-6.2-03")
def test_designation_may_activate_the_administrator(world: World, call: Caller, region: str, on: set[str]) -> None:
    world.variants["inspector2 designation activates"] = "yes"
    designate(call, region)
    settle(call, DELEGATED, region)
    status, kinds = state(call, DELEGATED, region=region)
    assert (status, {name for name, each in kinds.items() if each == "ENABLED"}) == ("ENABLED", on)
    assert set(SERVICE_ROLES) <= world.organization.accounts[DELEGATED].service_linked_roles


@pytest.mark.fact("IN-6.2-03")
def test_designation_may_activate_nothing(call: Caller) -> None:
    designate(call)
    assert state(call, DELEGATED)[0] == "DISABLED"


@pytest.mark.parametrize(
    ("operation", "parameters", "text"),
    [
        ("DescribeOrganizationConfiguration", {}, NO_ORGANIZATION),
        ("UpdateOrganizationConfiguration", {"autoEnable": FLAGS}, NO_ACCESS),
        ("AssociateMember", {"accountId": MEMBERS[0]}, NO_ACCESS),
        ("ListMembers", {}, NO_ACCESS),
        ("BatchGetAccountStatus", {"accountIds": [MEMBERS[0]]}, NO_ACCESS),
        ("Enable", {"accountIds": [MEMBERS[0]], "resourceTypes": ["EC2"]}, NO_ACCESS),
        ("UpdateOrgEc2DeepInspectionConfiguration", {"orgPackagePaths": ["/opt"]}, NO_ACCESS),
        ("BatchGetMemberEc2DeepInspectionStatus", {}, NO_ACCESS),
    ],
)
@pytest.mark.fact("SI-11-02")
def test_the_first_calls_after_designation_fail(call: Caller, operation: str, parameters: dict[str, Any], text: str) -> None:
    call(MANAGEMENT, "EnableDelegatedAdminAccount", delegatedAdminAccountId=DELEGATED)
    for _ in range(POLLS):
        code, found = call.refused(DELEGATED, operation, **parameters)
        assert code == "AccessDeniedException"
        assert found.startswith(text)
    call(DELEGATED, operation, **parameters)


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("DescribeOrganizationConfiguration", {}),
        ("UpdateOrganizationConfiguration", {"autoEnable": FLAGS}),
        ("AssociateMember", {"accountId": MEMBERS[1]}),
        ("DisassociateMember", {"accountId": MEMBERS[1]}),
        ("ListMembers", {}),
        ("GetMember", {"accountId": MEMBERS[1]}),
        ("BatchGetMemberEc2DeepInspectionStatus", {}),
        ("UpdateOrgEc2DeepInspectionConfiguration", {"orgPackagePaths": []}),
    ],
)
@pytest.mark.parametrize("caller", [MEMBERS[0], MANAGEMENT])
@pytest.mark.fact("IN-6.2-36")
def test_others_have_no_access(call: Caller, caller: str, operation: str, parameters: dict[str, Any]) -> None:
    designate(call)
    code, text = call.refused(caller, operation, **parameters)
    assert code == "AccessDeniedException"
    assert text.startswith(NO_ACCESS)


@pytest.mark.fact("IN-6.2-07", "IN-6.2-08", "RM-9-04", "SI-11-12")
def test_disabling_leaves_the_registration_and_scans(world: World, call: Caller) -> None:
    designate(call)
    associate(call, MEMBERS[0])
    enable(call, [MEMBERS[0]], ["EC2"])
    code, text = call.refused(MANAGEMENT, "DisableDelegatedAdminAccount", delegatedAdminAccountId=OTHER)
    assert code == "ResourceNotFoundException"
    assert "not the delegated administrator" in text
    call(MANAGEMENT, "DisableDelegatedAdminAccount", delegatedAdminAccountId=DELEGATED)
    seen = [call(MANAGEMENT, "ListDelegatedAdminAccounts")["delegatedAdminAccounts"] for _ in range(POLLS + 1)]
    assert seen == [[{"accountId": DELEGATED, "status": "DISABLE_IN_PROGRESS"}]] * POLLS + [[]]
    settle(call, MEMBERS[0])
    assert call.refused(MEMBERS[0], "GetDelegatedAdminAccount")[0] == "ResourceNotFoundException"
    assert state(call, MEMBERS[0], MEMBERS[0])[0] == "ENABLED"
    assert list(world.organization.delegated[PRINCIPAL]) == [DELEGATED]


def test_a_new_designation_starts_without_the_old_settings(call: Caller) -> None:
    designate(call)
    associate(call, MEMBERS[0])
    call(DELEGATED, "UpdateOrganizationConfiguration", autoEnable=FLAGS)
    call(DELEGATED, "UpdateOrgEc2DeepInspectionConfiguration", orgPackagePaths=["/opt"])
    call(MANAGEMENT, "DisableDelegatedAdminAccount", delegatedAdminAccountId=DELEGATED)
    for _ in range(POLLS):
        assert call(MEMBERS[0], "GetDelegatedAdminAccount")["delegatedAdmin"]["accountId"] == DELEGATED
    assert call.refused(MEMBERS[0], "GetDelegatedAdminAccount")[0] == "ResourceNotFoundException"
    designate(call)
    assert call(DELEGATED, "ListMembers", onlyAssociated=False)["members"] == []
    assert not any(call(DELEGATED, "DescribeOrganizationConfiguration")["autoEnable"].values())
    assert call(DELEGATED, "GetEc2DeepInspectionConfiguration")["orgPackagePaths"] == []


@pytest.mark.fact("ORG-3.2-24", "RM-9-05")
def test_deregistering_empties_every_region(world: World, call: Caller) -> None:
    designate(call)
    designate(call, SECOND)
    deregister_delegated(world, "guardduty.amazonaws.com", DELEGATED)
    assert call(MANAGEMENT, "ListDelegatedAdminAccounts")["delegatedAdminAccounts"]
    deregister_delegated(world, PRINCIPAL, DELEGATED)
    for region in (REGION, SECOND):
        assert call(MANAGEMENT, "ListDelegatedAdminAccounts", region)["delegatedAdminAccounts"] == []


# Members


@pytest.mark.fact("IN-6.2-09", "IN-6.2-10", "SI-11-08")
def test_an_association_settles_after_polls(call: Caller) -> None:
    designate(call)
    call(DELEGATED, "AssociateMember", accountId=MEMBERS[0])
    call(DELEGATED, "AssociateMember", accountId=MEMBERS[0])  # harmless
    seen = [call(DELEGATED, "GetMember", accountId=MEMBERS[0])["member"]["relationshipStatus"] for _ in range(POLLS + 1)]
    assert seen == ["CREATED"] * POLLS + ["ENABLED"]
    assert state(call, MEMBERS[0])[0] == "DISABLED"  # associated is not enabled


@pytest.mark.parametrize("number", [DELEGATED, SUSPENDED, CLOSED, OUTSIDER])
def test_accounts_that_cannot_be_associated(call: Caller, number: str) -> None:
    designate(call)
    assert call.refused(DELEGATED, "AssociateMember", accountId=number)[0] == "ValidationException"
    assert call(DELEGATED, "ListMembers", onlyAssociated=False)["members"] == []


@pytest.mark.fact("IN-6.2-09")
def test_the_management_account_can_be_associated(call: Caller) -> None:
    designate(call)
    associate(call, MANAGEMENT)
    assert enable(call, [MANAGEMENT], ["EC2"]) == {}


def test_a_region_that_is_off(call: Caller) -> None:
    designate(call, OPT_IN)
    associate(call, MEMBERS[30], region=OPT_IN)
    found = call(DELEGATED, "ListMembers", OPT_IN)["members"][0]
    assert (found["accountId"], found["relationshipStatus"]) == (MEMBERS[30], "REGION_DISABLED")
    answer = call(DELEGATED, "Enable", OPT_IN, accountIds=[MEMBERS[30]], resourceTypes=["EC2"])
    assert answer["failedAccounts"][0]["errorCode"] == "ACCESS_DENIED"


def test_a_member_that_is_suspended_later(world: World, call: Caller) -> None:
    designate(call)
    associate(call, MEMBERS[0])
    world.organization.accounts[MEMBERS[0]].state = "SUSPENDED"
    assert call(DELEGATED, "GetMember", accountId=MEMBERS[0])["member"]["relationshipStatus"] == "ACCOUNT_SUSPENDED"
    call(DELEGATED, "DisassociateMember", accountId=MEMBERS[0])
    assert call(DELEGATED, "GetMember", accountId=MEMBERS[0])["member"]["relationshipStatus"] == "REMOVED"


@pytest.mark.fact("IN-6.2-17")
def test_unknown_members(call: Caller) -> None:
    designate(call)
    found = call.refused(DELEGATED, "GetMember", accountId=MEMBERS[0])
    assert found == ("AccessDeniedException", "Invoking account does not have access to get member account")
    code, text = call.refused(DELEGATED, "DisassociateMember", accountId=MEMBERS[0])
    assert code == "ValidationException"
    assert "the latter is not yet associated" in text


@pytest.mark.fact("IN-6.2-13", "IN-6.2-15")
def test_disassociation_leaves_scans_on(call: Caller) -> None:
    designate(call)
    associate(call, *MEMBERS[:2])
    enable(call, [MEMBERS[0]], ["EC2"])
    settle(call, MEMBERS[0])
    call(DELEGATED, "DisassociateMember", accountId=MEMBERS[0])
    assert [each["accountId"] for each in call(DELEGATED, "ListMembers")["members"]] == [MEMBERS[1]]
    everybody = call(DELEGATED, "ListMembers", onlyAssociated=False)["members"]
    assert [each["relationshipStatus"] for each in everybody] == ["REMOVED", "ENABLED"]
    assert state(call, MEMBERS[0], MEMBERS[0])[0] == "ENABLED"


@pytest.mark.fact("IN-6.2-15")
def test_pages_of_members(call: Caller) -> None:
    designate(call)
    associate(call, *MEMBERS)
    first = call(DELEGATED, "ListMembers")
    second = call(DELEGATED, "ListMembers", nextToken=first["nextToken"])
    assert (len(first["members"]), len(second["members"]), second["nextToken"]) == (50, 10, None)
    assert call.refused(DELEGATED, "ListMembers", maxResults=51)[0] == "ValidationException"
    assert call.refused(DELEGATED, "ListMembers", nextToken="made up")[0] == "ValidationException"


# Whole


def test_over_botocore(world: World) -> None:
    front = Front(world)
    management = session_for(front, MANAGEMENT).client("inspector2")
    delegated = session_for(front, DELEGATED).client("inspector2")
    management.enable_delegated_admin_account(delegatedAdminAccountId=DELEGATED)
    with pytest.raises(management.exceptions.ConflictException, match="already enabled for the organization"):
        management.enable_delegated_admin_account(delegatedAdminAccountId=DELEGATED)
    for _ in range(POLLS):
        with pytest.raises(ClientError, match=NO_ORGANIZATION):
            delegated.describe_organization_configuration()
    delegated.associate_member(accountId=MEMBERS[0])
    for _ in range(POLLS):
        assert delegated.list_members()["members"][0]["relationshipStatus"] == "CREATED"
    answer = delegated.enable(accountIds=[MEMBERS[0], MEMBERS[1]], resourceTypes=["EC2"])
    assert [each["accountId"] for each in answer["failedAccounts"]] == [MEMBERS[1]]
    for _ in range(POLLS + 1):
        delegated.batch_get_account_status(accountIds=[MEMBERS[0]])
    found = delegated.batch_get_account_status(accountIds=[MEMBERS[0]])["accounts"][0]
    assert found["resourceState"]["ec2"]["status"] == "ENABLED"
    with pytest.raises(delegated.exceptions.ValidationException) as raised:
        delegated.enable(accountIds=[DELEGATED, MEMBERS[0]], resourceTypes=["EC2"])
    assert raised.value.response["reason"] == "FIELD_VALIDATION_FAILED"


@pytest.mark.parametrize(
    "names",
    [
        "EnableDelegatedAdminAccount DisableDelegatedAdminAccount GetDelegatedAdminAccount ListDelegatedAdminAccounts",
        "AssociateMember DisassociateMember ListMembers GetMember Enable Disable BatchGetAccountStatus ListTagsForResource",
        "DescribeOrganizationConfiguration UpdateOrganizationConfiguration ListCoverage ListAccountPermissions ListFindings",
        "GetConfiguration UpdateConfiguration GetEc2DeepInspectionConfiguration UpdateOrgEc2DeepInspectionConfiguration",
        "BatchGetMemberEc2DeepInspectionStatus BatchGetFreeTrialInfo",
    ],
)
def test_every_operation_is_simulated(names: str) -> None:
    assert [name for name in names.split() if ("inspector2", name) not in HANDLERS] == []
