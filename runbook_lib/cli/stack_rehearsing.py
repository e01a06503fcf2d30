"""`runbook rehearse --door stack`: what the stack needs in a simulated organization, the deployment, and how long it took."""

import datetime as dt
from dataclasses import replace
from typing import Any

from runbook_lib.base.files import write_text
from runbook_lib.cli.commands import Command
from runbook_lib.cli.simulation import FITTING, Asked, Ready, Say, today
from runbook_lib.cli.stack_deploying import EXITS, Approver, deploy_planned
from runbook_lib.cli.stacking import installer_of
from runbook_lib.evidence.run.folder import RunStatus
from runbook_lib.runbook.phases import COVERAGE
from runbook_lib.settings import Settings
from runbook_lib.settings.editing import Draft
from runbook_lib.settings.file import parse, text_of
from runbook_lib.settings.register import kept_beside, put_beside
from runbook_lib.stack.bundle import installed, pack
from runbook_lib.stack.deployment import Deployment
from runbook_lib.stack.template import NotForAStack, refuse_unfit

NAME, ADMINISTRATOR = "runbook", "administrator"
ROLE = "RunbookDelegated"
STACKS = "stack-settings.yaml"
"""Beside the state of the server: the settings of a lab, made fit a stack."""


def furnished(made: Ready, asked: Asked, say: Say, beside: str = FITTING) -> Ready:
    """Settings by which a function can work, and in the simulated organization who deploys it and whom its role may become.

    `beside`: the name under which those settings lie beside the server's state, where they are others.
    """
    from runbook_lib.rehearsal import environment  # noqa: PLC0415 the rehearsal extra is not installed on headless runners

    settings, file = made.settings, made.file
    try:
        refuse_unfit(settings)
    except NotForAStack:
        file = asked.folder / beside
        text = _without_profiles(text_of(made.file), settings)
        write_text(file, text)
        put_beside(file, kept_beside(made.file))
        settings = parse(text, today(), str(file))
        say("access is changed to fit the stack: no AWS profiles, and a role in the delegated account")
    home = home_of(settings)
    made.server.control("POST", "user", account=home, name=ADMINISTRATOR)
    organization, access = settings.organization, settings.access
    doors = {organization.management_account: access.management, organization.delegated_account: access.delegated}
    for account, door in doors.items():
        if door.role_arn:
            made.server.control("POST", "door", account=account, role=door.role_arn.rpartition("/")[2], trusted=home)
    server = environment.find(asked.folder)
    assert server is not None
    return replace(made, server=server, settings=settings, file=file)


def as_administrator(made: Ready) -> Ready:
    """Whoever deploys the stack has the process's credentials."""
    made.server.environment["AWS_PROFILE"] = ADMINISTRATOR
    return made


def for_a_notebook(made: Ready, asked: Asked) -> dict[str, str]:
    """What the kernels of a lab are told of a stack in its simulated organization."""
    fit = furnished(made, asked, lambda line: None, STACKS)
    return {"RUNBOOK_STACK_PARAMETERS": str(fit.file.absolute()), "RUNBOOK_STACK_PROFILE": ADMINISTRATOR}


def home_of(settings: Settings) -> str:
    """The account that the stack lives in: the one that no role has to be assumed in."""
    organization = settings.organization
    return organization.delegated_account if settings.access.management.role_arn else organization.management_account


def _without_profiles(text: str, settings: Settings) -> str:
    """The text with doors that a function in the management account has."""
    draft = Draft(text)
    values: dict[str, Any] = draft.values
    access = values.setdefault("access", {})
    access.pop("management", None)
    delegated = access.setdefault("delegated", {})
    delegated.pop("profile", None)
    partition = next((str(door.role_arn).split(":")[1] for door in _doors(settings) if door.role_arn), "aws")
    delegated.setdefault("role_arn", f"arn:{partition}:iam::{settings.organization.delegated_account}:role/{ROLE}")
    for part in (access.get("members"), values.get("evidence")):
        if part:
            part.pop("profile", None)
    return draft.text()


def _doors(settings: Settings) -> tuple[Any, ...]:
    return (settings.access.management, settings.access.delegated)


def rehearse(command: Command) -> int:
    """Deploy everything into the simulated organization, then look at the whole coverage; the exit code."""
    settings = command.settings
    with installer_of(settings, NAME, command.kernels.environment, "", command.say) as installer:
        installer.refuse_stranger()
        bucket = installer.rehearsals_bucket(settings.organization.id)
        deployment = Deployment(installer, settings, command.parameters, command.run, bucket)
        command.say("packing what is installed here; the bundle for AWS comes from runbook stack package")
        code = deploy_planned(deployment, pack(installed()), Approver("rehearsal", "rehearsal", lambda wanted: True))
        for name, seconds, status in deployment.durations():
            command.say(f"{name}: {status} after {seconds:.0f} s")
    result = command.phase(COVERAGE)
    status = RunStatus.FAILED if result.exit_code == 1 else EXITS[max(code, result.exit_code)]
    return command.run.finish(status, dt.datetime.now(dt.UTC), error=result.error)
