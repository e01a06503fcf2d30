"""`runbook handover`: which doors are open here, and a page for whoever holds the other one. Reads only."""

import datetime as dt
import secrets
from pathlib import Path

import click

from runbook_lib.aws.access import Access
from runbook_lib.base.clock import Clock
from runbook_lib.base.files import write_text
from runbook_lib.cli.running import kernel_environment
from runbook_lib.cli.simulation import today
from runbook_lib.cli.surroundings import entered
from runbook_lib.inventory.checkup import doors
from runbook_lib.inventory.handover import FILES, as_json, as_markdown, handover
from runbook_lib.services.permissions import DELEGATED, MANAGEMENT
from runbook_lib.settings.file import load


def handover_command(parameters: Path, output: Path | None, runs: str) -> int:
    """Open both doors, and write down what is handed over; 2 where something is."""
    settings = load(parameters, today())
    kept = [output / name for name in FILES] if output is not None else []
    if there := [each for each in kept if each.exists() or each.is_symlink()]:
        raise click.BadParameter(f"{there[0]}: is there already; name another folder, so that what was handed over stays")
    told, run = settings.organization, f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{settings.mode}-{secrets.token_hex(2)}"
    names = {told.management_account: MANAGEMENT, told.delegated_account: DELEGATED}
    with (
        entered(kernel_environment(settings, runs)),
        Access(settings, reads=frozenset(), mutations=frozenset(), run=run, clock=Clock()) as access,
    ):
        found = handover(settings, str(parameters), doors.enter(access, settings, names))
    if output is None:
        click.echo(as_markdown(found), nl=False)
    else:
        output.mkdir(parents=True, exist_ok=True)
        for path, text in zip(kept, (as_markdown(found), as_json(found)), strict=True):
            write_text(path, text)
            click.echo(path)
    for each in found.left:
        click.echo(f"Handed over: the {each.name} account, {each.account}: {each.said}")
    return 2 if found.left else 0
