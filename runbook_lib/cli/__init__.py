"""The command line: thin, over `commands` and the library. Exit codes: 0 done and covered, 2 something is left, 1 failed."""

import datetime as dt
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from runbook_lib import __version__
from runbook_lib.audit.ending import sealed_at_end
from runbook_lib.base.errors import OURS, RunbookError, place
from runbook_lib.base.identity import user
from runbook_lib.base.log import json_log
from runbook_lib.base.owner_only import owner_only
from runbook_lib.base.privacy import masked
from runbook_lib.cli import commands
from runbook_lib.cli import evidence as cli_evidence
from runbook_lib.cli import inventory as cli_inventory
from runbook_lib.cli.lab import lab as lab_command
from runbook_lib.cli.output import given_up, lasting_output, truthful
from runbook_lib.cli.part import part_options
from runbook_lib.cli.runs import RUNS, runs_folder
from runbook_lib.cli.simulation import Asked, at, ready, say_how_to_use, server_folder, today
from runbook_lib.cli.surroundings import entered
from runbook_lib.cli.terminal import Voice, outlasting_the_terminal, terminable
from runbook_lib.cli.trail import TRAIL, write_trail
from runbook_lib.evidence.people.emergency import declarable, declare
from runbook_lib.evidence.people.four_eyes import nobody_here
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.notebook.attaching import attach_found
from runbook_lib.phase_run.scope_parameter import read_scope
from runbook_lib.plan.approval import ApprovalRefused
from runbook_lib.runbook.phases import COVERAGE
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load
from runbook_lib.settings.schema import schema_text

LOG = logging.getLogger(__name__)
PARAMETERS = click.option(
    "-p", "--parameters", "parameters", required=True, type=click.Path(path_type=Path), help="Settings of one organization."
)
SCENARIO = click.option("--scenario", default="", help="Latency, limits and faults over time: a scenario by name, or a file.")
SECONDS = click.option(
    "--cell-timeout", type=click.IntRange(min=1), help="Stop in an orderly way when one cell takes longer (seconds)."
)


class Order(click.Group):
    """Commands are listed in the order in which they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=Order, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="runbook")
def cli() -> None:
    """Enable AWS's incident-detection services across an AWS Organization, and prove what was done."""


def say(line: str) -> None:
    click.echo(line)


@cli.command()
@PARAMETERS
@click.option("--phase", "phases", multiple=True, help="A phase to plan, by name or number; all when absent.")
@part_options
@SECONDS
@RUNS
def plan(parameters: Path, phases: tuple[str, ...], scope: str, cell_timeout: int | None, runs: str) -> int:
    """Plan phases; change nothing.

    Prints each plan's calls and its fingerprint, which `apply --approval` takes. Exit code 2: something is to be done.
    """
    settings = load(parameters, today())
    read_scope(scope, settings)
    wanted = commands.chosen(settings, phases)
    with _command(settings, parameters, runs, cell_timeout) as command:
        return commands.plan(command, wanted, scope)


@cli.command()
@PARAMETERS
@click.option(
    "--approval", "approvals", multiple=True, required=True, help="An approval.json, or a plan's fingerprint; repeatable."
)
@click.option("--ticket", default="", help="The change ticket, where a fingerprint is given.")
@click.option("--emergency", default="", metavar="REASON", help="Go without the other person, where the trust policy allows it.")
@part_options
@SECONDS
@RUNS
def apply(
    parameters: Path, approvals: tuple[str, ...], ticket: str, emergency: str, scope: str, cell_timeout: int | None, runs: str
) -> int:
    """Make the calls of approved plans.

    An approval is the file that was made for a plan, or the plan's fingerprint: giving that approves the plan in your name.
    What is there already is not called again, so a run that was stopped goes on when the same command is given again.
    """
    settings = load(parameters, today())
    read_scope(scope, settings)
    if any(map(commands.is_fingerprint, approvals)) and (why := nobody_here(settings, runs_folder(runs))):
        raise ApprovalRefused([why])
    named = [commands.named(given, runs_folder(runs), settings.mode) for given in approvals]
    trust = declarable(settings, runs_folder(runs), [each.file for each in named if each.plan is None]) if emergency else None
    with _command(settings, parameters, runs, cell_timeout) as command:
        files = [each.approval(command.run.path, user(), ticket or "none given") for each in named]
        if trust is not None:
            declare(files, emergency, trust)
        return commands.apply(command, files, scope)


@cli.command()
@PARAMETERS
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "html"]), default="table", show_default=True)
@SECONDS
@RUNS
def coverage(parameters: Path, form: str, cell_timeout: int | None, runs: str) -> int:
    """Read and print what is covered, and what is not.

    Progress goes to stderr, the coverage alone to stdout. Exit code 2: there are gaps, or something could not be read.
    """
    settings = load(parameters, today())
    with _command(settings, parameters, runs, cell_timeout, quiet=True) as command:
        result = command.phase(COVERAGE)
        code = commands.finish(command, [result])
        if result.exit_code == 1:
            raise click.ClickException(result.error)
        ending = "txt" if form == "table" else form
        sys.stdout.write((result.folder.path / f"coverage-after.{ending}").read_text(encoding="utf-8"))
        return code


@cli.command()
@click.option(
    "-p", "--parameters", "parameters", type=click.Path(path_type=Path), help="Settings [default: parameters/rehearsal.yaml]."
)
@click.option("--organization", default="default", show_default=True, help="A seed by name, or a seed file.")
@click.option("--accounts", type=click.IntRange(min=4), help="How many accounts the organization has.")
@click.option("--regions", help="Regions to enable, separated by commas; the first is the home Region.")
@SCENARIO
@click.option("--keep", is_flag=True, help="Leave the simulated organization running for further commands.")
@SECONDS
@RUNS
def rehearse(
    parameters: Path | None,
    organization: str,
    accounts: int | None,
    regions: str | None,
    scenario: str,
    keep: bool,
    cell_timeout: int | None,
    runs: str,
) -> int:
    """Run everything on a simulated organization.

    Plans, approves and applies each phase, then shows the coverage. No AWS account is needed, and none is touched: the simulated
    organization runs on this machine, and settings lead nowhere else. One that runs already is used again.
    """
    from runbook_lib.rehearsal import environment  # noqa: PLC0415 the rehearsal extra is not installed on headless runners

    asked = Asked(runs, parameters, organization, accounts, regions, scenario, keep=keep)
    made = ready(asked, say)
    try:
        with _command(made.settings, made.file, runs, cell_timeout, made.server.environment) as command:
            code = commands.rehearse(command)
            table = command.run.phase(COVERAGE.name).path / "coverage-after.txt"
            say("")
            say(table.read_text(encoding="utf-8") if table.exists() else "No coverage: the coverage notebook did not run.")
            for line in commands.forecast(command):
                say(line)
            say(f"Run folder: {command.run.path}")
    finally:
        if not made.stays:
            environment.stop(asked.folder)
    if made.stays:
        say_how_to_use(made, runs, say)
    return code


@cli.command()
@click.option(
    "-p",
    "--parameters",
    "parameters",
    type=click.Path(path_type=Path),
    help="Settings to fit [default: parameters/rehearsal.yaml].",
)
@click.option("--organization", default="default", show_default=True, help="A seed by name, or a seed file.")
@click.option("--accounts", type=click.IntRange(min=4), help="How many accounts the organization has.")
@click.option("--regions", help="Regions of the rehearsal, separated by commas.")
@SCENARIO
@click.option("--stop", "stopping", is_flag=True, help="Stop the simulated organization.")
@TRAIL
@RUNS
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
    """Start, or stop, the simulated organization alone.

    Prints the variables with which any AWS client on this machine reaches it, and where settings lie that fit it; it runs until
    `--stop`.
    """
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


@cli.command()
def schema() -> int:
    """Print the settings' JSON schema, for editors."""
    sys.stdout.write(schema_text())
    return 0


@contextmanager
def _command(
    settings: Settings, file: Path, runs: str, seconds: int | None, environment: Mapping[str, str] | None = None,
    *, quiet: bool = False,
) -> Iterator[commands.Command]:  # fmt: skip
    """A run for one command, in the environment that its kernels get. A run that breaks off is recorded as failed."""
    kernels = environment if environment is not None else _kernel_environment(settings, runs)
    folder = RunFolder.create(
        runs_folder(runs), settings.mode, dt.datetime.now(dt.UTC),
        settings=file.read_bytes(), command=["runbook", *sys.argv[1:]], organization=settings.organization.id,
    )  # fmt: skip
    speak = Voice(sys.stderr if quiet else sys.stdout)
    speak(f"{settings.mode.upper()}: organization {settings.organization.id}, run {folder.name}")
    with (
        outlasting_the_terminal() as hung_up, entered(kernels), sealed_at_end(folder, settings, kernels, speak, attach_found),
        json_log(folder.log), terminable(),
    ):  # fmt: skip
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
            speak.close()
            fields = {"status": folder.record()["status"], "output given up": given_up(), "terminal gone": hung_up()}
            LOG.info("command ends", extra={"fields": fields})


def _kernel_environment(settings: Settings, runs: str) -> Mapping[str, str]:
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


cli.add_command(lab_command)
cli_evidence.register(cli)
cli_inventory.register(cli, lambda parameters: load(parameters, today()), _kernel_environment)


def main(arguments: list[str] | None = None) -> Any:
    """Entry point: the exit code is that of the work; 1 too where what was printed is lost, see `output`."""
    with lasting_output() as printed:
        code = _ended(arguments)
    sys.exit(truthful(code, printed))


def _ended(arguments: list[str] | None) -> int:
    """The exit code. Whatever goes wrong is said in plain lines on stderr, with exit code 1; click's own 2 becomes 1."""
    try:
        with owner_only():
            code = cli.main(args=arguments, prog_name="runbook", standalone_mode=False)
    except click.exceptions.Exit as done:
        code = done.exit_code
    except click.ClickException as error:
        error.show()
        code = 1
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        code = 1
    except RunbookError as error:
        click.echo(error.said, err=True)
        code = error.exit_code
    except Exception as error:  # noqa: BLE001 whatever it is, it is said in plain lines
        click.echo(_others(error), err=True)
        code = 1
    return int(code or 0)


def _others(error: Exception) -> str:
    """What is said of an error that is none of ours: the system's about a file, a library that is missing, or our mistake."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("runbook_lib"):
        return f"{error.name} is not installed; install the project with its extras, for example: make install"
    return masked(f"{place(error)}{type(error).__name__}: {error}\n{OURS}")
