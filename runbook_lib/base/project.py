"""Where the project's folders are, wherever a kernel or a command was started."""

import os
from pathlib import Path

from runbook_lib.base.errors import RunbookError

MARK = b"runbook_lib"
"""What each of our notebooks imports. Other projects have folders of the same names, and their notebooks are not ours to run."""


class ProjectNotFound(RunbookError):
    """No folder with this runbook's notebooks/ and parameters/ was found."""

    advice = "Start it from the project's folder."


def root() -> Path:
    """The folder above notebooks/: of the working directory or its parents, else of the checkout the library is installed from."""
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[2]):
        if (folder / "parameters").is_dir() and _ours(folder / "notebooks"):
            return folder
    raise ProjectNotFound(
        "no folder with notebooks/ of this runbook and parameters/ at or above the working directory; start in the checkout"
    )


def _ours(notebooks: Path) -> bool:
    """Whether one of the runbook's notebooks lies in a folder."""
    return any(map(is_ours, notebooks.glob("*.ipynb")))


def is_ours(notebook: Path) -> bool:
    """Whether a file is a notebook that uses this library."""
    return notebook.is_file() and os.access(notebook, os.R_OK) and MARK in notebook.read_bytes()


def resolve(path: str) -> Path:
    """A path as a parameter gives it; relative ones start at the project's root."""
    return (root() / Path(path).expanduser()).resolve()
