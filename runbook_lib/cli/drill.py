"""`runbook drill`: harmless findings sent on every route, and how far each came."""

import json
from pathlib import Path
from typing import Literal

import click

from runbook_lib.base.identity import user
from runbook_lib.cli import commands
from runbook_lib.cli.running import command_run
from runbook_lib.cli.runs import runs_folder
from runbook_lib.cli.simulation import today
from runbook_lib.coverage import Gap, Status
from runbook_lib.evidence.people.four_eyes import nobody_here
from runbook_lib.evidence.run.folder import PhaseFolder
from runbook_lib.plan.approval import ApprovalRefused
from runbook_lib.runbook.phases import DRILLING
from runbook_lib.services.procedures import procedure
from runbook_lib.services.response.hops import DELIVERY, FINDING, ROUTE
from runbook_lib.settings.file import load

HOPS = (FINDING, ROUTE, DELIVERY)


def drill_command(
    parameters: Path, name: str, wait: int | None, approval: str, ticket: str, cell_timeout: int | None, runs: str
) -> int:
    """Plan a drill, or carry out one that was approved. What is wrong is said before a run is begun."""
    settings = load(parameters, today())
    if settings.response is None:
        click.echo(f"{parameters} has no response: there is no route to try.")
        return 0
    about, named = procedure(DRILLING.name, f"{name} {wait or ''}").about, None
    if approval:
        if commands.is_fingerprint(approval) and (why := nobody_here(settings, runs_folder(runs))):
            raise ApprovalRefused([why])
        named = commands.named(approval, runs_folder(runs), settings.mode)
        if named.plan is not None:
            about = named.plan.about if not (name or wait) else about
    with command_run(settings, parameters, runs, cell_timeout) as command:
        file = named.approval(command.run.path, user(), ticket or "none given") if named else None
        code = commands.procedure(command, DRILLING, "", parameters_of(about), file)
        for line in hop_lines(command.run.phase(DRILLING.name), "after" if file else "before"):
            command.say(line)
        return code


def parameters_of(about: str) -> dict[str, str]:
    """The notebook's further parameters, of what a drill is about."""
    name, _, minutes = about.partition(" ")
    return {"name": name, "wait": minutes}


def hop_lines(folder: PhaseFolder, moment: Literal["before", "after"]) -> list[str]:
    """Each hop of each route, as it was seen; what was not sent yet has none."""
    path = folder.coverage(moment, "json")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.exists() else []
    said = []
    sent = [each for each in cells if each["gap"] != Gap.TO_DO]
    for each in sorted(sent, key=lambda cell: (cell["item"].partition(" ")[0], HOPS.index(cell["aspect"]), cell["item"])):
        good = each["status"] == Status.COVERED
        said.append(f"{each['item']}, {each['aspect']}: {'ok' if good else each['status']}: {each['reason']}")
        said += [] if good else [f"  next step: {each['next_step']}"]
    return said
