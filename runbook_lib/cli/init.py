"""`runbook init`: settings of an organization that has none, made from what exists. Reads only; the file is all that is kept."""

import datetime as dt
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from runbook_lib.aws.access import Access
from runbook_lib.base.clock import Clock
from runbook_lib.base.files import write_new
from runbook_lib.cli.running import kernel_environment
from runbook_lib.cli.simulation import today
from runbook_lib.cli.surroundings import entered
from runbook_lib.inventory.initial.finding import ALL_READS, Found, find
from runbook_lib.inventory.initial.writing import text
from runbook_lib.inventory.survey import report
from runbook_lib.inventory.survey.without_settings import entered_partition, settings_of_nobody
from runbook_lib.services.registry import by_name, sentence
from runbook_lib.settings import Door
from runbook_lib.settings.file import parse


def init_command(profiles: tuple[str, ...], roles: tuple[str, ...], output: Path | None, rehearsal: bool, runs: str) -> int:
    """Look, and write the file; 2 where something could not be read, or stands in a plan's way."""
    if not profiles and not roles:
        raise click.UsageError("give a profile or a role to look with (--profile, --role)")
    if roles and len(profiles) > 1:
        raise click.UsageError("with --role, give one --profile at most: every role is assumed with it")
    if output and output.exists():
        raise click.UsageError(f"--output {output}: this file exists, and nothing is ever written over; name another one")
    mode = "rehearsal" if rehearsal else "live"
    doors = [Door(profile=next(iter(profiles), None), role_arn=role) for role in roles] or [Door(profile=each) for each in profiles]
    with entered(kernel_environment(settings_of_nobody(mode, "aws"), runs)):
        found = _looked(doors, mode)
    made = text(found, dt.datetime.now(dt.UTC))
    # What is written is read as every settings file is: a file that is refused is never left to somebody.
    parse(made, today(), str(output or "the settings"))
    if output:
        write_new(output, made)
    else:
        sys.stdout.write(made)
    _tell(found, output)
    return 2 if found.unread or found.blockers or not found.whole else 0


def _looked(doors: Sequence[Door], mode: str) -> Found:
    run, clock = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{mode}-{secrets.token_hex(2)}", Clock()
    settings = settings_of_nobody(mode, entered_partition(doors[0]))
    with Access(settings, reads=ALL_READS, mutations=frozenset(), run=run, clock=clock) as access:
        return find(access, doors, mode, today(), clock)


def _tell(found: Found, output: Path | None) -> None:
    for line in report.standing_lines(found.standing):
        _say(line)
    titles = tuple(by_name()[name].title for name in by_name() if name in found.draft.sections)
    managed = sentence(titles) if titles else "nothing, for no service is on in the whole organization as far as is seen"
    excluded = len(found.draft.exclusions())
    left_out = f"; {excluded:,} account{'s are' if excluded != 1 else ' is'} left out as found" if excluded else ""
    _say(f"Written as it is: {managed}{left_out}.")
    for sentence_ in found.unread:
        _say(f"Not read: {' '.join(sentence_.split())}")
    if found.blockers:
        _say(f"A plan names {len(found.blockers)} blockers of what is there already; the file's first lines have them.")
    if output:
        _say(f"Next: read {output}, then  runbook plan -p {output}  (it calls nothing until the file says more)")


def _say(line: str) -> None:
    click.echo(line, err=True)
