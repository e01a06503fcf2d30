"""Options that several commands have."""

from pathlib import Path

import click

TICKET = click.option("--ticket", default="", help="The change ticket, where a fingerprint is given.")
PARAMETERS = click.option(
    "-p", "--parameters", "parameters", required=True, type=click.Path(path_type=Path), help="Settings of one organization."
)
SECONDS = click.option(
    "--cell-timeout", type=click.IntRange(min=1), help="Stop in an orderly way when one cell takes longer (seconds)."
)
