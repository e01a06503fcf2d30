"""The commands about findings, as they are described: who answers, what would come, whether it comes, and mending."""

from pathlib import Path

import click

from runbook_lib.cli.options import PARAMETERS, SECONDS, TICKET
from runbook_lib.cli.runs import RUNS
from runbook_lib.cli.work import done_by


def register(cli: click.Group) -> None:
    """Add these commands to the command line."""
    for each in (workflows, replay_command, finding_command, drill_command, remediate_command):
        cli.add_command(each)


@click.command("workflows")
@PARAMETERS
@click.option("--format", "form", type=click.Choice(["table", "csv"]), default="table", show_default=True)
@click.option("--html", "folder", type=click.Path(path_type=Path, file_okay=False), help="Write the register's pages there.")
@RUNS
@done_by("workflows")
def workflows() -> None:
    """Show who answers for which findings.

    Reads the register beside the settings (acme.workflows beside acme.yaml) and calls nobody. Exit code 2: a finding class has no
    owner or several, a door leads nowhere, or a review, exception or exercise is overdue, also the review of an emergency and the
    end of a containment, by the runs of this organization.
    """


@click.command("replay")
@PARAMETERS
@click.option(
    "--days", type=click.IntRange(min=1, max=90), default=30, show_default=True, help="Findings updated in the last days."
)
@click.option(
    "--findings",
    "file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Findings from a file, as the AWS CLI's get-findings prints them; nothing is called then.",
)
@click.option("--format", "form", type=click.Choice(["table", "csv"]), default="table", show_default=True)
@click.option("--sent", is_flag=True, help="Hold what left by each route, by EventBridge's own count, against what there is.")
@RUNS
@done_by("replay")
def replay_command() -> None:
    """Show how many messages each channel would have had.

    Holds the routes of settings against findings that were there, by day and by class; reads only. With --sent, what left by each
    route day by day too. Exit code 2: some findings are of a product for which nobody answers, a route could not be told, or
    something was lost on its way.
    """


@click.command("finding")
@click.argument("identity", metavar="ID")
@PARAMETERS
@click.option("--days", type=click.IntRange(min=1, max=365), default=30, show_default=True, help="Changes of the last days.")
@click.option(
    "--findings",
    "file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Find it in a file, as the AWS CLI's get-findings prints it; nothing is called then.",
)
@RUNS
@done_by("finding")
def finding_command() -> None:
    """Show who answers for a finding.

    Its owner and workflow, what this runbook changed in its account lately, and what to do next; reads only. Exit code 2: nobody,
    or several, answer for it.
    """


@click.command("drill")
@PARAMETERS
@click.option("--name", default="", help="Name of the drill: letters, digits and hyphens; today's date when absent.")
@click.option(
    "--wait",
    type=click.IntRange(1, 60),
    metavar="MINUTES",
    help="How long people are waited for, who press custom actions and say what came; nobody is when absent.",
)
@click.option("--approval", default="", help="An approval.json, or the plan's fingerprint; without one the drill is only planned.")
@TICKET
@SECONDS
@RUNS
@done_by("drill")
def drill_command() -> None:
    """Try whether findings reach their owners.

    Without --approval it is planned alone. With it, each finding is imported, followed hop by hop, and archived; what is printed at
    the end names the first hop at which one was lost, with the reason and the next step. A custom action has to be pressed by a
    person, and a channel that nobody can look into is answered for by whoever got the message, who sets the finding to NOTIFIED:
    with --wait that is waited for; else do it, and give the same command again. Exit code 2: one was lost, or it is not known
    whether it arrived.
    """


@click.command("remediate")
@click.argument("findings", nargs=-1, metavar="FINDING...")
@PARAMETERS
@click.option("--workflow", default="", help="Id of the workflow to go by; the one that answers for the findings when absent.")
@click.option(
    "--roles", type=click.Path(file_okay=False, path_type=Path), help="Write the workflows' roles into this folder, and end."
)
@click.option("--approval", default="", help="An approval.json, or the plan's fingerprint; without one it is only planned.")
@TICKET
@click.option(
    "--emergency", default="", metavar="REASON", help="Contain without the other person, where the trust policy allows it."
)
@SECONDS
@RUNS
@done_by("remediate")
def remediate_command() -> None:
    """Mend the causes of findings on their resources.

    Without --approval it is planned alone: which of AWS's documents would be started where, with which role, what is there now,
    what it becomes, and the way back. With it the documents are started, the resources looked at afterwards, and the findings'
    workflow status set where the cause is gone. Exit code 2: a cause is still there, or could not be read.
    """
