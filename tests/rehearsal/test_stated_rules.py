"""Rules of AWS that the fact list states and that no other test of the simulation holds."""

from collections.abc import Callable
from typing import Any

import guardduty_steps
import inspector2_steps
import pytest
import twins
from botocore.exceptions import ClientError
from securityhub_rig import DELEGATED, HOME, MANAGEMENT, OPT_IN, PLAIN, POLLS, SECOND, Rig, refused
from small_organization import MEMBER
from small_world import MEMBERS, Caller, small_world

from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.identity import Credential
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.limits import RATES
from runbook_lib.rehearsal.organization import deregister_delegated, join_account
from runbook_lib.rehearsal.scenario import Scenario
from runbook_lib.rehearsal.world import SimulatedAccount

Client = Callable[..., Any]
GUARDDUTY = "guardduty.amazonaws.com"


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def guardduty() -> Caller:
    return Caller(small_world(), "guardduty")


@pytest.fixture
def inspector() -> Caller:
    return Caller(inspector2_steps.trusting_world(), "inspector2")


# Organizations, account, sts


@pytest.mark.parametrize(
    ("operations", "rate"),
    [
        ("organizations: DescribeAccount", (20, 30)),
        ("organizations: DescribeOrganization ListRoots", (1, 2)),
        ("organizations: ListAccounts", (8, 12)),
        ("organizations: ListParents ListAccountsForParent ListOrganizationalUnitsForParent ListDelegatedAdministrators", (5, 8)),
        ("organizations: ListChildren", (6, 10)),
        ("organizations: EnableAWSServiceAccess DisableAWSServiceAccess", (1, 2)),
        ("organizations: RegisterDelegatedAdministrator DeregisterDelegatedAdministrator", (1, 2)),
        ("organizations: ListAWSServiceAccessForOrganization ListDelegatedServicesForAccount", (1, 3)),
        ("organizations: CreateAccount", (0.1, 3)),
        *((f"{service}: {names}", tuple(rate)) for service, (names, rate) in twins.rows("simulation", "rates")),
    ],
)
@pytest.mark.fact("ORG-3.1-01", "ORG-3.1-02", "ORG-3.1-03", "ORG-3.1-04", "ORG-3.1-05", "SH-4.1-01", "SH-4.1-02")
def test_documented_rates(operations: str, rate: tuple[float, float]) -> None:
    service, _, names = operations.partition(": ")
    assert {RATES.get(f"{service}:{name}", RATES[f"{service}:*"]) for name in names.split()} == {rate}


@pytest.mark.fact("ORG-3.2-02")
def test_an_account_outside_has_no_organization(client: Client) -> None:
    with pytest.raises(ClientError, match="not a member of an organization") as caught:
        client("organizations", "999999999999").describe_organization()
    assert caught.value.response["Error"]["Code"] == "AWSOrganizationsNotInUseException"


@pytest.mark.parametrize("method", ["list_delegated_administrators", "list_aws_service_access_for_organization"])
@pytest.mark.fact("ORG-3.2-15", "ORG-3.2-21")
def test_pages_of_at_most_twenty(client: Client, method: str) -> None:
    call = getattr(client("organizations"), method)
    assert call(MaxResults=20)
    with pytest.raises(ClientError) as caught:
        call(MaxResults=21)
    assert caught.value.response["Error"]["Code"] == "InvalidInputException"


@pytest.mark.fact("ORG-3.2-19")
def test_registration_needs_all_features(client: Client, front: Front) -> None:
    made = client("organizations")
    made.enable_aws_service_access(ServicePrincipal=GUARDDUTY)
    front.world.organization.feature_set = "CONSOLIDATED_BILLING"
    with pytest.raises(ClientError) as caught:
        made.register_delegated_administrator(AccountId=MEMBER, ServicePrincipal=GUARDDUTY)
    assert dict(caught.value.response)["Reason"] == "ORGANIZATION_NOT_IN_ALL_FEATURES_MODE"


@pytest.mark.fact("ORG-3.2-23")
def test_services_of_an_unknown_account(client: Client) -> None:
    with pytest.raises(ClientError) as caught:
        client("organizations").list_delegated_services_for_account(AccountId="999999999999")
    assert caught.value.response["Error"]["Code"] == "AccountNotFoundException"


@pytest.mark.fact("ORG-3.2-30")
def test_regions_can_be_filtered_by_state() -> None:
    account = session_for(build_app("default", moto=False), MANAGEMENT).client("account")

    def regions(*states: str) -> list[str]:
        return [each["RegionName"] for each in account.list_regions(RegionOptStatusContains=list(states))["Regions"]]

    assert regions("ENABLED_BY_DEFAULT") == ["us-east-1", "us-east-2"]
    assert regions("ENABLED") == ["eu-south-1"]
    assert regions("DISABLED", "DISABLING") == []


@pytest.mark.fact("ORG-3.2-31")
def test_a_denied_role_may_still_ask_who_it_is(
    client: Client, front: Front, role_session: Callable[[str, str], Credential]
) -> None:
    front.world.organization.accounts[DELEGATED].roles["RunbookDelegated"].denied = ("*",)
    session = role_session(DELEGATED, "RunbookDelegated")
    with pytest.raises(ClientError):
        client("guardduty", DELEGATED, credential=session).list_detectors()
    assert client("sts", DELEGATED, credential=session).get_caller_identity()["Account"] == DELEGATED


@pytest.mark.parametrize("principal", [principal for _, principal in twins.rows("simulation", "principals")])
@pytest.mark.fact("ORG-3.2-41")
def test_the_four_service_principals(client: Client, principal: str) -> None:
    made = client("organizations")
    made.enable_aws_service_access(ServicePrincipal=principal)
    listed = made.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert principal in [each["ServicePrincipal"] for each in listed]


@pytest.mark.fact("MF-10.1-09")
def test_a_barred_administrator_can_be_designated() -> None:
    front = build_app("region-deny", moto=False)
    management = session_for(front, MANAGEMENT, "us-east-2")
    management.client("organizations").enable_aws_service_access(ServicePrincipal="inspector2.amazonaws.com")
    management.client("inspector2").enable_delegated_admin_account(delegatedAdminAccountId=DELEGATED)
    with pytest.raises(ClientError, match="explicit deny in a service control policy"):
        session_for(front, DELEGATED, "us-east-2").client("inspector2").batch_get_account_status()


@pytest.mark.parametrize(
    ("service", "method", "code"),
    [
        ("organizations", "list_roots", "ServiceException"),
        ("account", "list_regions", "InternalServerException"),
        *((service, *row) for service, row in twins.rows("simulation", "failing")),
    ],
)
@pytest.mark.fact("IN-6.1-02")
def test_a_failure_is_called_as_each_service_calls_it(client: Client, front: Front, service: str, method: str, code: str) -> None:
    front.scenario = Scenario.model_validate({"faults": [{"kind": "error"}]})
    front.adopt(front.world)
    with pytest.raises(ClientError) as caught:
        getattr(client(service), method)()
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


# Security Hub


@pytest.mark.fact("ORG-3.2-25", "SH-4.6-11")
def test_deregistering_ends_central_configuration(rig: Rig) -> None:
    rig.designate()
    rig().create_finding_aggregator(RegionLinkingMode="NO_REGIONS")
    central = {"ConfigurationType": "CENTRAL"}
    rig().update_organization_configuration(AutoEnable=False, AutoEnableStandards="NONE", OrganizationConfiguration=central)
    for _ in range(POLLS):
        rig().describe_organization_configuration()
    rig().create_configuration_policy(Name="base", ConfigurationPolicy={"SecurityHub": {"ServiceEnabled": False}})
    deregister_delegated(rig.world, "securityhub.amazonaws.com", DELEGATED)
    rig.designate()
    found = rig().describe_organization_configuration()["OrganizationConfiguration"]
    assert found["ConfigurationType"] == "LOCAL"
    must = "Must be a Security Hub delegated administrator with Central Configuration enabled"
    refused(rig().list_configuration_policies, "AccessDeniedException", must)


@pytest.mark.fact("SH-4.3-19")
def test_settings_may_be_sent_again(rig: Rig) -> None:
    rig.designate()
    for _ in range(2):
        rig().update_organization_configuration(AutoEnable=True, AutoEnableStandards="NONE")
        found = rig().describe_organization_configuration()
        assert (found["AutoEnable"], found["AutoEnableStandards"]) == (True, "NONE")


@pytest.mark.fact("SH-4.3-26")
def test_the_generator_of_a_new_hub(rig: Rig) -> None:
    rig(PLAIN).enable_security_hub()
    assert rig(PLAIN).describe_hub()["ControlFindingGenerator"] == "SECURITY_CONTROL"


@pytest.mark.fact("SH-4.4-09")
def test_a_home_region_moves_by_deleting_and_creating(rig: Rig) -> None:
    for region in (HOME, SECOND):
        rig(PLAIN, region).enable_security_hub()
    arn = rig(PLAIN).create_finding_aggregator(RegionLinkingMode="NO_REGIONS")["FindingAggregatorArn"]
    refused(lambda: rig(PLAIN, SECOND).create_finding_aggregator(RegionLinkingMode="NO_REGIONS"), "LimitExceededException")
    rig(PLAIN).delete_finding_aggregator(FindingAggregatorArn=arn)
    moved = rig(PLAIN, SECOND).create_finding_aggregator(RegionLinkingMode="NO_REGIONS")
    assert moved["FindingAggregationRegion"] == SECOND


@pytest.mark.fact("SH-4.4-12")
def test_an_aggregator_enables_nothing(rig: Rig) -> None:
    rig(PLAIN).enable_security_hub()
    rig(PLAIN).create_finding_aggregator(RegionLinkingMode="ALL_REGIONS")
    refused(rig(PLAIN, SECOND).describe_hub, "InvalidAccessException", "is not subscribed")


@pytest.mark.fact("SH-4.5-03")
def test_action_targets_are_regional(rig: Rig) -> None:
    for region in (HOME, SECOND):
        rig(PLAIN, region).enable_security_hub()
    rig(PLAIN).create_action_target(Name="Send", Description="d", Id="Send")
    assert rig(PLAIN, SECOND).describe_action_targets()["ActionTargets"] == []


@pytest.mark.fact("SH-4.5-06")
def test_action_targets_that_are_not_there(rig: Rig) -> None:
    rig(PLAIN).enable_security_hub()
    arn = f"arn:aws:securityhub:{HOME}:{PLAIN}:action/custom/None"
    refused(lambda: rig(PLAIN).update_action_target(ActionTargetArn=arn, Name="x"), "ResourceNotFoundException")
    refused(lambda: rig(PLAIN).delete_action_target(ActionTargetArn=arn), "ResourceNotFoundException")


@pytest.mark.parametrize(
    "method", ["describe_action_targets", "get_enabled_standards", "describe_standards", "list_enabled_products_for_import"]
)
@pytest.mark.fact("SH-4.5-05", "SH-4.5-07", "SH-4.5-14", "SH-4.5-18")
def test_pages_of_at_most_a_hundred(rig: Rig, method: str) -> None:
    rig(PLAIN).enable_security_hub()
    call = getattr(rig(PLAIN), method)
    assert call(MaxResults=100)
    code = "InvalidAccessException" if method == "list_enabled_products_for_import" else "InvalidInputException"
    with pytest.raises(ClientError) as caught:
        call(MaxResults=101)
    assert caught.value.response["Error"]["Code"] in (code, "InvalidInputException")


@pytest.mark.fact("SH-4.5-07")
def test_at_most_twenty_five_standards_are_asked_for(rig: Rig) -> None:
    rig(PLAIN).enable_security_hub()
    arns = [f"arn:aws:securityhub:{HOME}:{PLAIN}:subscription/made-up/v/{number}" for number in range(26)]
    refused(lambda: rig(PLAIN).get_enabled_standards(StandardsSubscriptionArns=arns), "InvalidInputException")


@pytest.mark.fact("MF-10.1-17")
def test_current_standards_are_offered(rig: Rig) -> None:
    offered = {each["StandardsArn"].partition("standards/")[2] for each in rig(PLAIN).describe_standards()["Standards"]}
    assert {"cis-aws-foundations-benchmark/v/5.0.0", "pci-dss/v/4.0.1"} <= offered


@pytest.mark.fact("MF-10.1-05")
def test_auto_enable_knows_no_units(rig: Rig) -> None:
    rig.designate()
    rig().update_organization_configuration(AutoEnable=True, AutoEnableStandards="NONE")
    for number, parent in (("121212121212", "ou-work"), ("131313131313", "r-root")):
        join_account(rig.world, SimulatedAccount(number, "new", f"{number}@example.com", parent, regions={OPT_IN: "ENABLED"}))
    assert rig.listed() == {"121212121212": "Enabled", "131313131313": "Enabled"}


# GuardDuty


@pytest.mark.fact("GD-5.2-19")
def test_switching_auto_enable_off_changes_no_member(guardduty: Caller) -> None:
    detector = guardduty_steps.designate(guardduty)
    guardduty_steps.configure(guardduty, detector, "NEW", S3_DATA_EVENTS="NEW")
    guardduty_steps.add(guardduty, detector, MEMBERS[0])
    guardduty_steps.settle(guardduty, detector, MEMBERS[0])
    guardduty_steps.configure(guardduty, detector, "NONE", S3_DATA_EVENTS="NONE")
    assert guardduty_steps.list_all(guardduty, detector) == {MEMBERS[0]: "Enabled"}
    assert guardduty_steps.statuses(guardduty_steps.own(guardduty, MEMBERS[0]))["S3_DATA_EVENTS"] == "ENABLED"


# Inspector


@pytest.mark.fact("IN-6.2-14")
def test_disassociating_what_is_not_associated(inspector: Caller) -> None:
    inspector2_steps.designate(inspector)
    code, text = inspector.refused(DELEGATED, "DisassociateMember", accountId=MEMBERS[0])
    assert code == "ValidationException"
    assert "is not yet associated to it" in text


@pytest.mark.fact("IN-6.2-16")
def test_inspectors_administrator_is_not_listed(inspector: Caller) -> None:
    inspector2_steps.designate(inspector)
    inspector2_steps.associate(inspector, MEMBERS[0])
    listed = inspector(DELEGATED, "ListMembers", onlyAssociated=False)["members"]
    assert [each["accountId"] for each in listed] == [MEMBERS[0]]
    assert inspector.refused(DELEGATED, "AssociateMember", accountId=DELEGATED)[0] == "ValidationException"
