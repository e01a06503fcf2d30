"""`runbook inventory`: what was observed of an organization, as a file that `rehearse` takes."""

from pathlib import Path

import click

from runbook_lib.base.text import counted
from runbook_lib.cli.running import kernel_environment
from runbook_lib.cli.runs import runs_folder
from runbook_lib.cli.simulation import today
from runbook_lib.cli.surroundings import entered
from runbook_lib.inventory.command import write_inventory
from runbook_lib.settings.file import load


def inventory_command(parameters: Path, output: Path, real_names: bool, key_file: Path | None, runs: str) -> int:
    """Write what is there as a file for rehearse."""
    settings = load(parameters, today())
    key = None if real_names else key_file or runs_folder(runs) / "inventory.key"
    with entered(kernel_environment(settings, runs)):
        found = write_inventory(settings, output, key)
    accounts, regions = len(found.seed["accounts"]), len(found.seed["regions"])
    click.echo(
        f"{output}: {counted(accounts, 'account')}, {counted(regions, 'Region')}; "
        f"names are {'real' if real_names else 'pseudonyms'}"
    )
    for sentence in found.unread:
        click.echo(f"Not in it: {sentence}", err=True)
    return 2 if found.unread else 0
