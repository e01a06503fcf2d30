"""`runbook requirements`: what settings need of others, printed. Offline: nobody is called."""

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from runbook_lib.cli.simulation import today
from runbook_lib.services import grants, hosts, quotas
from runbook_lib.services.roles import FORMATS, needed
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load

BESIDES: Mapping[str, Callable[[Settings], str]] = {
    "hosts": lambda settings: hosts.as_table(hosts.hosts(settings)),
    "quotas": lambda settings: quotas.as_table(quotas.quotas(settings)),
    "grants": lambda settings: grants.as_json(grants.grants(settings)),
}
"""What is needed besides roles, each in the one form in which its readers take it."""


def requirements_command(
    parameters: Path, about: str, roles: tuple[str, ...], form: str | None, back_out: bool, door: str | None
) -> int:
    """Print what has to be granted, let through, or kept to."""
    settings = load(parameters, today())
    if about in BESIDES:
        if given := [
            name for name, value in (("--role", roles), ("--format", form), ("--back-out", back_out), ("--door", door)) if value
        ]:
            raise click.BadParameter(f"{given[0]} is about roles; leave it out, or --about {about}")
        click.echo(BESIDES[about](settings), nl=False)
        return 0
    there = needed(settings, back_out=back_out, door=door or "")
    if wrong := [each for each in roles if each not in {role.name for role in there}]:
        named = ", ".join(role.name for role in there)
        raise click.BadParameter(f"--role {wrong[0]}: these settings need no such role; they need {named}")
    click.echo(FORMATS[form or "table"]([each for each in there if not roles or each.name in roles]), nl=False)
    return 0
