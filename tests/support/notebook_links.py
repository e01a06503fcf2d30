"""What notebooks say of each other, made from the registry: the list in the start notebook, and the way on at each end."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runbook_lib.base.notebook_format import nbformat
from runbook_lib.runbook.phases import NOTEBOOKS, Kind, Phase
from runbook_lib.services.registry import by_name

FOLDER = Path(__file__).parents[2] / "notebooks"
LIST = r"^[0-9]+\. \[.*\n?"
"""A line of the list in the start notebook."""
ON = r"^After that comes \[.*\]\(.*\)\.$"
MADE = rf"{LIST}|{ON}"
START = "start.ipynb"


def linked(notebook: Any, name: str) -> Iterator[str]:
    """The sources of a notebook's cells, as they have to be."""
    after = {f"{one.name}.ipynb": two for number, one in enumerate(NOTEBOOKS, start=1) if (two := _next(number)) is not None}
    for cell in notebook.cells:
        source: str = cell.source
        if cell.cell_type == "markdown" and name == START and re.search(LIST, source, re.MULTILINE):
            before, after_it = re.split(rf"(?:{LIST})+", source, maxsplit=1, flags=re.MULTILINE)
            source = before + "\n".join(_listed()) + ("\n" + after_it if after_it else "")
        elif cell.cell_type == "markdown" and name in after:
            source = re.sub(ON, f"After that comes {_link(after[name])}.", source, flags=re.MULTILINE)
        yield source


def _next(number: int) -> Phase | None:
    """What comes then on the way: a procedure is run when somebody asks for it."""
    return next((each for each in NOTEBOOKS[number:] if each.kind is not Kind.PROCEDURE), None)


def _listed() -> Iterator[str]:
    for number, each in enumerate(NOTEBOOKS, start=1):
        spec = by_name().get(each.service)
        said = spec.does if spec else each.purpose[0].lower() + each.purpose[1:].rstrip(".")
        yield f"{number}. {_link(each)}: {said}."


def _link(notebook: Phase) -> str:
    return f"[{notebook.title}]({notebook.name}.ipynb)"


def write() -> None:
    """Bring every notebook up to date."""
    for path in sorted(FOLDER.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call] # nbformat has no types
        for cell, source in zip(notebook.cells, [*linked(notebook, path.name)], strict=True):
            cell.source = source
        nbformat.write(notebook, path)  # type: ignore[no-untyped-call] # as above
