"""`runbook offboard SERVICE`, the way out of a service level by level, and `runbook back-out RUN`, the way back from a change."""

import datetime as dt
import json
import secrets
from pathlib import Path

import click

from runbook_lib.base.clock import Clock
from runbook_lib.base.identity import user
from runbook_lib.base.text import visible
from runbook_lib.cli import commands
from runbook_lib.cli.running import command_run, kernel_environment
from runbook_lib.cli.runs import runs_folder
from runbook_lib.cli.simulation import today
from runbook_lib.cli.surroundings import entered
from runbook_lib.evidence.people.four_eyes import nobody_here
from runbook_lib.phase_run.undone import change_of
from runbook_lib.plan import Scope
from runbook_lib.plan.approval import ApprovalRefused, untyped
from runbook_lib.runbook import Runbook
from runbook_lib.runbook.access import access_for
from runbook_lib.runbook.phases import BACK_OUT, COVERAGE, OFFBOARDING
from runbook_lib.runbook.way_out import WayOut, as_data, lines, look
from runbook_lib.services.departures import leaving, procedure, service_called
from runbook_lib.services.leaving import Leaving
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load


def offboard_command(
    service: str,
    parameters: Path,
    regions: str,
    form: str,
    level: str,
    approval: str,
    ticket: str,
    loses: tuple[str, ...],
    cell_timeout: int | None,
    runs: str,
) -> int:
    """Leave a service, level by level."""
    settings = load(parameters, today())
    named = tuple(sorted({each.strip() for each in regions.split(",") if each.strip()}))
    if level:
        return _level(settings, parameters, (service_called(service), level), named, approval, ticket, loses, cell_timeout, runs)
    if approval or ticket or loses:
        raise click.UsageError("--approval, --ticket and --lose are about one level; name it with --level")
    with entered(kernel_environment(settings, runs)):
        way = looked(settings, leaving(service_called(service)), Scope(named))
    if form == "json":
        click.echo(json.dumps(as_data(way), indent=1))
    else:
        for line in lines(way):
            click.echo(visible(line))
    return 2 if way.left else 0


def looked(settings: Settings, doing: Leaving, scope: Scope) -> WayOut:
    """Read the service. Raises PreconditionsFailed, AccessRefused and CallFailed."""
    clock = Clock()
    run = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{settings.mode}-{secrets.token_hex(2)}"
    with access_for(settings, COVERAGE, run, clock, doing=doing) as access:
        return look(Runbook(COVERAGE, settings, access, clock, scope, doing))


def _level(
    settings: Settings,
    parameters: Path,
    about: tuple[str, str],
    regions: tuple[str, ...],
    approval: str,
    ticket: str,
    loses: tuple[str, ...],
    seconds: int | None,
    runs: str,
) -> int:
    """Plan one level, or apply what was approved of it. What is wrong is said before a run is begun."""
    doing = procedure(" ".join(about))
    named = _given(settings, approval, loses, runs, doing.about)
    scope = json.dumps({"regions": list(regions)}) if regions else ""
    with command_run(settings, parameters, runs, seconds) as command:
        file = named.approval(command.run.path, user(), ticket or "none given", loses) if named else None
        return commands.procedure(command, OFFBOARDING, scope, dict(zip(OFFBOARDING.parameters, about, strict=True)), file)


def back_out_command(
    run: str, parameters: Path, phase: str, approval: str, ticket: str, loses: tuple[str, ...], cell_timeout: int | None, runs: str
) -> int:
    """Take back what a run changed."""
    settings = load(parameters, today())
    change = change_of(runs_folder(runs), settings, run, phase)
    named = _given(settings, approval, loses, runs, change.about)
    with command_run(settings, parameters, runs, cell_timeout) as command:
        file = named.approval(command.run.path, user(), ticket or "none given", loses) if named else None
        about = dict(zip(BACK_OUT.parameters, change.about.split(), strict=True))
        return commands.procedure(command, BACK_OUT, "", about, file)


def _given(settings: Settings, approval: str, loses: tuple[str, ...], runs: str, about: str) -> commands.Named | None:
    """The approval that was given, if one was, held against what it is asked for. Raises ApprovalRefused, NotFound."""
    if loses and not commands.is_fingerprint(approval):
        raise click.UsageError("--lose is typed by whoever approves: together with the plan's fingerprint, or with runbook approve")
    if not approval:
        return None
    if commands.is_fingerprint(approval) and (why := nobody_here(settings, runs_folder(runs))):
        raise ApprovalRefused([why])
    named = commands.named(approval, runs_folder(runs), settings.mode)
    if named.plan is not None:
        _refuse_other(named.plan.about, about)
        if wrong := tuple(untyped(named.plan, [" ".join(each.split()) for each in loses])):
            raise ApprovalRefused(wrong)
    return named


def _refuse_other(planned: str, asked: str) -> None:
    if planned != asked:
        raise ApprovalRefused([f"it is for {planned or 'a phase of the roll-out'}, and asked for is {asked}"])
