"""`runbook evidence fetch`: a store in a bucket as a folder that can be verified offline."""

import re
from contextlib import ExitStack
from pathlib import Path

import click

from runbook_lib.evidence.store.clients import EvidenceClients
from runbook_lib.evidence.store.fetch import Demand, Fetched, fetch
from runbook_lib.settings.section import RETENTION, S3_STORE


def _retention(ctx: click.Context, parameter: click.Parameter, given: str) -> str:
    if re.match(RETENTION, given) is None:
        raise click.BadParameter(f'{given}: days or years are expected, for example "7 years" or "400 days"')
    return given


def _account(ctx: click.Context, parameter: click.Parameter, given: str) -> str:
    if re.fullmatch(r"[0-9]{12}", given) is None:
        raise click.BadParameter(f"{given}: is no account id of 12 digits")
    return given


@click.command("fetch")
@click.argument("store", metavar="s3://BUCKET/PREFIX")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--region", required=True, help="The bucket's Region.")
@click.option("--account", required=True, callback=_account, help="The account that must own the bucket.")
@click.option("--retention", required=True, callback=_retention, help='How long each object is to stay locked: "7 years".')
@click.option("--compliance", is_flag=True, help="Locks that somebody may lift (GOVERNANCE) are faults.")
@click.option("--profile", help="Profile whose credentials read [default: the shell's].")
def fetch_command(
    store: str, folder: Path, region: str, account: str, retention: str, compliance: bool, profile: str | None
) -> int:  # fmt: skip
    """Fetch all evidence in a bucket into FOLDER, and hold its locks against what is asked for.

    Only reads. One line per fault, exit code 1 on any. What was fetched is verified by: runbook evidence verify --runs FOLDER.
    """
    if re.fullmatch(S3_STORE, store) is None:
        raise click.BadParameter(f"{store}: s3://BUCKET/PREFIX is expected", param_hint="s3://BUCKET/PREFIX")
    with ExitStack() as resources:
        bucket = EvidenceClients("live", profile, resources).bucket(store, account, region)
        found = fetch(bucket, store, folder, Demand(retention, compliance))
    _say(found, folder)
    return 1 if found.faults else 0


def _say(found: Fetched, folder: Path) -> None:
    for fault in found.faults:
        click.echo(str(fault))
    click.echo(f"{found.entries} entries of chains and {found.runs} runs are in {folder}")
    modes = ", ".join(f"{number} in mode {mode}" for mode, number in sorted(found.modes.items())) or "none"
    click.echo(f"Locked objects: {modes}" + (f"; the first lock ends on {found.until:%Y-%m-%d}" if found.until else ""))
    click.echo(f"{len(found.faults)} faults" if found.faults else f"Verify with: runbook evidence verify --runs {folder}")
