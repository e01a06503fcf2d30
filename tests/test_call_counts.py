"""How many calls the first enablement of the seven-account organization takes: exactly, by operation, so that none comes back."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from simulated import ENABLING, Simulated, permitted, simulated

from runbook_lib.apply.journal import Journal
from runbook_lib.base.clock import Stop
from runbook_lib.rehearsal.organization import close_account
from runbook_lib.runbook.observer import MOMENT

EXPECTED: Mapping[str, Mapping[str, int]] = {
    "00_prerequisites": {
        "account:ListRegions": 2,
        "config:DescribeConfigurationAggregatorSourcesStatus": 1,
        "config:DescribeConfigurationAggregators": 1,
        "config:DescribeConfigurationRecorderStatus": 2,
        "config:SelectAggregateResourceConfig": 2,
        "guardduty:ListDetectors": 2,
        "guardduty:ListOrganizationAdminAccounts": 2,
        "iam:GetRole": 10,
        "inspector2:BatchGetAccountStatus": 2,
        "inspector2:ListDelegatedAdminAccounts": 2,
        "organizations:DescribeOrganization": 1,
        "organizations:EnableAWSServiceAccess": 4,
        "organizations:ListAWSServiceAccessForOrganization": 1,
        "organizations:ListAccounts": 1,
        "organizations:ListDelegatedAdministrators": 3,
        "organizations:ListPolicies": 3,
        "securityhub:DescribeHub": 2,
        "securityhub:ListOrganizationAdminAccounts": 2,
        "sts:AssumeRole": 2,
        "sts:GetCallerIdentity": 2,
    },
    "10_security_hub": {
        "account:ListRegions": 6,
        "config:DescribeConfigurationAggregatorSourcesStatus": 3,
        "config:DescribeConfigurationAggregators": 3,
        "config:DescribeConfigurationRecorderStatus": 6,
        "config:SelectAggregateResourceConfig": 6,
        "organizations:DescribeOrganization": 3,
        "organizations:ListAWSServiceAccessForOrganization": 3,
        "organizations:ListAccounts": 3,
        "organizations:ListDelegatedAdministrators": 9,
        "organizations:RegisterDelegatedAdministrator": 1,
        "securityhub:BatchEnableStandards": 2,
        "securityhub:CreateFindingAggregator": 1,
        "securityhub:CreateMembers": 2,
        "securityhub:DescribeHub": 12,
        "securityhub:DescribeOrganizationConfiguration": 2,
        "securityhub:DescribeStandards": 6,
        "securityhub:EnableOrganizationAdminAccount": 2,
        "securityhub:EnableSecurityHub": 4,
        "securityhub:GetEnabledStandards": 8,
        "securityhub:GetMembers": 2,
        "securityhub:ListEnabledProductsForImport": 6,
        "securityhub:ListFindingAggregators": 3,
        "securityhub:ListMembers": 2,
        "securityhub:ListOrganizationAdminAccounts": 6,
        "securityhub:UpdateOrganizationConfiguration": 2,
        "sts:AssumeRole": 2,
        "sts:GetCallerIdentity": 2,
    },
    "20_guardduty": {
        "account:ListRegions": 8,
        "guardduty:CreateDetector": 4,
        "guardduty:CreateMembers": 2,
        "guardduty:DescribeOrganizationConfiguration": 6,
        "guardduty:EnableOrganizationAdminAccount": 2,
        "guardduty:GetDetector": 10,
        "guardduty:GetMemberDetectors": 2,
        "guardduty:GetMembers": 4,
        "guardduty:ListDetectors": 10,
        "guardduty:ListMembers": 2,
        "guardduty:ListOrganizationAdminAccounts": 8,
        "guardduty:ListPublishingDestinations": 6,
        "guardduty:UpdateDetector": 2,
        "guardduty:UpdateMemberDetectors": 4,
        "guardduty:UpdateOrganizationConfiguration": 4,
        "organizations:DescribeOrganization": 4,
        "organizations:ListAWSServiceAccessForOrganization": 4,
        "organizations:ListAccounts": 4,
        "organizations:ListDelegatedAdministrators": 12,
        "organizations:RegisterDelegatedAdministrator": 1,
        "securityhub:DescribeOrganizationConfiguration": 2,
        "sts:AssumeRole": 2,
        "sts:GetCallerIdentity": 2,
    },
    "30_inspector": {
        "account:ListRegions": 8,
        "inspector2:AssociateMember": 10,
        "inspector2:BatchGetAccountStatus": 20,
        "inspector2:DescribeOrganizationConfiguration": 14,
        "inspector2:Enable": 6,
        "inspector2:EnableDelegatedAdminAccount": 2,
        "inspector2:GetConfiguration": 6,
        "inspector2:ListDelegatedAdminAccounts": 8,
        "inspector2:ListMembers": 6,
        "inspector2:UpdateConfiguration": 2,
        "inspector2:UpdateOrganizationConfiguration": 4,
        "organizations:DescribeOrganization": 4,
        "organizations:ListAWSServiceAccessForOrganization": 4,
        "organizations:ListAccounts": 4,
        "organizations:ListDelegatedAdministrators": 12,
        "organizations:RegisterDelegatedAdministrator": 1,
        "securityhub:DescribeOrganizationConfiguration": 2,
        "sts:AssumeRole": 2,
        "sts:GetCallerIdentity": 2,
    },
}


def enabled_at_the_screen(one: Simulated, phase: str) -> None:
    """One notebook, approved at once: what was just observed for its plan serves the first stage."""
    runbook = one.runbook(phase)
    with runbook.access, Journal(one.journal(phase), "test", one.clock) as journal:
        plan = runbook.plan(runbook.observe())
        report = runbook.apply(one.approve(plan), plan, permit=permitted, journal=journal, stop=Stop(), progress=lambda tick: None)
    assert report.ok


def test_as_few_calls_as_the_rules_allow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read once for the plan and once again before each further stage; each poll as often as a state needs to settle."""
    one = simulated("seven", tmp_path, monkeypatch)
    # One call at a time. With more, members and configuration are read side by side right after Security Hub's designation, and
    # the simulation refuses the new administrator's first calls, whichever they are: where the configuration is among these, its
    # Wait takes one poll more in that Region. Nothing is read twice.
    one.settings = one.settings.model_copy(update={"concurrency": 1})
    made = {}
    for phase in ENABLING:
        before = len(one.front.log.entries)
        enabled_at_the_screen(one, phase)
        made[phase] = Counter(f"{entry.service}:{entry.operation}" for entry in list(one.front.log.entries)[before:])
    assert made == EXPECTED


def test_a_fresh_observation_is_not_used_after_a_call_or_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = simulated("seven", tmp_path, monkeypatch)
    runbook = one.runbook("00_prerequisites")
    with runbook.access, Journal(one.journal("00"), "test", one.clock) as journal:
        plan = runbook.plan(runbook.observe())
        one.clock.sleep(MOMENT)
        before = len(one.front.log.entries)
        report = runbook.apply(one.approve(plan), plan, permit=permitted, journal=journal, stop=Stop(), progress=lambda tick: None)
        assert report.ok
        reads = Counter(entry.operation for entry in list(one.front.log.entries)[before:])
    assert reads["ListAWSServiceAccessForOrganization"] == 1


def test_a_later_look_sees_who_was_suspended_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Organization and service are read side by side, and what is asked of the service is the same whoever is a member."""
    one = simulated("seven", tmp_path, monkeypatch)
    runbook = one.runbook("30_inspector")
    with runbook.access:
        first = runbook.observe()
        member = max(first.population.accounts - {runbook.settings.organization.delegated_account})
        close_account(one.front.world, member, "SUSPENDED")
        before = len(one.front.log.entries)
        second = runbook.observe()
        reads = Counter(entry.operation for entry in list(one.front.log.entries)[before:])
        runbook.observe()
        again = Counter(entry.operation for entry in list(one.front.log.entries)[before:]) - reads
    assert first.population.accounts - second.population.accounts == {member}
    assert (reads["ListDelegatedAdminAccounts"], again["ListDelegatedAdminAccounts"]) == (2, 2)
