"""Whoever may name a member account writes a credential into the name: no file is withheld, and coverage is recomputed."""

import gzip
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest
import sealed_runs as made
from click.testing import CliRunner
from simulated import PARAMETERS, Simulated, fitting, simulated

from runbook_lib.audit.recompute import recompute
from runbook_lib.cli import cli
from runbook_lib.coverage.files import text_table, write_coverage
from runbook_lib.display import sections
from runbook_lib.evidence.run.answers import Answers
from runbook_lib.evidence.run.contents import SEAL
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.seal.sealing import seal, seal_of
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import ApprovalRefused
from runbook_lib.plan.decision import Ballot, Question, given
from runbook_lib.plan.document import Change, plan_document

PHASE = "20_guardduty"
NAMES = (
    "Automation AKIAIOSFODNN7EXAMPLE", "jürg@bücher.example", "user%40bank.example", '"john doe"@example.com',
    "someone&#64;example.com", "someone\\u0040example.com", "password:",
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A sealed run over accounts with such names: coverage, answers, plan, and a notebook's outputs."""
    root = tmp_path_factory.mktemp("masked")
    with pytest.MonkeyPatch.context() as environment:
        organization = simulated("seven", root, environment)
        for account, name in zip(organization.front.world.organization.accounts.values(), NAMES, strict=True):
            account.name = name
        made_run = RunFolder.create(
            root / "runs", "rehearsal", made.BEGIN, settings=fitting(organization.front).encode(),
            command=["runbook", "plan", "--ticket", NAMES[0]], organization=organization.front.world.organization.id,
        )  # fmt: skip
        look(organization, made_run)
    made_run.finish_phase(PHASE, RunStatus.DONE, made.BEGIN, {"state": "observed", "covered": 1})
    made_run.finish(RunStatus.DONE, made.BEGIN, error=f"about {NAMES[0]}")
    made.of_process(made_run, made.ended_process())
    seal(made_run, made.desk(made_run.path.parent))
    return made_run


def look(organization: Simulated, run: RunFolder) -> None:
    runbook, answers, folder = organization.runbook(PHASE), Answers(), run.start_phase(PHASE, made.BEGIN)
    runbook.access.on_answer = answers.keep
    with runbook.access:
        seen = runbook.observe()
        plan = runbook.plan(seen)
    write_coverage(folder.path, "after", seen.cells, seen.organization, {"mode": "rehearsal", "phase": PHASE, "run": run.name})
    (folder.path / "coverage-after.txt").write_text(text_table(seen.cells, seen.organization))
    answers.write(
        folder.path / "answers-after.jsonl.gz", {"scope": asdict(runbook.scope), "callers": dict(seen.organization.callers)}
    )
    folder.plan_json.write_text(plan_file.dumps(plan))
    folder.plan_document.write_text(plan_document(plan, Change(title="t", purpose="p", roles={}, concurrency=1)))
    shown = sections.observed(seen.cells, seen.organization)
    rows = [f"{each.name} {each.organizational_units[0]}/{each.id}" for each in seen.organization.accounts.values()]
    outputs = {"text/plain": [repr(shown), *rows], "text/html": shown._repr_html_()}
    folder.notebook().write_text(json.dumps({"cells": [{"outputs": [{"data": outputs}]}]}))


def test_nothing_is_withheld_and_every_file_names_the_accounts(run: RunFolder) -> None:
    sealed = seal_of(run)
    assert sealed is not None
    assert sealed.withheld == {}
    assert made.checked(run.path.parent).faults == ()
    for name in ("coverage-after.json", "coverage-after.csv", "notebook.ipynb"):
        text = (run.path / PHASE / name).read_text()
        assert "Automation [AWS key id]" in text
        assert "AKIA" not in text
    answers = gzip.decompress((run.path / PHASE / "answers-after.jsonl.gz").read_bytes()).decode()
    assert "Automation [AWS key id 1]" in answers


def test_coverage_is_recomputed_from_answers_that_were_masked(run: RunFolder) -> None:
    assert list(recompute(run)) == [(f"{PHASE}/after", [])]


def test_coverage_of_a_version_that_masked_less_is_the_same_coverage(run: RunFolder, tmp_path: Path) -> None:
    earlier = RunFolder(tmp_path / run.name)
    shutil.copytree(run.path, earlier.path)
    written = earlier.path / PHASE / "coverage-after.json"
    text = written.read_text()
    written.write_text(text.replace('"Automation [AWS key id]"', '"Automation AKIAIOSFODNN7EXAMPLE"'))
    assert text != written.read_text()
    assert list(recompute(earlier)) == [(f"{PHASE}/after", [])]


def test_answers_that_are_gone_are_said_where_coverage_was_taken(run: RunFolder, tmp_path: Path) -> None:
    cut = RunFolder(tmp_path / run.name)
    shutil.copytree(run.path, cut.path)
    gone = "answers-after.jsonl.gz is not there, so this coverage cannot be built again: "
    (cut.path / PHASE / "answers-after.jsonl.gz").unlink()
    assert list(recompute(cut)) == [(f"{PHASE}/after", [f"{gone}it lay there when the run was sealed"])]
    done = CliRunner().invoke(cli, ["evidence", "recompute", run.name, "--runs", str(tmp_path)], standalone_mode=False)
    assert (done.return_value, gone in done.output) == (1, True)
    (cut.path / SEAL).unlink()
    assert list(recompute(cut)) == [(f"{PHASE}/after", [f"{gone}it was not kept"])]
    for path in cut.path.glob(f"{PHASE}/coverage-*"):
        path.unlink()
    assert list(recompute(cut)) == [(f"{PHASE}/after", [f"{gone}it was not kept"])], "the record counts what was covered"
    made.of_process(cut, 1, phases={})
    assert list(recompute(cut)) == []


def test_withheld_answers_are_said_with_the_reason(tmp_path: Path) -> None:
    withheld = made.ended_run(tmp_path)
    withheld.settings.write_bytes(PARAMETERS.read_bytes())
    answers = withheld.path / PHASE / "answers-after.jsonl.gz"
    answers.write_bytes(gzip.compress(NAMES[0].encode()))
    seal(withheld, made.desk(tmp_path))
    found = dict(recompute(withheld))
    why = "it was withheld when the run was sealed (line 1: AWS access key id)"
    assert found[f"{PHASE}/after"] == [f"answers-after.jsonl.gz is not there, so this coverage cannot be built again: {why}"]


def test_what_people_say_at_the_screen_is_masked() -> None:
    ballot = Ballot(Question("t", "rehearsal", {}))
    assert ballot.cast(approved=False, ticket="CHG-1 jane@example.com", reason=NAMES[0], typed="", now=made.BEGIN) == ""
    assert ballot.answer is not None
    assert (ballot.answer.ticket, ballot.answer.reason) == ("CHG-1 [e-mail address]", "Automation [AWS key id]")


@pytest.mark.parametrize("place", ["ticket", "reason", "approver"])
def test_an_approval_that_would_be_withheld_is_not_used(tmp_path: Path, place: str) -> None:
    (tmp_path / "plan.json").write_text(plan_file.dumps(made.plan(PHASE)))
    made.approval(PHASE, **{place: "ask jane@example.com"}).write(tmp_path / "approval.json")
    with pytest.raises(ApprovalRefused, match=rf"approval\.json: {place}: holds an e-mail address or a secret"):
        given(tmp_path / "approval.json")
