"""What there is of runs: listed, sealed when it was left, recomputed from its answers, or declared lost."""

import datetime as dt
import os
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

import click

from runbook_lib.audit.recompute import recompute
from runbook_lib.base.identity import system_user
from runbook_lib.base.privacy import masked
from runbook_lib.cli.runs import runs_folder
from runbook_lib.evidence.index_page import page
from runbook_lib.evidence.listing import rows, text
from runbook_lib.evidence.progress import latest, told
from runbook_lib.evidence.run.folder import EXIT_CODES, RunFolder, RunStatus
from runbook_lib.evidence.seal.chain import chain_name
from runbook_lib.evidence.store.desk import desk_for
from runbook_lib.evidence.store.start import declare_lost
from runbook_lib.settings.file import load


def recompute_command(run_named: str, runs: str) -> int:
    """Build a run's coverage again, offline, from the raw answers it kept, and compare."""
    found = list(recompute(RunFolder.open(runs_folder(runs) / Path(run_named).name)))
    for which, differences in found:
        click.echo(f"{which}: {'; '.join(differences) or 'the same'}")
    if not found:
        click.echo("This run kept no answers: it looked at nothing.")
    return 1 if any(differences for _, differences in found) else 0


def lost_command(run_named: str, reason: str, parameters: Path, runs: str) -> int:
    """Declare a live run lost whose machine is gone, so that others may begin; where its folder is still there, seal it instead."""
    settings = load(parameters, dt.datetime.now(dt.UTC).date())
    chain = chain_name(settings.mode, settings.organization.id)
    with ExitStack() as resources:
        desk = desk_for(runs_folder(runs), settings, os.environ, resources)
        number = declare_lost(desk, chain, run_named, masked(reason), system_user())
        click.echo(f"{run_named}: lost, number {number} of {chain}")
        desk.store.local(chain)
    return 0


def status_command(run_named: str, runs: str) -> int:
    """Say how far a run has come, from another terminal."""
    root = runs_folder(runs)
    run = RunFolder.open(root / Path(run_named).name) if run_named else latest(root)
    for line in told(run, dt.datetime.now(dt.UTC)):
        click.echo(line)
    said = run.status
    return EXIT_CODES[RunStatus(said)] if said in set(EXIT_CODES) else int(said == "killed")


def list_command(form: str, runs: str) -> int:
    """List all runs: when, where, what, how it ended, who approved it. Verifies nothing."""
    root = runs_folder(runs)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0  # whole where a program reads it
    click.echo(text(rows(root), width) if form == "table" else page(root))
    return 0
