"""The form of the notebooks, so that all of them read alike and none grows into a program."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from notebook_links import MADE, linked
from papermill.inspection import inspect_notebook

from runbook_lib.notebook import PARAMETERS, BadParameter, opening
from runbook_lib.notebook.shell import OPENERS, assigned_before_opening
from runbook_lib.runbook.phases import NOTEBOOKS as DECLARED
from runbook_lib.runbook.phases import STACK, Kind, phase_named
from runbook_lib.services.registry import specs

FOLDER = Path(__file__).parents[2] / "notebooks"
HEADINGS = ["Purpose", "Before you start", "Observe", "Plan", "Confirm", "Apply", "Verify", "Back out", "Evidence"]
READING = ["Purpose", "Before you start", "Observe", "Verify", "Evidence"]
START = ["Purpose", "Observe", "Before you start", "Evidence"]
"""Where things stand comes first, for whoever opens it daily; how notebooks are run comes after it."""
HEADINGS_OF = {Kind.PHASE: HEADINGS, Kind.PROCEDURE: HEADINGS, Kind.READING: READING}
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))
FORBIDDEN = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar,
    ast.With, ast.If, ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp, ast.Global, ast.Delete,
)  # fmt: skip


def headings_of(name: str) -> list[str]:
    """The headings of a notebook's kind; those of the start, which makes no run, are its own."""
    return START if name == "start.ipynb" else HEADINGS_OF[phase_named(name.removesuffix(".ipynb")).kind]


def further_of(name: str) -> tuple[str, ...]:
    """What a procedure's notebook is given besides."""
    return phase_named(name.removesuffix(".ipynb")).parameters if name[:2].isdigit() else ()


def read(name: str) -> Any:
    return nbformat.read(FOLDER / name, as_version=4)  # type: ignore[no-untyped-call] # nbformat has no types


def code(notebook: Any) -> Iterator[Any]:
    return (cell for cell in notebook.cells if cell.cell_type == "code")


def prose(notebook: Any) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def tree(cell: Any) -> ast.Module:
    parsed = compile(cell.source, "cell", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(parsed, ast.Module)
    return parsed


def test_every_notebook_is_declared() -> None:
    assert [f"{each.name}.ipynb" for each in DECLARED] == [name for name in NOTEBOOKS if name[:2].isdigit()]


@pytest.mark.parametrize("name", NOTEBOOKS)
class TestForm:
    def test_headings_in_order(self, name: str) -> None:
        lines = prose(read(name)).splitlines()
        assert len([line for line in lines if line.startswith("# ")]) == 1
        assert lines[0].startswith("# ")
        assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == headings_of(name)
        assert not [line for line in lines if line.startswith("###")]

    def test_prose_before_each_code_cell(self, name: str) -> None:
        kinds = [cell.cell_type for cell in read(name).cells]
        assert kinds == ["markdown", *["markdown", "code"] * (len(kinds) // 2)]

    def test_one_sentence_per_line(self, name: str) -> None:
        for line in prose(read(name)).splitlines():
            text = re.sub(r"`[^`]*`", "code", line)
            assert not re.search(r"[.!?] +[A-Z*]", text), line
            assert len(line) < 300, line
            assert "<" not in text, f"HTML in Markdown: {line}"

    def test_cells_are_short_and_define_nothing(self, name: str) -> None:
        for cell in code(read(name)):
            most = 12 if "parameters" in cell.metadata.get("tags", ()) else 5
            assert len(cell.source.splitlines()) <= most, cell.source
            assert not [node for node in ast.walk(tree(cell)) if isinstance(node, FORBIDDEN)], cell.source
            assert not re.search(r"^\s*[%!]", cell.source, re.MULTILINE), cell.source

    def test_imports_once_and_of_the_library_only(self, name: str) -> None:
        found = [
            (number, node)
            for number, cell in enumerate(code(read(name)))
            for node in ast.walk(tree(cell))
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        assert [type(node) for _, node in found] == [ast.ImportFrom]
        number, node = found[0]
        assert isinstance(node, ast.ImportFrom)
        assert number == 1, "the import stands in the cell after the parameters"
        assert (node.module or "").split(".")[0] == "runbook_lib"
        assert all(each.name != "*" for each in node.names)

    def test_parameters(self, name: str) -> None:
        cell, *others = code(read(name))
        assert cell.metadata.get("tags") == ["parameters"]
        assert not [each for each in others if each.metadata.get("tags")]
        assert tuple(inspect_notebook(str(FOLDER / name))) == (*PARAMETERS, *further_of(name))
        for line in cell.source.splitlines():
            value, _, comment = line.partition("  # ")
            assert re.fullmatch(r'[a-z_]+: str = "[^"]*"', value), line
            assert comment
            assert "=" not in comment, "papermill loses a parameter whose comment has an equals sign"

    def test_stripped_and_without_traces(self, name: str) -> None:
        notebook = read(name)
        assert all(not cell.outputs and cell.execution_count is None for cell in code(notebook))
        assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)
        assert all(cell.get("id") for cell in notebook.cells)
        assert not re.search(r"\b\d{12}\b|@", " ".join(cell.source for cell in notebook.cells)), "an account id or an address"
        assert set(notebook.metadata) <= {"kernelspec", "language_info"}
        assert dict(notebook.metadata.kernelspec) == {
            "display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3",
        }  # fmt: skip
        assert dict(notebook.metadata.language_info) == {"name": "python"}


@pytest.mark.parametrize("phase", [each for each in DECLARED if each.parameters and each != STACK], ids=lambda phase: phase.name)
def test_every_parameter_of_a_notebook_is_known_where_it_is_opened(phase: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that a later cell takes up: a name that nobody reads is refused."""
    known: list[str] = []

    def asked(given: dict[str, Any]) -> None:
        known.extend(given)
        raise BadParameter("enough")

    monkeypatch.setattr("runbook_lib.notebook.refuse_strangers", asked)
    with pytest.raises(BadParameter, match="enough"):
        opening(phase.name, "", "", "", "", *phase.parameters[:1])
    assert known == [*PARAMETERS, *phase.parameters]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_a_kernel_is_given_before_a_notebook_is_opened_are_its_parameters(name: str) -> None:
    """Any other name is refused headlessly, as one that nobody reads."""
    shell = SimpleNamespace(history_manager=SimpleNamespace(input_hist_parsed=["", *(cell.source for cell in code(read(name)))]))
    assert assigned_before_opening(shell) == [*PARAMETERS, *further_of(name)]


@pytest.mark.parametrize("phase", DECLARED, ids=lambda phase: phase.name)
def test_a_notebook_opens_its_own_phase(phase: Any) -> None:
    opened = [
        node.args[0].value
        for cell in code(read(f"{phase.name}.ipynb"))
        for node in ast.walk(tree(cell))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OPENERS
        if isinstance(node.args[0], ast.Constant)
    ]
    assert opened == [phase.name]


@pytest.mark.parametrize("name", ["start.ipynb", "00_prerequisites.ipynb", "05_first_live_run.ipynb", "90_coverage.ipynb"])
def test_what_is_about_every_service_names_none_by_hand(name: str) -> None:
    """What is made from the registry apart: a further service edits no word of these."""
    texts = [re.sub(MADE, "", cell.source, flags=re.MULTILINE) for cell in read(name).cells]
    assert [spec.title for spec in specs() if any(spec.title in text for text in texts)] == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_lists_and_ways_on_are_as_the_registry_says(name: str) -> None:
    assert [cell.source for cell in read(name).cells] == [*linked(read(name), name)], "run: make pages"


def test_enabling_notebooks_have_the_same_code() -> None:
    """Only the phase differs, so what is tested on one holds for all."""
    enabling = [each.name for each in DECLARED if each.kind is Kind.PHASE]
    texts = [[cell.source.replace(name, "PHASE") for cell in code(read(f"{name}.ipynb"))] for name in enabling]
    assert all(each == texts[0] for each in texts)
