"""No table is wider than the window, whatever names stand in it, and what is short stays in one piece."""

from pathlib import Path
from typing import Any

import pytest

from runbook_lib.base import html
from runbook_lib.display import tables

LONG = "ThisOrganizationHasOneRuleThatIsCalledByAVeryLongName"
ROWS = [
    (
        "gap", "inspector2", "organizationConfiguration.autoEnable", "eu-central-1, us-east-1",
        "payments-production (100000000012)", 12345,
        f"{LONG}: the Region's own setting differs", "AWSOrganizationsNotInUseException",
        f"Ask whoever manages arn:aws:iam::100000000002:role/{LONG}", "operator of the delegated account",
    )
]  # fmt: skip
"""What remains, in the longest words that AWS and an organization have for it."""
LINE = "cell => parseFloat(getComputedStyle(cell).fontSize)"


def remaining() -> tables.Shown:
    return tables.shown(tables.frame(ROWS, tables.REMAINING_COLUMNS), "What remains in scope, and why")


@pytest.mark.parametrize("framed", [True, False], ids=["as a cell shows it", "on a page"])
def test_the_table_of_what_remains_fits(framed: bool, context: Any, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    shown = remaining()._repr_html_() if framed else remaining().inside()
    file.write_text(html.page("What remains", [shown]), encoding="utf-8")
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    region, line = page.locator("span.name").first.bounding_box()["height"], page.locator("td").first.evaluate(LINE)
    assert region < 2 * line
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 1050, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 1050, "A4 across, at 96 dots an inch"
    page.close()
