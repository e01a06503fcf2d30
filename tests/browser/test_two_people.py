"""Two people at the screen: the cell waits for the other's approval, the operator confirms, and the saved notebook is attached."""

import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from lab_server import Lab
from page import NotebookPage

from runbook_lib.audit.verify import verify
from runbook_lib.cli import cli
from runbook_lib.evidence.people.four_eyes import APPROVALS, signed
from runbook_lib.evidence.people.trust import pinned_trust, read_policy, signed_policy
from runbook_lib.evidence.run.contents import ATTACHED
from runbook_lib.evidence.seal.archive import KEYS
from runbook_lib.evidence.seal.keys import local_signer, pem
from runbook_lib.plan.approval import approve
from runbook_lib.plan.file import load
from runbook_lib.settings.file import parse

PHASE, CALLS = "00_prerequisites", 4
KEY = "arn:aws:kms:us-east-1:222222222222:alias/evidence"


def call(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, list(map(str, words)), standalone_mode=False)
    return (done.return_value if done.exception is None else 1), done.output + str(done.exception or "")


def four_eyes(lab: Lab) -> str:
    """Settings under a trust policy that asks for one other person; the parameters file, from the project's folder."""
    text = lab.settings.read_text(encoding="utf-8")
    people, trust = lab.folder / "people", lab.folder / "trust.json"
    policy = {
        "organization": parse(text, dt.datetime.now(dt.UTC).date(), "p").organization.id, "owner": "",
        "approvals": {"rehearsal": 1}, "people": [{"name": "Second person", "key": pem(local_signer(people, "second").public_key)}],
    }  # fmt: skip
    trust.write_bytes(signed_policy(json.dumps(policy).encode(), local_signer(people, "owner"), "policy"))
    evidence = f"\nevidence:\n  signing_key: {KEY}\n  trust_policy: {trust}\n"
    (lab.folder / "parameters" / "four-eyes.yaml").write_text(text + evidence, encoding="utf-8")
    return "parameters/four-eyes.yaml"


def test_another_person_approves_the_operator_confirms_and_the_notebook_is_attached(
    lab: Lab, open_page: Callable[..., NotebookPage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lab.folder)
    monkeypatch.setenv("RUNBOOK_RUNS", str(lab.runs))
    at = open_page(lab.fresh(f"{PHASE}.ipynb", "two-people", parameters_file=four_eyes(lab)))
    at.run_all()
    at.page.get_by_text("Waiting: 0 of 1 have approved").wait_for()
    folder = lab.runs_of(PHASE)[-1]
    run = folder.parent.name
    assert at.button("Confirm").is_disabled()
    for said in ("Second person", f"runbook approve {run} --phase {PHASE}", "Fingerprint"):
        assert said in at.page.locator(".jupyter-widgets", has_text="Who may approve").last.inner_text()
    at.look("run.confirm()", "two-people-waiting")

    def give(key: str) -> None:
        code, said = call("approve", run, "--ticket", "CHG-7", "--key", lab.folder / "people" / f"{key}.pem")
        assert code == 0, said

    code, said = call("approve", run, "--ticket", "CHG-7", "--key", lab.folder / "people" / "stranger.pem")
    assert (code, "names nobody with this key" in said) == (1, True), said
    claim(lab, folder, lab.folder / "people")
    at.page.get_by_text("cannot be used: 1 approvals by other people are needed").wait_for()
    assert at.button("Confirm").is_disabled()
    at.look("run.confirm()", "two-people-refused")
    give("second")
    at.page.get_by_text("Approved by Second person, ticket CHG-7").wait_for()
    at.page.wait_for_timeout(700)
    assert not lab.made(), "nothing starts by itself"
    at.look("run.confirm()", "two-people-approved")
    at.button("Confirm").click()
    at.done()
    assert len(lab.made()) == CALLS
    assert "Confirmed by" in at.text()
    assert lab.latest(PHASE)["results"]["Approved by"] == "Second person"
    at.look("run.confirm()", "two-people-record")
    _attached(lab, at, folder.parent)


def claim(lab: Lab, phase: Path, people: Path) -> None:
    """An approval that a stranger signed by other means than the command, where approvals are looked for."""
    plan = load(phase / "plan.json")
    made = approve(
        plan,
        approver="Stranger",
        ticket="CHG-7",
        now=dt.datetime.now(dt.UTC),
        file=os.path.relpath(phase / "plan.json", lab.runs / APPROVALS),
    )
    path = lab.runs / APPROVALS / f"{phase.parent.name}-{PHASE}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    signed(
        made.model_copy(update={"trust": read_policy(lab.folder / "trust.json").digest}), local_signer(people, "stranger")
    ).write(path)


def _attached(lab: Lab, at: NotebookPage, run: Path) -> None:
    """The saved notebook: listed as missing, refused while it is edited, attached as it was run, and held by verify."""
    saved = lab.folder / "notebooks" / "two-people.ipynb"
    assert "notebook not attached" in (lab.runs / "index.html").read_text(encoding="utf-8")
    code, said = call("evidence", "seal", run.name)
    assert (code, "not attached: two-people.ipynb: " in said) == (2, True), said
    text = at.save(saved, "Confirmed by")
    saved.write_text(text.replace('"run.observe()"', '"run.observe() and None"'), encoding="utf-8")
    code, said = call("evidence", "seal", run.name)
    assert (code, "cell observe-code was edited" in said) == (2, True), said
    saved.write_text(text, encoding="utf-8")
    code, said = call("evidence", "seal", run.name)
    assert code == 0, said
    page = run / ATTACHED / f"saved-notebook-{PHASE}" / "notebook.html"
    assert "Confirmed by" in page.read_text(encoding="utf-8")
    assert verify(lab.runs, pinned_trust(lab.runs / KEYS), [run.name]).faults == ()
    at.page.goto(page.as_uri())
    at.picture("two-people-attached")
