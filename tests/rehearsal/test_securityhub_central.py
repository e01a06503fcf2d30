"""Central configuration of Security Hub: when it may be on, and what its policies do in the accounts under them."""

from collections.abc import Callable
from typing import Any

import pytest
from securityhub_rig import DELEGATED, HOME, MANAGEMENT, OPT_IN, OTHER, PLAIN, POLLS, SECOND, Rig, refused

from runbook_lib.rehearsal.world import SimulatedAccount

NIST = "arn:aws:securityhub:us-east-1::standards/nist-800-53/v/5.0.0"


@pytest.fixture
def rig() -> Rig:
    return Rig()


CENTRAL = {"ConfigurationType": "CENTRAL"}


def update(rig: Rig, region: str = HOME, *, auto: bool = False, standards: str = "NONE", kind: str = "CENTRAL") -> None:
    rig(DELEGATED, region).update_organization_configuration(
        AutoEnable=auto, AutoEnableStandards=standards, OrganizationConfiguration={"ConfigurationType": kind}
    )


def centralize(rig: Rig) -> str:
    """Central configuration on and settled, linked to the second Region; the id of a policy with one standard."""
    rig.designate(HOME, SECOND)
    rig().create_finding_aggregator(RegionLinkingMode="SPECIFIED_REGIONS", Regions=[SECOND])
    update(rig)
    for _ in range(POLLS):
        rig().describe_organization_configuration()
    settings = {"SecurityHub": {"ServiceEnabled": True, "EnabledStandardIdentifiers": [NIST]}}
    return str(rig().create_configuration_policy(Name="base", ConfigurationPolicy=settings)["Id"])


@pytest.mark.fact("SH-4.2-09", "SH-4.3-18", "SH-4.3-20", "SH-4.3-22")
def test_central_configuration_starts_pending_and_everywhere(rig: Rig) -> None:
    rig.designate(HOME, SECOND)
    rig(DELEGATED, SECOND).update_organization_configuration(AutoEnable=True)
    refused(lambda: update(rig), "ResourceNotFoundException", "aggregator")
    rig().create_finding_aggregator(RegionLinkingMode="NO_REGIONS")
    text = "Auto Enable and AutoEnableStandards can not be enabled for Central Configuration"
    refused(lambda: update(rig, auto=True), "InvalidInputException", text)
    refused(lambda: update(rig, standards="DEFAULT"), "InvalidInputException", text)
    aggregation = "Central Configuration APIs can only be called from the aggregation region"
    refused(lambda: update(rig, SECOND), "AccessDeniedException", aggregation)
    update(rig)
    seen = [rig().describe_organization_configuration()["OrganizationConfiguration"]["Status"] for _ in range(POLLS + 1)]
    assert seen == ["PENDING"] * POLLS + ["ENABLED"]
    found = rig(DELEGATED, SECOND).describe_organization_configuration()
    assert (found["AutoEnable"], found["AutoEnableStandards"]) == (False, "NONE")
    assert found["OrganizationConfiguration"]["ConfigurationType"] == "CENTRAL"
    refused(lambda: rig().update_organization_configuration(AutoEnable=True), "InvalidInputException", text)


@pytest.mark.fact("SH-4.3-21")
def test_central_configuration_is_not_for_the_management_account(rig: Rig) -> None:
    rig.designate(account=MANAGEMENT)
    assert rig.world.organization.delegated.get("securityhub.amazonaws.com") is None
    rig(MANAGEMENT).create_finding_aggregator(RegionLinkingMode="NO_REGIONS")
    refused(
        lambda: rig(MANAGEMENT).update_organization_configuration(
            AutoEnable=False, AutoEnableStandards="NONE", OrganizationConfiguration=CENTRAL
        ),
        "AccessDeniedException",
    )


@pytest.mark.fact("RM-9-02", "SH-4.3-13", "SH-4.4-15", "SH-4.6-09", "SH-4.6-10")
def test_central_configuration_holds_what_it_needs(rig: Rig) -> None:
    policy = centralize(rig)
    [aggregator] = rig().list_finding_aggregators()["FindingAggregators"]
    refused(lambda: rig().delete_finding_aggregator(**aggregator), "InvalidInputException")
    refused(lambda: rig(MANAGEMENT).disable_organization_admin_account(AdminAccountId=DELEGATED), "ResourceConflictException")
    refused(lambda: update(rig, kind="LOCAL"), "ResourceConflictException")
    rig().delete_configuration_policy(Identifier=policy)
    update(rig, kind="LOCAL", auto=True)
    assert rig().describe_organization_configuration()["OrganizationConfiguration"]["ConfigurationType"] == "LOCAL"


@pytest.mark.fact("SH-4.6-02", "SH-4.6-05", "SH-4.6-07", "SH-4.6-09")
def test_a_policy_reaches_existing_and_new_accounts_in_all_governed_regions(rig: Rig) -> None:
    policy = centralize(rig)
    answer = rig().start_configuration_policy_association(
        ConfigurationPolicyIdentifier=policy, Target={"OrganizationalUnitId": "ou-work"}
    )
    assert answer["AssociationStatus"] == "PENDING"
    seen = [rig().get_configuration_policy_association(Target={"AccountId": PLAIN}) for _ in range(POLLS)]
    assert [each["AssociationStatus"] for each in seen] == ["PENDING", "SUCCESS"]
    assert (seen[0]["AssociationType"], seen[0]["ConfigurationPolicyId"]) == ("INHERITED", policy)
    rig.world.organization.accounts["121212121212"] = SimulatedAccount("121212121212", "new", "new@example.com", "ou-work")
    rig.world.tell("account joined", account="121212121212")
    for region in (HOME, SECOND):
        assert {PLAIN, OTHER, "121212121212"} <= set(rig.listed(region))
        assert set(rig.statuses(PLAIN, region)) == {"nist-800-53/v/5.0.0"}
    assert len(rig().list_configuration_policy_associations()["ConfigurationPolicyAssociationSummaries"]) == 5
    refused(lambda: rig().delete_configuration_policy(Identifier=policy), "ResourceConflictException")


@pytest.mark.parametrize("variant", ["refused", "released"])
@pytest.mark.fact("SH-4.6-08", "RM-9-02")
def test_a_governed_member_is_not_disassociated(rig: Rig, variant: str) -> None:
    rig.world.variants["securityhub governed members"] = variant
    policy = centralize(rig)
    target = {"OrganizationalUnitId": "ou-work"}
    rig().start_configuration_policy_association(ConfigurationPolicyIdentifier=policy, Target=target)
    if variant == "refused":
        refused(lambda: rig().disassociate_members(AccountIds=[PLAIN]), "InvalidInputException")
        assert rig.listed(HOME)[PLAIN] == "Enabled"
        rig().start_configuration_policy_disassociation(ConfigurationPolicyIdentifier=policy, Target=target)
    rig().disassociate_members(AccountIds=[PLAIN])
    assert rig.listed(HOME, OnlyAssociated=False)[PLAIN] == "Removed"


GOVERNED: dict[str, Callable[[Any], Any]] = {
    "enable hub": lambda client: client.enable_security_hub(),
    "disable hub": lambda client: client.disable_security_hub(),
    "update hub": lambda client: client.update_security_hub_configuration(AutoEnableControls=False),
    "enable standards": lambda client: client.batch_enable_standards(StandardsSubscriptionRequests=[{"StandardsArn": NIST}]),
    "disable standards": lambda client: client.batch_disable_standards(StandardsSubscriptionArns=[NIST]),
}


@pytest.mark.parametrize("step", GOVERNED.values(), ids=GOVERNED)
@pytest.mark.fact("SH-4.2-08", "SH-4.6-04", "SH-4.6-08")
def test_a_governed_account_changes_nothing_until_it_manages_itself(rig: Rig, step: Callable[[Any], Any]) -> None:
    policy = centralize(rig)
    rig().start_configuration_policy_association(ConfigurationPolicyIdentifier=policy, Target={"RootId": "r-root"})
    text = "This account is currently associated with a central configuration policy, so only the administrator can access"
    refused(lambda: step(rig(PLAIN)), "AccessDeniedException", text, 403)
    rig().start_configuration_policy_association(
        ConfigurationPolicyIdentifier="SELF_MANAGED_SECURITY_HUB", Target={"AccountId": PLAIN}
    )
    rig(PLAIN).update_security_hub_configuration(AutoEnableControls=False)
    refused(lambda: step(rig(OTHER)), "AccessDeniedException", text)


@pytest.mark.fact("SH-4.6-06")
def test_central_configuration_designates_in_linked_regions(rig: Rig) -> None:
    rig.designate(HOME)
    rig().create_finding_aggregator(RegionLinkingMode="SPECIFIED_REGIONS", Regions=[SECOND])
    update(rig)
    shown = [rig(MANAGEMENT, each).list_organization_admin_accounts()["AdminAccounts"] for each in (SECOND, OPT_IN)]
    assert shown == [[{"AccountId": DELEGATED, "Status": "ENABLED"}], []]


@pytest.mark.fact("SH-4.6-05")
def test_a_region_that_is_not_linked_is_not_governed(rig: Rig) -> None:
    policy = centralize(rig)
    rig().start_configuration_policy_association(ConfigurationPolicyIdentifier=policy, Target={"RootId": "r-root"})
    rig(PLAIN, OPT_IN).enable_security_hub()
    assert OPT_IN in rig(PLAIN, OPT_IN).describe_hub()["HubArn"]


def test_disassociation_and_batch_reads(rig: Rig) -> None:
    policy = centralize(rig)
    target = {"AccountId": PLAIN}
    rig().start_configuration_policy_association(ConfigurationPolicyIdentifier=policy, Target=target)
    answer = rig().batch_get_configuration_policy_associations(
        ConfigurationPolicyAssociationIdentifiers=[{"Target": target}, {"Target": {"AccountId": OTHER}}]
    )
    assert [each["TargetId"] for each in answer["ConfigurationPolicyAssociations"]] == [PLAIN]
    assert [each["ErrorCode"] for each in answer["UnprocessedConfigurationPolicyAssociations"]] == ["404"]
    rig().start_configuration_policy_disassociation(ConfigurationPolicyIdentifier=policy, Target=target)
    refused(lambda: rig().get_configuration_policy_association(Target=target), "ResourceNotFoundException")
    rig(PLAIN).update_security_hub_configuration(AutoEnableControls=False)


@pytest.mark.fact("SH-4.2-07", "SH-4.6-01")
def test_who_may_use_central_configuration(rig: Rig) -> None:
    rig.designate()
    must = "Must be a Security Hub delegated administrator with Central Configuration enabled"
    refused(rig().list_configuration_policies, "AccessDeniedException", must, 403)
    rig.world.organization.accounts[PLAIN].regions.clear()
    rig(PLAIN).enable_security_hub()
    refused(rig(PLAIN).list_configuration_policies, "AccessDeniedException", must)


@pytest.mark.fact("SH-4.2-07", "SH-4.6-01")
def test_policies_of_the_home_region(rig: Rig) -> None:
    policy = centralize(rig)
    home = "Central Configuration APIs can only be called from the aggregation region"
    refused(rig(DELEGATED, SECOND).list_configuration_policies, "AccessDeniedException", home)
    settings = {"SecurityHub": {"ServiceEnabled": True, "EnabledStandardIdentifiers": [NIST + "x"]}}
    refused(lambda: rig().create_configuration_policy(Name="x", ConfigurationPolicy=settings), "InvalidInputException")
    rig().update_configuration_policy(Identifier=policy, Name="renamed")
    assert rig().get_configuration_policy(Identifier=policy)["Name"] == "renamed"
    assert [each["Name"] for each in rig().list_configuration_policies()["ConfigurationPolicySummaries"]] == ["renamed"]


@pytest.mark.fact("SH-4.3-15")
def test_an_organizations_policy_shows_as_disabled(rig: Rig) -> None:
    rig.designate()
    rig.world.variants["securityhub organizations policy"] = "on"
    assert rig().describe_organization_configuration()["OrganizationConfiguration"]["Status"] == "DISABLED"
