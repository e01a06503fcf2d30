"""The option `--runs`: where runs are kept. A relative path starts at the working directory, like every other path of a command."""

import os
from pathlib import Path

import click

from runbook_lib.base.project import VARIABLE, root, runs_root

HELP = f"Where runs are kept [default: {VARIABLE}, else runs/ of the project]."


def runs_folder(given: str) -> Path:
    """The folder that `--runs` gave, else the one of the environment, else the project's. Raises NoRunsFolder, ProjectNotFound."""
    # An auditor who names a folder of runs needs no checkout of the project.
    return Path(given) if given else runs_root("", os.environ, root())


def _whole(ctx: click.Context, parameter: click.Parameter, given: str) -> str:
    if not given:
        return ""
    path = Path(given).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise click.BadParameter(f"{given}: is a file; the folder that runs are kept in is expected")
    return str(path)


def _there(ctx: click.Context, parameter: click.Parameter, given: str) -> str:
    refuse_missing(whole := _whole(ctx, parameter, given))
    return whole


def refuse_missing(given: str) -> None:
    """Refuse a folder that was named and is not there: it would look like one without runs."""
    if (given or os.environ.get(VARIABLE)) and not (folder := runs_folder(given)).is_dir():
        where = "" if given else f" ({VARIABLE})"
        raise click.BadParameter(f"{folder}{where}: there is no such folder; name the one that runs are kept in")


RUNS = click.option("--runs", default="", callback=_whole, metavar="FOLDER", help=HELP)
"""For commands that make runs: the folder is made when it is missing."""
KEPT_RUNS = click.option("--runs", default="", callback=_there, metavar="FOLDER", help=HELP)
"""For commands that look at runs."""
