"""The simulated organization of a command: started, or found where it runs, with the settings that fit it beside its state."""

import datetime as dt
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from runbook_lib.base.files import write_text
from runbook_lib.base.project import example
from runbook_lib.cli import rehearsal_settings, replica_doors
from runbook_lib.cli.commands import NotFound
from runbook_lib.cli.rehearsal_settings import Fitted, Simulation
from runbook_lib.cli.runs import runs_folder
from runbook_lib.settings import Settings
from runbook_lib.settings.editing import as_rehearsal
from runbook_lib.settings.file import load, parse, text_of
from runbook_lib.settings.register import kept_beside, put_beside

if TYPE_CHECKING:
    from runbook_lib.rehearsal.environment import RunningServer

Say = Callable[[str], None]
FITTING = "settings.yaml"
"""Beside the state of the server: the settings that fit it."""


@dataclass(frozen=True)
class Asked:
    """What a command was asked for. Without `parameters` it takes the product's settings, which are for any organization."""

    runs: str
    parameters: Path | None = None
    organization: str = "default"
    accounts: int | None = None
    regions: str | None = None
    scenario: str = ""
    keep: bool = False
    looking: bool = False
    """Nothing is to be run: settings that lie beside a server which is running already stay."""

    @property
    def folder(self) -> Path:
        """The folder of the server's state."""
        return server_folder(self.runs)


@dataclass(frozen=True)
class Ready:
    """A simulated organization and the settings for it, in mode rehearsal; `stays` when the command has ended."""

    server: "RunningServer"
    stays: bool
    settings: Settings
    file: Path
    """The settings' own file where they fit as they are, else the one that was written beside the server's state."""


def server_folder(runs: str) -> Path:
    """The folder of the simulated organization of a folder of runs."""
    return runs_folder(runs) / "simulated-organization"


def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


def refuse_live(settings: Settings, file: Path) -> None:
    """Refuse to rehearse settings that would reach AWS."""
    if settings.mode != "rehearsal":
        raise NotFound(f"{file}: mode is {settings.mode}; only settings of mode rehearsal can be rehearsed")


def ready(asked: Asked, say: Say) -> Ready:
    """Start what was asked for, or find what is running, and make the settings fit it. Raises NotFound, SettingsError.

    A server that does not stay is ended again when the settings turn out not to fit.
    """
    from runbook_lib.rehearsal import environment  # noqa: PLC0415 the rehearsal extra is not installed on headless runners

    file = asked.parameters or example("rehearsal.yaml")
    text, given, seed = text_of(file), load(file, today()), asked.organization
    if observed := replica_doors.is_inventory(seed):
        if asked.parameters is None:
            raise NotFound(f"{seed}: is an inventory of an organization; name the settings of that organization with -p")
        text = as_rehearsal(text, today(), str(file))
        seed = str(replica_doors.seed_with_doors(Path(seed), given, asked.folder))
    else:
        refuse_live(given, file)
    server, found = _simulated(asked, seed, say)
    stays = asked.keep or found
    try:
        kept = asked.folder / FITTING
        if found and asked.looking and asked.parameters is None and kept.is_file():
            return Ready(server, stays, load(kept, today()), kept)
        fitting = Fitted(text) if observed else _fitted(text, server, asked)
        write_text(kept, fitting.text)
        put_beside(kept, kept_beside(file))
        if fitting.changes:
            said = f"{'; '.join(fitting.changes)} (there are {simulation_of(server, '').words})"
            say(f"{shown(file)} is changed to fit the simulated organization: {said}. As used: {shown(kept)}")
        used = file if fitting.text == text_of(file) else kept
        settings = parse(fitting.text, today(), str(used))
        refuse_live(settings, used)
        _furnish(server, fitting.text, say)
    except BaseException:
        if not stays:
            environment.stop(asked.folder)
        raise
    return Ready(server, stays, settings, used)


def _furnish(server: "RunningServer", text: str, say: Say) -> None:
    """Have the buckets and keys that settings take to be there: without them AWS would refuse what writes into them."""
    stores = rehearsal_settings.stores(text)
    for bucket, key in stores:
        server.control("POST", "storage", bucket=bucket, key=key)
    if stores:
        named = ", ".join(sorted({bucket for bucket, _ in stores}))
        say(f"In the simulated organization are, with policies that let the services write: {named}, and the keys named with them")


def _fitted(text: str, server: "RunningServer", asked: Asked) -> Fitted:
    home = (asked.regions or "").partition(",")[0].strip()
    return rehearsal_settings.fitted(text, simulation_of(server, home), everywhere=asked.parameters is None)


def simulation_of(server: "RunningServer", home: str) -> Simulation:
    """What a server simulates; `home` where another home Region than the usual one was asked for."""
    health, accounts, units = (server.control("GET", page) for page in ("health", "accounts", "units"))
    return Simulation.of(health, accounts, units, home or server.region)


def _simulated(asked: Asked, seed: str, say: Say) -> tuple["RunningServer", bool]:
    """The simulated organization that is running, if nothing else was asked for, or a new one; and whether it was found."""
    from runbook_lib.rehearsal import environment  # noqa: PLC0415 the rehearsal extra is not installed on headless runners

    if (server := environment.find(asked.folder)) is None:
        chosen = [each.strip() for each in asked.regions.split(",")] if asked.regions else None
        server = environment.start(
            asked.folder, _file(seed), accounts=asked.accounts, regions=chosen, keep=asked.keep, scenario=_file(asked.scenario)
        )
        say(f"Simulated organization {asked.organization} at {server.url}")
        return server, False
    source = click.get_current_context().get_parameter_source
    names = ("organization", "accounts", "regions", "scenario")
    said = [f"--{name}" for name in names if source(name) not in (None, ParameterSource.DEFAULT)]
    if said:
        rest = f"end it ({stop_command(asked.runs)}) or leave out {', '.join(said)}"
        raise NotFound(f"a simulated organization is running already at {server.url}; {rest}")
    say(f"Using the simulated organization that is running at {server.url}")
    return server, True


def _file(name_or_file: str) -> str:
    """The name of a seed or scenario, or the path of its file wherever the server's process starts."""
    return str(Path(name_or_file).resolve()) if Path(name_or_file).is_file() else name_or_file


def say_how_to_use(made: Ready, runs: str, say: Say) -> None:
    """Where it is, with which settings, and how it is ended."""
    say(f"The simulated organization is running at {made.server.url}. Any AWS client on this machine reaches it with:")
    for name in sorted(made.server.environment):
        if name.startswith("AWS_") or name == "NO_PROXY":
            say(f"  export {name}={shlex.quote(made.server.environment[name])}")
    there = simulation_of(made.server, "")
    say(f"It has {there.words} and no other Region: one that AWS enables by default answers there as if it were not enabled.")
    settings = shown(server_folder(runs) / FITTING)
    say(f"Settings that fit it: {settings}. Try: runbook plan -p {shlex.quote(settings)}{at(runs)}")
    say(f"End it with: {stop_command(runs)}")


def shown(path: Path) -> str:
    """A path as one types it: from the working directory where it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def stop_command(runs: str) -> str:
    return "runbook simulate --stop" + at(runs)


def at(runs: str) -> str:
    """The option that names the folder of runs, where one was given."""
    return f" --runs {shlex.quote(runs)}" if runs else ""
