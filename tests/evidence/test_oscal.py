"""OSCAL assessment results of a run: complete, consistent, the same each time; and valid for compliance-trestle (soak)."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made
from click.testing import CliRunner
from simulated import PARAMETERS, simulated

from runbook_lib.audit.oscal import NotExported, assessment_results
from runbook_lib.audit.oscal_validation import complaints
from runbook_lib.cli import cli
from runbook_lib.coverage.files import write_coverage
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.seal.sealing import NotSealed, seal

LAST = "90_coverage"
UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
TOKEN = re.compile(r"^[A-Za-z_][A-Za-z0-9._-]*$")
TEXT = re.compile(r"^\S(.*\S)?$")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that applied a phase and looked at the whole afterwards; not sealed yet."""
    root = tmp_path_factory.mktemp("oscal")
    with pytest.MonkeyPatch.context() as environment:
        organization = simulated("seven", root, environment)
        organization.front.world.organization.accounts["111111111111"].name = " <b>Name</b>\nof two lines "
        run = RunFolder.create(
            root / "runs", "rehearsal", made.BEGIN, settings=PARAMETERS.read_bytes(), command=[], organization=made.ORGANIZATION
        )
        made.apply_phase(run, "20_guardduty", made.BEGIN, made.approval("20_guardduty"))
        runbook, folder = organization.runbook(LAST), run.start_phase(LAST, made.BEGIN)
        with runbook.access:
            seen, cells = runbook.survey()
    write_coverage(folder.path, "after", cells, seen, {"mode": "rehearsal", "phase": LAST, "run": run.name})
    run.finish_phase(LAST, RunStatus.LEFT_OVER, made.BEGIN, {"covered": 1, "not applicable": 2})
    run.finish(RunStatus.LEFT_OVER, made.BEGIN)
    made.of_process(run, made.ended_process())
    return run.path


@pytest.fixture
def ended(built: Path, tmp_path: Path) -> RunFolder:
    return RunFolder(shutil.copytree(built, tmp_path / "runs" / built.name))


@pytest.fixture
def run(ended: RunFolder) -> RunFolder:
    seal(ended, made.desk(ended.path.parent))
    return ended


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Every (key, value) anywhere in a document."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield str(key), item
        if isinstance(item, dict | list):
            yield from walk(item)


def test_identifiers_are_made_from_the_seal_and_all_references_lead_somewhere(run: RunFolder) -> None:
    document = assessment_results(run)
    assert document == assessment_results(run)
    known = [value for key, value in walk(document) if key == "uuid"]
    assert len(known) == len(set(known))
    assert all(UUID.match(each) for each in known)
    named = {value for key, value in walk(document) if key in {"subject-uuid", "observation-uuid"}}
    named |= {value[1:] for key, value in walk(document) if key == "href" and value.startswith("#")}
    named |= {each for key, value in walk(document) if key == "party-uuids" for each in value}
    assert named
    assert named <= set(known)


def test_what_is_written_has_the_form_that_oscal_asks_for(run: RunFolder) -> None:
    document = assessment_results(run)["assessment-results"]
    assert set(document) == {"uuid", "metadata", "import-ap", "results", "back-matter"}
    for key, value in walk(document):
        if key == "props":
            assert value
            assert all(TOKEN.match(each["name"]) and TEXT.match(each["value"]) for each in value)
        if key in {"title", "description"}:
            assert TEXT.match(value), value
        assert value not in ("", [], {}) or key == "include-all"
    (result,) = document["results"]
    for each in result["observations"]:
        assert {"uuid", "description", "methods", "collected", "subjects"} <= set(each)
    assert "REHEARSAL" in document["metadata"]["title"]


def test_the_numbers_are_those_of_the_coverage(run: RunFolder) -> None:
    coverage = json.loads((run.path / LAST / "coverage-after.json").read_text())
    (result,) = assessment_results(run)["assessment-results"]["results"]
    assert len(result["observations"]) == len(coverage["cells"]) > 20
    assert len(result["local-definitions"]["inventory-items"]) == len(coverage["accounts"])
    states = {each["target"]["target-id"]: each["target"]["status"]["state"] for each in result["findings"]}
    wanted = {cell["service"] for cell in coverage["cells"] if cell["in_scope"] and cell["status"] in ("covered", "gap", "unknown")}
    gaps = {cell["service"] for cell in coverage["cells"] if cell["in_scope"] and cell["status"] in ("gap", "unknown")}
    assert states == {f"{each}_enabled": "not-satisfied" if each in gaps else "satisfied" for each in wanted}
    assert {each["title"] for each in result["assessment-log"]["entries"]} == {"Phase 20_guardduty", f"Phase {LAST}"}


def test_resources_have_the_sealed_digests(run: RunFolder) -> None:
    resources = assessment_results(run)["assessment-results"]["back-matter"]["resources"]
    assert {"run.json", "settings.yaml", "20_guardduty/plan.json", f"{LAST}/coverage-after.json"} <= {
        each["title"] for each in resources
    }
    sealed = {path.relative_to(run.path).as_posix() for path in made.files(run.path, run)}
    assert all(each["rlinks"][0]["href"] in sealed for each in resources)


def test_an_unsealed_or_altered_run_is_not_exported(ended: RunFolder) -> None:
    with pytest.raises(NotSealed):
        assessment_results(ended)
    seal(ended, made.desk(ended.path.parent))
    (ended.path / LAST / "coverage-after.json").write_text("{}")
    with pytest.raises(NotExported, match="was altered"):
        assessment_results(ended)


def test_the_command_writes_once(run: RunFolder, tmp_path: Path) -> None:
    out = tmp_path / "results.json"
    words = ["evidence", "oscal", run.name, str(out), "--runs", str(run.path.parent)]
    done = CliRunner().invoke(cli, words, standalone_mode=False)
    assert done.return_value == 0, done.exception
    assert json.loads(out.read_text()) == assessment_results(run)
    again = CliRunner().invoke(cli, words, standalone_mode=False)
    assert "nothing is overwritten" in str(again.exception)


@pytest.mark.soak
def test_trestle_finds_nothing_wrong_and_would(run: RunFolder, tmp_path: Path) -> None:
    """RUNBOOK_TRESTLE names a Python that has compliance-trestle; without it one is installed here, from the package index."""
    python = os.environ.get("RUNBOOK_TRESTLE") or str(tmp_path / "trestle" / "bin" / "python")
    if "RUNBOOK_TRESTLE" not in os.environ:
        subprocess.run([sys.executable, "-m", "venv", tmp_path / "trestle"], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "compliance-trestle>=5.2,<6"], check=True)
    out, document = tmp_path / "results.json", assessment_results(run)
    out.write_text(json.dumps(document))
    assert complaints(out, python) == ""
    document["assessment-results"]["results"][0]["observations"][0]["uuid"] = document["assessment-results"]["uuid"]
    out.write_text(json.dumps(document))
    assert "did not pass" in complaints(out, python), "one identifier twice"
    del document["assessment-results"]["import-ap"]
    out.write_text(json.dumps(document))
    assert complaints(out, python)
