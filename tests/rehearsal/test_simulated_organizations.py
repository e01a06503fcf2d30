"""Organizations, Account Management and Config as AWS documents them: who may ask, pages, errors with their reasons."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError
from small_organization import DELEGATED, MANAGEMENT, MEMBER, RUNNER, SUSPENDED

from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import session_for

Client = Callable[..., Any]
GUARDDUTY = "guardduty.amazonaws.com"


def refusal(call: Callable[..., Any], **parameters: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    response = raised.value.response
    return {"code": response["Error"]["Code"], "text": response["Error"]["Message"], "reason": response.get("Reason")}


@pytest.fixture
def management(client: Client) -> Any:
    return client("organizations", MANAGEMENT)


@pytest.mark.fact("ORG-3.2-01")
def test_every_member_may_describe_the_organization(client: Client) -> None:
    found = client("organizations", MEMBER).describe_organization()["Organization"]
    assert (found["Id"], found["MasterAccountId"], found["FeatureSet"]) == ("o-rehearsal001", MANAGEMENT, "ALL")


@pytest.mark.fact("ORG-3.2-03", "ORG-3.2-08", "ORG-3.2-15", "ORG-3.2-20")
def test_a_plain_member_may_not_list_and_a_delegated_administrator_may(client: Client, management: Any) -> None:
    member = client("organizations", DELEGATED)
    for call in (member.list_accounts, member.list_delegated_administrators, member.list_aws_service_access_for_organization):
        assert refusal(call) == {
            "code": "AccessDeniedException",
            "text": "You don't have permissions to access this resource.",
            "reason": None,
        }
    management.enable_aws_service_access(ServicePrincipal=GUARDDUTY)
    management.register_delegated_administrator(AccountId=DELEGATED, ServicePrincipal=GUARDDUTY)
    assert len(member.list_accounts()["Accounts"]) == 7
    assert refusal(member.enable_aws_service_access, ServicePrincipal=GUARDDUTY)["code"] == "AccessDeniedException"


@pytest.mark.fact("ORG-3.2-06", "ORG-3.2-07", "SI-11-09")
def test_accounts_come_twenty_at_a_time_with_an_empty_page_between() -> None:
    front = build_app("default", moto=False)
    organizations = session_for(front, MANAGEMENT).client("organizations")
    sizes, token, ids = [], None, []
    while True:
        answer = organizations.list_accounts(**({"NextToken": token} if token else {}))
        sizes.append(len(answer["Accounts"]))
        ids += [each["Id"] for each in answer["Accounts"]]
        token = answer.get("NextToken")
        if not token:
            break
    assert sizes == [20, 0, 20, 20]
    assert len(set(ids)) == 60
    assert refusal(organizations.list_accounts, MaxResults=21)["reason"] == "MAX_VALUE_EXCEEDED"
    assert refusal(organizations.list_accounts, NextToken="made up")["reason"] == "INVALID_NEXT_TOKEN"


@pytest.mark.fact("MF-10.1-22", "ORG-3.2-04", "ORG-3.2-05")
def test_an_account_has_state_status_and_path(management: Any) -> None:
    accounts = {each["Id"]: each for each in management.list_accounts()["Accounts"]}
    assert (accounts[SUSPENDED]["State"], accounts[SUSPENDED]["Status"]) == ("SUSPENDED", "SUSPENDED")
    assert accounts[MEMBER]["Paths"] == [f"o-rehearsal001/r-reh1/ou-reh1-workload1/ou-reh1-product01/{MEMBER}/"]
    assert accounts[MANAGEMENT]["Arn"] == f"arn:aws:organizations::{MANAGEMENT}:account/o-rehearsal001/{MANAGEMENT}"


@pytest.mark.fact("ORG-3.2-04")
def test_status_can_be_retired_and_a_closed_account_never_had_one_of_its_own(front: Front, management: Any) -> None:
    front.world.organization.accounts[MEMBER].state = "CLOSED"
    described = management.describe_account(AccountId=MEMBER)["Account"]
    assert (described["State"], described["Status"]) == ("CLOSED", "SUSPENDED")
    front.world.variants["account status"] = "retired"
    assert "Status" not in management.describe_account(AccountId=MEMBER)["Account"]


def test_the_tree_can_be_walked(management: Any) -> None:
    root = management.list_roots()["Roots"][0]["Id"]
    units = management.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]
    assert {each["Name"] for each in units} == {"Security", "Platform", "Workloads", "Sandbox", "Closing"}
    assert [each["Id"] for each in management.list_accounts_for_parent(ParentId="ou-reh1-security1")["Accounts"]] == [DELEGATED]
    assert management.list_children(ParentId="ou-reh1-workload1", ChildType="ORGANIZATIONAL_UNIT")["Children"]
    assert management.list_parents(ChildId=DELEGATED)["Parents"] == [{"Id": "ou-reh1-security1", "Type": "ORGANIZATIONAL_UNIT"}]
    assert refusal(management.list_parents, ChildId="999999999999")["code"] == "ChildNotFoundException"
    assert refusal(management.list_accounts_for_parent, ParentId="ou-none-00000000")["code"] == "ParentNotFoundException"
    assert management.list_tags_for_resource(ResourceId=DELEGATED)["Tags"] == []


@pytest.mark.fact("ORG-3.2-09", "ORG-3.2-10", "ORG-3.2-13")
def test_trusted_access_is_idempotent_and_knows_its_principals(management: Any) -> None:
    for _ in range(2):
        management.enable_aws_service_access(ServicePrincipal=GUARDDUTY)
    listed = management.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert [each["ServicePrincipal"] for each in listed] == ["account.amazonaws.com", GUARDDUTY]
    assert (
        refusal(management.enable_aws_service_access, ServicePrincipal="x.amazonaws.com")["reason"]
        == "UNRECOGNIZED_SERVICE_PRINCIPAL"
    )
    management.disable_aws_service_access(ServicePrincipal=GUARDDUTY)
    assert len(management.list_aws_service_access_for_organization()["EnabledServicePrincipals"]) == 1


@pytest.mark.parametrize(
    ("account", "code", "reason"),
    [
        (MANAGEMENT, "ConstraintViolationException", "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR"),
        (SUSPENDED, "ConstraintViolationException", "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR"),
        ("999999999999", "AccountNotFoundException", None),
        (DELEGATED, "AccountAlreadyRegisteredException", None),
        (MEMBER, "ConstraintViolationException", "MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED"),
    ],
)
@pytest.mark.fact("ORG-3.2-16", "ORG-3.2-17", "ORG-3.2-18")
def test_registration_refuses(management: Any, account: str, code: str, reason: str | None) -> None:
    management.enable_aws_service_access(ServicePrincipal=GUARDDUTY)
    management.register_delegated_administrator(AccountId=DELEGATED, ServicePrincipal=GUARDDUTY)
    found = refusal(management.register_delegated_administrator, AccountId=account, ServicePrincipal=GUARDDUTY)
    assert (found["code"], found["reason"]) == (code, reason)


@pytest.mark.fact("ORG-3.2-11", "ORG-3.2-19")
def test_registration_needs_trusted_access_and_all_features(management: Any, front: Front) -> None:
    found = refusal(management.register_delegated_administrator, AccountId=DELEGATED, ServicePrincipal=GUARDDUTY)
    assert found["reason"] == "SERVICE_ACCESS_NOT_ENABLED"
    front.world.organization.feature_set = "CONSOLIDATED_BILLING"
    found = refusal(management.enable_aws_service_access, ServicePrincipal=GUARDDUTY)
    assert found["reason"] == "ORGANIZATION_NOT_IN_ALL_FEATURES_MODE"


@pytest.mark.fact("ORG-3.2-21", "ORG-3.2-22", "ORG-3.2-26")
def test_administrators_are_listed_by_service_and_deregistering_is_told(management: Any, front: Front) -> None:
    told: list[tuple[str, str]] = []
    front.world.on("delegated administrator deregistered", lambda world, principal, account: told.append((principal, account)))
    assert refusal(management.list_delegated_services_for_account, AccountId=DELEGATED)["code"] == "AccountNotRegisteredException"
    management.enable_aws_service_access(ServicePrincipal=GUARDDUTY)
    management.register_delegated_administrator(AccountId=DELEGATED, ServicePrincipal=GUARDDUTY)
    assert [each["Id"] for each in management.list_delegated_administrators()["DelegatedAdministrators"]] == [DELEGATED]
    assert management.list_delegated_administrators(ServicePrincipal="macie.amazonaws.com")["DelegatedAdministrators"] == []
    assert refusal(management.list_delegated_administrators, ServicePrincipal="x")["code"] == "InvalidInputException"
    services = management.list_delegated_services_for_account(AccountId=DELEGATED)["DelegatedServices"]
    assert [each["ServicePrincipal"] for each in services] == [GUARDDUTY]
    management.deregister_delegated_administrator(AccountId=DELEGATED, ServicePrincipal=GUARDDUTY)
    assert told == [(GUARDDUTY, DELEGATED)]
    again = refusal(management.deregister_delegated_administrator, AccountId=DELEGATED, ServicePrincipal=GUARDDUTY)
    assert again["code"] == "AccountNotRegisteredException"


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("list_accounts", {}),
        ("list_roots", {}),
        ("describe_account", {"AccountId": DELEGATED}),
        ("create_account", {"Email": "new@example.com", "AccountName": "New"}),
        ("enable_aws_service_access", {"ServicePrincipal": GUARDDUTY}),
    ],
)
@pytest.mark.fact("ORG-3.2-02")
def test_an_account_outside_is_told_so_whatever_it_asks(client: Client, operation: str, parameters: dict[str, str]) -> None:
    outside = client("organizations", "999999999999")
    assert refusal(getattr(outside, operation), **parameters)["code"] == "AWSOrganizationsNotInUseException"


@pytest.mark.parametrize(
    ("operation", "parameters", "reason"),
    [
        ("list_children", {"ParentId": "r-reh1", "ChildType": "COUSIN"}, "INVALID_ENUM"),
        ("describe_policy", {"PolicyId": "not-a-policy"}, "INVALID_PATTERN"),
        ("describe_account", {"AccountId": "222"}, "INVALID_PATTERN"),
    ],
)
def test_what_the_model_rules_out_is_refused_with_its_reason(
    management: Any, operation: str, parameters: dict[str, str], reason: str
) -> None:
    refused = refusal(getattr(management, operation), **parameters)
    assert (refused["code"], refused["reason"]) == ("InvalidInputException", reason)


def test_units_are_made_and_creations_listed(management: Any) -> None:
    made = management.create_organizational_unit(ParentId="r-reh1", Name="Made by hand")["OrganizationalUnit"]
    again = refusal(management.create_organizational_unit, ParentId="r-reh1", Name="Made by hand")
    assert again["code"] == "DuplicateOrganizationalUnitException"
    assert made in management.list_organizational_units_for_parent(ParentId="r-reh1")["OrganizationalUnits"]
    management.create_account(Email="new@example.com", AccountName="New")
    assert [each["State"] for each in management.list_create_account_status()["CreateAccountStatuses"]] == ["SUCCEEDED"]
    assert management.list_create_account_status(States=["IN_PROGRESS"])["CreateAccountStatuses"] == []


def test_nobody_makes_a_second_organization(management: Any, client: Client) -> None:
    assert refusal(management.create_organization)["code"] == "AlreadyInOrganizationException"
    assert refusal(client("organizations", "999999999999").create_organization)["code"] == "NotSimulated"


def test_a_created_account_joins_when_it_is_done_and_the_services_hear_of_it(management: Any, front: Front) -> None:
    joined: list[str] = []
    front.world.on("account joined", lambda world, account: joined.append(account))
    status = management.create_account(Email="new@example.com", AccountName="New")["CreateAccountStatus"]
    assert status["State"] == "IN_PROGRESS"
    status = management.describe_create_account_status(CreateAccountRequestId=status["Id"])["CreateAccountStatus"]
    assert status["State"] == "SUCCEEDED"
    assert joined == [status["AccountId"]]
    again = management.create_account(Email="new@example.com", AccountName="Twice")["CreateAccountStatus"]
    assert (again["State"], again["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    management.move_account(AccountId=joined[0], SourceParentId="r-reh1", DestinationParentId="ou-reh1-sandbox01")
    assert management.list_parents(ChildId=joined[0])["Parents"][0]["Id"] == "ou-reh1-sandbox01"


@pytest.mark.fact("ORG-3.2-14")
def test_policies_are_found_where_they_are_attached(management: Any, front: Front) -> None:
    from runbook_lib.rehearsal.operations.organizations import OrganizationsState

    kind = "GUARDDUTY_POLICY"
    assert management.list_policies(Filter=kind)["Policies"] == []
    assert (
        refusal(management.describe_effective_policy, PolicyType=kind, TargetId=MEMBER)["code"]
        == "EffectivePolicyNotFoundException"
    )
    policy = {"id": "p-reh00001", "name": "On", "type": kind, "content": "{}", "targets": ["ou-reh1-workload1"]}
    management.enable_aws_service_access(ServicePrincipal=GUARDDUTY)
    front.world.of(OrganizationsState).policies = [policy]
    kept = refusal(management.disable_aws_service_access, ServicePrincipal=GUARDDUTY)
    assert (kept["code"], kept["reason"]) == ("ConstraintViolationException", "POLICY_TYPE_ENABLED_FOR_THIS_SERVICE")
    assert [each["Id"] for each in management.list_policies(Filter=kind)["Policies"]] == ["p-reh00001"]
    assert management.describe_effective_policy(PolicyType=kind, TargetId=MEMBER)["EffectivePolicy"]["PolicyContent"] == "{}"
    assert (
        refusal(management.describe_effective_policy, PolicyType=kind, TargetId=DELEGATED)["code"]
        == "EffectivePolicyNotFoundException"
    )
    assert management.list_targets_for_policy(PolicyId="p-reh00001")["Targets"][0]["Type"] == "ORGANIZATIONAL_UNIT"
    assert management.describe_policy(PolicyId="p-FullAWSAccess")["Policy"]["PolicySummary"]["AwsManaged"]


@pytest.mark.fact("ORG-3.2-42", "ORG-3.2-43")
def test_full_access_is_replaced_by_an_allow_list_where_one_is_attached(management: Any, front: Front) -> None:
    kind, full, root = "SERVICE_CONTROL_POLICY", "p-FullAWSAccess", front.world.organization.root
    unit = front.world.organization.accounts[MEMBER].parent
    assert management.list_policies_for_target(TargetId=root, Filter=kind)["Policies"] == []
    management.enable_policy_type(RootId=root, PolicyType=kind)
    attached = [row["TargetId"] for page in _pages(management, "list_targets_for_policy", PolicyId=full) for row in page["Targets"]]
    assert {root, unit, MEMBER, DELEGATED, MANAGEMENT} <= set(attached)
    last = refusal(management.detach_policy, PolicyId=full, TargetId=unit)
    assert (last["code"], last["reason"]) == ("ConstraintViolationException", "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")
    statement = {"Effect": "Allow", "NotAction": ["guardduty:*"], "Resource": "*"}
    content = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    made = management.create_policy(Content=content, Name="Listed", Description="", Type=kind)["Policy"]["PolicySummary"]
    again = refusal(management.create_policy, Content=content, Name="Listed", Description="", Type=kind)
    assert again["code"] == "DuplicatePolicyException"
    management.attach_policy(PolicyId=made["Id"], TargetId=unit)
    detectors = session_for(front, MEMBER).client("guardduty").list_detectors
    assert detectors(), "FullAWSAccess is beside it"
    management.detach_policy(PolicyId=full, TargetId=unit)
    assert "because no service control policy allows" in refusal(detectors)["text"]
    assert session_for(front, DELEGATED).client("guardduty").list_detectors(), "another unit"
    names = [each["Name"] for each in management.list_policies_for_target(TargetId=unit, Filter=kind)["Policies"]]
    assert names == ["Listed"]
    assert refusal(management.detach_policy, PolicyId=full, TargetId=unit)["code"] == "PolicyNotAttachedException"
    assert refusal(management.attach_policy, PolicyId=made["Id"], TargetId=unit)["code"] == "DuplicatePolicyAttachmentException"
    assert refusal(management.detach_policy, PolicyId=made["Id"], TargetId=unit)["code"] == "ConstraintViolationException"
    management.attach_policy(PolicyId=full, TargetId=unit)
    assert detectors()
    management.detach_policy(PolicyId=made["Id"], TargetId=unit)
    management.disable_policy_type(RootId=root, PolicyType=kind)
    refused = refusal(management.attach_policy, PolicyId=full, TargetId=unit)
    assert refused["code"] == "PolicyTypeNotEnabledException"


def _pages(client: Any, operation: str, **parameters: Any) -> Any:
    return client.get_paginator(operation).paginate(**parameters)


@pytest.mark.fact("ORG-3.2-28", "ORG-3.2-29", "ORG-3.2-30")
def test_regions_are_the_callers_own_unless_trusted_access_lets_ask_for_others() -> None:
    front = build_app("default", moto=False)
    own = {each["RegionName"]: each["RegionOptStatus"] for each in _regions(front, MANAGEMENT)}
    assert own == {"us-east-1": "ENABLED_BY_DEFAULT", "us-east-2": "ENABLED_BY_DEFAULT", "eu-south-1": "ENABLED"}
    assert {"RegionName": "eu-south-1", "RegionOptStatus": "DISABLED"} in _regions(front, MANAGEMENT, AccountId="131313131313")
    account = session_for(front, MANAGEMENT).client("account")
    assert "standalone context" in refusal(account.list_regions, AccountId=MANAGEMENT)["text"]
    assert (
        refusal(session_for(front, MEMBER).client("account").list_regions, AccountId=DELEGATED)["code"] == "AccessDeniedException"
    )
    assert refusal(account.list_regions, MaxResults=51)["code"] == "ValidationException"
    del front.world.organization.trusted["account.amazonaws.com"]
    assert refusal(account.list_regions, AccountId=DELEGATED)["code"] == "AccessDeniedException"


@pytest.mark.fact("ORG-3.2-40")
def test_opting_in_takes_polls() -> None:
    front = build_app("default", moto=False)
    account = session_for(front, "131313131313").client("account")
    account.enable_region(RegionName="eu-south-1")
    seen = [account.get_region_opt_status(RegionName="eu-south-1")["RegionOptStatus"] for _ in range(3)]
    assert seen == ["ENABLING", "ENABLING", "ENABLED"]
    assert refusal(account.enable_region, RegionName="us-east-1")["code"] == "ValidationException"


def _regions(front: Front, account: str, **parameters: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = session_for(front, account).client("account").list_regions(**parameters)["Regions"]
    return found


def test_a_recorder_runs_where_the_seed_says(client: Client) -> None:
    running = client("config", DELEGATED, "us-east-2").describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    assert [each["recording"] for each in running] == [True]
    assert client("config", DELEGATED).describe_configuration_recorders()["ConfigurationRecorders"][0]["name"] == "default"
    assert client("config", "666666666666").describe_configuration_recorders()["ConfigurationRecorders"] == []


@pytest.mark.fact("RM-9-12")
def test_an_enabled_policy_type_keeps_trusted_access_on(management: Any) -> None:
    kind, root = "GUARDDUTY_POLICY", management.list_roots()["Roots"][0]["Id"]
    management.enable_aws_service_access(ServicePrincipal=GUARDDUTY)
    shown = management.enable_policy_type(RootId=root, PolicyType=kind)["Root"]["PolicyTypes"]
    assert shown == management.list_roots()["Roots"][0]["PolicyTypes"] == [{"Type": kind, "Status": "ENABLED"}]
    assert refusal(management.enable_policy_type, RootId=root, PolicyType=kind)["code"] == "PolicyTypeAlreadyEnabledException"
    assert refusal(management.enable_policy_type, RootId="r-none", PolicyType=kind)["code"] == "RootNotFoundException"
    kept = refusal(management.disable_aws_service_access, ServicePrincipal=GUARDDUTY)
    assert kept["reason"] == "POLICY_TYPE_ENABLED_FOR_THIS_SERVICE"
    assert management.disable_policy_type(RootId=root, PolicyType=kind)["Root"]["PolicyTypes"] == []
    assert refusal(management.disable_policy_type, RootId=root, PolicyType=kind)["code"] == "PolicyTypeNotEnabledException"
    management.disable_aws_service_access(ServicePrincipal=GUARDDUTY)


@pytest.mark.parametrize("becomes", ["ends them", "refused", "kept"])
@pytest.mark.fact("RM-9-13")
def test_what_becomes_of_delegations_without_trusted_access_is_a_variant(client: Client, front: Front, becomes: str) -> None:
    front.world.variants["trusted access with delegations"] = becomes
    management = client("organizations", MANAGEMENT)
    for region in ("us-east-1", "us-east-2"):
        client("guardduty", MANAGEMENT, region).enable_organization_admin_account(AdminAccountId=DELEGATED)
    if becomes == "refused":
        kept = refusal(management.disable_aws_service_access, ServicePrincipal=GUARDDUTY)
        assert kept["reason"] == "DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE"
    else:
        management.disable_aws_service_access(ServicePrincipal=GUARDDUTY)
    left = management.list_delegated_administrators(ServicePrincipal=GUARDDUTY)["DelegatedAdministrators"]
    assert bool(left) is (becomes != "ends them")
    administered = client("guardduty", MANAGEMENT).list_organization_admin_accounts()["AdminAccounts"]
    assert bool(administered) is (becomes != "ends them")


@pytest.mark.fact("RM-9-10")
def test_an_account_that_is_removed_or_closed_leaves_its_administrators_and_one_that_administers_stays(client: Client) -> None:
    management, guardduty = client("organizations", MANAGEMENT), client("guardduty", DELEGATED)
    client("guardduty", MANAGEMENT).enable_organization_admin_account(AdminAccountId=DELEGATED)
    for _ in range(4):  # until the designation is usable
        detector = "".join(guardduty.list_detectors()["DetectorIds"])
    emails = {each: management.describe_account(AccountId=each)["Account"]["Email"] for each in (MEMBER, RUNNER)}
    details = [{"AccountId": each, "Email": email} for each, email in emails.items()]
    for _ in range(4):
        with suppress(ClientError):
            guardduty.create_members(DetectorId=detector, AccountDetails=details)
    listed = {each["AccountId"] for each in guardduty.list_members(DetectorId=detector)["Members"]}
    assert listed == {MEMBER, RUNNER}
    for call in (management.remove_account_from_organization, management.close_account):
        assert refusal(call, AccountId=DELEGATED)["reason"] == "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG"
        assert refusal(call, AccountId="999999999999")["code"] == "AccountNotFoundException"
    gone = refusal(management.remove_account_from_organization, AccountId=MANAGEMENT)
    assert gone["code"] == "MasterCannotLeaveOrganizationException"
    assert refusal(management.close_account, AccountId=MANAGEMENT)["reason"] == "CANNOT_CLOSE_MANAGEMENT_ACCOUNT"
    management.remove_account_from_organization(AccountId=MEMBER)
    management.close_account(AccountId=RUNNER)
    assert MEMBER not in {each["Id"] for page in [management.list_accounts()] for each in page["Accounts"]}
    left = {each["AccountId"]: each["RelationshipStatus"] for each in guardduty.list_members(DetectorId=detector)["Members"]}
    assert left == {RUNNER: "AccountSuspended"}


@pytest.mark.fact("RM-9-11")
def test_a_closed_account_is_suspended_after_a_while_and_few_may_be_closed_in_a_month(client: Client, front: Front) -> None:
    management = client("organizations", MANAGEMENT)
    management.close_account(AccountId=RUNNER)
    seen = [management.describe_account(AccountId=RUNNER)["Account"]["State"] for _ in range(6)]
    assert (seen[0], seen[-1]) == ("PENDING_CLOSURE", "SUSPENDED")
    assert refusal(management.close_account, AccountId=RUNNER)["code"] == "AccountAlreadyClosedException"
    from runbook_lib.rehearsal.operations.organizations import OrganizationsState

    front.world.of(OrganizationsState).closures = [front.world.now()] * 250
    assert refusal(management.close_account, AccountId=MEMBER)["reason"] == "CLOSE_ACCOUNT_QUOTA_EXCEEDED"
    front.world.skip(31 * 24 * 3600)
    management.close_account(AccountId=MEMBER)
