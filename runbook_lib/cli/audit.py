"""The commands for auditors and outsiders: a redacted copy of a run."""

import datetime as dt
import os
from contextlib import ExitStack
from pathlib import Path

import click

from runbook_lib.cli.plain import PlainCommand
from runbook_lib.evidence.archive import KEYS
from runbook_lib.evidence.desk import desk_for
from runbook_lib.evidence.redact import ABOUT, redact
from runbook_lib.evidence.run_folder import RunFolder, runs_root
from runbook_lib.project import root
from runbook_lib.pseudonyms import Pseudonyms, key_of
from runbook_lib.settings.file import load

RUNS = click.option("--runs", default="", help="Where runs are kept [default: RUNBOOK_RUNS, else runs/].")
REDACTED = "redacted"
KEY = "redaction.key"


@click.command("redact", cls=PlainCommand)
@click.argument("run_named", metavar="RUN")
@click.option("--out", type=click.Path(path_type=Path), help="Where the copy goes [default: redacted/RUN beside the runs].")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Key of the pseudonyms, made when it is missing; never given away [default: keys/{KEY} beside the runs].",
)
@RUNS
def redact_command(run_named: str, out: Path | None, key_file: Path | None, runs: str) -> int:
    """Make a copy of a sealed run for outsiders: names and ids replaced by pseudonyms, sealed on its own.

    The run itself stays as it is. The copy is verified by: runbook evidence verify FOLDER
    """
    folder = runs_root(runs, os.environ, root())
    run = RunFolder.open(folder / Path(run_named).name)
    target = out or folder / REDACTED / run.name
    if target.resolve().is_relative_to(run.path) or target.resolve().parent == folder.resolve():
        raise click.BadParameter(f"{target}: a copy lies neither in a run nor among the runs", param_hint="--out")
    target.parent.mkdir(parents=True, exist_ok=True)
    settings = load(run.settings, dt.datetime.fromisoformat(run.record()["started"]).date())
    with ExitStack() as resources:
        desk = desk_for(folder, settings, os.environ, resources)
        redact(run, target, Pseudonyms(key_of(key_file or folder / KEYS / KEY)), desk)
    click.echo(f"{run.name}: redacted copy in {target}; what is not in it: {target / ABOUT}")
    return 0
