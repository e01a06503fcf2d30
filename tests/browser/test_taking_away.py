"""Taking something away at the screen: each loss typed in a field of its own, before and after side by side, the way back named."""

from lab_server import Lab
from page import NotebookPage, Open

from runbook_lib.plan import file as plan_file
from runbook_lib.runbook.phases import BACK_OUT, OFFBOARDING, PREREQUISITES

TRUSTING, ENDING = "organizations:EnableAWSServiceAccess", "organizations:DisableAWSServiceAccess"
SERVICE, SECTION, LEVEL = "inspector2", "inspector", "trusted-access"
ALLOWED = f"""
offboarding:
  - {{ service: {SERVICE}, levels: [{LEVEL}], exit: hand-over, reason: tests, owner: tests, expires: 2099-12-31 }}
"""


def without(text: str, section: str) -> str:
    """Settings that do not ask for a service."""
    kept, inside = [], False
    for line in text.splitlines(keepends=True):
        inside = line.startswith(f"{section}:") or (inside and line[0] in " #\n")
        kept += [] if inside else [line]
    return "".join(kept)


def decide(lab: Lab, at: NotebookPage, name: str) -> int:
    """Run it, approve too early, then with every loss typed; how many calls it planned."""
    at.run_all()
    at.panel()
    plan = plan_file.load(lab.runs_of(name)[-1] / "plan.json")
    assert plan.to_type
    before = len(lab.made())
    at.button("Approve").click()
    at.page.get_by_text("Not taken: to approve, type what is lost").wait_for()
    assert len(lab.made()) == before, "nothing is called before every loss has been typed"
    for words in plan.to_type:
        at.write(f"type: {words}", words)
    at.look("run.confirm()", f"{name}-losses-typed")
    at.button("Approve").click()
    at.done()
    assert lab.latest(name)["results"]["state"] == "applied", at.text()[-2000:]
    assert "Before and now, where it has changed" in at.text()
    assert f"runbook plan -p SETTINGS --phase {PREREQUISITES.name}" in at.text()
    at.look("run.verify()", f"{name}-before-and-after")
    return len(plan.actions)


def test_a_level_is_taken_and_then_the_run_that_enabled_is_taken_back(lab: Lab, open_page: Open) -> None:
    at = open_page(lab.fresh(f"{PREREQUISITES.name}.ipynb", "enabled"))
    at.run_all()
    at.panel()
    at.button("Approve").click()
    at.done()
    run, trusted = lab.runs_of(PREREQUISITES.name)[-1].parent.name, lab.made().count(TRUSTING)
    settings = without(lab.settings.read_text(encoding="utf-8"), SECTION) + ALLOWED
    (lab.folder / "parameters" / "leaving.yaml").write_text(settings, encoding="utf-8")
    about = dict(zip(OFFBOARDING.parameters, (SERVICE, LEVEL), strict=True))
    at.open(lab.copy(f"{OFFBOARDING.name}.ipynb", "leaving", parameters_file="parameters/leaving.yaml", **about))
    assert decide(lab, at, OFFBOARDING.name) == lab.made().count(ENDING) == 1
    undone = dict(zip(BACK_OUT.parameters, (run, PREREQUISITES.name), strict=True))
    at.open(lab.copy(f"{BACK_OUT.name}.ipynb", "back-out", **undone))
    assert decide(lab, at, BACK_OUT.name) == trusted - 1, "what the level took is not as the run left it, and left alone"
    assert lab.made().count(ENDING) == trusted
