"""The notebooks of a library that came as a wheel, laid out where a person opens them: in `notebooks/` of the project.

JupyterLab saves what it shows, so the library's own copies are not opened. Commands run those, whatever becomes of these.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from runbook_lib.base.files import write_bytes
from runbook_lib.base.project import CARRIED, shipped


def lay_out(project: Path) -> Iterator[str]:
    """Copy the notebooks that are not there yet; nothing is overwritten. Yields what there is to say."""
    if not CARRIED.is_dir():
        return
    ours, theirs = shipped() / "notebooks", project / "notebooks"
    theirs.mkdir(exist_ok=True)
    missing = [each for each in sorted(ours.glob("*.ipynb")) if not (theirs / each.name).exists()]
    for each in missing:
        write_bytes(theirs / each.name, each.read_bytes())
    if missing:
        yield f"Laid out {len(missing)} notebook{'s' * (len(missing) != 1)} in {theirs}"
    if others := ", ".join(each.name for each in sorted(ours.glob("*.ipynb")) if _cells(each) != _cells(theirs / each.name)):
        yield f"In {theirs}, not as this version has them: {others}. They stay; for this version's, move them away and start again."


def _cells(notebook: Path) -> object:
    """What a notebook says and does; its outputs, and the parameters that somebody gave, are no part of that."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return [
            (cell["cell_type"], "".join(cell["source"])) for cell in cells if "parameters" not in cell["metadata"].get("tags", ())
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
