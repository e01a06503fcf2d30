"""The commands about the CloudFormation door, as they are described."""

from pathlib import Path

import click

from runbook_lib.cli.runs import RUNS
from runbook_lib.cli.work import done_by

PARAMETERS = click.option(
    "-p", "--parameters", "parameters", required=True, type=click.Path(path_type=Path), help="Settings of one organization."
)
NAME = click.option("--name", default="runbook", show_default=True, help="The stack's name.")
PROFILE = click.option("--profile", default="", help="AWS profile of the account that the stack lives in [default: the shell's].")
REGION = click.option(
    "--region", default="", help="Region of the stack [default: the home Region of the settings, else where STS is asked]."
)
WHEELS = click.option(
    "--wheels",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with the wheels of requirements/base.txt for Lambda [default: pip fetches them].",
)
INSTALLED = click.option(
    "--installed", "from_here", is_flag=True, help="Pack what is installed here: for a rehearsal, not for AWS."
)


@click.group("stack")
def stack() -> None:
    """Run the phases as resources of a CloudFormation stack."""


@stack.command("package")
@click.option(
    "--output", required=True, type=click.Path(path_type=Path, file_okay=False), help="Folder for bundle, SBOM and template."
)
@click.option(
    "-p", "--parameters", "parameters", type=click.Path(path_type=Path), help="Settings of one organization: its template too."
)
@WHEELS
@INSTALLED
@done_by("stacking")
def package_command() -> None:
    """Write what the stack's functions run, and the template.

    The bundle is the same, byte for byte, from the same wheels, whoever makes it and wherever; every wheel is held against the
    lock's hashes. Nothing is asked of AWS.
    """


APPROVALS = click.option(
    "--approval",
    "approvals",
    multiple=True,
    help="An approval.json, or a plan's fingerprint; repeatable. Without any, everything is planned and you are asked.",
)
TICKET = click.option("--ticket", default="", help="The change ticket of what you approve.")


DRY_RUN = click.option(
    "--dry-run",
    is_flag=True,
    help="Say what would be deployed and whether it could be; write nothing at AWS. 2: there is something.",
)


@stack.command("deploy")
@PARAMETERS
@click.option("--bucket", required=True, help="Versioned bucket of that account and Region, for bundle, orders and runs.")
@click.option("--check", is_flag=True, help="Deploy a daily look at the coverage, with alarms, as a stack of its own: NAME-check.")
@click.option("--notify", default="", metavar="ARN", help="With --check: the SNS topic that the alarms go to.")
@click.option("--confirm", "confirmed", default="", help="With --check: the name of its stack, where nobody sits at the terminal.")
@NAME
@PROFILE
@REGION
@APPROVALS
@TICKET
@WHEELS
@INSTALLED
@DRY_RUN
@RUNS
@done_by("stack_deploying")
def deploy_command() -> None:
    """Plan, ask once, and deploy as a stack.

    Makes the stack, or updates it. Plans every phase by reads alone, shows each plan with its fingerprint beside the change set,
    and goes on once the stack's name is typed; nothing is deployed where a plan is blocked. With --approval nothing is planned or
    asked: each approval becomes the order of its phase's resource, and the other phases keep the order that they had. Then follows
    the stack's events, and says the first cause where it fails. Exit code 2: nothing was deployed, or something is left.

    With --check nothing is planned or approved, for nothing is changed: a build looks at the coverage every day, by reads alone,
    and alarms go off on a gap, on what is unknown, on a check that fails, and on silence for 26 hours.
    """


@stack.command("update")
@PARAMETERS
@NAME
@PROFILE
@REGION
@APPROVALS
@TICKET
@WHEELS
@INSTALLED
@DRY_RUN
@RUNS
@done_by("stack_deploying")
def update_command() -> None:
    """Update the stack that is there.

    The same as deploy, with the bucket that the stack has; it never makes a stack.
    """


@stack.command("check")
@PARAMETERS
@click.option("--name", default="runbook-check", show_default=True, help="The check's stack, by which its metrics are known.")
@REGION
@RUNS
@done_by("stack_checking")
def check_command() -> None:
    """Look at the coverage, and tell CloudWatch.

    What the daily check runs. Reads as runbook coverage does, then puts the metrics Gaps, Unknown, Covered, Checked and Failed in
    the namespace Runbook. Exit code 2: there are gaps, or something could not be read.
    """


@stack.command("status")
@PARAMETERS
@NAME
@PROFILE
@REGION
@RUNS
@done_by("stacking")
def status_command() -> None:
    """Say the state of the stack, and what its phases left.

    Exit code 2: an operation is under way. 1: the last one failed, or there is no such stack.
    """


@stack.command("delete")
@PARAMETERS
@NAME
@PROFILE
@REGION
@click.option("--confirm", "confirmed", required=True, help="The stack's name, once more.")
@RUNS
@done_by("stacking")
def delete_command() -> None:
    """Delete the stack; everything that it turned on stays on."""


@stack.command("recover")
@PARAMETERS
@NAME
@PROFILE
@REGION
@click.option("--skip", "skipped", multiple=True, help="A resource that failed in the rollback and is left as it is; repeatable.")
@RUNS
@done_by("stacking")
def recover_command() -> None:
    """Go on with a rollback that failed.

    The stack's own functions answer every rollback by leaving all as it is, so it goes through without --skip, unless a function
    itself is gone.
    """


def register(cli: click.Group) -> None:
    """Add these commands to the command line."""
    cli.add_command(stack)
