"""Accounts by name and units by path wherever a person reads, ids beside them; by id alone where settings hide names."""

from pathlib import Path

import pytest
import value_samples as samples
from simulated import Simulated, simulated

from runbook_lib.coverage.page import html_page
from runbook_lib.organization import Organization
from runbook_lib.plan.document import Change, plan_document
from runbook_lib.rehearsal.organization import account_of
from runbook_lib.settings import settings_digest

UNIT = "ou-reh1-product01"


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulated:
    return simulated("default", tmp_path, monkeypatch)


def surveyed(one: Simulated) -> tuple[Organization, str]:
    runbook = one.runbook("90_coverage")
    with runbook.access:
        organization, cells = runbook.survey()
    return organization, html_page(cells, organization, {"mode": "rehearsal"})


def test_units_are_shown_by_their_path(one: Simulated) -> None:
    organization, page = surveyed(one)
    assert organization.units[UNIT] == f"Workloads/Production ({UNIT})"
    assert organization.units["r-reh1"] == "Root (r-reh1)"
    assert f"Workloads/Production ({UNIT})" in page
    assert "Security tooling (222222222222)" in page


def test_names_that_may_not_be_read_leave_the_ids(one: Simulated) -> None:
    account = account_of(one.front.world, one.settings.organization.management_account)
    assert account is not None
    account.roles["RunbookManagement"].denied = ("organizations:ListOrganizationalUnitsForParent",)
    organization, page = surveyed(one)
    assert organization.units[UNIT] == UNIT
    assert UNIT in page


def test_hidden_names_are_nowhere_and_void_no_approval(one: Simulated) -> None:
    digest = settings_digest(one.settings)
    one.settings = one.settings.model_copy(update={"names": "hidden"})
    assert settings_digest(one.settings) == digest
    organization, page = surveyed(one)
    assert {each.name for each in organization.accounts.values()} == {""}
    assert organization.units[UNIT] == UNIT
    assert "Security tooling" not in page
    assert "Workloads" not in page


def test_a_plan_names_the_accounts_that_it_writes_out() -> None:
    plan = samples.plan()
    (account, *_) = sorted(plan.population)
    named = plan_document(plan, Change("t", "p", {}, names={account: "Security | tooling"}))
    assert f"tooling ({account})" in named
    assert "tooling" not in plan_document(plan, Change("t", "p", {}))
