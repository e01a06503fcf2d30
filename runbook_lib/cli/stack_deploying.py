"""The work of `stack deploy` and `stack update`: plan, show, ask once, deploy, follow."""

import datetime as dt
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from runbook_lib.base.identity import user
from runbook_lib.base.text import counted
from runbook_lib.cli import commands
from runbook_lib.cli.running import command_run
from runbook_lib.cli.runs import runs_folder
from runbook_lib.cli.simulation import today
from runbook_lib.cli.stack_checking import deploy_check
from runbook_lib.cli.stacking import environment_of, installer_of, say_outputs
from runbook_lib.evidence.people.four_eyes import nobody_here
from runbook_lib.evidence.run.folder import RunStatus
from runbook_lib.plan.approval import ApprovalRefused, read_approval
from runbook_lib.plan.decision import Decision
from runbook_lib.plan.decision import given as decision_of
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load
from runbook_lib.settings.register import register_for
from runbook_lib.stack.bundle import Bundle, pack
from runbook_lib.stack.deployment import Deployment, PlannedTask, hindrance, task_of
from runbook_lib.stack.template import tasks, template
from runbook_lib.stack.wheels import libraries

EXITS = {0: RunStatus.DONE, 2: RunStatus.LEFT_OVER}
NO_CHANGES = "No changes: the stack is as it was deployed last. What the organization looks like: runbook coverage"
Ask = Callable[[Sequence[PlannedTask]], bool]
"""Whether what was shown is approved and to be deployed."""


@dataclass(frozen=True)
class Approver:
    """In whose name plans are approved, under which ticket, and how they are asked."""

    name: str
    ticket: str
    ask: Ask
    nobody: str = ""
    """Why nobody here can approve alone; "" where they can."""


def deploy_command(
    parameters: Path, bucket: str, name: str, profile: str, region: str, approvals: tuple[str, ...], ticket: str,
    wheels: Path | None, from_here: bool, runs: str, dry_run: bool = False, check: bool = False, notify: str = "",
    confirmed: str = "",
) -> int:  # fmt: skip
    """Deploy what is planned, or was approved, as a stack; without a bucket, as the stack that is there."""
    if check:
        if approvals or ticket:
            raise click.UsageError("--check changes nothing, so there is nothing to approve: leave out --approval and --ticket")
        return deploy_check(parameters, bucket, name, profile, region, wheels, from_here, runs, notify, confirmed, dry_run)
    if notify or confirmed:
        raise click.UsageError("--notify and --confirm go with --check")
    settings = load(parameters, today())
    template(settings)  # what does not fit a stack is said first
    named = _named(settings, approvals, runs)
    environment = environment_of(settings, profile, runs)
    with (
        tempfile.TemporaryDirectory(prefix="runbook-approvals-") as folder,
        installer_of(settings, name, environment, region) as installer,
    ):
        installer.refuse_stranger()
        installer.refuse_other_organization(settings.organization.id)
        there = bucket or installer.bucket()
        installer.kind()
        installer.refuse_bucket(there)
        decisions = [decision_of(_given(each, Path(folder) / str(number), ticket)) for number, each in enumerate(named)]
        given = [task_of(each, settings, register_for(settings, parameters).digest) for each in decisions]
        if given:
            installer.parameters(tasks(settings), {each.parameter: "" for each in given})
        bundle = pack(libraries(wheels, from_here=from_here))
        with command_run(settings, parameters, runs, None, environment) as command:
            installer.say = command.say
            deployment = Deployment(installer, settings, command.run.settings, command.run, there)
            approver = Approver(user(), ticket or "none given", _asker(name), nobody_here(settings, runs_folder(runs)))
            if dry_run:
                code = foretell(deployment, decisions, bundle, approver.nobody)
            else:
                code = _approved(deployment, decisions, bundle) if given else deploy_planned(deployment, bundle, approver)
            return command.run.finish(EXITS[code], dt.datetime.now(dt.UTC))


def update_command(
    parameters: Path, name: str, profile: str, region: str, approvals: tuple[str, ...], ticket: str, wheels: Path | None,
    from_here: bool, runs: str, dry_run: bool = False,
) -> int:  # fmt: skip
    """Update a stack that is there."""
    return deploy_command(parameters, "", name, profile, region, approvals, ticket, wheels, from_here, runs, dry_run)


def _named(settings: Settings, approvals: Sequence[str], runs: str) -> list[commands.Named]:
    if any(map(commands.is_fingerprint, approvals)) and (why := nobody_here(settings, runs_folder(runs))):
        raise ApprovalRefused([why])
    return [commands.named(each, runs_folder(runs), settings.mode) for each in approvals]


def _given(named: commands.Named, folder: Path, ticket: str) -> Path:
    """An approval's file with its plan beside it."""
    folder.mkdir()
    path = named.approval(folder, user(), ticket or "none given")
    if named.plan is not None:
        (folder / named.file.name).write_bytes(named.file.read_bytes())
        read_approval(path).model_copy(update={"plan": named.file.name}).write(path)
    return path


def _approved(deployment: Deployment, decisions: Sequence[Decision], bundle: Bundle) -> int:
    """Deploy what was approved before; nobody is asked again."""
    for each in decisions:
        deployment.order_approved(each)
    deployment.installer.say(f"{len(deployment.orders)} of {len(deployment.tasks)} resources have a new order")
    return _carried_out(deployment) if _proposed(deployment, bundle) else 0


def foretell(deployment: Deployment, decisions: Sequence[Decision], bundle: Bundle, nobody: str) -> int:
    """Say what would be deployed, and whether it could be; nothing is written at AWS. 2 where there is something to do."""
    say = deployment.installer.say
    for each in decisions:
        deployment.order_approved(each)
    if not decisions:
        plans = _shown(deployment)
        wanted = deployment.wanted(plans)
        if why := hindrance(plans, wanted, nobody, deployment.settings.concurrency):
            say(f"It could not be deployed: {why}")
            return 2
        for planned in wanted:
            deployment.order(planned, "nobody", "none given")
    would = deployment.foretold(bundle)
    if not would:
        say(NO_CHANGES)
        return 0
    say(f"It could be deployed, as stack {deployment.installer.name} in account {deployment.installer.account}:")
    for line in would:
        say(f"  {line}")
    say("Nothing was written at AWS. Deploy without --dry-run, or give the plans' approvals")
    return 2


def deploy_planned(deployment: Deployment, bundle: Bundle, approver: Approver) -> int:
    """Plan everything, show it beside the change set, ask once, deploy. The exit code; raises what goes wrong."""
    say, plans = deployment.installer.say, _shown(deployment)
    wanted = deployment.wanted(plans)
    if why := hindrance(plans, wanted, approver.nobody, deployment.settings.concurrency):
        say(f"Nothing was deployed: {why}")
        return 2
    for each in wanted:
        deployment.order(each, approver.name, approver.ticket)
    if not _proposed(deployment, bundle):
        return 0
    agreed = False
    try:
        agreed = approver.ask(wanted)
    finally:
        if not agreed:
            deployment.withdraw()
    if not agreed:
        say("Nothing was deployed: nobody said yes")
        return 2
    return _carried_out(deployment)


def _shown(deployment: Deployment) -> list[PlannedTask]:
    """Every plan, each said as soon as it is made."""
    say, plans = deployment.installer.say, list[PlannedTask]()
    for each in deployment.plan():
        plans.append(each)
        say(f"{each.title}: {counted(len(each.plan.actions), 'call')}")
        for line in (*commands.described(each.plan), f"may cost: {each.costs.words}", f"plan: {each.file}"):
            say(f"  {line}")
    return plans


def _proposed(deployment: Deployment, bundle: Bundle) -> bool:
    """Whether there is something to change, shown."""
    say = deployment.installer.say
    there = deployment.propose(bundle)
    if not there or deployment.proposal is None:
        say(NO_CHANGES)
        return False
    say(f"Change set for stack {deployment.installer.name} in account {deployment.installer.account}:")
    for line in deployment.proposal.lines():
        say(f"  {line}")
    return True


def _carried_out(deployment: Deployment) -> int:
    deployment.carry_out()
    say_outputs(deployment.installer)
    left = deployment.left()
    for line in left:
        deployment.installer.say(f"left: {line}; see runbook coverage")
    return 2 if left else 0


def _asker(name: str) -> Ask:
    """Ask whoever sits at the terminal; where nobody does, say how it is approved."""

    def ask(wanted: Sequence[PlannedTask]) -> bool:
        if not sys.stdin.isatty():
            given = " ".join(f"--approval {each.plan.fingerprint}" for each in wanted)
            click.echo(f"Nobody is here to be asked. To approve these plans and deploy, give them: {given or 'from a terminal'}")
            return False
        what = f"approve {len(wanted)} plans and deploy" if wanted else "deploy; no plan has a call"
        return str(click.prompt(f"To {what}, type the stack's name", default="", show_default=False)).strip() == name

    return ask
