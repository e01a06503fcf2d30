"""The commands about evidence: list runs, seal what was left, verify."""

import datetime as dt
import os
import re
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import click

from runbook_lib.cli.approve import approve_command, key_command, review_command, trust_command
from runbook_lib.cli.audit import redact_command
from runbook_lib.cli.plain import PlainGroup
from runbook_lib.evidence.archive import KEYS
from runbook_lib.evidence.chain import chain_name
from runbook_lib.evidence.desk import desk_for
from runbook_lib.evidence.ending import withheld
from runbook_lib.evidence.faults import Fault
from runbook_lib.evidence.listing import page, rows, text, write_page
from runbook_lib.evidence.recompute import recompute
from runbook_lib.evidence.run_folder import RunFolder, runs_root
from runbook_lib.evidence.saved_notebook import not_attached
from runbook_lib.evidence.seal import seal
from runbook_lib.evidence.start import declare_lost
from runbook_lib.evidence.trust import Trust, given_keys, pinned_trust, read_policy
from runbook_lib.evidence.verify import Cadence, verify
from runbook_lib.evidence.verify_chain import Anchor
from runbook_lib.evidence.verify_copy import verify_copy
from runbook_lib.identity import user
from runbook_lib.json_log import scrub
from runbook_lib.notebook.attaching import attach_saved
from runbook_lib.project import root
from runbook_lib.settings.file import load

RUNS = click.option("--runs", default="", help="Where runs are kept [default: RUNBOOK_RUNS, else runs/].")
TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%SZ"])
_ANCHOR = re.compile(r"^(?:((?:rehearsal|live)/[A-Za-z0-9-]+):)?([0-9]+):([0-9a-f]{64})$")


@click.group(cls=PlainGroup)
def evidence() -> None:
    """Seal and verify what runs have left."""


@evidence.command("recompute")
@click.argument("run_named", metavar="RUN")
@RUNS
def recompute_command(run_named: str, runs: str) -> int:
    """Build a run's coverage again, offline, from the raw answers it kept, and compare."""
    found = list(recompute(RunFolder.open(_runs(runs) / Path(run_named).name)))
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
@RUNS
def lost_command(run_named: str, reason: str, parameters: Path, runs: str) -> int:
    """Declare a live run lost whose machine is gone, so that others may begin; where its folder is still there, seal it instead."""
    settings = load(parameters, dt.datetime.now(dt.UTC).date())
    chain = chain_name(settings.mode, settings.organization.id)
    with ExitStack() as resources:
        desk = desk_for(_runs(runs), settings, os.environ, resources)
        number = declare_lost(desk, chain, run_named, scrub(reason), user())
    click.echo(f"{run_named}: lost, number {number} of {chain}")
    return 0


@click.group("run", cls=PlainGroup)
def run() -> None:
    """Look at the runs there are."""


@run.command("list")
@click.option("--format", "form", type=click.Choice(["table", "html"]), default="table", show_default=True)
@RUNS
def list_command(form: str, runs: str) -> int:
    """List all runs: when, where, what, how it ended, who approved it. Verifies nothing."""
    listed = rows(_runs(runs))
    click.echo(text(listed) if form == "table" else page(listed))
    return 0


def register(cli: click.Group) -> None:
    """Add these commands to the command line."""
    cli.add_command(run)
    cli.add_command(approve_command)
    cli.add_command(evidence)
    evidence.add_command(key_command)
    evidence.add_command(trust_command)
    evidence.add_command(review_command)
    evidence.add_command(redact_command)


def _runs(given: str) -> Path:
    return runs_root(given, os.environ, root())


def _names(given: Iterable[str]) -> list[str]:
    """Runs by name or by path."""
    return [Path(each).name for each in given]


@evidence.command("verify")
@click.argument("runs_named", metavar="[RUN]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All runs and chains (the same as naming no run).")
@click.option("--live", is_flag=True, help="Live runs only.")
@click.option(
    "--anchor", "anchors", multiple=True, help="NUMBER:DIGEST noted elsewhere (a ticket), or CHAIN:NUMBER:DIGEST; repeatable."
)
@click.option("--store", type=click.Path(path_type=Path), help="Folder of the chains [default: chain/ below the runs].")
@click.option("--trust", type=click.Path(path_type=Path), help="Trust policy, from the auditor's own hand.")
@click.option(
    "--key", "keys", multiple=True, type=click.Path(path_type=Path, dir_okay=False),
    help="The runner's public key (PEM), from the auditor's own hand; repeatable.",
)  # fmt: skip
@click.option("--cadence", help="Longest time without a sealed run that read the whole coverage: 24h, 7d.")
@click.option("--from", "begin", type=TIME, help="Where --cadence begins [default: the first such run].")
@click.option("--to", "end", type=TIME, help="Where --cadence ends [default: now].")
@RUNS
def verify_command(
    runs_named: tuple[str, ...], everything: bool, live: bool, anchors: tuple[str, ...], store: Path | None, trust: Path | None,
    keys: tuple[Path, ...],
    cadence: str | None, begin: dt.datetime | None, end: dt.datetime | None, runs: str,
) -> int:  # fmt: skip
    """Hold runs, or redacted copies named by their folder, against their seals.

    Offline and read-only; one line per fault, exit code 1 on any.
    """
    if everything and runs_named:
        raise click.UsageError("name runs, or give --all")
    folder = _runs(runs)
    trusted = _trust(trust, keys, folder)
    copies = [Path(each) for each in runs_named if _elsewhere(Path(each), folder)]
    copied = sum([_verify_copy(each, trusted, folder) for each in copies])
    if copies and len(copies) == len(runs_named):
        return 1 if copied else 0
    seen = verify(
        folder,
        trusted,
        _names(each for each in runs_named if Path(each) not in copies),
        [_anchor(each) for each in anchors],
        "live" if live else "",
        store,
        _cadence(cadence, begin, end),
    )
    _say(seen.faults)
    for chain, (number, digest) in sorted(seen.heads.items()):
        click.echo(f"Chain {chain}: number {number}, head digest {digest}")
    click.echo(f"{len(seen.runs)} runs: {f'{len(seen.faults)} faults' if seen.faults else 'verified'}")
    return 1 if seen.faults or copied else 0


def _trust(policy: Path | None, keys: tuple[Path, ...], folder: Path) -> Trust:
    if policy and keys:
        raise click.UsageError("give --trust or --key: a trust policy names the runners' keys itself")
    if keys:
        return given_keys(keys)
    return read_policy(policy) if policy else pinned_trust(folder / KEYS)


def _elsewhere(path: Path, folder: Path) -> bool:
    """Whether a path is a folder that lies not among the runs: a copy."""
    return path.is_dir() and path.resolve().parent != folder.resolve()


def _verify_copy(path: Path, trust: Trust, folder: Path) -> int:
    """Say what is to be said of a redacted copy; the number of its faults."""
    seen = verify_copy(path.resolve(), trust, folder)
    _say(seen.faults)
    if seen.seal is not None:
        click.echo(f"{path}: a REDACTED COPY of {seen.seal.run}, whose seal has digest {seen.seal.original}; made {seen.seal.when}")
    click.echo(f"{path}: {f'{len(seen.faults)} faults' if seen.faults else 'verified'}")
    return len(seen.faults)


def _say(faults: Iterable[Fault]) -> None:
    for fault in faults:
        click.echo(str(fault))


def _cadence(every: str | None, begin: dt.datetime | None, end: dt.datetime | None) -> Cadence | None:
    if every is None:
        if begin or end:
            raise click.UsageError("--from and --to belong to --cadence")
        return None
    if (match := re.fullmatch(r"([1-9][0-9]{0,4})([hd])", every)) is None:
        raise click.BadParameter(f"{every}: hours or days are expected, for example 24h or 7d", param_hint="--cadence")
    hours = int(match.group(1)) * (24 if match.group(2) == "d" else 1)
    first = begin.replace(tzinfo=dt.UTC) if begin else None
    return Cadence(dt.timedelta(hours=hours), end.replace(tzinfo=dt.UTC) if end else dt.datetime.now(dt.UTC), first)


def _anchor(text: str) -> Anchor:
    if (match := _ANCHOR.match(text)) is None:
        raise click.BadParameter(f"{text}: NUMBER:DIGEST is expected, as a command prints them at its end", param_hint="--anchor")
    return Anchor(int(match.group(2)), match.group(3), match.group(1) or "")


@evidence.command("seal")
@click.argument("run_named", metavar="RUN")
@click.option(
    "--notebook",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The saved notebook of a run at the screen [default: where it lay when the run was opened].",
)
@RUNS
def seal_command(run_named: str, notebook: Path | None, runs: str) -> int:
    """Seal a run that ended, or was killed, without being sealed; with the settings that the run itself was given.

    To a run at the screen the saved notebook is attached, if it shows what was run; else this says why not, with exit code 2.
    """
    folder = _runs(runs)
    chosen = RunFolder.open(folder / Path(run_named).name)
    settings = load(chosen.settings, dt.datetime.now(dt.UTC).date())
    with ExitStack() as resources:
        desk = desk_for(folder, settings, os.environ, resources)
        made = seal(chosen, desk)
        lines = [*withheld(made), f"{chosen.name}: number {made.number} of {made.chain}, digest {made.digest}"]
        lines += attach_saved(chosen, desk, notebook)
    click.echo("\n".join(lines))
    write_page(folder)
    return 2 if not_attached(chosen) else 0
