"""The commands about evidence: list runs, seal what was left, verify."""

import datetime as dt
import os
from contextlib import ExitStack
from pathlib import Path

import click

from runbook_lib.audit.ending import withheld
from runbook_lib.audit.recompute import recompute
from runbook_lib.base.identity import system_user
from runbook_lib.base.privacy import masked
from runbook_lib.cli.approve import approve_command, key_command, review_command, trust_command
from runbook_lib.cli.audit import oscal_command, redact_command, witness_command
from runbook_lib.cli.fetch import fetch_command
from runbook_lib.cli.runs import KEPT_RUNS, runs_folder
from runbook_lib.cli.verify import verify_command
from runbook_lib.evidence.listing import page, rows, text, write_page
from runbook_lib.evidence.people.review import keep_review
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.run.saved_notebook import interactive, not_attached
from runbook_lib.evidence.seal.chain import chain_name
from runbook_lib.evidence.seal.sealing import seal
from runbook_lib.evidence.store.desk import desk_for
from runbook_lib.evidence.store.start import declare_lost
from runbook_lib.notebook.attaching import attach_saved
from runbook_lib.settings.file import load


@click.group()
def evidence() -> None:
    """Seal and verify what runs have left."""


@evidence.command("recompute")
@click.argument("run_named", metavar="RUN")
@KEPT_RUNS
def recompute_command(run_named: str, runs: str) -> int:
    """Build a run's coverage again, offline, from the raw answers it kept, and compare."""
    found = list(recompute(RunFolder.open(runs_folder(runs) / Path(run_named).name)))
    for which, differences in found:
        click.echo(f"{which}: {'; '.join(differences) or 'the same'}")
    if not found:
        click.echo("This run kept no answers: it looked at nothing.")
    return 1 if any(differences for _, differences in found) else 0


@evidence.command("lost")
@click.argument("run_named", metavar="RUN")
@click.option("--reason", required=True, help="Why no seal of this run will ever come. Verify names it from then on.")
@click.option(
    "-p", "--parameters", "parameters", required=True, type=click.Path(path_type=Path), help="Settings of its organization."
)
@KEPT_RUNS
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


@click.group("run")
def run() -> None:
    """Look at the runs there are."""


@run.command("list")
@click.option("--format", "form", type=click.Choice(["table", "html"]), default="table", show_default=True)
@KEPT_RUNS
def list_command(form: str, runs: str) -> int:
    """List all runs: when, where, what, how it ended, who approved it. Verifies nothing."""
    listed = rows(runs_folder(runs))
    click.echo(text(listed) if form == "table" else page(listed))
    return 0


def register(cli: click.Group) -> None:
    """Add these commands to the command line."""
    cli.add_command(run)
    cli.add_command(approve_command)
    cli.add_command(evidence)
    evidence.add_command(fetch_command)
    evidence.add_command(key_command)
    evidence.add_command(trust_command)
    evidence.add_command(review_command)
    evidence.add_command(redact_command)
    evidence.add_command(oscal_command)
    evidence.add_command(witness_command)
    evidence.add_command(verify_command)


@evidence.command("seal")
@click.argument("run_named", metavar="RUN")
@click.option(
    "--notebook",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The saved notebook of a run at the screen [default: where it lay when the run was opened].",
)
@KEPT_RUNS
def seal_command(run_named: str, notebook: Path | None, runs: str) -> int:
    """Seal a run that ended, or was killed, without being sealed; with the settings that the run itself was given.

    To a run at the screen the saved notebook is attached, if it shows what was run; else, and for a notebook of a run that was none
    at the screen, this says why not, with exit code 2.
    A review that is not in the store yet is brought there.
    """
    folder = runs_folder(runs)
    chosen = RunFolder.open(folder / Path(run_named).name)
    settings = load(chosen.settings, dt.datetime.now(dt.UTC).date(), kept=True)
    with ExitStack() as resources:
        desk = desk_for(folder, settings, os.environ, resources)
        made = seal(chosen, desk)
        keep_review(desk.store, chosen.path, made)
        lines = [*withheld(made), f"{chosen.name}: number {made.number} of {made.chain}, digest {made.digest}"]
        lines += attach_saved(chosen, desk, notebook)
        desk.store.local(made.chain)
    if needless := notebook is not None and not interactive(chosen):
        lines.append(f"{notebook} is not attached: {chosen.name} was no run at the screen; its notebooks are sealed with it")
    click.echo("\n".join(lines))
    write_page(folder)
    return 2 if needless or not_attached(chosen) else 0
