"""Choosing a part at the gate, and rolling out in waves, at the screen."""

from pathlib import Path

import boto3
import pytest
from lab_server import Lab
from page import NotebookPage, Open

from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.services.registry import specs

PHASE = "10_security_hub"
PRINCIPALS = [principal for spec in specs() for principal in spec.principals]
CANARY, AUTOMATION, DELEGATED = "ou-reh1-platform1", "333333333333", "222222222222"
WAVES = f"\nwaves:\n  - {{ name: canary, organizational_units: [{CANARY}] }}\n"


def planned(lab: Lab) -> Plan:
    return plan_file.load(lab.runs_of(PHASE)[-1] / "plan.json")


def prepare(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> int:
    """Turn trusted access on as the prerequisites do, without their notebook; how many calls were made so far."""
    for name, value in lab.server.environment.items():
        monkeypatch.setenv(name, value)
    session = boto3.Session(profile_name="rehearsal-runner", region_name="us-east-1")
    role = "arn:aws:iam::111111111111:role/RunbookManagement"
    keys = session.client("sts").assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
    client = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "us-east-1").client("organizations")
    for principal in PRINCIPALS:
        client.enable_aws_service_access(ServicePrincipal=principal)
    return len(lab.made())


def tab_to(at: NotebookPage, words: str, key: str = "Tab") -> None:
    """Go on with the Tab key, or back with Shift, until the thing with these words has the keyboard."""
    here = "(document.activeElement.closest('label') || document.activeElement).innerText || ''"
    for _ in range(40):
        if words in at.page.evaluate(here):
            return
        at.page.keyboard.press(key)
    raise AssertionError(f"Tab never comes to {words}")


def test_a_part_is_chosen_and_decided_by_keyboard_alone(lab: Lab, open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is ticked is planned anew before anybody is asked; choosing decides nothing."""
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "keys"))
    before = prepare(lab, monkeypatch)
    at.run_all()
    clicks = at.clicks
    at.panel("Decision 1 of 2: management account")
    whole = planned(lab)
    assert at.page.locator(".jupyter-widgets input:checked").count() == 0
    at.page.wait_for_function("document.activeElement?.placeholder?.startsWith('ticket')")
    tab_to(at, "Decide on a part only", "Shift+Tab")
    at.page.keyboard.press("Space")
    at.page.get_by_text("Choosing decides nothing").wait_for()
    tab_to(at, "Plan this part")
    at.page.keyboard.press("Space")
    at.page.get_by_text("Not planned: tick Regions or organizational units first.").wait_for()
    tick(at, "us-east-2", CANARY)
    tab_to(at, "Plan this part")
    at.picture("part-ticked")
    at.page.keyboard.press("Space")
    at.panel("only Regions us-east-2")
    part = planned(lab)
    assert part.fingerprint != whole.fingerprint
    assert (part.scope.regions, part.scope.organizational_units) == (("us-east-2",), (CANARY,))
    assert len(lab.made()) == before
    assert not list(lab.runs_of(PHASE)[-1].glob("approval*.json"))
    at.page.wait_for_function("document.activeElement?.placeholder?.startsWith('ticket')")
    tab_to(at, "Approve")
    at.page.keyboard.press("Space")
    at.panel("Decision 2 of 2: delegated account")
    at.page.wait_for_function("document.activeElement?.placeholder?.startsWith('ticket')")
    tab_to(at, "Approve")
    at.page.keyboard.press("Space")
    at.done()
    assert at.clicks == clicks
    assert {action.region for action in part.actions if action.service == "securityhub"} == {"us-east-2"}
    assert sorted(lab.made()[before:]) == sorted(f"{action.service}:{action.operation}" for action in part.actions)


def tick(at: NotebookPage, *words: str) -> None:
    """Tick boxes by keyboard: Tab backwards to each, then Space."""
    for each in reversed(words):
        for _ in range(40):
            label = at.page.evaluate("(document.activeElement.closest('label') || {}).innerText || ''")
            if each in label:
                break
            at.page.keyboard.press("Shift+Tab")
        at.page.keyboard.press("Space")


def test_a_canary_wave_and_then_the_rest(lab: Lab, open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole cannot be approved before its turn; each run goes on with the wave that AWS says is next."""
    parameters = lab.folder / "parameters"
    (parameters / "waves.yaml").write_text(lab.settings.read_text(encoding="utf-8") + WAVES, encoding="utf-8")
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "waves", parameters_file="parameters/waves.yaml"))
    before = prepare(lab, monkeypatch)
    at.run_all()
    at.panel("Decision 1 of 2: management account")
    at.button("Approve").click()
    at.page.get_by_text("Not taken: Wave 1 of 2: canary comes first").wait_for()
    assert len(lab.made()) == before
    at.picture("waves-offered")
    at.button("Plan Wave 1 of 2: canary").dblclick()
    at.panel("Wave 1 of 2: canary")
    at.page.get_by_text(f"only organizational units {CANARY}").last.wait_for()
    at.button("Approve").click()
    at.panel("Decision 2 of 2: delegated account")
    at.button("Approve").click()
    at.done()
    at.picture("waves-next")
    assert "Next: Wave 2 of 2: rest" in at.text()
    targets = {target for action in planned(lab).actions for target in action.targets}
    assert targets <= {AUTOMATION, DELEGATED}
    document = Path(lab.runs_of(PHASE)[-1] / "plan.md").read_text(encoding="utf-8")
    assert "| Wave | Wave 1 of 2: canary |" in document
    at.run_all()
    at.panel("Decision 1 of 2: management account")
    at.page.locator(".jupyter-widgets td", has_text="Wave 2 of 2: rest").last.wait_for()
    at.button("Approve").click()
    at.panel("Decision 2 of 2: delegated account")
    at.button("Approve").click()
    at.done()
    assert "Every wave is done." in at.text()
    assert lab.latest(PHASE)["run"] == "done"
