"""No serious finding of axe-core on the decision panel, nor on any page that a run leaves."""

from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has no types
from lab_server import Lab
from page import Open

from runbook_lib.evidence.index_page import write_page

PHASE = "00_prerequisites"
SERIOUS = ("serious", "critical")
OUTPUTS = ".jp-OutputArea-output"
"""What our cells show; around it is JupyterLab's own."""


def findings(page: Any, inside: str = "") -> list[tuple[str, str, str]]:
    """What axe has against a page or part of it: (weight, rule, the first place). Raises where it looked at nothing."""
    found = Axe().run(page, context=inside or None).response
    assert found["passes"], f"axe looked at nothing in {page.url}"
    return [
        (each["impact"], each["id"], each["nodes"][0]["html"][:200]) for each in found["violations"] if each["impact"] in SERIOUS
    ]


def test_axe_finds_what_is_wrong(context: Any) -> None:
    page = context.new_page()
    page.set_content("<html lang=en><title>t</title><main><img src=x><p>words</p></main>")
    assert [rule for _, rule, _ in findings(page)] == ["image-alt"]
    page.close()


def test_the_panel_and_every_page_of_a_run(lab: Lab, open_page: Open, browser: Any) -> None:
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "accessible"))
    at.run_all()
    at.panel()
    assert findings(at.page, OUTPUTS) == []
    at.button("Reject").click()
    at.write("reason", "looked at, nothing else")
    at.button("Reject").click()
    at.done()
    assert findings(at.page, OUTPUTS) == []
    run = lab.runs_of(PHASE)[-1].parent
    write_page(run.parent)
    pages = sorted({*run.rglob("*.html"), run.parent / "index.html"})
    assert {"coverage-before.html", "plan.html", "change.html", "index.html"} <= {path.name for path in pages}
    wrong = {path.name: found for path in pages if (found := of_file(browser, path))}
    assert wrong == {}


def of_file(browser: Any, path: Path) -> list[tuple[str, str, str]]:
    """Of a page as it is opened from the disk; its own policy lets no script in, so axe comes past it."""
    with browser.new_context(bypass_csp=True) as context:
        page = context.new_page()
        page.goto(path.as_uri())
        return findings(page)
