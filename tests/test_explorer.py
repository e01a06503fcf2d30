"""The table of single accounts: what is picked, in which order, and that names of accounts stay text."""

import asyncio

import loops
import pytest

from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cell, Gap, Status
from runbook_lib.display import sections
from runbook_lib.display.cell_table import CellTable, Choice
from runbook_lib.display.explorer import PAGE, Explorer
from runbook_lib.organization import Account, AccountState, Organization

NAMES = {"100000000001": "Alpha", "100000000002": "<script>alert(1)</script>", "100000000003": "=1+1 | x"}
MANY = [f"{number:012}" for number in range(200)]


def organization() -> Organization:
    accounts = {
        each: Account(each, NAMES.get(each, ""), AccountState.ACTIVE, ("r-1", f"ou-{each[-1]}")) for each in (*NAMES, *MANY)
    }
    none: Known[frozenset[str]] = Known(frozenset())
    return Organization("o-x", "", "aws", "ALL", "111111111111", "222222222222", accounts, {}, none, {})


CELLS = (
    Cell("guardduty", "us-east-1", "membership", frozenset(NAMES), Status.COVERED, "is on"),
    Cell("guardduty", "us-east-2", "features", frozenset({"100000000003"}), Status.GAP, "is off", "S3", Gap.TO_DO),
    Cell("organizations", "us-east-1", "scan types", frozenset({"100000000001"}), Status.UNKNOWN, "denied", "EC2"),
    Cell("organizations", "us-east-1", "scan types", frozenset({"100000000002"}), Status.GAP, "not asked", "ECR", in_scope=False),
)


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        (Choice(), ["unknown 1", "gap 3", "covered 1", "covered 2", "covered 3", "gap 2"]),
        (Choice((("scope", "in scope"), ("answer", "gap"))), ["gap 3"]),
        (Choice((("unit", "ou-3"),)), ["gap 3", "covered 3"]),
        (Choice((("Region", "us-east-1"), ("aspect", "scan types"))), ["unknown 1", "gap 2"]),
        (Choice(words="ALPHA denied"), ["unknown 1"]),
        (Choice(words="alpha nowhere"), []),
        (Choice((("service", "guardduty"),), order="account", backwards=True), ["gap 3", "covered 3", "covered 2", "covered 1"]),
        (Choice((("answer", "covered"),), order="name"), ["covered 2", "covered 3", "covered 1"]),
    ],
)
def test_rows_are_picked_and_sorted(choice: Choice, found: list[str]) -> None:
    table = CellTable(CELLS, organization())
    page = table.page(table.rows(choice))
    assert [f"{row[6].partition(':')[0]} {row[0][-1]}" for row in page] == found


def test_an_organization_without_a_cell_has_an_empty_table() -> None:
    table = CellTable((), organization())
    assert len(table.rows(Choice(words="x"))) == 0


def test_names_stay_text_and_the_page_stays_small() -> None:
    many = Cell("guardduty", "us-east-1", "features", frozenset(MANY), Status.GAP, "is off", "S3", Gap.TO_DO)
    explorer = Explorer(CellTable((*CELLS, many), organization()), sections.explorable(CELLS, "coverage.csv"))
    assert f"1 to {PAGE} of 205" in explorer._page.value
    explorer._turn(PAGE)
    assert f"21 to {2 * PAGE} of 205" in explorer._page.value
    explorer._words.value = "script"
    assert "1 to 1 of 1" in explorer._page.value
    assert "&lt;script&gt;" in explorer._page.value
    assert "<script" not in explorer._page.value
    explorer._turn(-PAGE)
    explorer._words.value = "nobody"
    assert "Nothing matches" in explorer._page.value


def test_a_table_that_nothing_else_closes_closes_itself_once_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []

    async def look() -> tuple[int, int]:
        explorer = Explorer(CellTable(CELLS, organization()), sections.explorable(CELLS, "coverage.csv"))
        monkeypatch.setattr(explorer, "replace_with", given.append)
        explorer.close_unused(after=0.3)
        await asyncio.sleep(0.2)
        explorer._turn(PAGE)
        await asyncio.sleep(0.2)
        still = len(given)
        await asyncio.sleep(0.3)
        return still, len(given)

    assert loops.run(look()) == (0, 1)
