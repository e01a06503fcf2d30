"""The kernel's record of executed cells: what was run before, between and at the end, and which cells there were."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from runbook_lib.evidence.run import executed_cells as record
from runbook_lib.evidence.run.folder import PhaseFolder
from runbook_lib.notebook import executed
from runbook_lib.notebook.executed import Listener

PHASE = "10_security_hub"


@pytest.fixture
def shell() -> Iterator[Any]:
    made: Any = InteractiveShell(config=Config({"HistoryManager": {"hist_file": ":memory:"}}))  # type: ignore[no-untyped-call]
    yield made
    made.history_manager.end_session()


def run(shell: Any, source: str, cell: str | None) -> None:
    shell.run_cell(source, store_history=True, cell_id=cell)


def test_every_cell_is_recorded_as_it_was_run(shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "mine.ipynb"))
    folder = tmp_path / PHASE
    folder.mkdir()
    listeners: list[Listener] = []
    shell.user_ns |= {"go": lambda: listeners.append(Listener(shell, PhaseFolder(folder))), "end": lambda: listeners.pop().close()}
    run(shell, "x = 1\n", "parameters")
    run(shell, "go()", "open")
    run(shell, "1 / 0", "observe")
    shell.run_cell("silent = 1", silent=True)
    run(shell, "end()", "finish")
    run(shell, "after = 1", "more")
    found = record.read_cells(folder / record.NAME)
    assert found.notebook == str(tmp_path / "mine.ipynb")
    assert found.before == {1: record.source_digest("x = 1")}
    assert [(each.count, each.cell, each.ended) for each in found.executions] == [
        (2, "", True), (3, "observe", True), (4, "finish", False),
    ]  # fmt: skip
    assert [each.source for each in found.executions] == [record.source_digest(text) for text in ("go()", "1 / 0", "end()")]
    assert found.sealed_in == 4
    lines = (folder / record.NAME).read_text()
    assert '"success": false' in lines
    assert "1 / 0" not in lines
    assert [each.cell for each in found.came][:3] == ["parameters", "open", "observe-code"]


def test_where_it_came_from_is_the_commit_or_else_what_lies_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executed, "committed", lambda file: None)
    assert executed.as_it_came(PHASE, None)[0] == f"{PHASE}.ipynb as it lay there when the run began"
    mine = tmp_path / "mine.ipynb"
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x: str = ''", id="a", metadata={"tags": ["parameters"]})])  # type: ignore[no-untyped-call]
    nbformat.write(document, mine)  # type: ignore[no-untyped-call]  # as above
    where, cells = executed.as_it_came("77_unknown", mine)
    assert where == "mine.ipynb as it lay there when the run began"
    assert cells == [record.Came("a", record.source_digest("x: str = ''"), record.shape_digest('x: str = "other"'))]
    mine.write_text("{")
    assert executed.as_it_came("77_unknown", mine)[1] == []
    assert executed.as_it_came("77_unknown", None) == ("", [])


@pytest.mark.parametrize("source", ["x = 1", "x: str = f()", "x: str = ''\nprint(x)", "x: str =", "", "x.y: str = ''"])
def test_only_a_cell_that_assigns_plain_values_has_a_shape(source: str) -> None:
    assert record.shape_digest(source) == ""
