"""The options with which a command takes a part of the organization: `--scope` as JSON, or `--wave` by name."""

import functools
import json
from collections.abc import Callable
from typing import Any

import click


def part_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command `--scope` and `--wave`; what it sees is one scope."""

    @functools.wraps(command)
    def run(*arguments: Any, scope: str, wave: str, **options: Any) -> int:
        if scope and wave:
            raise click.UsageError("--scope and --wave are two ways to name a part; give one")
        return command(*arguments, scope=json.dumps({"wave": wave}) if wave else scope, **options)

    scoped = click.option("--scope", default="", help='A part of the organization as JSON: {"regions": ["us-east-1"]}.')
    waved = click.option("--wave", default="", metavar="NAME", help="A wave that settings name; rest is the last.")
    return scoped(waved(run))
