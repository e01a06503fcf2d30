"""`runbook offboard SERVICE`: the way out of a service, level by level."""

import datetime as dt
import json
import secrets
from pathlib import Path

import click

from runbook_lib.base.clock import Clock
from runbook_lib.base.text import visible
from runbook_lib.cli.running import kernel_environment
from runbook_lib.cli.simulation import today
from runbook_lib.cli.surroundings import entered
from runbook_lib.plan import Scope
from runbook_lib.runbook import Runbook, access_for
from runbook_lib.runbook.phases import COVERAGE
from runbook_lib.runbook.way_out import WayOut, as_data, lines, look
from runbook_lib.services.departures import departure_of, service_called
from runbook_lib.services.leaving import Leaving
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load


def offboard_command(service: str, parameters: Path, regions: str, form: str, runs: str) -> int:
    """Show what leaving a service would mean."""
    settings = load(parameters, today())
    leaving = Leaving(departure_of(service_called(service)))
    scope = Scope(tuple(sorted({each.strip() for each in regions.split(",") if each.strip()})))
    with entered(kernel_environment(settings, runs)):
        way = looked(settings, leaving, scope)
    if form == "json":
        click.echo(json.dumps(as_data(way), indent=1))
    else:
        for line in lines(way):
            click.echo(visible(line))
    return 2 if way.left else 0


def looked(settings: Settings, leaving: Leaving, scope: Scope) -> WayOut:
    """Read the service. Raises PreconditionsFailed, AccessRefused and CallFailed."""
    clock = Clock()
    run = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{settings.mode}-{secrets.token_hex(2)}"
    with access_for(settings, COVERAGE, run, clock, doing=leaving) as access:
        return look(Runbook(COVERAGE, settings, access, clock, scope, leaving))
