"""`runbook evidence fetch`: a store in a bucket as a folder that can be verified offline."""

import re
from contextlib import ExitStack
from pathlib import Path

import click

from runbook_lib.base.text import counted
from runbook_lib.evidence.store.clients import EvidenceClients
from runbook_lib.evidence.store.fetch import Demand, Fetched, fetch
from runbook_lib.settings.section import RETENTION, S3_STORE


def fetch_command(
    store: str, folder: Path, region: str, account: str, retention: str, compliance: bool, profile: str | None
) -> int:
    """Fetch all evidence in a bucket into FOLDER, and hold its locks against what is asked for."""
    if re.match(RETENTION, retention) is None:
        said = f'{retention}: days or years are expected, for example "7 years" or "400 days"'
        raise click.BadParameter(said, param_hint="--retention")
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
    click.echo(f"In {folder}: {counted(found.runs, 'run')}; entries of chains: {found.entries}")
    modes = ", ".join(f"{number} in mode {mode}" for mode, number in sorted(found.modes.items())) or "none"
    click.echo(f"Locked objects: {modes}" + (f"; the first lock ends on {found.until:%Y-%m-%d}" if found.until else ""))
    click.echo(counted(len(found.faults), "fault") if found.faults else f"Verify with: runbook evidence verify --runs {folder}")
