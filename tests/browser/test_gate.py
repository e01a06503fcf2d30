"""Deciding at the screen: a real JupyterLab, a real browser, the simulated organization of seven accounts."""

import json

from lab_server import Lab
from page import SHOWN, NotebookPage, Open

from runbook_lib.plan import file as plan_file

CALLS = 4
"""Changing calls of the prerequisites on the bare organization, all in one gate."""
HELD = 2
"""The call that is held where something happens while calls are made."""
PHASE = "00_prerequisites"
STOPPING = "Stopping: calls in flight end and are recorded"
APPROVED, REPORT = "approval.json", "run.show_record()"


def enabled(lab: Lab) -> int:
    made = lab.made()
    assert set(made) <= {"organizations:EnableAWSServiceAccess"}
    return len(made)


def approve_and_hold(lab: Lab, at: NotebookPage) -> None:
    """Approve, and keep the second call in flight until the gate is opened."""
    lab.gate.close(HELD)
    at.button("Approve").click()
    at.until(lambda: lab.gate.reached)
    assert enabled(lab) == HELD


def test_reject(lab: Lab, open_page: Open) -> None:
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "reject"))
    at.run_all()
    at.panel()
    at.button("Reject").click()
    at.page.get_by_text("Not taken: rejecting needs a reason").wait_for()
    at.write("reason", "not in this window")
    at.button("Reject").click()
    at.done()
    assert "Rejected by" in at.text()
    assert at.text().count("not in this window") >= 2, "the record and the line that ends the cell"
    assert enabled(lab) == 0
    assert lab.latest(PHASE)["run"] == "left-over"
    assert lab.latest(PHASE)["results"]["state"] == "rejected"
    said = json.loads((lab.runs_of(PHASE)[-1] / "rejection.json").read_text(encoding="utf-8"))
    assert said["reason"] == "not in this window"
    assert not at.page.locator(".jupyter-widgets").count()


def test_wrong_confirmation_text(lab: Lab, open_page: Open) -> None:
    parameters = lab.folder / "parameters"
    text = lab.settings.read_text(encoding="utf-8")
    (parameters / "typing.yaml").write_text(f"{text}\nconfirm_by_typing: [management]\n", encoding="utf-8")
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "typing", parameters_file="parameters/typing.yaml"))
    at.run_all()
    at.panel()
    for typed in ("", "apply", f"apply {CALLS + 1}"):
        at.write("type:", typed)
        at.button("Approve").click()
        at.page.get_by_text(f"Not taken, {typed or 'nothing'} was typed: to approve, type exactly apply {CALLS}").wait_for()
    assert enabled(lab) == 0
    at.write("type:", f"apply {CALLS}")
    at.picture("typing")
    at.button("Approve").click()
    at.done()
    assert enabled(lab) == CALLS


def test_stop_half_way_and_go_on(lab: Lab, open_page: Open) -> None:
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "stop"))
    at.run_all()
    at.panel()
    approve_and_hold(lab, at)
    at.button("Stop").click()
    at.page.get_by_text(STOPPING).wait_for()
    lab.gate.open()
    at.done()
    assert "stopped by the operator" in at.text()
    assert enabled(lab) == HELD, "the call in flight ends, and no other is made"
    assert lab.latest(PHASE)["run"] == "stopped"
    at.run_all()
    at.panel()
    at.button("Approve").click()
    at.done()
    assert enabled(lab) == CALLS, "what was applied is not called again"
    assert lab.latest(PHASE)["run"] == "done"


def test_interrupt_while_the_gate_waits_then_run_again(lab: Lab, open_page: Open) -> None:
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "interrupt"))
    at.run_all()
    at.panel()
    at.menu("Kernel", "Interrupt Kernel")
    at.done()
    assert "Interrupted before a decision; nothing was called." in at.text()
    assert "Traceback" not in at.text()
    assert enabled(lab) == 0
    at.run_all()
    at.panel()
    at.button("Approve").click()
    at.done()
    assert enabled(lab) == CALLS


def test_interrupt_while_apply_runs(lab: Lab, open_page: Open) -> None:
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "interrupt-apply"))
    at.run_all()
    at.panel()
    approve_and_hold(lab, at)
    at.menu("Kernel", "Interrupt Kernel")
    at.page.get_by_text(STOPPING).wait_for()
    lab.gate.open()
    at.done()
    assert "Stopped: interrupted" in at.text()
    assert enabled(lab) == HELD
    assert lab.latest(PHASE)["run"] == "stopped"


def test_restart_while_apply_runs(lab: Lab, open_page: Open) -> None:
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "restart"))
    at.run_all()
    at.panel()
    approve_and_hold(lab, at)
    at.menu("Kernel", "Restart Kernel…")
    at.page.locator(".jp-Dialog button", has_text="Restart").click()
    at.ready()
    lab.gate.open()
    assert enabled(lab) == HELD, "the kernel is gone with the rest of its calls"
    at.run_all()
    at.panel()
    at.button("Approve").click()
    at.done()
    assert enabled(lab) == CALLS


def test_double_click_is_one_decision(lab: Lab, open_page: Open) -> None:
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "double"))
    at.run_all()
    at.panel()
    at.button("Approve").dblclick()
    at.done()
    assert enabled(lab) == CALLS
    assert len(list(lab.runs_of(PHASE)[-1].glob("approval*.json"))) == 1


def test_keyboard_alone(lab: Lab, open_page: Open) -> None:
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "keyboard"))
    at.run_all()
    before = at.clicks
    at.panel()
    at.page.wait_for_function("document.activeElement?.placeholder?.startsWith('ticket')")
    at.page.keyboard.type("CHG-7")
    at.page.keyboard.press("Tab")
    at.page.keyboard.type("by keyboard")
    for button in ("Reject", f"Approve {CALLS} calls"):
        at.page.keyboard.press("Tab")
        assert at.page.evaluate("document.activeElement.innerText") == button
    at.page.keyboard.press("Space")
    at.done()
    assert at.clicks == before
    assert enabled(lab) == CALLS
    said = json.loads((lab.runs_of(PHASE)[-1] / APPROVED).read_text(encoding="utf-8"))
    assert (said["ticket"], said["reason"]) == ("CHG-7", "by keyboard")


def test_run_all_again_while_the_gate_waits(lab: Lab, open_page: Open) -> None:
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "again"))
    at.run_all()
    at.panel()
    at.run_all()
    at.page.wait_for_timeout(1500)
    assert enabled(lab) == 0
    at.menu("Kernel", "Interrupt Kernel")
    at.done()
    assert enabled(lab) == 0
    at.run_all()
    at.panel()
    at.button("Approve").click()
    at.done()
    assert enabled(lab) == CALLS


def test_reload_while_the_gate_waits(lab: Lab, open_page: Open) -> None:
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "reload"))
    at.run_all()
    at.panel()
    at.save(lab.folder / "notebooks" / "reload.ipynb", "widget-view")
    at.page.reload()
    at.panel()
    at.button("Approve").click()
    at.until(lambda: enabled(lab) == CALLS)
    _show_record(at)
    assert "Approved" in at.text()
    assert "Calls as the journal has them" in at.text()


def test_reload_while_apply_runs(lab: Lab, open_page: Open) -> None:
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "reload-apply"))
    at.run_all()
    at.panel()
    approve_and_hold(lab, at)
    at.page.reload()
    at.ready(idle=False)
    lab.gate.open()
    at.until(lambda: enabled(lab) == CALLS)
    _show_record(at)
    assert "Calls as the journal has them" in at.text()


def test_two_tabs_are_one_decision(lab: Lab, open_page: Open) -> None:
    first = open_page(lab.fresh(f"{PHASE}.ipynb", "tabs"))
    first.run_all()
    first.panel()
    first.save(lab.folder / "notebooks" / "tabs.ipynb", "widget-view")
    second = open_page("tabs.ipynb", lab.url("tabs.ipynb"), ready=False)
    second.panel()
    second.button("Approve").click()
    first.done()
    assert enabled(lab) == CALLS
    assert len(list(lab.runs_of(PHASE)[-1].glob("approval*.json"))) == 1


def test_two_notebooks_at_once(lab: Lab, open_page: Open) -> None:
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "both"))
    at.run_all()
    at.panel()
    at.open(lab.copy("90_coverage.ipynb", "both-coverage"))
    at.run_all()
    at.done()
    assert lab.latest("90_coverage")["run"] == "left-over"
    at.open("both.ipynb", ready=False)
    at.button("Approve").click()
    at.done()
    assert enabled(lab) == CALLS


def _show_record(at: NotebookPage) -> None:
    """Run the cell that shows what the run folder says."""
    at.ready()
    run_cell(at, REPORT)


def run_cell(at: NotebookPage, code: str) -> None:
    """Run one cell by its code, which outputs of others may quote."""
    cell = at.page.locator(f"{SHOWN} .jp-CodeCell").filter(has=at.page.locator(".cm-content", has_text=code))
    prompt = cell.locator(".jp-InputPrompt").first
    before = prompt.inner_text()
    cell.locator(".cm-content").click()
    at.page.keyboard.press("Shift+Enter")
    at.until(lambda: prompt.inner_text() != before)
    at.done()


def test_a_part_is_planned_and_asked_for_anew(lab: Lab, open_page: Open) -> None:
    """A scope cuts the plan; what is approved too early is refused in the cell, and nothing is called."""
    at = open_page(lab.fresh("10_security_hub.ipynb", "part", scope='{"regions": ["us-east-1"]}'))
    at.run_all()
    at.panel("Decision 1 of 2: management account")
    assert "only Regions us-east-1" in at.text()
    plan = plan_file.load(lab.runs_of("10_security_hub")[-1] / "plan.json")
    assert {action.region for action in plan.actions} == {"us-east-1"}
    assert not {"UpdateOrganizationConfiguration", "CreateFindingAggregator"} & {action.operation for action in plan.actions}
    at.button("Approve").click()
    at.done()
    assert "apply 00_prerequisites first" in at.text()
    assert not lab.made()


def test_reject_the_second_decision(lab: Lab, open_page: Open) -> None:
    """What the first decision covered stays done and is verified; the rest is not called."""
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "before-second"))
    at.run_all()
    at.panel()
    at.button("Approve").click()
    at.done()
    at.open(lab.copy("10_security_hub.ipynb", "second"))
    at.run_all()
    at.panel("Decision 1 of 2: management account")
    at.button("Approve").click()
    at.panel("Decision 2 of 2: delegated account")
    made = lab.made()
    at.write("reason", "tomorrow")
    at.button("Reject").click()
    at.done()
    assert "Rejected: delegated account" in at.text()
    assert "Coverage before" in at.text()
    assert lab.made() == made
    assert "securityhub:EnableOrganizationAdminAccount" in made
    ended = lab.latest("10_security_hub")
    assert (ended["run"], ended["results"]["state"]) == ("left-over", "rejected")
    assert {path.name for path in lab.runs_of("10_security_hub")[-1].glob("*.json")} >= {
        "approval-management.json", "plan-management.json", "rejection-delegated.json", "plan.json",
    }  # fmt: skip
