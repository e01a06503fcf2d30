"""The command line: thin, over `commands` and the library. Exit codes: 0 done and covered, 2 something is left, 1 failed."""

import datetime as dt
import getpass
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from runbook_lib import __version__, commands
from runbook_lib.access import AccessRefused
from runbook_lib.approval import ApprovalRefused
from runbook_lib.evidence.run_folder import RunFolder, RunFolderError, RunStatus, runs_root
from runbook_lib.notebook import BadParameter, read_scope
from runbook_lib.phases import UnknownPhase, phase_named
from runbook_lib.plan_file import PlanFileError
from runbook_lib.project import ProjectNotFound, root
from runbook_lib.settings import Settings
from runbook_lib.settings_file import SettingsError, load, parse
from runbook_lib.settings_schema import schema_text

EXPECTED = (
    SettingsError, ApprovalRefused, AccessRefused, PlanFileError, RunFolderError, UnknownPhase, ProjectNotFound, BadParameter,
    commands.NotFound,
)  # fmt: skip
PARAMETERS = click.option(
    "-p", "--parameters", "parameters", required=True, type=click.Path(path_type=Path), help="Settings of one organization."
)
RUNS = click.option("--runs", default="", help="Where runs are kept [default: RUNBOOK_RUNS, else runs/].")
SCOPE = click.option("--scope", default="", help='A part of the organization as JSON: {"regions": ["us-east-1"]}.')
SECONDS = click.option(
    "--cell-timeout", type=click.IntRange(min=1), help="Stop in an orderly way when one cell takes longer (seconds)."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="runbook")
def cli() -> None:
    """Enable Security Hub, GuardDuty and Inspector across an AWS Organization, and prove what was done."""


def say(line: str) -> None:
    click.echo(line)


@cli.command()
@PARAMETERS
@click.option("--phase", "phases", multiple=True, help="A phase to plan, by name or number; all when absent.")
@SCOPE
@SECONDS
@RUNS
def plan(parameters: Path, phases: tuple[str, ...], scope: str, cell_timeout: int | None, runs: str) -> int:
    """Plan phases and change nothing. Prints each plan's fingerprint, which `apply --approval` takes."""
    settings = load(parameters, _today())
    read_scope(scope)
    wanted = commands.chosen(settings, phases)
    with _command(settings, parameters.read_bytes(), runs, cell_timeout) as command:
        return commands.plan(command, wanted, scope)


@cli.command()
@PARAMETERS
@click.option(
    "--approval", "approvals", multiple=True, required=True, help="An approval.json, or a plan's fingerprint; repeatable."
)
@click.option("--ticket", default="", help="The change ticket, where a fingerprint is given.")
@SCOPE
@SECONDS
@RUNS
def apply(parameters: Path, approvals: tuple[str, ...], ticket: str, scope: str, cell_timeout: int | None, runs: str) -> int:
    """Apply approved plans. Giving a fingerprint approves that plan in your name."""
    settings = load(parameters, _today())
    read_scope(scope)
    with _command(settings, parameters.read_bytes(), runs, cell_timeout) as command:
        files = [
            commands.approval_file(
                given, command.run.path.parent, command.run.path, getpass.getuser(), ticket or "none given", settings.mode
            )
            for given in approvals
        ]
        return commands.apply(command, files, scope)


@cli.command()
@PARAMETERS
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "html"]), default="table", show_default=True)
@SECONDS
@RUNS
def coverage(parameters: Path, form: str, cell_timeout: int | None, runs: str) -> int:
    """Read the whole coverage and print it; reads only."""
    settings = load(parameters, _today())
    with _command(settings, parameters.read_bytes(), runs, cell_timeout, quiet=True) as command:
        result = command.phase(phase_named("90_coverage"))
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
@click.option("--keep", is_flag=True, help="Leave the simulated organization running for further commands.")
@SECONDS
@RUNS
def rehearse(
    parameters: Path | None,
    organization: str,
    accounts: int | None,
    regions: str | None,
    keep: bool,
    cell_timeout: int | None,
    runs: str,
) -> int:
    """Run the whole runbook against a simulated organization on this machine; no AWS account is needed or touched."""
    from runbook_lib import rehearsal_settings  # noqa: PLC0415 the rehearsal extra is not installed on headless runners
    from runbook_lib.rehearsal import environment  # noqa: PLC0415 as above

    chosen = [each.strip() for each in regions.split(",")] if regions else None
    folder = _server_folder(runs)
    server = environment.find(folder)
    if server is None:
        server = environment.start(folder, organization, accounts=accounts, regions=chosen, keep=keep)
        say(f"Simulated organization {organization!r} at {server.url}")
    else:
        say(f"Using the simulated organization that is running at {server.url} (runbook simulate --stop ends it)")
        keep = True
    try:
        there = server.control("GET", "health")
        file = parameters or root() / "parameters" / "rehearsal.yaml"
        text = rehearsal_settings.adapted(
            file, there["partition"], server.region, there["regions"], server.control("GET", "accounts")
        )
        settings = parse(text, _today(), str(file))
        with _command(settings, text.encode(), runs, cell_timeout, server.environment) as command:
            code = commands.rehearse(command)
            table = command.run.phase("90_coverage").path / "coverage-after.txt"
            say("")
            say(table.read_text(encoding="utf-8") if table.exists() else "No coverage: the coverage notebook did not run.")
            say(f"Run folder: {command.run.path}")
    finally:
        if not keep:
            environment.stop(folder)
    if keep:
        _say_how_to_use(server.environment, server.url)
    return code


@cli.command()
@click.option("--organization", default="default", show_default=True, help="A seed by name, or a seed file.")
@click.option("--accounts", type=click.IntRange(min=4), help="How many accounts the organization has.")
@click.option("--regions", help="Regions of the rehearsal, separated by commas.")
@click.option("--stop", "stopping", is_flag=True, help="Stop the simulated organization.")
@RUNS
def simulate(organization: str, accounts: int | None, regions: str | None, stopping: bool, runs: str) -> int:
    """Start the simulated organization alone, for any AWS client on this machine; --stop ends it."""
    from runbook_lib.rehearsal import environment  # noqa: PLC0415 the rehearsal extra is not installed on headless runners

    folder = _server_folder(runs)
    server = environment.find(folder)
    if stopping:
        if server is None:
            say("No simulated organization is running.")
            return 0
        environment.stop(folder)
        say(f"Stopped the simulated organization at {server.url}.")
        return 0
    if server is None:
        chosen = [each.strip() for each in regions.split(",")] if regions else None
        server = environment.start(folder, organization, accounts=accounts, regions=chosen, keep=True)
    _say_how_to_use(server.environment, server.url)
    return 0


@cli.command()
def schema() -> int:
    """Print the JSON schema of the settings, which editors use."""
    sys.stdout.write(schema_text())
    return 0


def _say_how_to_use(environment: Mapping[str, str], url: str) -> None:
    say(f"The simulated organization is running at {url}. Any AWS client on this machine reaches it with:")
    for name in sorted(environment):
        if name.startswith("AWS_") or name == "NO_PROXY":
            say(f"  export {name}={environment[name]}")
    say("End it with: runbook simulate --stop")


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def _server_folder(runs: str) -> Path:
    return runs_root(runs, os.environ, root()) / "simulated-organization"


@contextmanager
def _command(
    settings: Settings,
    text: bytes,
    runs: str,
    seconds: int | None,
    environment: Mapping[str, str] | None = None,
    *,
    quiet: bool = False,
) -> Iterator[commands.Command]:
    """A run for one command, with the environment its kernels get. A run that breaks off is recorded as failed."""
    kernels = environment if environment is not None else _kernel_environment(settings, runs)
    folder = RunFolder.create(
        runs_root(runs, os.environ, root()), settings.mode, dt.datetime.now(dt.UTC), settings=text,
        command=["runbook", *sys.argv[1:]], organization=settings.organization.id,
    )  # fmt: skip
    speak: Callable[[str], None] = (lambda line: click.echo(line, err=True)) if quiet else say
    try:
        yield commands.Command(settings, folder.settings, folder, kernels, speak, seconds)
    except BaseException as error:
        if folder.record()["status"] == RunStatus.RUNNING:
            folder.finish(RunStatus.FAILED, dt.datetime.now(dt.UTC), error=f"{type(error).__name__}: {error}")
        raise


def _kernel_environment(settings: Settings, runs: str) -> Mapping[str, str]:
    """Live runs use the caller's environment as it is; a rehearsal only ever its own server's."""
    if settings.mode == "live":
        return dict(os.environ)
    from runbook_lib.rehearsal import environment  # noqa: PLC0415 the rehearsal extra is not installed on headless runners

    server = environment.find(_server_folder(runs))
    if server is None:
        raise commands.NotFound("mode is rehearsal and no simulated organization is running; start one with: runbook simulate")
    return server.environment


def main(arguments: list[str] | None = None) -> Any:
    """Entry point. Everything expected is said in plain lines on stderr, with exit code 1; click's own 2 becomes 1."""
    try:
        code = cli.main(args=arguments, prog_name="runbook", standalone_mode=False)
    except click.exceptions.Exit as done:
        code = done.exit_code
    except click.ClickException as error:
        error.show()
        code = 1
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        code = 1
    except EXPECTED as error:
        click.echo(str(error), err=True)
        code = 1
    except ModuleNotFoundError as error:
        if shutil.which("make") is None or (error.name or "").startswith("runbook_lib"):
            raise
        click.echo(f"{error.name} is not installed; install the project with its extras, for example: make install", err=True)
        code = 1
    sys.exit(code or 0)
