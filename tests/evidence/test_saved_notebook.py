"""The saved notebook is attached only if it shows what was run; otherwise it is said exactly why not."""

import datetime as dt
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
import sealed_runs as made
from click.testing import CliRunner

from runbook_lib.base.own_files import FileBroken
from runbook_lib.cli import cli
from runbook_lib.evidence.listing import rows
from runbook_lib.evidence.run.contents import ATTACHED
from runbook_lib.evidence.run.executed_cells import NAME, Came, CellLog, CellRecord, read_cells, shape_digest, source_digest
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.run.saved_notebook import SavedCell, compare
from runbook_lib.evidence.seal.linked import linked_of
from runbook_lib.evidence.seal.sealing import seal
from runbook_lib.notebook.attaching import attach_found, attach_saved

LATER = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
GIVEN = 'parameters_file: str = ""  # which\nscope: str = ""'
SOURCES = {
    "parameters": GIVEN.replace('""  # which', '"a.yaml"  # which'),
    "open": "run = open_phase()",
    "observe": "run.observe()",
    "end": "run.finish()",
}
CAME = [
    Came("parameters", source_digest(GIVEN), shape_digest(GIVEN)),
    *(Came(name, source_digest(text)) for name, text in SOURCES.items() if name != "parameters"),
]
SAVED = [SavedCell(name, text, count) for count, (name, text) in enumerate(SOURCES.items(), start=1)]


def write_record(path: Path, notebook: str = "", *, sealed: bool = True, ids: bool = True, stop_in: int = 0) -> None:
    """What a run of SOURCES leaves: it was opened in the second cell; with `stop_in` the kernel was gone in that execution."""
    log = CellLog(path)
    log.opened(notebook, "x.ipynb of the git commit", CAME, {1: source_digest(SOURCES["parameters"])})
    for count, (name, text) in list(enumerate(SOURCES.items(), start=1))[1:]:
        log.began(count, name if ids else "", source_digest(text))
        if count == stop_in:
            return
        if count < len(SOURCES):
            log.ended(count, success=True)
    if sealed:
        log.close(len(SOURCES))
    log.ended(len(SOURCES), success=True)


def record(path: Path, **others: Any) -> CellRecord:
    write_record(path / NAME, **others)
    return read_cells(path / NAME)


def cell(name: str, **change: Any) -> Callable[[Sequence[SavedCell]], list[SavedCell]]:
    return lambda saved: [replace(each, **change) if each.cell == name else each for each in saved]


def edited_values(saved: Sequence[SavedCell]) -> list[SavedCell]:
    return cell("parameters", source=SOURCES["parameters"].replace("a.yaml", "b.yaml"))(saved)


def counted(more: int) -> Callable[[Sequence[SavedCell]], list[SavedCell]]:
    return lambda saved: [replace(each, count=(each.count or 0) + more) for each in saved]


Change = Callable[[Sequence[SavedCell]], list[SavedCell]]
CASES: dict[str, tuple[Change, str]] = {
    "as it was run": (list, ""),
    "an empty cell at the end": (lambda saved: [*saved, SavedCell("new", " \n", None)], ""),
    "a cell edited": (cell("observe", source="run.observe() or 1"), "cell observe was edited"),
    "a cell edited after it ran": (cell("observe", source="pass"), "observe was edited after it was run (execution 3)"),
    "values changed after they were used": (edited_values, "cell parameters was edited after it was run (execution 1)"),
    "another parameter": (cell("parameters", source=GIVEN + '\nmore: str = ""'), "parameters was edited: it is not as in x.ipynb"),
    "a computed parameter": (cell("parameters", source=GIVEN.replace('""', "f()")), "parameters was edited: it is not as in"),
    "a cell removed": (lambda saved: [each for each in saved if each.cell != "observe"], "cell observe was removed"),
    "a cell added": (lambda saved: [*saved, SavedCell("more", "1", None)], "cell more was added"),
    "cells in another order": (lambda saved: list(reversed(saved)), "another order"),
    "saved before the last cell ended": (cell("end", count=None), "cell end shows no result"),
    "not saved since": (lambda saved: [replace(each, count=None) for each in saved], "no cell in it shows a result"),
    "an output cleared": (cell("observe", count=None), "cell observe shows no result"),
    "results of another kernel": (cell("observe", count=0), "cell observe shows an execution that this kernel has not run"),
    "run again from the top": (counted(4), "run again since, and shows a later run (cell open)"),
    "a cell run again after the end": (cell("observe", count=5), ""),
    "edited and run again after the end": (cell("observe", count=5, source="pass"), "observe was edited after the run had ended"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_saved_notebook_is_held_against_what_was_run(tmp_path: Path, name: str) -> None:
    change, said = CASES[name]
    compared = compare(record(tmp_path), change(SAVED), LATER)
    assert said in "; ".join(compared.reasons)
    assert bool(compared.reasons) == bool(said)
    assert compared.again == (("observe",) if name == "a cell run again after the end" else compared.again)


def test_front_ends_that_give_no_ids_are_held_by_source(tmp_path: Path) -> None:
    there = record(tmp_path, ids=False)
    assert compare(there, SAVED, LATER).reasons == ()
    assert "code that it does not have" in "; ".join(compare(there, cell("observe", source="pass")(SAVED), LATER).reasons)


def test_a_cell_that_was_run_edited_and_run_again_hides_nothing(tmp_path: Path) -> None:
    write_record(tmp_path / NAME, sealed=False, stop_in=4)
    log = CellLog(tmp_path / NAME)
    log.ended(4, success=True)
    for count, text in ((5, "run.decision = mine"), (6, SOURCES["observe"])):
        log.began(count, "observe", source_digest(text))
        log.ended(count, success=True)
    reasons = compare(read_cells(tmp_path / NAME), cell("observe", count=6)(SAVED), LATER).reasons
    assert reasons == ("execution 5 (cell observe) ran code that it does not have",)
    assert "shows execution 3, the last was 6" in "; ".join(compare(read_cells(tmp_path / NAME), SAVED, LATER).reasons)


def test_a_kernel_that_died_in_a_cell_leaves_a_notebook_that_can_be_attached(tmp_path: Path) -> None:
    there = record(tmp_path, stop_in=3)
    unrun = [replace(each, count=None) if each.cell in ("observe", "end") else each for each in SAVED]
    assert compare(there, unrun, LATER).reasons == ()
    edited = cell("observe", source="pass")(unrun)
    assert "cell observe was edited after it was run" in compare(there, edited, LATER).reasons


def test_it_must_be_saved_after_the_last_cell(tmp_path: Path) -> None:
    (reason,) = compare(record(tmp_path), SAVED, made.BEGIN).reasons
    assert "before the last cell of the run ended" in reason


def test_what_was_written_when_the_kernel_was_killed_is_read(tmp_path: Path) -> None:
    write_record(tmp_path / NAME, stop_in=3)
    with (tmp_path / NAME).open("a") as file:
        file.write('{"kind": "end')
    assert [each.ended for each in read_cells(tmp_path / NAME).executions] == [True, False]
    (tmp_path / NAME).write_text('{"kind": "began"}\n')
    with pytest.raises(FileBroken, match=r"line 1: began.at: .*field required"):
        read_cells(tmp_path / NAME)


def saved_file(path: Path, run: str, cells: Sequence[SavedCell] = SAVED, output: str = "") -> None:
    document = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]  # nbformat has no types
    shown = [nbformat.v4.new_output("stream", text=f"Run {run} {output}")]  # type: ignore[no-untyped-call]  # as above
    for each in cells:
        document.cells.append(
            nbformat.v4.new_code_cell(each.source, id=each.cell, execution_count=each.count, outputs=shown)  # type: ignore[no-untyped-call]
        )
    nbformat.write(document, path)  # type: ignore[no-untyped-call]  # as above


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A sealed run at the screen, and the notebook that was saved after it."""
    there = made.ended_run(tmp_path / "runs")
    text = (Path(__file__).parents[2] / "parameters" / "rehearsal.yaml").read_bytes()
    there.settings.write_bytes(text)
    write_record(there.phase(made.PHASES[0]).path / NAME, str(tmp_path / "x.ipynb"))
    seal(there, made.desk(tmp_path / "runs"))
    saved_file(tmp_path / "x.ipynb", there.name)
    return there


def results(run: RunFolder) -> list[str]:
    return [row.result for row in rows(run.path.parent)]


def call(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(cli, list(map(str, words)), standalone_mode=False)
    return (done.return_value if done.exception is None else 1), done.output + str(done.exception or "")


def test_the_saved_notebook_is_attached_with_its_page_and_verifies(tmp_path: Path, run: RunFolder) -> None:
    root, data = run.path.parent, (tmp_path / "x.ipynb").read_bytes()
    assert results(run) == ["done, notebook not attached"]
    code, said = call("evidence", "seal", run.name, "--runs", root)
    assert (code, "Attached the saved notebook" in said) == (0, True), said
    assert results(run) == ["done"]
    there = run.path / ATTACHED / f"saved-notebook-{made.PHASES[0]}"
    assert (there / "notebook.ipynb").read_bytes() == data
    assert "run.observe()" in (there / "notebook.html").read_text()
    assert run.name in (there / "notebook.html").read_text()
    assert made.checked(root).faults == ()
    saved_file(tmp_path / "x.ipynb", run.name, cell("observe", source="pass")(SAVED))
    assert call("evidence", "seal", run.name, "--runs", root)[0] == 0, "what is attached stays"
    assert (there / "notebook.ipynb").read_bytes() == data
    assert "notebook not attached" not in (root / "index.html").read_text()


def test_why_it_is_not_attached_is_said(tmp_path: Path, run: RunFolder) -> None:
    root, path = run.path.parent, tmp_path / "x.ipynb"

    def refused() -> str:
        code, said = call("evidence", "seal", run.name, "--runs", root)
        assert code == 2
        assert "not attached: " in said
        assert list(attach_found(root, "rehearsal", made.ORGANIZATION, lambda: pytest.fail("no desk is needed"))) == []
        return said

    saved_file(path, "another")
    assert f"nothing in it names {run.name}" in refused()
    saved_file(path, run.name, cell("observe", source="pass")(SAVED))
    assert "cell observe was edited" in refused()
    path.write_text("{}")
    assert "cannot be read as a notebook" in refused()
    saved_file(path, run.name)
    os.utime(path, (1, 1))
    assert "before the last cell of the run ended" in refused()
    path.rename(tmp_path / "renamed.ipynb")
    assert "name it with --notebook" in refused()
    os.utime(tmp_path / "renamed.ipynb")
    assert "notebook not attached" in (root / "index.html").read_text()
    assert call("evidence", "seal", run.name, "--runs", root, "--notebook", tmp_path / "renamed.ipynb")[0] == 0
    assert made.checked(root).faults == ()


def test_the_next_command_finds_it_and_needs_a_desk_only_then(tmp_path: Path, run: RunFolder) -> None:
    root = run.path.parent
    assert list(attach_found(root, "live", made.ORGANIZATION, lambda: made.desk(root))) == []
    (line,) = attach_found(root, "rehearsal", made.ORGANIZATION, lambda: made.desk(root))
    assert line.startswith(f"Attached the saved notebook of {run.name}")
    assert list(attach_found(root, "rehearsal", made.ORGANIZATION, lambda: made.desk(root))) == []


def test_a_saved_notebook_with_a_secret_is_withheld(tmp_path: Path, run: RunFolder) -> None:
    saved_file(tmp_path / "x.ipynb", run.name, output="AKIA" + "IOSFODNN7EXAMPLE")
    (line,) = attach_saved(run, made.desk(run.path.parent))
    assert "withheld" in line
    there = linked_of(run, f"saved-notebook-{made.PHASES[0]}")
    assert there is not None
    assert len(there.withheld) == 2
    assert results(run) == ["done, attached files withheld"]
    assert made.checked(run.path.parent).faults == ()
    assert "AKIA" not in json.dumps(there.sealed.statement)
