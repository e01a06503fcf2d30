"""Security Hub's rules, one by one: the tables of the behaviour notes as cases."""

from collections.abc import Callable
from typing import Any

import pytest
from securityhub_rig import (
    CLOSED,
    DELEGATED,
    HOME,
    MANAGEMENT,
    OPT_IN,
    OTHER,
    OUTSIDER,
    PLAIN,
    POLLS,
    PRINCIPAL,
    SECOND,
    SUSPENDED,
    Rig,
    refused,
)

from runbook_lib.rehearsal.operations.securityhub.serving import designate, install, switch_on
from runbook_lib.rehearsal.organization import deregister_delegated, join_account
from runbook_lib.rehearsal.world import SimulatedAccount

DEFAULTS = {"aws-foundational-security-best-practices/v/1.0.0", "cis-aws-foundations-benchmark/v/1.2.0"}
Step = Callable[[Any], Any]


@pytest.fixture
def rig() -> Rig:
    return Rig()


# The hub of an account


OFF: dict[str, tuple[Step, str, str, int]] = {
    "DescribeHub": (lambda c: c.describe_hub(), "InvalidAccessException", "is not subscribed to AWS Security Hub", 401),
    "GetEnabledStandards": (lambda c: c.get_enabled_standards(), "InvalidAccessException", "is not subscribed", 401),
    "ListEnabledProductsForImport": (
        lambda c: c.list_enabled_products_for_import(),
        "InvalidAccessException",
        "is not subscribed",
        401,
    ),
    "GetAdministratorAccount": (lambda c: c.get_administrator_account(), "InvalidAccessException", "is not subscribed", 401),
    "DescribeOrganizationConfiguration": (
        lambda c: c.describe_organization_configuration(),
        "InvalidAccessException",
        "is not subscribed",
        401,
    ),
    "GetFindingAggregator": (
        lambda c: c.get_finding_aggregator(FindingAggregatorArn="arn:aws:securityhub:us-east-1:4:finding-aggregator/x"),
        "InvalidAccessException",
        "is not subscribed",
        401,
    ),
    "BatchImportFindings": (
        lambda c: c.batch_import_findings(Findings=[finding()]),
        "InvalidAccessException",
        "not subscribed",
        401,
    ),
    "ListMembers": (lambda c: c.list_members(), "BadRequestException", "rejected since no such resource found.", 400),
    "DisableSecurityHub": (lambda c: c.disable_security_hub(), "ResourceNotFoundException", "", 404),
    "DescribeSecurityHubV2": (lambda c: c.describe_security_hub_v2(), "ResourceNotFoundException", "not subscribed to HubV2", 404),
    "ListAggregatorsV2": (lambda c: c.list_aggregators_v2(), "ConflictException", "V2 is not enabled for", 409),
}


def finding() -> dict[str, Any]:
    """The required fields, meaningless."""
    names = ("SchemaVersion", "Id", "ProductArn", "GeneratorId", "AwsAccountId", "CreatedAt", "UpdatedAt", "Title", "Description")
    return dict.fromkeys(names, "x") | {"Resources": [{"Type": "Other", "Id": "x"}]}


@pytest.mark.parametrize(("step", "code", "text", "status"), OFF.values(), ids=OFF)
@pytest.mark.fact("SH-4.1-04", "SH-4.1-09", "SH-4.2-01", "SH-4.2-02", "SH-4.2-10", "SH-4.2-11", "SH-4.3-32")
def test_hub_off(rig: Rig, step: Step, code: str, text: str, status: int) -> None:
    refused(lambda: step(rig(PLAIN)), code, text, status)


@pytest.mark.fact("SH-4.3-25", "SH-4.3-29", "SH-4.5-17")
def test_hub_of_one_account_in_one_region(rig: Rig) -> None:
    rig(PLAIN).enable_security_hub()
    assert rig(PLAIN).describe_hub()["HubArn"] == f"arn:aws:securityhub:{HOME}:{PLAIN}:hub/default"
    refused(rig(PLAIN, SECOND).describe_hub, "InvalidAccessException")
    refused(rig(OTHER).describe_hub, "InvalidAccessException")
    assert rig.world.organization.accounts[PLAIN].service_linked_roles == {"AWSServiceRoleForSecurityHub"}
    assert (
        f"arn:aws:securityhub:{HOME}:{PLAIN}:product-subscription/aws/guardduty"
        in rig(PLAIN).list_enabled_products_for_import()["ProductSubscriptions"]
    )


@pytest.mark.parametrize(("asked", "standards"), [({}, DEFAULTS), ({"EnableDefaultStandards": False}, set())])
@pytest.mark.fact("SH-4.3-24")
def test_enabling_turns_default_standards_on_unless_told_otherwise(rig: Rig, asked: dict[str, bool], standards: set[str]) -> None:
    rig(PLAIN).enable_security_hub(**asked)
    assert set(rig.statuses(PLAIN)) == standards


@pytest.mark.fact("SH-4.1-04", "SH-4.3-27")
def test_enabling_again_conflicts(rig: Rig) -> None:
    rig(PLAIN).enable_security_hub()
    refused(rig(PLAIN).enable_security_hub, "ResourceConflictException", "Account is already subscribed to Security Hub", 409)


@pytest.mark.fact("SH-4.3-29")
def test_hub_settings_and_tags(rig: Rig) -> None:
    rig(PLAIN).enable_security_hub(Tags={"team": "a"}, ControlFindingGenerator="STANDARD_CONTROL")
    rig(PLAIN).update_security_hub_configuration(AutoEnableControls=False)
    hub = rig(PLAIN).describe_hub()
    assert (hub["AutoEnableControls"], hub["ControlFindingGenerator"]) == (False, "STANDARD_CONTROL")
    rig(PLAIN).tag_resource(ResourceArn=hub["HubArn"], Tags={"stage": "b"})
    assert rig(PLAIN).list_tags_for_resource(ResourceArn=hub["HubArn"])["Tags"] == {"team": "a", "stage": "b"}


@pytest.mark.fact("SH-4.3-30", "SH-4.3-31")
def test_who_may_turn_the_hub_off(rig: Rig) -> None:
    rig.designate()
    rig.add(PLAIN)
    text = "Cannot disable Security Hub on the Security Hub administrator"
    refused(rig().disable_security_hub, "InvalidInputException", text)
    refused(rig(PLAIN).disable_security_hub, "InvalidInputException", "Member account cannot disable Security Hub")
    rig(MANAGEMENT).disable_organization_admin_account(AdminAccountId=DELEGATED)
    refused(rig().disable_security_hub, "InvalidInputException", text)
    rig(PLAIN).disable_security_hub()
    for _ in range(POLLS + 1):
        rig(MANAGEMENT).list_organization_admin_accounts()
    rig().disable_security_hub()


def test_no_partition_is_fixed() -> None:
    rig = Rig("aws-us-gov")
    switch_on(rig.world, PLAIN, "us-gov-west-1")
    assert rig(PLAIN, "us-gov-west-1").describe_hub()["HubArn"].startswith("arn:aws-us-gov:securityhub:us-gov-west-1:")
    found = rig(PLAIN, "us-gov-west-1").get_enabled_standards()["StandardsSubscriptions"]
    assert {each["StandardsArn"].split(":")[1] for each in found} == {"aws-us-gov"}


# Designation


@pytest.mark.fact("SH-4.3-01", "SH-4.3-02", "SH-4.3-03", "SH-4.3-04", "SI-11-01")
def test_designation_has_all_its_side_effects_in_this_region_only(rig: Rig) -> None:
    rig.designate()
    assert rig(MANAGEMENT).list_organization_admin_accounts()["AdminAccounts"] == [{"AccountId": DELEGATED, "Status": "ENABLED"}]
    assert rig(MANAGEMENT, SECOND).list_organization_admin_accounts()["AdminAccounts"] == []
    assert set(rig.statuses(DELEGATED)) == DEFAULTS
    refused(rig(DELEGATED, SECOND).describe_hub, "InvalidAccessException")
    refused(rig(MANAGEMENT).describe_hub, "InvalidAccessException", "is not subscribed")
    assert PRINCIPAL in rig.world.organization.trusted
    assert set(rig.world.organization.delegated[PRINCIPAL]) == {DELEGATED}


@pytest.mark.fact("MF-10.1-03")
def test_designation_leaves_a_hub_that_is_on_alone(rig: Rig) -> None:
    rig().enable_security_hub(EnableDefaultStandards=False)
    rig.designate()
    assert rig.statuses(DELEGATED) == {}


@pytest.mark.parametrize("name", ["describe_organization_configuration", "list_members", "create_members", "update", "get_members"])
@pytest.mark.fact("SH-4.2-04", "SI-11-02")
def test_new_administrator_is_refused_at_first(rig: Rig, name: str) -> None:
    rig(MANAGEMENT).enable_organization_admin_account(AdminAccountId=DELEGATED)
    calls: dict[str, Callable[[], Any]] = {
        "describe_organization_configuration": rig().describe_organization_configuration,
        "list_members": rig().list_members,
        "create_members": lambda: rig().create_members(AccountDetails=[{"AccountId": PLAIN}]),
        "update": lambda: rig().update_organization_configuration(AutoEnable=True),
        "get_members": lambda: rig().get_members(AccountIds=[PLAIN]),
    }
    for _ in range(POLLS):
        refused(calls[name], "InvalidAccessException", f"Account {DELEGATED} is not an administrator for this organization", 401)
    calls[name]()


@pytest.mark.parametrize("operation", ["enable_organization_admin_account", "disable_organization_admin_account"])
@pytest.mark.parametrize("caller", [DELEGATED, PLAIN])
@pytest.mark.fact("SH-4.1-04", "SH-4.1-10", "SH-4.2-06")
def test_only_the_management_account_designates(rig: Rig, operation: str, caller: str) -> None:
    refused(lambda: getattr(rig(caller), operation)(AdminAccountId=DELEGATED), "AccessDeniedException", status=403)
    refused(rig(caller).list_organization_admin_accounts, "AccessDeniedException", status=403)


@pytest.mark.fact("SH-4.1-10", "SH-4.2-05")
def test_an_outsider_has_no_organization(rig: Rig) -> None:
    text = "Your account is not a member of an organization"
    refused(rig(OUTSIDER).list_organization_admin_accounts, "AccessDeniedException", text)


@pytest.mark.parametrize(("variant", "code"), [("ok", None), ("conflict", "ResourceConflictException")])
@pytest.mark.fact("SH-4.3-05")
def test_designating_again(rig: Rig, variant: str, code: str | None) -> None:
    rig.world.variants["securityhub designate again"] = variant
    rig.designate()
    if code is None:
        rig(MANAGEMENT).enable_organization_admin_account(AdminAccountId=DELEGATED)
        rig().describe_organization_configuration()
    else:
        refused(lambda: rig(MANAGEMENT).enable_organization_admin_account(AdminAccountId=DELEGATED), code, status=409)


@pytest.mark.parametrize("region", [HOME, SECOND])
@pytest.mark.fact("RM-9-07", "SH-4.1-07", "SH-4.3-08")
def test_another_account_in_any_region_blocks(rig: Rig, region: str) -> None:
    rig.designate()
    refused(lambda: rig(MANAGEMENT, region).enable_organization_admin_account(AdminAccountId=PLAIN), "ResourceConflictException")


def test_another_account_registered_in_organizations_blocks(rig: Rig) -> None:
    rig.world.organization.delegated[PRINCIPAL] = {PLAIN: 0.0}
    refused(lambda: rig(MANAGEMENT).enable_organization_admin_account(AdminAccountId=DELEGATED), "ResourceConflictException")


def test_the_management_account_as_administrator_blocks_too_though_nothing_is_registered(rig: Rig) -> None:
    rig.designate(account=MANAGEMENT)
    assert PRINCIPAL not in rig.world.organization.delegated
    refused(
        lambda: rig(MANAGEMENT, SECOND).enable_organization_admin_account(AdminAccountId=DELEGATED), "ResourceConflictException"
    )


@pytest.mark.fact("RM-9-06")
def test_a_removal_in_progress_blocks(rig: Rig) -> None:
    rig.designate()
    rig(MANAGEMENT).disable_organization_admin_account(AdminAccountId=DELEGATED)
    enable = rig(MANAGEMENT).enable_organization_admin_account
    refused(lambda: enable(AdminAccountId=DELEGATED), "ResourceConflictException")
    for _ in range(POLLS + 1):
        rig(MANAGEMENT).list_organization_admin_accounts()
    enable(AdminAccountId=DELEGATED)


@pytest.mark.parametrize(("account", "region"), [(OUTSIDER, HOME), (SUSPENDED, HOME), (CLOSED, HOME), (OTHER, OPT_IN)])
def test_who_cannot_be_designated(rig: Rig, account: str, region: str) -> None:
    refused(lambda: rig(MANAGEMENT, region).enable_organization_admin_account(AdminAccountId=account), "InvalidInputException")


@pytest.mark.fact("RM-9-01", "SH-4.1-08", "SH-4.3-10", "SH-4.3-11", "SH-4.3-12")
def test_removal_is_regional_and_leaves_hubs_and_registration(rig: Rig) -> None:
    rig.designate(HOME, SECOND)
    rig.add(PLAIN)
    refused(
        lambda: rig(MANAGEMENT).disable_organization_admin_account(AdminAccountId=PLAIN),
        "ResourceNotFoundException",
        "Admin account was not found for this organization",
    )
    rig(MANAGEMENT).disable_organization_admin_account(AdminAccountId=DELEGATED)
    seen = [rig(MANAGEMENT).list_organization_admin_accounts()["AdminAccounts"] for _ in range(POLLS + 1)]
    assert [[each["Status"] for each in one] for one in seen] == [["DISABLE_IN_PROGRESS"], ["DISABLE_IN_PROGRESS"], []]
    assert rig(MANAGEMENT, SECOND).list_organization_admin_accounts()["AdminAccounts"][0]["Status"] == "ENABLED"
    assert DELEGATED in rig.world.organization.delegated[PRINCIPAL]
    assert rig(PLAIN).get_administrator_account().get("Administrator") is None
    rig(PLAIN).describe_hub()
    refused(
        lambda: rig(MANAGEMENT).disable_organization_admin_account(AdminAccountId=DELEGATED),
        "ResourceNotFoundException",
        "Admin account was not found for this organization",
    )


@pytest.mark.fact("ORG-3.2-24", "RM-9-01", "RM-9-05", "SI-11-12")
def test_deregistration_removes_the_administrator_everywhere(rig: Rig) -> None:
    rig.designate(HOME, SECOND)
    rig.add(PLAIN)
    deregister_delegated(rig.world, "guardduty.amazonaws.com", DELEGATED)
    assert rig.listed() == {PLAIN: "Enabled"}
    deregister_delegated(rig.world, PRINCIPAL, DELEGATED)
    assert [rig(MANAGEMENT, each).list_organization_admin_accounts()["AdminAccounts"] for each in (HOME, SECOND)] == [[], []]
    refused(rig().describe_organization_configuration, "InvalidAccessException", "is not an administrator")
    rig(PLAIN).describe_hub()
    assert rig(PLAIN).get_administrator_account().get("Administrator") is None


# Settings for new accounts


@pytest.mark.fact("MF-10.1-02", "SH-4.3-14", "SH-4.3-16", "SH-4.3-17")
def test_configuration_is_per_region_and_starts_off(rig: Rig) -> None:
    rig.designate(HOME, SECOND)
    rig().update_organization_configuration(AutoEnable=True, AutoEnableStandards="NONE")
    found = [rig(DELEGATED, each).describe_organization_configuration() for each in (HOME, SECOND)]
    assert [(each["AutoEnable"], each["AutoEnableStandards"]) for each in found] == [(True, "NONE"), (False, "DEFAULT")]
    assert found[0]["OrganizationConfiguration"] == {"ConfigurationType": "LOCAL", "Status": "ENABLED"}
    assert found[0]["MemberAccountLimitReached"] is False
    rig().update_organization_configuration(AutoEnable=True)
    assert rig().describe_organization_configuration()["AutoEnableStandards"] == "DEFAULT"


@pytest.mark.fact("SH-4.2-04")
def test_configuration_belongs_to_the_administrator(rig: Rig) -> None:
    rig.designate()
    rig(PLAIN).enable_security_hub()
    refused(rig(PLAIN).describe_organization_configuration, "InvalidAccessException", "is not an administrator", 401)
    refused(
        lambda: rig(PLAIN).update_organization_configuration(AutoEnable=True), "InvalidAccessException", "is not an administrator"
    )


@pytest.mark.parametrize(("standards", "expected"), [("DEFAULT", DEFAULTS), ("NONE", set())])
@pytest.mark.fact("SH-4.3-16", "SI-11-05")
def test_auto_enable_takes_new_accounts_only_where_their_region_is_on(rig: Rig, standards: str, expected: set[str]) -> None:
    rig.designate(HOME, SECOND, OPT_IN)
    for region in (HOME, OPT_IN):
        rig(DELEGATED, region).update_organization_configuration(AutoEnable=True, AutoEnableStandards=standards)
    join_account(rig.world, SimulatedAccount("121212121212", "new", "new@example.com", "ou-work"))
    assert rig.listed() == {"121212121212": "Enabled"}
    assert rig.listed(SECOND) == rig.listed(OPT_IN) == {}
    assert set(rig.statuses("121212121212")) == expected
    refused(rig("121212121212", SECOND).describe_hub, "InvalidAccessException")


# Seeds


def test_a_seeded_administrator_is_usable_at_once(rig: Rig) -> None:
    designate(rig.world, DELEGATED, HOME)
    assert rig.listed() == {}


def test_events_are_heard_once_however_often_installed(rig: Rig) -> None:
    before = {event: len(handlers) for event, handlers in rig.world._listeners.items()}
    install(rig.world)
    assert {event: len(handlers) for event, handlers in rig.world._listeners.items()} == before
    rig.designate()
    rig().update_organization_configuration(AutoEnable=True)
    join_account(rig.world, SimulatedAccount("121212121212", "new", "new@example.com", "ou-work"))
    assert rig.listed() == {"121212121212": "Enabled"}
