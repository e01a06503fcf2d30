"""The commands for auditors and outsiders: a redacted copy of a run, a second witness, OSCAL."""

import datetime as dt
import json
import os
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import click

from runbook_lib.audit.oscal import VERSION, assessment_results
from runbook_lib.audit.oscal_validation import complaints, installed
from runbook_lib.audit.redact import ABOUT, redact
from runbook_lib.audit.witness import BY_ITSELF, DISAGREE, ONLY_WITNESS, UNDECIDED, compare, link_witness
from runbook_lib.audit.witness_report import COLUMNS, read_report
from runbook_lib.base.files import write_text
from runbook_lib.base.owner_only import handed_over
from runbook_lib.base.pseudonyms import Pseudonyms, key_of
from runbook_lib.base.text import visible
from runbook_lib.cli.runs import runs_folder
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal.archive import KEYS
from runbook_lib.evidence.seal.sealing import Desk
from runbook_lib.evidence.store.desk import desk_for
from runbook_lib.settings.file import load

REDACTED = "redacted"
KEY = "redaction.key"
SHOWN = 50
"""Cells of one sort that are shown; all are in the comparison."""


def redact_command(run_named: str, out: Path | None, key_file: Path | None, runs: str) -> int:
    """Make a copy of a sealed run for outsiders: names and ids replaced by pseudonyms, sealed on its own."""
    folder = runs_folder(runs)
    run = RunFolder.open(folder / Path(run_named).name)
    target = out or folder / REDACTED / run.name
    if target.resolve().is_relative_to(run.path) or target.resolve().parent == folder.resolve():
        raise click.BadParameter(f"{target}: a copy lies neither in a run nor among the runs", param_hint="--out")
    with ExitStack() as resources:
        desk = _desk(run, resources)
        resources.enter_context(handed_over())
        target.parent.mkdir(parents=True, exist_ok=True)
        redact(run, target, Pseudonyms(key_of(key_file or folder / KEYS / KEY)), desk)
    click.echo(f"{run.name}: redacted copy in {target}; what is not in it: {target / ABOUT}")
    return 0


def witness_command(run_named: str, file: Path, columns: tuple[str, ...], runs: str) -> int:
    """Compare a second witness's report with a sealed run, cell by cell, and link it to the run's seal."""
    run = RunFolder.open(runs_folder(runs) / Path(run_named).name)
    report = read_report(file, _columns(columns))
    compared = compare(run, report)
    with ExitStack() as resources:
        made = link_witness(run, file, report, compared, _desk(run, resources))
    counts = Counter(each.verdict for each in compared)
    for verdict in (DISAGREE, BY_ITSELF, UNDECIDED, ONLY_WITNESS):
        shown = [each for each in compared if each.verdict == verdict]
        for each in shown[:SHOWN]:
            click.echo(visible(str(each)))
        if len(shown) > SHOWN:
            click.echo(f"{verdict}: and {len(shown) - SHOWN} more, in comparison.csv")
    for sentence in report.odd[:SHOWN]:
        click.echo(f"left out: {visible(sentence)}")
    if len(report.odd) > SHOWN:
        click.echo(f"left out: and {len(report.odd) - SHOWN} rows more")
    click.echo(", ".join(f"{number} {verdict}" for verdict, number in sorted(counts.items())))
    click.echo(f"{run.name}: linked as {made.parameters['name']}, number {made.number} of {made.chain}, digest {made.digest}")
    return 2 if counts[DISAGREE] or report.odd else 0


def oscal_command(run_named: str, out: Path, runs: str) -> int:
    """Write a sealed run as OSCAL assessment results to OUT, a file that is not there yet."""
    run = RunFolder.open(runs_folder(runs) / Path(run_named).name)
    document = assessment_results(run)
    if out.exists():
        raise click.BadParameter(f"{out}: is there already; nothing is overwritten", param_hint="OUT")
    with handed_over():
        write_text(out, json.dumps(document, indent=1) + "\n")
    said = complaints(out) if installed() else ""
    validated = "NOT valid" if said else "valid" if installed() else "not validated: the extra `oscal` is not installed"
    click.echo(f"{run.name}: OSCAL {VERSION} assessment results in {out}, {validated}")
    if said:
        click.echo(said)
    return 1 if said else 0


def _columns(given: tuple[str, ...]) -> dict[str, str]:
    pairs = dict(each.partition("=")[::2] for each in given)
    if wrong := [each for each in given if not each.partition("=")[2] or each.partition("=")[0] not in COLUMNS]:
        raise click.BadParameter(f"{wrong[0]}: OURS=THEIRS is expected; ours are {', '.join(COLUMNS)}", param_hint="--column")
    return pairs


def _desk(run: RunFolder, resources: ExitStack) -> Desk:
    """The desk at which a run's own settings have it sealed."""
    settings = load(run.settings, dt.datetime.fromisoformat(run.record()["started"]).date(), kept=True)
    return desk_for(run.path.parent, settings, os.environ, resources)
