"""The command line as it is described: a command imports what it uses.

Exit codes: 0 done and covered, 2 something is left, 1 failed.
"""

import sys
from pathlib import Path
from typing import Any

import click

from runbook_lib import __version__
from runbook_lib.base.errors import OURS, RunbookError, place
from runbook_lib.base.owner_only import owner_only
from runbook_lib.base.privacy import masked
from runbook_lib.cli import evidence as cli_evidence
from runbook_lib.cli import response as cli_response
from runbook_lib.cli import stack as cli_stack
from runbook_lib.cli.options import PARAMETERS, SECONDS, TICKET
from runbook_lib.cli.output import lasting_output, note_what_is_ignored, truthful
from runbook_lib.cli.part import door_options, part_options
from runbook_lib.cli.runs import RUNS
from runbook_lib.cli.work import done_by

SCENARIO = click.option("--scenario", default="", help="Latency, limits and faults over time: a scenario by name, or a file.")
TRAIL = click.option(
    "--cloudtrail",
    "trail",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the requests so far as CloudTrail would, for runbook evidence verify --against-cloudtrail.",
)


class Order(click.Group):
    """Commands are listed in the order in which they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=Order, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="runbook")
def cli() -> None:
    """Enable AWS's incident-detection services across an AWS Organization, and prove what was done."""


@cli.command()
@PARAMETERS
@click.option("--phase", "phases", multiple=True, help="A phase to plan, by name or number; all when absent.")
@part_options
@SECONDS
@RUNS
@done_by("running")
def plan() -> None:
    """Plan phases; change nothing.

    Prints each plan's calls and its fingerprint, which `apply --approval` takes. Exit code 2: something is to be done.
    """


@cli.command()
@PARAMETERS
@click.option(
    "--approval", "approvals", multiple=True, required=True, help="An approval.json, or a plan's fingerprint; repeatable."
)
@TICKET
@click.option("--emergency", default="", metavar="REASON", help="Go without the other person, where the trust policy allows it.")
@part_options
@SECONDS
@RUNS
@done_by("running")
def apply() -> None:
    """Make the calls of approved plans.

    An approval is the file that was made for a plan, or the plan's fingerprint: giving that approves the plan in your name.
    What is there already is not called again, so a run that was stopped goes on when the same command is given again.
    """


@cli.command()
@click.option("-p", "--parameters", "parameters", type=click.Path(path_type=Path), help="Settings of one organization.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json", "html"]), default="table", show_default=True)
@click.option("--since", default="", metavar="RUN", help="Say first what has changed since that run; with --format table.")
@click.option("--profile", default="", help="Without settings: the AWS profile to look with, in whatever account it is.")
@click.option(
    "--role", default="", metavar="ARN", help="Without settings: a role to look as, assumed with the profile or the shell."
)
@click.option("--regions", default="", help="Without settings: Regions, separated by commas [default: all that are enabled].")
@click.option("--hide-names", is_flag=True, help="Without settings: leave out the accounts' names.")
@click.option("--rehearsal", is_flag=True, help="Without settings: look at the simulated organization that runs here, not at AWS.")
@door_options
@SECONDS
@RUNS
@done_by("running")
def coverage() -> None:
    """Read and print what is covered, and what is not.

    With --since: new accounts, what was covered in that run and is not now, exclusions that have ended.

    Progress goes to stderr, the coverage alone to stdout. Exit code 2: there are gaps, or something could not be read.

    With --profile or --role no settings are needed: it says who you are, where that stands in the organization, how many reads it
    makes and how many AWS denies, and shows account by Region by service what is on. Any account will do, with AWS's SecurityAudit
    or ReadOnlyAccess. Nothing is kept.
    """


@cli.command("init")
@click.option(
    "--profile", "profiles", multiple=True, help="The AWS profile to look with; repeatable, where two lead to the two accounts."
)
@click.option(
    "--role", "roles", multiple=True, metavar="ARN", help="A role to look as, assumed with the profile or the shell; repeatable."
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Where to write the settings [default: print them]."
)
@click.option("--rehearsal", is_flag=True, help="Look at the simulated organization that runs here, not at AWS.")
@RUNS
@done_by("init")
def init_command() -> None:
    """Write what exists as first settings.

    Reads only, and a plan with them calls nothing. What all Regions agree on is written; accounts that lack what the others have
    are left out for 90 days; what differs, is unknown or is somebody else's to decide stands in a comment, and so do proposals.
    A file that exists is never overwritten. Exit code 2: something could not be read, or stands in a plan's way.
    """


@cli.command("requirements")
@PARAMETERS
@click.option(
    "--about",
    type=click.Choice(["roles", "hosts", "quotas", "grants"]),
    default="roles",
    show_default=True,
    help="roles: what IAM has to allow. hosts: names that are called. quotas: what AWS limits. grants: what keys and buckets say.",
)
@click.option("--role", "roles", multiple=True, metavar="NAME", help="Only this role; repeatable [default: all].")
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "terraform", "cloudformation"]), help="Of roles [default: table]."
)
@click.option("--back-out", is_flag=True, help="Also what taking a change back calls (runbook back-out).")
@click.option("--door", type=click.Choice(["management", "delegated"]), help="Only what the holder of that door alone is given.")
@done_by("requirements")
def requirements_command() -> None:
    """Print the roles, hosts, quotas and grants that are needed.

    Calls nobody. Every action is named; each is narrowed to resources and conditions where AWS lets it be. RUNNER, or a parameter
    of that name, stands for whoever opens a door from outside, which settings do not say.
    """


@cli.command("doctor")
@PARAMETERS
@RUNS
@done_by("doctor")
def doctor_command() -> None:
    """Check doors, clock, permissions, network and evidence.

    Reads what plans would be made from, plans nothing and keeps nothing. Each line is pass, fail or unknown, with what to do next:
    who acts where, which read a policy denies and who can change that, which endpoint is not reached, whether evidence could be
    sealed. Exit code 1: something fails; 2: something is unknown.
    """


@cli.command("checklist")
@PARAMETERS
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Record the answers there, as JSON.")
@RUNS
@done_by("checklist")
def checklist_command() -> None:
    """Ask what only a live account can settle.

    What this runbook and its simulation take for granted and nobody has seen AWS do: where a read answers it, it is made, and its
    answer compared with what the simulation does; the rest is listed with what it would take. Reads only; the record names no
    account. Exit code 2: something is not as assumed, unknown or open.
    """


@cli.command("handover")
@PARAMETERS
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="Write handover.md and handover.json there.")
@RUNS
@done_by("handover")
def handover_command() -> None:
    """Hand the other account's door over to its holder.

    Opens both doors, and writes of each account: whether it is open here, its roles, the reading one first, the commands, and what
    is called from there, with the digest of the settings that both have to use. Exit code 2: something is handed over.
    """


@cli.command()
@click.option(
    "-p", "--parameters", "parameters", type=click.Path(path_type=Path), help="Settings [default: parameters/rehearsal.yaml]."
)
@click.option("--organization", default="default", show_default=True, help="A seed by name, or a seed file.")
@click.option("--accounts", type=click.IntRange(min=4), help="How many accounts the organization has.")
@click.option("--regions", help="Regions to enable, separated by commas; the first is the home Region.")
@SCENARIO
@click.option(
    "--door",
    type=click.Choice(["notebooks", "stack"]),
    default="notebooks",
    show_default=True,
    help="Run the notebooks, or deploy the CloudFormation stack.",
)
@click.option("--keep", is_flag=True, help="Leave the simulated organization running for further commands.")
@SECONDS
@RUNS
@done_by("rehearsing")
def rehearse() -> None:
    """Run everything on a simulated organization.

    Plans, approves and applies each phase, then shows the coverage. No AWS account is needed, and none is touched: the simulated
    organization runs on this machine, and settings lead nowhere else. One that runs already is used again.
    """


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
@done_by("running")
def simulate() -> None:
    """Start, or stop, the simulated organization alone.

    Prints the variables with which any AWS client on this machine reaches it, and where settings lie that fit it; it runs until
    `--stop`.
    """


cli_response.register(cli)


@cli.command("new")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--ci",
    type=click.Choice(["github", "gitlab", "both", "none"]),
    default="both",
    show_default=True,
    help="Whose pipelines to lay out samples for.",
)
@done_by("new")
def new_command() -> None:
    """Lay out a repository for one organization.

    Settings that are named like the folder, drafts of workflows, a trust policy to fill in, and pipelines that plan, apply and
    watch. Nothing is overwritten: what is there already is said and left alone, and the exit code is 2 then.
    """


@cli.command("schema")
@done_by("schema")
def schema_command() -> None:
    """Print the settings' JSON schema, for editors."""


@cli.command("lab")
@click.option(
    "-p", "--parameters", "parameters", type=click.Path(path_type=Path), help="Settings [default: parameters/rehearsal.yaml]."
)
@click.option("--organization", default="default", show_default=True, help="In a rehearsal: a seed by name, or a seed file.")
@click.option("--ticket", default="", help="The change ticket that cards and panels show.")
@click.option("--port", type=click.IntRange(0, 65535), default=8888, show_default=True, help="The next free one is taken.")
@click.option("--browser/--no-browser", default=True, help="Open the start page in a browser.")
@RUNS
@click.argument("jupyter", nargs=-1)
@done_by("lab.command")
def lab_command() -> None:
    """Open the notebooks in JupyterLab.

    It listens on this machine only and asks for its own token, whatever Jupyter is configured to do; it opens no terminals, serves
    no keys, and asks the internet for nothing. In a rehearsal the simulated organization runs beside it and ends with it. What
    follows -- goes to JupyterLab; what could undo this is refused.
    """


APPROVAL = click.option("--approval", default="", help="An approval.json, or the plan's fingerprint.")
LOSES = click.option(
    "--lose", "loses", multiple=True, metavar="WORDS",
    help="With a fingerprint: what the plan takes away, in the words that it gives; once for each.",
)  # fmt: skip


@cli.command("offboard")
@click.argument("service")
@PARAMETERS
@click.option("--regions", default="", help="Regions, separated by commas; all that are enabled when absent.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--level", default="", help="Plan this level, or apply it with --approval; without one the command only reads.")
@APPROVAL
@TICKET
@LOSES
@SECONDS
@RUNS
@done_by("offboard")
def offboard_command() -> None:
    """Leave a service, level by level.

    Without --level it only reads: every level of the way out, what stands in its way, who loses what in which account and Region,
    what cannot be undone, and what was found that is not ours. With --level that one level is planned, and with --approval applied;
    settings have to allow it by name. Exit code 2: something is there to be left, or could not be read.
    """


@cli.command("back-out")
@click.argument("run")
@PARAMETERS
@click.option("--phase", default="", help="Which phase of the run, where it applied several: the last first.")
@APPROVAL
@TICKET
@LOSES
@SECONDS
@RUNS
@done_by("offboard")
def back_out_command() -> None:
    """Take back what a run changed.

    Plans the reverse of the calls that the run's journal says were applied, as far as their effect is still there, and with
    --approval makes them. What was there before is restored; what somebody changed since, and what no call takes back, is said and
    left alone. Exit code 2: something is there to be taken back, or could not be read.
    """


cli_evidence.register(cli)
cli_stack.register(cli)


@cli.command("inventory")
@click.option(
    "-p", "--parameters", required=True, type=click.Path(path_type=Path), help="Settings of one organization (a YAML file)."
)
@click.option(
    "--output", default="seed.yaml", show_default=True, type=click.Path(path_type=Path), help="Where the inventory is written."
)
@click.option("--real-names", is_flag=True, help="Keep account names and e-mail addresses instead of pseudonyms.")
@click.option(
    "--key-file", type=click.Path(path_type=Path), help="Key of the pseudonyms; made if missing [default: in the runs folder]."
)
@RUNS
@done_by("inventory")
def inventory_command() -> None:
    """Write what is there as a file for rehearse.

    Reads only. Then `runbook rehearse --organization FILE -p SETTINGS` rehearses the very plans that these settings make on
    this organization, with the same fingerprints, on this machine. Account ids, OU ids and the organization's id are kept
    (fingerprints hold them); names and e-mail addresses become pseudonyms.
    """


def main(arguments: list[str] | None = None) -> Any:
    """Entry point: the exit code is that of the work; 1 too where what was printed is lost, see `output`."""
    if arguments is None:  # the process is this command's
        sys.unraisablehook = note_what_is_ignored
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
