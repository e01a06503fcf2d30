"""Runs under an IPython configuration of the user's own, and a long TMPDIR: neither changes what a run does or how it ends."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import value_samples as samples
from doors import PAPERMILL, ROOT, RUNBOOK, Served, outputs, served
from IPython.core.inputtransformer2 import TransformerManager

from runbook_lib.base.clock import Clock
from runbook_lib.evidence.run.folder import find_runs
from runbook_lib.notebook.shell import assigned_before_opening
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve

CONFIGURED = """
c.InteractiveShellApp.exec_lines = ["import json as js", "hom_region = 1", "answer = 42"]
c.InteractiveShellApp.exec_files = [{file!r}]
c.InteractiveShell.pdb = True
c.InteractiveShell.autoawait = False
"""
NOTEBOOK = "20_guardduty"


@pytest.fixture(scope="module")
def ipython(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An IPython folder with names from everywhere, the debugger on, and await in cells off."""
    folder = tmp_path_factory.mktemp("ipython")
    profile = folder / "profile_default"
    (profile / "startup").mkdir(parents=True)
    (profile / "startup" / "00.py").write_text("import os as everything\nscope_of_mine: int = 3\n", encoding="utf-8")
    more = folder / "more.py"
    more.write_text("from_a_file = 'x'\n", encoding="utf-8")
    (profile / "ipython_config.py").write_text(CONFIGURED.format(file=str(more)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served("seven", tmp_path_factory.mktemp("seven")) as organization:
        yield organization


def papermill(served: Served, ipython: Path, out: Path, *more: str) -> int:
    given = ["-r", "parameters_file", str(served.settings), *more]
    notebook = str(ROOT / "notebooks" / f"{NOTEBOOK}.ipynb")
    command = [*PAPERMILL, notebook, str(out), "--no-progress-bar", *given]
    return served.run(command, IPYTHONDIR=str(ipython), TMPDIR=long_folder(ipython)).returncode


def long_folder(parent: Path) -> str:
    """Where build machines keep temporary files: no socket's path may be as long."""
    folder = parent / ("security-platform-enable-services-organization-wide" * 3)
    folder.mkdir(exist_ok=True)
    return str(folder)


def test_a_cell_that_awaits_and_fails_ends_the_run_though_a_debugger_is_switched_on(
    seven: Served, ipython: Path, tmp_path: Path
) -> None:
    """The names of start-up are nobody's parameters, the awaiting cells run, and the refused approval ends with 1."""
    approval = tmp_path / "approval.json"
    plan = samples.plan(phase="10_security_hub", mode="rehearsal", organization=seven.front.world.organization.id)
    (tmp_path / "plan.json").write_text(plan_file.dumps(plan), encoding="utf-8")
    approve(plan, approver="tests", ticket="T-1", now=Clock().now()).write(approval)
    assert papermill(seven, ipython, tmp_path / "out.ipynb", "-r", "approval", str(approval)) == 1
    record = find_runs(seven.runs)[-1].record()
    assert (record["status"], record["phases"][NOTEBOOK]["results"]["state"]) == ("failed", "refused")
    shown = outputs(tmp_path / "out.ipynb")
    assert any("approval" in each and "Plan again" in each for each in shown), shown


def test_what_papermill_injects_is_still_refused_beside_them(seven: Served, ipython: Path, tmp_path: Path) -> None:
    """Also under a name that start-up has given too."""
    assert papermill(seven, ipython, tmp_path / "out.ipynb", "-p", "hom_region", "x", "-p", "aproval", "y") == 1
    said = next(each for each in outputs(tmp_path / "out.ipynb") if "is not a parameter" in each)
    assert said.splitlines()[0] == "aproval is not a parameter of this notebook; hom_region is not a parameter of this notebook"


def test_our_own_commands_start_kernels_without_it(seven: Served, ipython: Path) -> None:
    """A person's start-up code has no business in a run that is evidence: here it would break the first call."""
    (ipython / "profile_default" / "startup" / "99.py").write_text(
        "import runbook_lib.notebook\nrunbook_lib.notebook.open_phase = None\n", encoding="utf-8"
    )
    done = seven.run(
        [*RUNBOOK, "plan", "--phase", "20", "-p", str(seven.settings)], IPYTHONDIR=str(ipython), TMPDIR=long_folder(ipython)
    )
    assert done.returncode == 2, done.stdout + done.stderr


CELLS = json.loads(
    """[
  [["a = 1"], ["a"]],
  [["a: int = 1\\nb: int"], ["a", "b"]],
  [["# Parameters\\na = 1\\nb = c = 2\\nd, (e, *f) = g"], ["a", "b", "c", "d", "e", "f"]],
  [["%load_ext nothing", "a = 1"], ["a"]],
  [["import os\\nfrom json import dumps as d\\ndef f(): x = 1\\nclass C: y = 1\\nos.environ['z'] = ''"], []],
  [["a = 1", "run = open_phase('p', b, c)", "later = 1"], ["a"]],
  [["a = 1", "start = open_start(b)\\nstart.card()"], ["a"]],
  [["this is no Python", "a = 1"], ["a"]],
  [["_hidden = 1"], ["_hidden"]],
  [["await something\\na = 1"], ["a"]]
]"""
)


@pytest.mark.parametrize(("cells", "names"), CELLS)
def test_names_that_cells_assigned_before_the_notebook_was_opened(cells: list[str], names: list[str]) -> None:
    transform = TransformerManager().transform_cell  # type: ignore[no-untyped-call] # IPython has no types here
    shell = SimpleNamespace(history_manager=SimpleNamespace(input_hist_parsed=["", *map(transform, cells)]))
    assert assigned_before_opening(shell) == names
