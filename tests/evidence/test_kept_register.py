"""The register of workflows as a run keeps it: copied, read again, in the plan's fingerprint, redacted, and recomputed."""

import datetime as dt
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import sealed_runs
import value_samples as samples

from runbook_lib.audit.recompute import recompute
from runbook_lib.audit.redact import redact
from runbook_lib.base.documents import DocumentError
from runbook_lib.base.pseudonyms import Pseudonyms
from runbook_lib.coverage import Cell
from runbook_lib.evidence.run.folder import WORKFLOWS, RunFolder, RunStatus
from runbook_lib.evidence.seal.sealing import seal
from runbook_lib.phase_run.opening import begin
from runbook_lib.phase_run.record import RunRecord
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve, refusals
from runbook_lib.runbook.scorecard import Verdict, scorecard
from runbook_lib.settings.register import digest_of, kept_beside, read_register

SAMPLE = Path(__file__).parents[2] / "parameters" / "rehearsal-all.yaml"
PHASE, COVERAGE = "60_response", "90_coverage"
NOW = dt.datetime(2026, 11, 29, tzinfo=dt.UTC)
NONE: tuple[Cell, ...] = ()


@pytest.fixture
def parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RUNBOOK_RUNS", str(tmp_path / "runs"))
    shutil.copy(SAMPLE, tmp_path / "mine.yaml")
    shutil.copytree(SAMPLE.with_suffix(".workflows"), tmp_path / "mine.workflows")
    return tmp_path / "mine.yaml"


def begun(parameters: Path, phase: str = COVERAGE, folder: str = "") -> RunRecord:
    record = begin(phase, parameters, "", "", folder)
    record.closing.close()
    return record


def test_a_run_keeps_the_register_byte_for_byte_and_takes_it_for_no_phase(parameters: Path) -> None:
    record = begun(parameters)
    kept = {path.name: path.read_bytes() for path in record.run.workflows.iterdir()}
    assert kept == {path.name: path.read_bytes() for path in parameters.with_suffix(".workflows").iterdir()}
    assert [phase.name for phase in record.run.phases()] == [COVERAGE]
    assert (record.run.workflows.stat().st_mode & 0o077) == 0
    assert record.register.digest == read_register(parameters).digest == digest_of(kept_beside(record.run.settings))


def test_a_kernel_that_has_only_the_run_decides_the_principles_about_workflows(parameters: Path) -> None:
    """As a command does it: the notebook gets the run's copy of the settings, and nothing that lies beside the original."""
    first = begun(parameters)
    parameters.with_suffix(".workflows").rename(parameters.with_name("gone"))
    second = begun(first.run.settings, folder=str(first.run.path))
    assert second.run == first.run
    said = scorecard(second.settings, samples.organization(), NONE, second.register, NOW.date())
    assert Verdict.UNKNOWN not in {
        each.verdict for each in said if each.name in {"Automate remediations", "Document all workflows"}
    }


def test_where_settings_manage_no_response_nothing_is_kept(parameters: Path) -> None:
    plain = parameters.with_name("plain.yaml")
    shutil.copy(SAMPLE.with_name("rehearsal.yaml"), plain)
    shutil.copytree(parameters.with_suffix(".workflows"), plain.with_suffix(".workflows"))
    record = begun(plain)
    assert not record.run.workflows.exists()
    assert record.register.digest == ""


def test_a_changed_register_is_a_changed_plan_and_an_approval_of_the_old_one_is_refused() -> None:
    plan = samples.plan()
    one, other = (replace(plan, register=each) for each in ("1" * 64, "2" * 64))
    assert len({each.fingerprint for each in (plan, one, other)}) == 3
    assert plan_file.loads(plan_file.dumps(one), "p") == one
    assert "register" not in json.loads(plan_file.dumps(plan)), "a plan without one is written as ever"
    where = {"mode": plan.mode, "organization": plan.organization, "phase": plan.phase, "settings": plan.settings_digest}
    for approved, now, refused in ((one, "1" * 64, False), (one, "2" * 64, True), (one, "", True), (plan, "", False)):
        approval = approve(approved, approver="tests", ticket="T-1", now=NOW)
        said = refusals(approval, approved, register=now, **where)
        assert any("register of workflows has changed" in each for each in said) is refused, (approved.register, now)


@pytest.mark.parametrize(
    "line",
    ["# ask alice" + "@" + "example.com", "regulation: [{ whom: alice" + "@" + "example.com, within: 1 day }]"],
    ids=["comment", "value"],
)
def test_an_address_in_a_workflow_is_refused_with_its_line_before_anything_is_made(parameters: Path, line: str) -> None:
    path = parameters.with_suffix(".workflows") / "access.yaml"
    path.write_text(f"{path.read_text()}{line}\n")
    lines = len(path.read_text().splitlines())
    with pytest.raises(DocumentError) as refused:
        begin(PHASE, parameters, "", "", "")
    assert f"access.yaml, line {lines}: " in str(refused.value)
    assert "e-mail address" in str(refused.value)
    assert "alice" not in str(refused.value)
    assert not (parameters.parent / "runs").exists()


def ended(parameters: Path, register: str) -> RunFolder:
    """A run that planned with this register, sealed."""
    run = begun(parameters, PHASE).run
    plan = replace(samples.plan(), phase=PHASE, register=register)
    run.phase(PHASE).plan_json.write_text(plan_file.dumps(plan))
    run.finish_phase(PHASE, RunStatus.DONE, NOW)
    run.finish(RunStatus.DONE, NOW)
    sealed_runs.of_process(run, sealed_runs.ended_process())
    return run


@pytest.mark.parametrize("case", ["as it was", "changed", "gone", "from before registers were kept"])
def test_recompute_names_a_register_that_is_not_the_plans(parameters: Path, case: str) -> None:
    run = ended(parameters, "" if case == "from before registers were kept" else read_register(parameters).digest)
    if case == "changed":
        (run.workflows / "threats.yaml").write_text("id: threats\n")
    elif case != "as it was":
        shutil.rmtree(run.workflows)
    found = dict(recompute(run))
    assert (f"{PHASE}/{WORKFLOWS}" in found) is (case in {"changed", "gone"})


def test_the_copy_for_outsiders_has_the_register_without_accounts_and_comments(parameters: Path, tmp_path: Path) -> None:
    path = parameters.with_suffix(".workflows") / "threats.yaml"
    path.write_text(
        f"# said by Zoe Operator\n{path.read_text()}\n"
        'exceptions: [{ accounts: ["777777777777"], reason: A test, owner: Platform security, expires: 2027-06-01 }]\n'
    )
    run = ended(parameters, read_register(parameters).digest)
    seal(run, sealed_runs.desk(run.path.parent))
    copy = redact(run, tmp_path / "copy", Pseudonyms(b"a key of the tests"), sealed_runs.desk(run.path.parent))
    text = (copy / WORKFLOWS / "threats.yaml").read_text()
    assert "777777777777" not in text
    assert "Zoe" not in text
    assert "Platform security" in text
    assert f"comments of {WORKFLOWS}/threats.yaml" in json.loads((copy / "redaction.json").read_text())["left_out"]
    assert {each.name for each in (copy / WORKFLOWS).iterdir()} == {each.name for each in run.workflows.iterdir()}
