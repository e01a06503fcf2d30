"""The commands about the CloudFormation door, as they are described."""

from pathlib import Path

import click

from runbook_lib.cli.work import done_by


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
@click.option(
    "--wheels",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with the wheels of requirements/base.txt for Lambda [default: pip fetches them].",
)
@click.option("--installed", "from_here", is_flag=True, help="Pack what is installed here: for a rehearsal, not for AWS.")
@done_by("stacking")
def package_command() -> None:
    """Write what the stack's functions run, and the template.

    The bundle is the same, byte for byte, from the same wheels, whoever makes it and wherever; every wheel is held against the
    lock's hashes. Nothing is asked of AWS.
    """


def register(cli: click.Group) -> None:
    """Add these commands to the command line."""
    cli.add_command(stack)
