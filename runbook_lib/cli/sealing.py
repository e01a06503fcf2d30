"""`runbook evidence seal`."""

import datetime as dt
import os
from contextlib import ExitStack
from pathlib import Path

import click

from runbook_lib.audit.ending import withheld
from runbook_lib.cli.runs import runs_folder
from runbook_lib.evidence.index_page import write_page
from runbook_lib.evidence.people.review import keep_review
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.run.saved_notebook import interactive, not_attached
from runbook_lib.evidence.seal.sealing import seal
from runbook_lib.evidence.store.desk import desk_for
from runbook_lib.notebook.attaching import attach_saved
from runbook_lib.settings.file import load


def seal_command(run_named: str, notebook: Path | None, runs: str) -> int:
    """Seal a run that ended, or was killed, without being sealed; with the settings that the run itself was given."""
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
        lines.append(f"{notebook} is not attached: {chosen.name} was not run at the screen; its notebooks are sealed with it")
    click.echo("\n".join(lines))
    write_page(folder)
    return 2 if needless or not_attached(chosen) else 0
