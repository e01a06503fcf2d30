"""The work of the commands that run phases, and of those around them: plan, apply, coverage, simulate, schema."""

import datetime as dt
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

from runbook_lib.audit.ending import sealed_at_end
from runbook_lib.base.identity import user
from runbook_lib.base.log import json_log
from runbook_lib.base.project import VARIABLE
from runbook_lib.cli import commands
from runbook_lib.cli.doors import opened
from runbook_lib.cli.in_turn import Course
from runbook_lib.cli.kernels import Kernels
from runbook_lib.cli.output import given_up
from runbook_lib.cli.runs import runs_folder
from runbook_lib.cli.simulation import Asked, at, ready, say_how_to_use, server_folder, today
from runbook_lib.cli.surroundings import entered
from runbook_lib.cli.terminal import Voice, outlasting_the_terminal, terminable
from runbook_lib.cli.trail import write_trail
from runbook_lib.coverage.kept import read_coverage
from runbook_lib.coverage.since import changes
from runbook_lib.evidence.people.emergency import declarable, declare
from runbook_lib.evidence.people.four_eyes import nobody_here
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.notebook.attaching import attach_found
from runbook_lib.phase_run.handing_over import take_over
from runbook_lib.phase_run.scope_parameter import handed_over, read_scope
from runbook_lib.plan.approval import ApprovalRefused
from runbook_lib.runbook.phases import COVERAGE
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load
from runbook_lib.settings.register import register_for

LOG = logging.getLogger(__name__)


def say(line: str) -> None:
    click.echo(line)


def plan(parameters: Path, phases: tuple[str, ...], scope: str, cell_timeout: int | None, runs: str) -> int:
    """Plan phases; change nothing."""
    settings = load(parameters, today())
    door = _door(scope, settings)
    wanted = commands.chosen(settings, phases)
    with command_run(settings, parameters, runs, cell_timeout, door=door) as command:
        return commands.plan(command, wanted, scope)


def apply(
    parameters: Path, approvals: tuple[str, ...], ticket: str, emergency: str, scope: str, cell_timeout: int | None, runs: str
) -> int:
    """Make the calls of approved plans."""
    settings = load(parameters, today())
    door = _door(scope, settings)
    if any(map(commands.is_fingerprint, approvals)) and (why := nobody_here(settings, runs_folder(runs))):
        raise ApprovalRefused([why])
    named = [commands.named(given, runs_folder(runs), settings.mode) for given in approvals]
    trust = declarable(settings, runs_folder(runs), [each.file for each in named if each.plan is None]) if emergency else None
    with command_run(settings, parameters, runs, cell_timeout, door=door) as command:
        files = [each.approval(command.run.path, user(), ticket or "none given") for each in named]
        if trust is not None:
            declare(files, emergency, trust)
        return commands.apply(command, files, scope)


def _door(scope: str, settings: Settings) -> str:
    """The one door of this run, if it has one alone. Raises BadParameter, and NotTaken where what was handed over does not fit."""
    door, handed = read_scope(scope, settings).door, handed_over(scope)
    if handed:
        take_over(Path(handed), settings, door, dt.datetime.now(dt.UTC))
    return door


def coverage(
    parameters: Path | None,
    form: str,
    since: str,
    profile: str,
    role: str,
    regions: str,
    hide_names: bool,
    rehearsal: bool,
    scope: str,
    cell_timeout: int | None,
    runs: str,
) -> int:
    """Read and print what is covered, and what is not."""
    if (parameters is not None) == bool(profile or role):
        raise click.UsageError(
            "give the settings of an organization (-p FILE), or a profile or role to look with (--profile, --role)"
        )
    if parameters is None and scope:
        raise click.UsageError("--door says whose door of settings this is; give them (-p FILE)")
    if parameters is None and since:
        raise click.UsageError("--since compares with a run of the same settings; give them (-p FILE)")
    if parameters is None:
        from runbook_lib.cli.first_look import first_look  # noqa: PLC0415 no other command looks without settings

        around = partial(kernel_environment, runs=runs)
        return first_look(profile, role, regions, form, around, hide_names=hide_names, rehearsal=rehearsal)
    settings = load(parameters, today())
    then = _coverage_of(since, settings, form, runs) if since else []
    door = _door(scope, settings)
    with command_run(settings, parameters, runs, cell_timeout, quiet=True, door=door) as command:
        result = command.phase(COVERAGE, scope)
        code = commands.finish(command, Course([result]))
        if result.exit_code == 1:
            raise click.ClickException(result.error)
        ending = "txt" if form == "table" else form
        if then:
            now = read_coverage(result.folder.coverage("after", "json"))
            sys.stdout.write("\n".join(changes(then, [now]).lines(Path(since).name)) + "\n\n")
        sys.stdout.write((result.folder.path / f"coverage-after.{ending}").read_text(encoding="utf-8"))
        return code


def _coverage_of(named: str, settings: Settings, form: str, runs: str) -> list[Mapping[str, Any]]:
    """What an earlier run of the same organization wrote: of the whole, or else phase by phase. Read before anything is asked."""
    if form != "table":
        raise click.BadParameter(f"--since goes with --format table, not {form}: the other forms hold one coverage")
    run = RunFolder.open(runs_folder(runs) / Path(named).name)
    if (organization := run.record()["organization"]) != settings.organization.id:
        raise click.BadParameter(
            f"--since: {run.name} is of organization {organization}, and settings are of {settings.organization.id}"
        )
    whole = [phase for phase in run.phases() if phase.name == COVERAGE.name] or run.phases()
    kept = [path for phase in whole if (path := phase.coverage("after", "json")).exists()]
    if not kept:
        raise click.BadParameter(f"--since: {run.name} holds no coverage; name a run that ended with one")
    return [read_coverage(path) for path in kept]


def simulate(
    parameters: Path | None,
    organization: str,
    accounts: int | None,
    regions: str | None,
    scenario: str,
    stopping: bool,
    trail: Path | None,
    runs: str,
) -> int:
    """Start, or stop, the simulated organization alone."""
    from runbook_lib.rehearsal import environment  # noqa: PLC0415 the rehearsal extra is not installed on headless runners

    if trail is not None:
        say(write_trail(server_folder(runs), trail))
    elif not stopping:
        asked = Asked(runs, parameters, organization, accounts, regions, scenario, keep=True, looking=True)
        say_how_to_use(ready(asked, say), runs, say)
    elif (server := environment.find(server_folder(runs))) is None:
        say(f"No simulated organization is running in {server_folder(runs)}.")
    else:
        environment.stop(server_folder(runs))
        say(f"Stopped the simulated organization at {server.url}.")
    return 0


@contextmanager
def command_run(
    settings: Settings,
    file: Path,
    runs: str,
    seconds: int | None,
    environment: Mapping[str, str] | None = None,
    *,
    quiet: bool = False,
    door: str = "",
) -> Iterator[commands.Command]:
    """A run for one command, in the environment that its kernels get. A run that breaks off is recorded as failed."""
    register = register_for(settings, file)
    surroundings = environment if environment is not None else kernel_environment(settings, runs)
    doors = opened(settings, door)
    folder = RunFolder.create(
        runs_folder(runs),
        settings.mode,
        dt.datetime.now(dt.UTC),
        settings=file.read_bytes(),
        command=["runbook", *sys.argv[1:]],
        organization=settings.organization.id,
        workflows=register.files,
    )
    kernels = Kernels({**surroundings, VARIABLE: str(folder.path.parent)})
    speak = Voice(sys.stderr if quiet else sys.stdout)
    speak(f"{settings.mode.upper()}: organization {settings.organization.id}, run {folder.name}")
    for each in doors:
        speak(each.words)
    with (
        outlasting_the_terminal() as hung_up,
        entered(surroundings),
        sealed_at_end(folder, settings, surroundings, speak, attach_found),
        json_log(folder.log),
        terminable(),
    ):
        LOG.info("command begins", extra={"fields": {"command": ["runbook", *sys.argv[1:]]}})
        try:
            yield commands.Command(settings, folder.settings, folder, kernels, speak, seconds, file)
        except BaseException as error:
            if folder.record()["status"] == RunStatus.RUNNING:
                stopped = isinstance(error, KeyboardInterrupt)
                status = RunStatus.STOPPED if stopped else RunStatus.FAILED
                LOG.exception("command fails")
                folder.finish(status, dt.datetime.now(dt.UTC), error="interrupted" if stopped else f"{error}")
            raise
        finally:
            kernels.close()
            speak.close()
            fields = {"status": folder.record()["status"], "output given up": given_up(), "terminal gone": hung_up()}
            LOG.info("command ends", extra={"fields": fields})


def kernel_environment(settings: Settings, runs: str) -> Mapping[str, str]:
    """Live runs use the caller's environment as it is; a rehearsal only ever its own server's."""
    if settings.mode == "live":
        return dict(os.environ)
    from runbook_lib.rehearsal import environment  # noqa: PLC0415 the rehearsal extra is not installed on headless runners

    server = environment.find(server_folder(runs))
    if server is None:
        raise commands.NotFound(
            "mode is rehearsal and no simulated organization is running; start one with: runbook simulate" + at(runs)
        )
    return server.environment
