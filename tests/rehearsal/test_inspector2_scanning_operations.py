from typing import Any

import pytest
from inspector2_steps import (
    FLAGS,
    STANDARD,
    associate,
    designate,
    enable,
    settle,
    state,
    trusting_world,
)
from small_world import (
    DELEGATED,
    MEMBERS,
    OPT_IN,
    OTHER,
    OUTSIDER,
    POLLS,
    REGION,
    SECOND,
    Caller,
    account,
    small_world,
)

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.identity import Credential
from runbook_lib.rehearsal.operations.inspector2.state import SERVICE_ROLES
from runbook_lib.rehearsal.organization import join_account
from runbook_lib.rehearsal.registry import HANDLERS, Call
from runbook_lib.rehearsal.world import SimulatedRole, World

SERVICE = "inspector2"


@pytest.fixture
def world() -> World:
    return trusting_world()


# Scanning


@pytest.mark.fact("IN-6.2-22")
def test_enabling_before_the_association_settled_is_denied(call: Caller) -> None:
    designate(call)
    call(DELEGATED, "AssociateMember", accountId=MEMBERS[0])
    for _ in range(POLLS):
        answer = call(DELEGATED, "Enable", accountIds=[MEMBERS[0]], resourceTypes=["EC2"])
        assert answer["accounts"] == []
        failed = answer["failedAccounts"][0]
        assert (failed["errorCode"], failed["errorMessage"]) == (
            "ACCESS_DENIED",
            "Invoking account does not have access to this account",
        )
    assert enable(call, [MEMBERS[0]], ["EC2"]) == {}


@pytest.mark.fact("IN-6.2-18", "IN-6.2-31", "SI-11-08")
def test_scanning_settles_with_a_flicker(world: World, call: Caller) -> None:
    designate(call)
    associate(call, MEMBERS[0])
    answer = call(DELEGATED, "Enable", accountIds=[MEMBERS[0]], resourceTypes=["EC2", "ECR"])["accounts"][0]
    assert (answer["status"], answer["resourceStatus"]["ec2"], answer["resourceStatus"]["lambda"]) == (
        "ENABLING",
        "ENABLING",
        "DISABLED",
    )
    flicker = state(call, MEMBERS[0])
    assert flicker[0] == "ENABLED"
    assert set(flicker[1].values()) == {"DISABLED"}
    for _ in range(POLLS):
        assert state(call, MEMBERS[0])[1]["ecr"] == "ENABLING"
    status, kinds = state(call, MEMBERS[0])
    assert (status, kinds["ec2"], kinds["ecr"], kinds["lambda"]) == ("ENABLED", "ENABLED", "ENABLED", "DISABLED")
    assert state(call, MEMBERS[0], MEMBERS[0])[0] == "ENABLED"  # the member sees it too
    assert set(SERVICE_ROLES) <= world.organization.accounts[MEMBERS[0]].service_linked_roles


@pytest.mark.fact("IN-6.2-21")
def test_enabling_again_while_in_progress(call: Caller) -> None:
    designate(call)
    associate(call, MEMBERS[0])
    enable(call, [MEMBERS[0]], ["EC2"])
    for _ in range(POLLS):
        assert enable(call, [MEMBERS[0]], ["EC2"]) == {MEMBERS[0]: "ENABLE_IN_PROGRESS"}
    assert enable(call, [MEMBERS[0]], ["EC2"]) == {MEMBERS[0]: "ALREADY_ENABLED"}


@pytest.mark.parametrize(("variant", "failures"), [("failedAccounts", {MEMBERS[0]: "ALREADY_ENABLED"}), ("accounts", {})])
@pytest.mark.fact("IN-6.2-20")
def test_enabling_what_is_on(world: World, call: Caller, variant: str, failures: dict[str, str]) -> None:
    world.variants["inspector2 already enabled"] = variant
    designate(call)
    associate(call, MEMBERS[0])
    enable(call, [MEMBERS[0]], ["EC2"])
    settle(call, MEMBERS[0])
    assert enable(call, [MEMBERS[0]], ["EC2"]) == failures
    assert enable(call, [MEMBERS[0]], ["EC2", "ECR"]) == {}
    assert state(call, MEMBERS[0])[1]["ecr"] == "ENABLING"


def test_one_bad_account_never_stops_the_others(call: Caller) -> None:
    designate(call)
    associate(call, *MEMBERS[:49])
    batch = [*MEMBERS[:25], OUTSIDER, *MEMBERS[25:49]]
    assert enable(call, batch, STANDARD) == {OUTSIDER: "ACCESS_DENIED"}
    assert enable(call, [*MEMBERS[49:], OUTSIDER], STANDARD) == dict.fromkeys([*MEMBERS[49:], OUTSIDER], "ACCESS_DENIED")


@pytest.mark.fact("IN-6.2-19")
def test_own_account(call: Caller) -> None:
    call(OTHER, "Enable", resourceTypes=["EC2"])
    settle(call, OTHER)
    assert state(call, OTHER, OTHER)[1]["ec2"] == "ENABLED"
    answer = call(OTHER, "Enable", accountIds=[MEMBERS[0]], resourceTypes=["EC2"])
    assert [each["errorCode"] for each in answer["failedAccounts"]] == ["ACCESS_DENIED"]


@pytest.mark.fact("IN-6.2-23")
def test_administrator_and_members_are_not_mixed(call: Caller) -> None:
    designate(call)
    associate(call, MEMBERS[0])
    found = call.refused(DELEGATED, "Enable", accountIds=[DELEGATED, MEMBERS[0]], resourceTypes=["EC2"])
    assert found[0] == "ValidationException"
    assert state(call, MEMBERS[0])[0] == "DISABLED"
    assert enable(call, [DELEGATED], ["EC2"]) == {}


@pytest.mark.parametrize(
    ("region", "kinds", "code", "text"),
    [
        (REGION, ["EC3"], "ValidationException", "1 validation error detected: Value at 'resourceTypes' failed"),
        (REGION, [], "ValidationException", "Invalid length for parameter resourceTypes"),
        (REGION, ["LAMBDA_CODE"], "ValidationException", "Lambda code scanning requires Lambda standard scanning."),
        (OPT_IN, ["LAMBDA", "LAMBDA_CODE"], "AccessDeniedException", "Lambda code scanning is not supported in eu-south-1"),
    ],
)
@pytest.mark.fact("IN-6.2-18", "IN-6.2-24", "IN-6.2-25", "IN-6.2-26")
def test_scan_types_that_refuse_the_whole_call(call: Caller, region: str, kinds: list[str], code: str, text: str) -> None:
    found = call.refused(OTHER, "Enable", region, resourceTypes=kinds)
    assert found[0] == code
    assert text in found[1]
    assert state(call, OTHER, OTHER, region)[0] == "DISABLED"


@pytest.mark.parametrize("region", ["us-gov-west-1", "us-gov-east-1"])
@pytest.mark.fact("IN-6.2-25")
def test_government_regions_lack_lambda_code(region: str) -> None:
    gov = Caller(small_world("aws-us-gov"), "inspector2")
    assert gov.refused(OTHER, "Enable", region, resourceTypes=["LAMBDA", "LAMBDA_CODE"]) == (
        "AccessDeniedException",
        f"Lambda code scanning is not supported in {region}",
    )


def test_a_seed_says_what_a_region_lacks(world: World, call: Caller) -> None:
    world.unavailable["inspector2"] = {SECOND: frozenset({"ECR"}), OPT_IN: frozenset()}
    assert call.refused(OTHER, "Enable", SECOND, resourceTypes=["ECR"])[0] == "AccessDeniedException"
    call(OTHER, "Enable", OPT_IN, resourceTypes=["LAMBDA", "LAMBDA_CODE"])


@pytest.mark.fact("IN-6.2-26")
def test_lambda_code_where_lambda_is_on(call: Caller) -> None:
    call(OTHER, "Enable", resourceTypes=["LAMBDA"])
    call(OTHER, "Enable", resourceTypes=["LAMBDA_CODE"])
    settle(call, OTHER)
    assert state(call, OTHER, OTHER)[1]["lambdaCode"] == "ENABLED"


@pytest.mark.parametrize("operation", ["Enable", "Disable", "BatchGetAccountStatus"])
@pytest.mark.fact("IN-6.2-18")
def test_more_than_a_hundred_are_refused_whole(call: Caller, operation: str) -> None:
    designate(call)
    more: dict[str, Any] = {"resourceTypes": ["EC2"]} if operation == "Enable" else {}
    found = call.refused(DELEGATED, operation, accountIds=[f"{number:012}" for number in range(101)], **more)
    assert found[0] == "ValidationException"
    assert "100" in found[1]


def test_the_service_role_needs_the_callers_permission(world: World) -> None:
    role = SimulatedRole("Narrow", {OTHER}, denied=("iam:CreateServiceLinkedRole",))
    principal = f"arn:aws:sts::{OTHER}:assumed-role/Narrow/session"
    caller = Credential("key", "secret", OTHER, principal, "unique", role)
    made = Call(world, "inspector2", "Enable", OTHER, REGION, principal, {}, caller)
    with pytest.raises(ApiError, match="not authorized to perform iam:CreateServiceLinkedRole"):
        HANDLERS["inspector2", "Enable"](made, resourceTypes=["EC2"])
    world.organization.accounts[OTHER].service_linked_roles.update(SERVICE_ROLES)
    HANDLERS["inspector2", "Enable"](made, resourceTypes=["EC2"])


@pytest.mark.fact("IN-6.2-30")
def test_status_of_accounts(call: Caller) -> None:
    designate(call)
    associate(call, MEMBERS[0])
    answer = call(DELEGATED, "BatchGetAccountStatus", accountIds=[DELEGATED, MEMBERS[0], MEMBERS[1]])
    assert {each["accountId"]: each["state"]["status"] for each in answer["accounts"]} == {
        DELEGATED: "DISABLED",
        MEMBERS[0]: "DISABLED",
    }
    assert [(each["accountId"], each["errorCode"]) for each in answer["failedAccounts"]] == [(MEMBERS[1], "ACCESS_DENIED")]
    assert [each["accountId"] for each in call(DELEGATED, "BatchGetAccountStatus")["accounts"]] == [DELEGATED]


@pytest.mark.fact("IN-6.2-32")
def test_scans_of_a_suspended_account(world: World, call: Caller) -> None:
    designate(call)
    associate(call, *MEMBERS[:2])
    enable(call, [MEMBERS[0]], ["EC2"])
    settle(call, MEMBERS[0])
    for each in MEMBERS[:2]:
        world.organization.accounts[each].state = "SUSPENDED"
    status, kinds = state(call, MEMBERS[0])
    assert (status, kinds["ec2"], kinds["ecr"]) == ("SUSPENDED", "SUSPENDED", "DISABLED")
    assert state(call, MEMBERS[1])[0] == "DISABLED"


@pytest.mark.fact("IN-6.2-21", "IN-6.2-29")
def test_disabling_scans(call: Caller) -> None:
    designate(call)
    associate(call, MEMBERS[0])
    enable(call, [MEMBERS[0]], ["EC2", "LAMBDA", "LAMBDA_CODE"])
    early = call(DELEGATED, "Disable", accountIds=[MEMBERS[0]], resourceTypes=["LAMBDA"])
    assert early["failedAccounts"][0]["errorCode"] == "ENABLE_IN_PROGRESS"
    settle(call, MEMBERS[0])
    call(DELEGATED, "Disable", accountIds=[MEMBERS[0]], resourceTypes=["LAMBDA"])
    assert enable(call, [MEMBERS[0]], ["LAMBDA"]) == {MEMBERS[0]: "DISABLE_IN_PROGRESS"}
    settle(call, MEMBERS[0])
    kinds = state(call, MEMBERS[0])[1]
    assert (kinds["ec2"], kinds["lambda"], kinds["lambdaCode"]) == ("ENABLED", "DISABLED", "DISABLED")


@pytest.mark.fact("IN-6.2-29")
def test_the_administrator_does_not_switch_itself_off_before_its_members(call: Caller) -> None:
    designate(call)
    associate(call, MEMBERS[0])
    enable(call, [DELEGATED], ["EC2"])
    settle(call, DELEGATED)
    assert call(DELEGATED, "Disable")["failedAccounts"][0]["errorCode"] == "DISASSOCIATE_ALL_MEMBERS"
    call(DELEGATED, "DisassociateMember", accountId=MEMBERS[0])
    assert call(DELEGATED, "Disable")["failedAccounts"] == []


@pytest.mark.fact("IN-6.2-27", "IN-6.2-40")
def test_accounts_that_a_policy_governs(world: World, call: Caller) -> None:
    designate(call)
    associate(call, *MEMBERS[:2])
    world.tell("organization policy governs", account=MEMBERS[0], service="inspector2")
    assert enable(call, list(MEMBERS[:2]), ["EC2"]) == {MEMBERS[0]: "BLOCKED_BY_ORGANIZATION_POLICY"}
    refused = call(DELEGATED, "Disable", accountIds=list(MEMBERS[:2]))["failedAccounts"]
    assert {each["accountId"]: each["errorCode"] for each in refused} == {
        MEMBERS[0]: "BLOCKED_BY_ORGANIZATION_POLICY",
        MEMBERS[1]: "ENABLE_IN_PROGRESS",
    }
    assert call(MEMBERS[0], "ListAccountPermissions")["permissions"] == []
    assert {each["service"] for each in call(MEMBERS[1], "ListAccountPermissions")["permissions"]} == {"EC2", "ECR", "LAMBDA"}


# The organization's settings


@pytest.mark.fact("IN-6.2-37")
def test_reads_lag_behind_writes(call: Caller) -> None:
    designate(call)
    assert call(DELEGATED, "UpdateOrganizationConfiguration", autoEnable=FLAGS)["autoEnable"] == FLAGS
    for _ in range(POLLS):
        assert not any(call(DELEGATED, "DescribeOrganizationConfiguration")["autoEnable"].values())
    assert call(DELEGATED, "DescribeOrganizationConfiguration")["autoEnable"] == FLAGS
    call(DELEGATED, "UpdateOrganizationConfiguration", autoEnable=FLAGS)  # nothing changes, nothing lags
    assert call(DELEGATED, "DescribeOrganizationConfiguration")["autoEnable"] == FLAGS


@pytest.mark.fact("IN-6.2-34")
def test_omitted_flags_become_false(call: Caller) -> None:
    designate(call)
    call(DELEGATED, "UpdateOrganizationConfiguration", autoEnable=FLAGS)
    answer = call(DELEGATED, "UpdateOrganizationConfiguration", autoEnable={"ec2": True, "ecr": True})
    assert answer["autoEnable"] == {**FLAGS, "lambda": False, "lambdaCode": False}


@pytest.mark.parametrize(
    ("region", "flags", "code"),
    [(REGION, {**FLAGS, "lambda": False}, "ValidationException"), (OPT_IN, FLAGS, "AccessDeniedException")],
)
@pytest.mark.fact("IN-6.2-35")
def test_flags_that_are_refused_whole(call: Caller, region: str, flags: dict[str, bool], code: str) -> None:
    designate(call, region)
    assert call.refused(DELEGATED, "UpdateOrganizationConfiguration", region, autoEnable=flags)[0] == code
    for _ in range(POLLS + 1):
        assert not any(call(DELEGATED, "DescribeOrganizationConfiguration", region)["autoEnable"].values())


@pytest.mark.fact("IN-6.2-33", "SI-11-05")
def test_auto_enable_reaches_new_accounts_only(world: World, call: Caller) -> None:
    designate(call)
    call(DELEGATED, "UpdateOrganizationConfiguration", autoEnable=FLAGS)
    associate(call, MEMBERS[0])
    join_account(world, account("777777777777"))
    for _ in range(POLLS + 1):
        found = {each["accountId"]: each["relationshipStatus"] for each in call(DELEGATED, "ListMembers")["members"]}
    assert found == {MEMBERS[0]: "ENABLED", "777777777777": "ENABLED"}
    settle(call, "777777777777")
    status, kinds = state(call, "777777777777")
    assert (status, {name for name, each in kinds.items() if each == "ENABLED"}) == (
        "ENABLED",
        {"ec2", "ecr", "lambda", "lambdaCode"},
    )
    assert state(call, MEMBERS[0])[0] == "DISABLED"


@pytest.mark.parametrize(("region", "flags"), [(OPT_IN, {"ec2": True, "ecr": True}), (REGION, {"ec2": False, "ecr": False})])
@pytest.mark.fact("SI-11-05")
def test_a_new_account_is_left_alone(world: World, call: Caller, region: str, flags: dict[str, bool]) -> None:
    designate(call, region)
    call(DELEGATED, "UpdateOrganizationConfiguration", region, autoEnable=flags)
    join_account(world, account("777777777777"))
    assert call(DELEGATED, "ListMembers", region)["members"] == []


@pytest.mark.parametrize(
    ("variant", "on", "off"),
    [("by state", "ALREADY_ENABLED", "RESOURCE_NOT_FOUND"), ("always the same", "ALREADY_ENABLED", "ALREADY_ENABLED")],
)
@pytest.mark.fact("UV-13-15")
def test_the_error_code_that_every_status_has(world: World, call: Caller, variant: str, on: str, off: str) -> None:
    """What is off is not said to be enabled already, unless that is what is tried."""
    world.variants["inspector2 account states"] = variant
    designate(call)
    world.settle_polls = 0
    call(DELEGATED, "Enable", resourceTypes=["EC2"])
    found = call(DELEGATED, "BatchGetAccountStatus")["accounts"][0]["resourceState"]
    assert [found[name]["errorCode"] for name in ("ec2", "ecr")] == [on, off]
