"""One phase without a notebook: what every door uses, in a process that has loaded nothing of a notebook, table or page."""

import ast
import datetime as dt
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import measures
import pytest
from cells import executed
from doors import ROOT, Served, served

from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.notebook import coverage_parts
from runbook_lib.phase_run import PhaseRun
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve
from runbook_lib.runbook.phases import COVERAGE

PHASE = "00_prerequisites"
HEAVY = ("pandas", "numpy", "IPython", "ipykernel", "nbformat", "jinja2", "ipywidgets", "papermill")
RUN = f"""
import json, sys
from pathlib import Path
from runbook_lib.base.clock import Stop
from runbook_lib.phase_run.opening import begin, opened

settings, approval = sys.argv[1:]
run = opened(begin({PHASE!r}, Path(settings), "", approval, ""))
run.observe()
run.plan()
report = run.apply(run.take_given(), Stop(), lambda tick: None) if approval else run.leave()
run.verify()
code = run.finish()
loaded = sorted(set({HEAVY!r}) & set(sys.modules))
print(json.dumps({{"code": code, "state": run.record.state, "loaded": loaded, "run": run.record.run.name}}))
"""


def ran(organization: Served, approval: str = "") -> dict[str, object]:
    done = organization.run([sys.executable, "-c", RUN, str(organization.settings), approval])
    assert done.returncode == 0, done.stderr
    said: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return said


def test_a_phase_is_planned_and_applied_without_notebook_tables_or_pages(tmp_path: Path) -> None:
    """From opening to the sealed end; sys.modules is looked at when all of it is done, so that late imports count."""
    with served("seven", tmp_path) as organization:
        planned = ran(organization)
        assert planned == {"code": 2, "state": "not attempted", "loaded": [], "run": planned["run"]}
        assert organization.changes == []
        file = organization.runs / str(planned["run"]) / PHASE / "plan.json"
        given = approve(plan_file.load(file), approver="Ada", ticket="T-1", now=dt.datetime.now(dt.UTC), file=str(file))
        given.write(tmp_path / "approval.json")
        applied = ran(organization, str(tmp_path / "approval.json"))
        assert applied == {"code": 0, "state": "applied", "loaded": [], "run": applied["run"]}
        assert len(organization.changes) == len(plan_file.load(file).actions) > 0
    kept = RunFolder.open(organization.runs / str(applied["run"]))
    assert kept.status == RunStatus.DONE
    names = {each.name for each in kept.phase(PHASE).path.iterdir()}
    assert {"plan.json", "approval.json", "journal.jsonl", "coverage-after.json"} <= names
    assert (kept.path / "evidence.intoto.jsonl").exists()


def test_no_module_of_the_room_shows_anything() -> None:
    folder = ROOT / "runbook_lib" / "phase_run"
    for path in folder.rglob("*.py"):
        for node in ast.walk(measures.tree(path)):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            assert not [each for each in names if each.startswith("runbook_lib.display") or each.split(".")[0] in HEAVY], path


def test_an_object_of_the_notebooks_is_whole_when_it_is_there() -> None:
    """What reads, opens or calls is a function that returns it: nothing asks whether an attribute is there yet."""
    for room in ("notebook", "phase_run"):
        for path in (ROOT / "runbook_lib" / room).rglob("*.py"):
            calls = [ast.unparse(node) for node in ast.walk(measures.tree(path)) if isinstance(node, ast.Call)]
            assert not [each for each in calls if each.startswith("hasattr(self")], path


def test_the_coverage_notebook_shows_what_is_added_and_is_not_edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def counted(run: PhaseRun) -> Iterator[str]:
        yield f"{len(run.organization.accounts)} accounts were looked at."

    monkeypatch.setattr(coverage_parts, "OBSERVE", (*coverage_parts.OBSERVE, counted))
    monkeypatch.setattr(coverage_parts, "VERIFY", (counted, *coverage_parts.VERIFY))
    with served("seven", tmp_path) as organization:
        done = executed(
            ROOT / "notebooks" / f"{COVERAGE.name}.ipynb", organization.environment, parameters_file=str(organization.settings)
        )
        accounts = len(organization.front.world.organization.accounts)
    assert done.halted == ""
    assert done.shown["observe"].endswith(f"{accounts} accounts were looked at.")
    assert done.shown["verify"].startswith(f"{accounts} accounts were looked at.")
    assert "Coverage" in done.shown["observe"]
    assert "What remains in scope, and why" in done.shown["verify"]
