"""Who is asked about in which Region."""

import dataclasses
import datetime as dt

import pytest

from runbook_lib.base.observation import Known, Unknown
from runbook_lib.coverage import Status
from runbook_lib.organization import Account, AccountState, Organization
from runbook_lib.plan import Scope
from runbook_lib.services.population import aside_cells, population
from runbook_lib.settings import Exclusion, OrganizationSection, Settings
from runbook_lib.settings.sections.securityhub import SecurityHubSection

MANAGEMENT, DELEGATED, MEMBER, OTHER, SUSPENDED = ("111111111111", "222222222222", "333333333333", "444444444444", "777777777777")
PROD, WORK, SECURITY = "ou-root-prod0001", "ou-root-work0001", "ou-root-secu0001"
OPEN = {"us-east-1": "ENABLED_BY_DEFAULT", "us-east-2": "ENABLED_BY_DEFAULT", "eu-south-1": "ENABLED"}


def account(identity: str, *units: str, state: str = "ACTIVE") -> Account:
    return Account(identity, f"name of {identity}", AccountState(state), ("r-root", *units))


ORGANIZATION = Organization(
    id="o-rehearsal001",
    arn="arn:aws:organizations::111111111111:organization/o-rehearsal001",
    partition="aws",
    feature_set="ALL",
    management_account=MANAGEMENT,
    delegated_account=DELEGATED,
    accounts={
        each.id: each
        for each in (
            account(MANAGEMENT),
            account(DELEGATED, SECURITY),
            account(MEMBER, WORK, PROD),
            account(OTHER, WORK),
            account(SUSPENDED, WORK, state="SUSPENDED"),
        )
    },
    regions={each: Known(OPEN) for each in (MANAGEMENT, DELEGATED, MEMBER, OTHER)},
    trusted_access=Known(frozenset()),
    delegated_administrators={},
)


def settings(*exclusions: Exclusion, regions: tuple[str, ...] = ("us-east-1", "eu-south-1"), management: bool = True) -> Settings:
    return Settings(
        mode="rehearsal",
        organization=OrganizationSection(id="o-rehearsal001", management_account=MANAGEMENT, delegated_account=DELEGATED),
        security_hub=SecurityHubSection(regions=regions, management_account=management),
        exclusions=exclusions,
    )


def exclusion(account: str | None = None, organizational_unit: str | None = None, region: str | None = None) -> Exclusion:
    return Exclusion(
        account=account,
        organizational_unit=organizational_unit,
        region=region,
        reason="agreed",
        owner="Ada",
        expires=dt.date(2099, 1, 1),
    )


def reasons(found: object, region: str) -> dict[str, tuple[Status, bool]]:
    assert hasattr(found, "aside")
    return {each: (aside.status, aside.in_scope) for aside in found.aside[region] for each in aside.accounts}


def test_everybody_active_is_a_member_but_the_delegated_account() -> None:
    found = population(ORGANIZATION, settings(), "securityhub")
    assert found.regions == ("eu-south-1", "us-east-1")
    assert found.other_regions == ("us-east-2",)
    assert found.members["us-east-1"] == {MANAGEMENT, MEMBER, OTHER}
    assert reasons(found, "us-east-1") == {SUSPENDED: (Status.NOT_APPLICABLE, True)}
    assert found.accounts == {MANAGEMENT, DELEGATED, MEMBER, OTHER}


@pytest.mark.parametrize(
    ("what", "left"),
    [
        ({"account": OTHER}, {MANAGEMENT, MEMBER}),
        ({"organizational_unit": PROD}, {MANAGEMENT, OTHER}),
        ({"organizational_unit": WORK}, {MANAGEMENT}),
    ],
)
def test_exclusions(what: dict[str, str], left: set[str]) -> None:
    found = population(ORGANIZATION, settings(exclusion(**what)), "securityhub")
    assert found.members["us-east-1"] == left
    assert {status for status, _ in reasons(found, "us-east-1").values()} == {Status.EXCLUDED, Status.NOT_APPLICABLE}


def test_an_excluded_region_is_asked_about_nowhere() -> None:
    found = population(ORGANIZATION, settings(exclusion(region="eu-south-1")), "securityhub")
    assert found.regions == ("us-east-1",)
    assert found.members["eu-south-1"] == frozenset()


def test_an_exclusion_of_another_service_changes_nothing() -> None:
    other = Exclusion(account=OTHER, services=("guardduty",), reason="agreed", owner="Ada", expires=dt.date(2099, 1, 1))
    assert OTHER in population(ORGANIZATION, settings(other), "securityhub").members["us-east-1"]


def test_the_management_account_may_be_left_out() -> None:
    found = population(ORGANIZATION, settings(management=False), "securityhub")
    assert MANAGEMENT not in found.members["us-east-1"]
    assert reasons(found, "us-east-1")[MANAGEMENT] == (Status.EXCLUDED, True)


def test_a_region_that_is_not_enabled_in_an_account_does_not_apply() -> None:
    closed = dataclasses.replace(ORGANIZATION, regions={**ORGANIZATION.regions, OTHER: Known({**OPEN, "eu-south-1": "DISABLED"})})
    found = population(closed, settings(), "securityhub")
    assert OTHER not in found.members["eu-south-1"]
    assert reasons(found, "eu-south-1")[OTHER] == (Status.NOT_APPLICABLE, True)
    assert OTHER in found.members["us-east-1"]


def test_an_unread_opt_in_is_unknown_where_it_matters_only() -> None:
    unread = dataclasses.replace(ORGANIZATION, regions={**ORGANIZATION.regions, OTHER: Unknown("AccessDenied", "no")})
    found = population(unread, settings(), "securityhub")
    assert reasons(found, "eu-south-1")[OTHER] == (Status.UNKNOWN, True)
    assert OTHER in found.members["us-east-1"], "enabled by default in every account"


def test_scope_leaves_the_rest_out_without_calling_it_a_gap_in_scope() -> None:
    found = population(ORGANIZATION, settings(), "securityhub", Scope(regions=("us-east-1",), organizational_units=(PROD,)))
    assert not found.whole
    assert found.regions == ("us-east-1",)
    assert found.members["us-east-1"] == {MEMBER}
    assert reasons(found, "us-east-1")[OTHER] == (Status.GAP, False)
    cells = aside_cells("securityhub", "membership", found, "us-east-1")
    assert {cell.in_scope for cell in cells if OTHER in cell.accounts} == {False}


def test_every_account_is_a_member_or_aside_in_every_region() -> None:
    found = population(ORGANIZATION, settings(exclusion(account=OTHER)), "securityhub", Scope(accounts=(MEMBER,)))
    for region in (*found.regions, *found.other_regions):
        aside = set(reasons(found, region))
        assert not aside & found.members[region]
        assert aside | found.members[region] | {DELEGATED} == set(ORGANIZATION.accounts)
