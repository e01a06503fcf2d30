"""Accounts by name and units by path wherever a person reads, ids beside them; by id alone where settings hide names."""

from dataclasses import replace
from pathlib import Path

import pytest
import value_samples as samples
from simulated import Simulated, simulated

from runbook_lib.apply.report import Final, Result
from runbook_lib.coverage import Status
from runbook_lib.coverage.files import text_table
from runbook_lib.coverage.page import html_page
from runbook_lib.display import outcome_tables, sections, tables
from runbook_lib.display.cell_table import CellTable, Choice
from runbook_lib.organization import Organization
from runbook_lib.plan.cost import Costs
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


def test_a_notebook_names_them_in_every_table_that_writes_accounts_out() -> None:
    seen, plan, cells = samples.organization(), samples.plan(), samples.cells()
    names = seen.account_names
    security, member = f"security ({samples.DELEGATED})", f"management ({samples.MANAGEMENT})"
    assert member in repr(sections.planned(plan, 1, Costs(), names))
    assert set(tables.plan_summary(plan, names)["called as"]) == {security, member}
    assert all("(" in each for each in tables.blockers_table(plan, names)["accounts"])
    few = [each for each in tables.remaining_table(cells, names)["accounts"] if not each.endswith("accounts")]
    assert few
    assert all("(" in each for each in few)
    failed = Result(samples.DELEGATED, Final.FAILED, "AccessDeniedException", "no")
    assert list(outcome_tables.problem_table([(plan.actions[0], failed)], names)["accounts"]) == [security]
    intent = {"kind": "intent", "service": "guardduty", "operation": "X", "region": "us-east-1", "invocation": "1"}
    assert list(outcome_tables.journal_table([{**intent, "account": samples.DELEGATED}], names)["as"]) == [security]
    one = replace(next(cell for cell in cells if cell.status is Status.GAP), accounts=frozenset({samples.DELEGATED}))
    assert f": {security}\n" in text_table((one,), seen)


def test_a_table_account_by_account_has_units_by_path(one: Simulated) -> None:
    runbook = one.runbook("20_guardduty")
    with runbook.access:
        seen = runbook.observe()
        organization = runbook.observer.named(seen.organization)
        before = len(one.front.log.entries)
        assert runbook.observer.named(seen.organization) == organization
        assert len(one.front.log.entries) == before, "names are read once"
    table = CellTable(seen.cells, organization)
    unit = f"Workloads/Production ({UNIT})"
    assert unit in table.values("unit")
    assert {row[2] for row in table.page(table.rows(Choice((("unit", unit),))))} == {unit}
