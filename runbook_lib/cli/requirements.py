"""`runbook requirements`: the roles that settings need, printed. Offline: nobody is called."""

from pathlib import Path

import click

from runbook_lib.cli.simulation import today
from runbook_lib.services.roles import FORMATS, needed
from runbook_lib.settings.file import load


def requirements_command(parameters: Path, roles: tuple[str, ...], form: str, back_out: bool) -> int:
    """Print what has to be granted."""
    there = needed(load(parameters, today()), back_out=back_out)
    if wrong := [each for each in roles if each not in {role.name for role in there}]:
        named = ", ".join(role.name for role in there)
        raise click.BadParameter(f"--role {wrong[0]}: these settings need no such role; they need {named}")
    click.echo(FORMATS[form]([each for each in there if not roles or each.name in roles]), nl=False)
    return 0
