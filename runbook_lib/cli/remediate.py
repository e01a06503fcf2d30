"""`runbook remediate FINDING…`: the causes of findings mended on their resources, as one workflow of the register says."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import click

from runbook_lib.base.files import write_bytes, write_text
from runbook_lib.base.identity import user
from runbook_lib.cli import commands
from runbook_lib.cli.finding import read_live
from runbook_lib.cli.running import command_run
from runbook_lib.cli.runs import runs_folder
from runbook_lib.cli.simulation import today
from runbook_lib.coverage import Gap, Status
from runbook_lib.evidence.people.emergency import declarable, declare
from runbook_lib.evidence.people.four_eyes import nobody_here
from runbook_lib.evidence.people.trust import Trust
from runbook_lib.evidence.run.folder import PhaseFolder
from runbook_lib.plan import Plan
from runbook_lib.plan.approval import ApprovalRefused
from runbook_lib.plan.decision import given
from runbook_lib.runbook.phases import REMEDIATING
from runbook_lib.runbook.remediating import EMERGENCY_HOURS, WORKFLOW, named, not_in_an_emergency, of_workflow, workflow_file
from runbook_lib.services.response.classes import class_of
from runbook_lib.services.response.owners import answering
from runbook_lib.services.response.workflow_roles import boundary, policy, remedies_of, role_name, template
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load
from runbook_lib.settings.register import Register, read_register

HOURS = 12.0
"""For so long an approval is good."""
LEFT = 2


def remediate_command(
    findings: tuple[str, ...],
    parameters: Path,
    workflow: str,
    roles: Path | None,
    approval: str,
    ticket: str,
    emergency: str,
    cell_timeout: int | None,
    runs: str,
) -> int:
    """Plan a remediation, or carry out one that was approved. What is wrong is said before a run is begun."""
    settings, register = load(parameters, today()), read_register(parameters)
    if settings.response is None:
        click.echo(f"{parameters} has no response: there is no workflow that answers for findings.")
        return 0
    if roles is not None:
        return _write_roles(settings, register, roles, workflow)
    if emergency and not approval:
        raise click.UsageError("--emergency goes with --approval: what is done has been planned before")
    taken, approved = _approved(settings, approval, runs) if approval else (None, None)
    if approved is None and not findings:
        raise click.UsageError("name at least one finding by its id")
    about = _about(findings, workflow, approved) or _owned(settings, register, findings, runs)
    if not about:
        return LEFT
    file = workflow_file(parameters, about)
    doing = of_workflow(file, about)
    if approved is not None and approved.about != doing.about:
        raise ApprovalRefused([f"it is for {approved.about or 'a phase of the roll-out'}, and asked for is {doing.about}"])
    trust = _emergency(settings, taken, approved, runs) if emergency and taken and approved else None
    with command_run(settings, parameters, runs, cell_timeout) as command:
        given_file = None
        if taken is not None:
            hours = EMERGENCY_HOURS if trust else HOURS
            given_file = taken.approval(command.run.path, user(), ticket or "none given", hours=hours)
            if trust is not None:
                declare([given_file], emergency, trust)
        folder = command.run.phase(REMEDIATING.name)
        write_bytes(folder.path / WORKFLOW, file.read_bytes())
        further = {"workflow": doing.workflow.id, "findings": " ".join(doing.findings)}
        code = commands.procedure(command, REMEDIATING, "", further, given_file)
        for line in lines(folder, "after" if given_file else "before"):
            command.say(line)
        return code


def _approved(settings: Settings, approval: str, runs: str) -> tuple[commands.Named, Plan]:
    """The approval that was given, and its plan. Raises ApprovalRefused, NotFound."""
    if commands.is_fingerprint(approval) and (why := nobody_here(settings, runs_folder(runs))):
        raise ApprovalRefused([why])
    found = commands.named(approval, runs_folder(runs), settings.mode)
    return found, found.plan if found.plan is not None else given(found.file).approved


def _about(findings: tuple[str, ...], workflow: str, approved: Plan | None) -> str:
    """What it is about, where that was said: by an approval, or by name; "" where Security Hub has to be asked."""
    if approved is not None and not findings:
        return approved.about
    owner = workflow or (named(approved.about) if approved else "")
    return " ".join((owner, *findings)) if owner else ""


def _emergency(settings: Settings, taken: commands.Named, approved: Plan, runs: str) -> Trust:
    """The trust policy under which this may go without the other person. Raises ApprovalRefused."""
    if why := not_in_an_emergency(approved):
        raise ApprovalRefused([why])
    return declarable(settings, runs_folder(runs), [taken.file] if taken.plan is None else [])


def _owned(settings: Settings, register: Register, findings: Sequence[str], runs: str) -> str:
    """The one workflow that answers for all these findings, and they; "" where that is not one, which is said."""
    owners: dict[str, list[str]] = {}
    for identity in findings:
        found = next(iter(read_live(settings, identity, runs)), None)
        if found is None:
            where = f"the delegated account {settings.organization.delegated_account}"
            raise commands.NotFound(f"{where} has no finding {identity}; give the id as a message has it")
        kind = class_of(found, settings)
        there = answering(register, kind) if kind else ()
        if len(there) != 1:
            said = ", ".join(each.id for each in there) or "nobody"
            click.echo(f"{identity}: {said} answers for {kind or 'findings of its product'}; exactly one workflow has to.")
            click.echo("  next step: name the owner in the register (runbook workflows), or give --workflow")
            return ""
        owners.setdefault(there[0].id, []).append(identity)
    if len(owners) > 1:
        for owner, listed in sorted(owners.items()):
            click.echo(f"{owner}: {' '.join(listed)}")
        click.echo("  next step: remediate the findings of one workflow at a time: each has a role of its own")
        return ""
    return " ".join((next(iter(owners)), *findings))


def lines(folder: PhaseFolder, moment: Literal["before", "after"]) -> Iterator[str]:
    """How each finding stands."""
    path = folder.coverage(moment, "json")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"] if path.exists() else []
    for each in cells:
        good = each["status"] in (Status.COVERED, Status.NOT_APPLICABLE, Status.EXCLUDED)
        to_do = each["gap"] == Gap.TO_DO and moment == "before"
        yield f"{each['item']}, {each['aspect']}: {'ok' if good else 'to do' if to_do else each['status']}: {each['reason']}"
        if each["next_step"]:
            yield f"  next step: {each['next_step']}"


def _write_roles(settings: Settings, register: Register, folder: Path, workflow: str) -> int:
    """Write each workflow's role: its policy, its boundary, and the template of a StackSet."""
    chosen = [each for each in register.active if each.id == workflow or not workflow]
    if workflow and not chosen:
        raise commands.NotFound(f"{workflow}: there is no active workflow of this id in {register.folder}")
    made = 0
    for each in chosen:
        if not remedies_of(each):
            continue
        into = folder / role_name(each)
        into.mkdir(parents=True, exist_ok=True)
        documents = {"policy": policy(each), "boundary": boundary(each), "template": template(each, settings)}
        for name, document in documents.items():
            write_text(into / f"{name}.json", json.dumps(document, indent=2) + "\n")
        click.echo(f"{role_name(each)}: {into}")
        made += 1
    if not made:
        click.echo("No active workflow has a step with a document that is carried out here: there is no role to be made.")
    return 0
