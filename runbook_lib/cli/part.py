"""The options with which a command takes a part of the work: `--scope` as JSON, `--wave` by name, and `--door`."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from runbook_lib.base.documents import DocumentError
from runbook_lib.base.documents.json_text import read_json


def part_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command `--scope` and `--wave`, `--door` and `--handover`; what it sees is one scope."""
    doored = door_options(command)

    @functools.wraps(doored)
    def run(*arguments: Any, scope: str, wave: str, **options: Any) -> int:
        if scope and wave:
            raise click.UsageError("--scope and --wave are two ways to name a part; give one")
        return doored(*arguments, scope=json.dumps({"wave": wave}) if wave else scope, **options)

    scoped = click.option("--scope", default="", help='A part of the organization as JSON: {"regions": ["us-east-1"]}.')
    waved = click.option("--wave", default="", metavar="NAME", help="A wave that settings name; rest is the last.")
    return scoped(waved(run))


def door_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command `--door` and `--handover`; what it sees is a scope that names them."""

    @functools.wraps(command)
    def run(*arguments: Any, door: str | None, handover: Path | None, scope: str = "", **options: Any) -> int:
        if handover is not None and not door:
            raise click.UsageError("--handover belongs to a run with one door; name it with --door")
        return command(*arguments, scope=_with_door(scope, door, handover) if door else scope, **options)

    doors = click.Choice(["management", "delegated"])
    one = click.option("--door", type=doors, help="The other account's door is somebody else's, and stays shut.")
    taken = click.option(
        "--handover", type=click.Path(path_type=Path, dir_okay=False), help="The handover.json of the run through the other door."
    )
    return one(taken(run))


def _with_door(scope: str, door: str, handover: Path | None) -> str:
    """A scope that names the door of this run too, and what was handed over by the holder of the other one."""
    try:
        part = read_json(scope, "scope") if scope.strip() else {}
    except DocumentError:
        return scope  # what is wrong with it is said by whoever reads it
    named = {**part, "door": door} if isinstance(part, dict) else part
    return json.dumps(
        {**named, "handover": str(handover.absolute())} if handover is not None and isinstance(named, dict) else named
    )
