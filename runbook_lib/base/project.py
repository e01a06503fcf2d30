"""Where the project's folders are, wherever a kernel or a command was started, and where what comes with the library lies.

The *project* is the folder that relative paths start at and runs are kept in. In a checkout its notebooks are the ones that are
run. A library that was installed from a wheel carries notebooks and example settings of its own version: those are run, and any
folder may be the project.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from runbook_lib.base.errors import RunbookError

MARK = b"runbook_lib"
"""What each of our notebooks imports. Other projects have folders of the same names, and their notebooks are not ours to run."""

VARIABLE = "RUNBOOK_RUNS"
"""Says where runs are kept."""
ROOT_VARIABLE = "RUNBOOK_PROJECT"
"""Says which folder stands for the project where there is no checkout, as in a function."""
CARRIED = Path(__file__).resolve().parents[1] / "carried"
"""What a wheel carries of the repository's top level (requirements/carried.py); not there in a checkout."""
SCHEMA = Path("parameters", "settings.schema.json")
"""What `runbook new` lays beside settings, for editors. By it a repository without notebooks is known."""


class ProjectNotFound(RunbookError):
    """No folder with this runbook's notebooks/ and parameters/ was found."""

    advice = "Start it from the project's folder."


class NoRunsFolder(RunbookError):
    """What is said to be the folder that runs are kept in is none."""

    advice = "Name a folder, or unset the variable, then start again."


def root() -> Path:
    """The folder above notebooks/: of the working directory or its parents, else of the checkout the library is installed from.

    Where a variable names a folder, it is that. A library that was installed from a wheel needs none of them: without one, the
    repository that `runbook new` has laid out, at or above the working directory, else the working directory. Raises
    ProjectNotFound.
    """
    if named := os.environ.get(ROOT_VARIABLE):
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[2]):
        if (folder / "parameters").is_dir() and _ours(folder / "notebooks"):
            return folder
    if CARRIED.is_dir():
        return next((folder for folder in (here, *here.parents) if (folder / SCHEMA).is_file()), here)
    raise ProjectNotFound(
        "no folder with notebooks/ of this runbook and parameters/ at or above the working directory; start in the checkout"
    )


def shipped() -> Path:
    """The folder of the notebooks that are run and of the lock: what a wheel carries, else the project. Raises ProjectNotFound."""
    return CARRIED if CARRIED.is_dir() else root()


def example(name: str) -> Path:
    """Example settings: the project's own file where it has one, else the one that came with the library."""
    own = root() / "parameters" / name
    return own if own.is_file() else shipped() / "parameters" / name


def _ours(notebooks: Path) -> bool:
    """Whether one of the runbook's notebooks lies in a folder."""
    return any(map(is_ours, notebooks.glob("*.ipynb")))


def is_ours(notebook: Path) -> bool:
    """Whether a file is a notebook that uses this library."""
    return notebook.is_file() and os.access(notebook, os.R_OK) and MARK in notebook.read_bytes()


def resolve(path: str) -> Path:
    """A path as a parameter gives it; relative ones start at the project's root."""
    return (root() / Path(path).expanduser()).resolve()


def runs_root(given: str, environment: Mapping[str, str], project: Path) -> Path:
    """Where runs are kept: what was given, else what the environment says, else `runs`; relative paths start at the project.

    Wherever a kernel started, it finds the same runs so. Raises NoRunsFolder.
    """
    chosen = given or environment.get(VARIABLE)
    path = project / Path(chosen or "runs").expanduser()
    if path.exists() and not path.is_dir():
        raise NoRunsFolder(f"{path}: is a file; the folder that runs are kept in is expected ({'--runs' if given else VARIABLE})")
    return path
