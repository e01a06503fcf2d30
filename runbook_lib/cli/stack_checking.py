"""The work of `stack deploy --check` and `stack check`: a check that runs every day, and what it does there."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click
from botocore.exceptions import BotoCoreError, ClientError

from runbook_lib.base.errors import RunbookError
from runbook_lib.cli import commands
from runbook_lib.cli.in_turn import Course
from runbook_lib.cli.running import command_run, kernel_environment
from runbook_lib.cli.simulation import today
from runbook_lib.cli.stacking import environment_of, installer_of
from runbook_lib.runbook.phases import COVERAGE
from runbook_lib.settings.file import load
from runbook_lib.stack import checking
from runbook_lib.stack.check_deployment import CheckDeployment
from runbook_lib.stack.checking import CHECKED, COVERED, DIMENSION, FAILED, GAPS, NAMESPACE, SUFFIX, UNKNOWN
from runbook_lib.stack.installing import Installer
from runbook_lib.stack.source import source

BUILDING = "CODEBUILD_BUILD_ID"
"""Set where a build of CodeBuild runs the command."""


class Untold(RunbookError):
    """CloudWatch did not take what was found: as far as the alarms know, nothing was looked at."""

    advice = f"Whoever checks has to be allowed cloudwatch:PutMetricData in the namespace {NAMESPACE}."


def deploy_check(
    parameters: Path, bucket: str, name: str, profile: str, region: str, wheels: Path | None, from_here: bool, runs: str,
    topic: str, confirmed: str, dry_run: bool,
) -> int:  # fmt: skip
    """Deploy the daily check of a stack's settings as a stack of its own, and have it look for the first time."""
    settings = load(parameters, today())
    checking.template(settings, topic)  # what does not fit a build is said first
    environment = environment_of(settings, profile, runs)
    with installer_of(settings, f"{name}{SUFFIX}", environment, region) as installer:
        installer.refuse_stranger()
        installer.refuse_other_organization(settings.organization.id)
        installer.kind()
        installer.refuse_bucket(bucket)
        made = CheckDeployment(installer, settings, bucket, source(settings, parameters, wheels, from_here=from_here), topic)
        if dry_run:
            return _foretold(installer, made)
        if not made.propose():
            installer.say("No changes: the check is as it was deployed last")
            return 0
        _show(installer, made.lines())
        agreed = False
        try:
            agreed = (confirmed or _asked(installer.name)) == installer.name
        finally:
            if not agreed:
                made.withdraw()
        if not agreed:
            installer.say("Nothing was deployed: nobody said yes")
            return 2
        made.carry_out()
        return _first(installer, made.first())


def _foretold(installer: Installer, made: CheckDeployment) -> int:
    if not (would := made.foretold()):
        installer.say("No changes: the check is as it was deployed last")
        return 0
    _show(installer, would)
    installer.say("Nothing was written at AWS. Deploy without --dry-run")
    return 2


def _show(installer: Installer, lines: list[str]) -> None:
    installer.say(f"Change set for stack {installer.name} in account {installer.account}, which only ever looks:")
    for line in lines:
        installer.say(f"  {line}")


def _asked(name: str) -> str:
    if not sys.stdin.isatty():
        click.echo(f"Nobody is here to be asked. To deploy the check: --confirm {name}")
        return ""
    return str(click.prompt("To deploy the check, type the stack's name", default="", show_default=False)).strip()


def _first(installer: Installer, ended: str) -> int:
    if ended == "SUCCEEDED":
        installer.say("The first check found everything covered. It looks every day, and its alarms say when that is no longer so.")
        return 0
    installer.say(
        f"The first check ended as {ended}: something is left, or it could not look. Its alarms, {installer.name}-…, say "
        f"which, and its log, /runbook/{installer.name}, says what. It looks every day."
    )
    return 2


def check_command(parameters: Path, name: str, region: str, runs: str) -> int:
    """Look at the coverage, and tell CloudWatch what was seen; the exit code is that of `coverage`."""
    settings = load(parameters, today())
    # A build has the role's credentials in its environment, and nothing else is there that a rehearsal would have.
    environment = dict(os.environ) if BUILDING in os.environ else kernel_environment(settings, runs)
    with installer_of(settings, name, environment, region) as installer:
        counts, code = dict[str, int](), 1
        try:
            with command_run(settings, parameters, runs, None, environment) as command:
                result = command.phase(COVERAGE)
                found = {GAPS: "gap", UNKNOWN: "unknown", COVERED: "covered"}
                counts = {metric: result.counts.get(name, 0) for metric, name in found.items()} | {CHECKED: 1}
                code = commands.finish(command, Course([result]))
        finally:
            _tell(installer, {FAILED: 0, **counts} if code != 1 else {FAILED: 1})
    return code


def _tell(installer: Installer, counts: Mapping[str, int]) -> None:
    """Put the metrics of one check. Raises Untold."""
    of = [{"Name": DIMENSION, "Value": installer.name}]
    data = [{"MetricName": name, "Dimensions": of, "Value": number, "Unit": "Count"} for name, number in counts.items()]
    try:
        installer.around.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=data)
    except (ClientError, BotoCoreError) as error:
        raise Untold(f"what the check found could not be told to CloudWatch: {error}") from None
    installer.say(f"told CloudWatch as {installer.name}: {', '.join(f'{name} {number:,}' for name, number in counts.items())}")
