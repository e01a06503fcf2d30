"""`runbook doctor`: whether what settings lead to can be worked with, line by line. Reads only, keeps nothing."""

import datetime as dt
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from runbook_lib.aws.access import Access
from runbook_lib.aws.callers import Card
from runbook_lib.base.clock import Clock
from runbook_lib.cli.running import kernel_environment
from runbook_lib.cli.runs import runs_folder
from runbook_lib.cli.simulation import today
from runbook_lib.cli.surroundings import entered
from runbook_lib.inventory.checkup import Finding, Verdict, changes, doors, evidence, reads
from runbook_lib.plan import Scope
from runbook_lib.runbook import Runbook
from runbook_lib.runbook.access import access_for
from runbook_lib.runbook.phases import COVERAGE
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load

WRITES = (
    "What is expected of changes is the opinion of IAM's simulation: they show when they are made. runbook requirements -p FILE "
    "prints the policies that allow all of them."
)


def doctor_command(parameters: Path, runs: str) -> int:
    """Check, printing each line as soon as it is known; 1 where something fails, 2 where something is unknown."""
    settings = load(parameters, today())
    environment = kernel_environment(settings, runs)
    seen = []
    with entered(environment):
        for each in _checked(settings, runs_folder(runs), environment):
            seen.append(each.verdict)
            click.echo(f"{each.verdict:<8}{each.area:<12}{each.said}")
            if each.next_step and each.verdict is not Verdict.PASS:
                click.echo(f"{'':<20}{each.next_step}")
    click.echo(WRITES)
    return 1 if Verdict.FAIL in seen else 2 if Verdict.UNKNOWN in seen else 0


def _checked(settings: Settings, runs: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    clock = Clock()
    run = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{settings.mode}-{secrets.token_hex(2)}"
    told = settings.organization
    names = {told.management_account: "management", told.delegated_account: "delegated"}
    with access_for(settings, COVERAGE, run, clock, besides=changes.READS) as access:
        cards = doors.enter(access, settings, names)
        yield from doors.findings(cards, names)
        yield from _read(settings, access, clock, cards, names)
        yield from changes.findings(settings, access, cards)
    yield evidence.finding(runs, settings, environment)


def _read(settings: Settings, access: Access, clock: Clock, cards: doors.Entered, names: Mapping[str, str]) -> Iterator[Finding]:
    """What is read through the doors. Nothing where the management account's is shut: nobody else is asked who is there."""
    if not isinstance(cards[settings.organization.management_account], Card):
        yield Finding(
            reads.PERMISSIONS, Verdict.UNKNOWN, "nothing was read: the management account's door is shut", "Open that door first."
        )
        return
    heard = reads.Heard()
    yield from reads.made(Runbook(COVERAGE, settings, access, clock, Scope()), heard)
    yield from reads.findings(heard, names)
