"""No table is wider than the window, whatever names stand in it, and what is short stays in one piece."""

from pathlib import Path
from typing import Any

import pytest

from runbook_lib.base import html
from runbook_lib.base.notebook_format import nbformat
from runbook_lib.coverage.matrix import KINDS, RULES, legend
from runbook_lib.display import banner, tables
from runbook_lib.display.notebook_page import notebook_page
from runbook_lib.display.notes import Folded, Notes

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


def test_on_paper_nothing_of_a_notebook_is_folded_or_pale(context: Any, tmp_path: Path) -> None:
    """Whoever reads it there can open nothing; a field without its shade still has its sign, and has its shade as well."""
    shown = Notes(Folded("Outside the scope", remaining()))._repr_html_() + banner.banner("live") + legend()
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": shown}}
    cells = [{"cell_type": "code", "id": "a", "source": "run.verify()", "metadata": {}, "execution_count": 1, "outputs": [output]}]
    document = nbformat.from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})  # type: ignore[no-untyped-call]  # nbformat has no types
    file, cell = tmp_path / "notebook.html", tmp_path / "cell.html"
    file.write_text(notebook_page(document, mode="live", phase="90_coverage"), encoding="utf-8")
    cell.write_text(f"<!DOCTYPE html><style>{RULES}</style>{shown}", encoding="utf-8")
    page = context.new_page()
    for each in (file, cell):
        page.goto(each.as_uri())
        inside = page.get_by_text("What remains in scope, and why")
        assert not inside.is_visible()
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 1046, "height": 740})
        assert inside.bounding_box()["height"] > 0
        assert inside.is_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 1046, "A4 across, within its margins"
        exact = "each => getComputedStyle(each).printColorAdjust"
        coloured = [f"b.f-{kind}" for kind in KINDS if kind != "aside"]
        assert {page.locator(one).first.evaluate(exact) for one in (*coloured, ".runbook-live")} == {"exact"}
        page.emulate_media(media="screen")
    page.close()
