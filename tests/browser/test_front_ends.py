"""Other front ends and kernels than the newest JupyterLab's: all of it, or told so and never an unguarded apply."""

import json
from pathlib import Path

import pytest
from lab_server import PROJECT, Lab
from page import Open
from test_gate import APPROVED, CALLS, PHASE, enabled, run_cell


def test_approve_in_notebook_7(lab: Lab, open_page: Open) -> None:
    pytest.importorskip("notebook")
    lab.fresh(f"{PHASE}.ipynb", "classic")
    at = open_page("classic.ipynb", lab.url_in_notebook_7("classic.ipynb"), ready=False)
    at.page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
    at.until(lambda: lab.connected("classic.ipynb"))  # it shows idle before that, and what is run then is lost
    at.run_all()
    at.panel()
    at.write("ticket", "CHG-9")
    at.button("Approve").click()
    at.done()
    assert enabled(lab) == CALLS
    assert json.loads((lab.runs_of(PHASE)[-1] / APPROVED).read_text(encoding="utf-8"))["ticket"] == "CHG-9"
    assert lab.latest(PHASE)["run"] == "done"


def test_approve_with_comms_over_subshells_switched_off(lab: Lab, open_page: Open) -> None:
    """A setting of JupyterLab; the panel works either way."""
    settings = lab.folder / ".jupyter" / "settings" / "@jupyterlab" / "apputils-extension" / "kernels-settings.jupyterlab-settings"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text('{"commsOverSubshells": "disabled"}', encoding="utf-8")
    try:
        at = open_page(lab.fresh(f"{PHASE}.ipynb", "no-subshells"), lab.url("no-subshells.ipynb"))
        at.run_all()
        at.panel()
        at.button("Approve").click()
        at.done()
    finally:
        settings.unlink()
    assert enabled(lab) == CALLS
    assert lab.latest(PHASE)["run"] == "done"


def test_an_older_kernel_says_so_and_goes_on_by_the_next_cell(lab: Lab, open_page: Open) -> None:
    packages = PROJECT / ".venv" / "older-kernel"
    assert packages.is_dir(), "the older kernel is not installed: make install"
    lab.add_kernel("older", packages)
    lab.fresh(f"{PHASE}.ipynb", "older")
    lab.use_kernel("older", "older")
    at = open_page("older.ipynb")
    at.run_all()
    at.panel()
    at.done()
    assert "No click can reach this kernel while a cell runs" in at.text()
    assert "Decide in the panel above, then run the next cell" in at.text()
    run_cell(at, "await run.apply()")
    assert "Nothing is decided yet" in at.text()
    assert enabled(lab) == 0
    at.button("Approve").click()
    at.page.wait_for_timeout(500)
    run_cell(at, "await run.apply()")
    assert enabled(lab) == CALLS
    assert "Result by step" in at.text()
    run_cell(at, "run.verify()")
    run_cell(at, "run.finish()")
    assert lab.latest(PHASE)["run"] == "done"
    assert Path(lab.runs_of(PHASE)[-1] / APPROVED).is_file()


def test_single_accounts_are_searched_while_the_gate_waits_and_not_saved(lab: Lab, open_page: Open) -> None:
    at = open_page(lab.fresh("10_security_hub.ipynb", "explore"))
    at.run_all()
    at.panel()
    at.page.get_by_text("May cost").last.wait_for()
    at.page.get_by_text("1 to 20 of").wait_for()
    search = at.field("account, name")
    search.fill("membership 222222222222")
    search.press("Enter")
    at.page.get_by_text("1 to 2 of 2").wait_for()
    at.page.locator(".widget-dropdown select").nth(4).select_option("us-east-1")
    at.page.get_by_text("1 to 1 of 1").wait_for()
    at.look("run.explore()", "explore-search")
    search.fill("")
    search.press("Enter")
    at.page.locator(".widget-dropdown select").nth(4).select_option("all")
    at.page.get_by_text("1 to 20 of").wait_for()
    at.button("Next page").focus()
    at.page.keyboard.press("Space")
    at.page.get_by_text("21 to ").wait_for()
    at.write("reason", "enough seen")
    at.button("Reject").click()
    at.done()
    at.page.get_by_text("answers, account by account").wait_for()
    saved = at.save(lab.folder / "notebooks" / "explore.ipynb", "answers, account by account")
    assert "widget-view" not in saved
