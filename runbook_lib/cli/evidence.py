"""The commands about evidence, as they are described: seal and verify what runs have left, approve, hand over."""

import re
from pathlib import Path

import click

from runbook_lib.cli.runs import KEPT_RUNS, RUNS
from runbook_lib.cli.work import done_by

KEY = click.option(
    "--key",
    "key",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Your private key; made by: runbook evidence key.",
)
TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%SZ"])


@click.group()
def evidence() -> None:
    """Seal and verify what runs have left."""


@click.group("run")
def run() -> None:
    """Look at the runs there are."""


def register(cli: click.Group) -> None:
    """Add these commands to the command line."""
    for each in (run, status_command, approve_command, evidence):
        cli.add_command(each)


@evidence.command("recompute")
@click.argument("run_named", metavar="RUN")
@KEPT_RUNS
@done_by("archive")
def recompute_command() -> None:
    """Build a run's coverage again, offline, from the raw answers it kept, and compare."""


@evidence.command("lost")
@click.argument("run_named", metavar="RUN")
@click.option("--reason", required=True, help="Why no seal of this run will ever come. Verify names it from then on.")
@click.option(
    "-p", "--parameters", "parameters", required=True, type=click.Path(path_type=Path), help="Settings of its organization."
)
@KEPT_RUNS
@done_by("archive")
def lost_command() -> None:
    """Declare a live run lost whose machine is gone, so that others may begin; where its folder is still there, seal it instead."""


@run.command("list")
@click.option("--format", "form", type=click.Choice(["table", "html"]), default="table", show_default=True)
@KEPT_RUNS
@done_by("archive")
def list_command() -> None:
    """List all runs: when, where, what, how it ended, who approved it. Verifies nothing."""


@click.command("status")
@click.argument("run_named", metavar="[RUN]", default="")
@KEPT_RUNS
@done_by("archive")
def status_command() -> None:
    """Say how far a run has come, from another terminal.

    Which phase, how many calls of how many, how long it still takes, the last error, how to stop it. Without RUN: the one that is
    under way, else the newest. Exit code: 0 while it works, then the run's own.
    """


@click.command("approve")
@click.argument("run_named", metavar="RUN")
@click.option("--ticket", required=True, help="The change ticket.")
@KEY
@click.option(
    "--phase", "phases", multiple=True, help="A phase whose plan to approve; every planned phase when absent. Repeatable."
)
@click.option("--reason", default="", help="Why, where the ticket does not say it.")
@click.option(
    "--lose", "loses", multiple=True, metavar="WORDS", help="What the plan takes away, in the words that it gives; once for each."
)
@click.option("--hours", type=click.FloatRange(0.1, 24 * 14), default=12, show_default=True, help="How long the approval is good.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the approvals [default: approvals/ beside the runs].",
)
@KEPT_RUNS
@done_by("approve")
def approve_command() -> None:
    """Approve a run's plans with your own key.

    As another person than who applies them, where the trust policy asks for that.
    Where the same approval is there already, your signature is added to it.
    """


def _account(ctx: click.Context, parameter: click.Parameter, given: str) -> str:
    if re.fullmatch(r"[0-9]{12}", given) is None:
        raise click.BadParameter(f"{given}: is not a 12-digit account id")
    return given


@evidence.command("fetch")
@click.argument("store", metavar="s3://BUCKET/PREFIX")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--region", required=True, help="The bucket's Region.")
@click.option("--account", required=True, callback=_account, help="The account that must own the bucket.")
@click.option("--retention", required=True, help='How long each object is to stay locked: "7 years".')
@click.option("--compliance", is_flag=True, help="Locks that somebody may lift (GOVERNANCE) are faults.")
@click.option("--profile", help="Profile whose credentials read [default: the shell's].")
@done_by("fetch")
def fetch_command() -> None:
    """Fetch all evidence in a bucket into FOLDER, and hold its locks against what is asked for.

    Only reads. One line per fault, exit code 1 on any. What was fetched is verified by: runbook evidence verify --runs FOLDER.
    """


@evidence.command("key")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@done_by("keys")
def key_command() -> None:
    """Make a private key of your own at PATH (ending in .pem), unless it is there, and print its public key."""


@evidence.command("trust")
@click.argument("policy", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@KEY
@done_by("keys")
def trust_command() -> None:
    """Sign a trust policy (JSON) as its owner. Settings name the result (evidence.trust_policy); the auditor gets it too.

    Prints the lines that pin it in settings: either to whoever owns it, or to this very file.
    """


@evidence.command("review")
@click.argument("run_named", metavar="RUN")
@click.option("--text", required=True, help="What the review found.")
@click.option(
    "--trust",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The trust policy, where it does not lie where the run's settings say.",
)
@KEY
@KEPT_RUNS
@done_by("approve")
def review_command() -> None:
    """Sign the later review of a run that was applied in an emergency; it goes to the store of the run's settings too."""


@evidence.command("redact")
@click.argument("run_named", metavar="RUN")
@click.option("--out", type=click.Path(path_type=Path), help="Where the copy goes [default: redacted/RUN beside the runs].")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Key of the pseudonyms, made when it is missing; never given away [default: keys/redaction.key beside the runs].",
)
@KEPT_RUNS
@done_by("audit")
def redact_command() -> None:
    """Make a copy of a sealed run for outsiders: names and ids replaced by pseudonyms, sealed on its own.

    The run itself stays as it is. The copy is verified by: runbook evidence verify FOLDER
    """


@evidence.command("oscal")
@click.argument("run_named", metavar="RUN")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@KEPT_RUNS
@done_by("audit")
def oscal_command() -> None:
    """Write a sealed run as OSCAL assessment results to OUT, a file that is not there yet.

    Where the extra `oscal` is installed, compliance-trestle validates it; exit code 1 when it finds something.
    """


@evidence.command("witness")
@click.argument("run_named", metavar="RUN")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--column", "columns", multiple=True, help="OURS=THEIRS, for a CSV: account=ACCOUNT_UID, check=CHECK_ID; repeatable.")
@KEPT_RUNS
@done_by("audit")
def witness_command() -> None:
    """Compare a second witness's report with a sealed run, cell by cell, and link it to the run's seal.

    FILE: findings of Security Hub (ASFF) or of OCSF as JSON, or rows with account, region, service, aspect, item and state as JSON
    or CSV. A row that names no place or state is left out and said. Exit code 2 where the two disagree, or rows were left out.
    """


def _folder(ctx: click.Context, parameter: click.Parameter, given: str | None) -> Path | None:
    """A folder that is there: one that is not would be taken for a store without chains."""
    if given is not None and given.startswith("s3://"):
        raise click.BadParameter(f"{given}: verifying is offline; bring it into a folder first: runbook evidence fetch")
    if given is not None and not Path(given).is_dir():
        raise click.BadParameter(f"{given}: there is no such folder")
    return Path(given) if given is not None else None


@evidence.command("verify")
@click.argument("runs_named", metavar="[RUN]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All runs and chains (the same as naming no run).")
@click.option("--live", is_flag=True, help="Live runs only.")
@click.option(
    "--anchor", "anchors", multiple=True, help="NUMBER:DIGEST noted elsewhere (a ticket), or CHAIN:NUMBER:DIGEST; repeatable."
)
@click.option("--store", callback=_folder, help="Folder of the chains [default: chain/ below the runs].")
@click.option("--trust", type=click.Path(path_type=Path), help="Trust policy, from the auditor's own hand.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The runner's public key (PEM), from the auditor's own hand; repeatable.",
)
@click.option("--cadence", help="Longest time without a sealed run that read the whole coverage: 24h, 7d.")
@click.option("--from", "begin", type=TIME, help="Where --cadence begins [default: the first such run].")
@click.option("--to", "end", type=TIME, help="Where --cadence ends [default: now].")
@click.option(
    "--against-cloudtrail",
    "trails",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="Events exported from CloudTrail, a file or a folder: calls that only one side has, and changes by others. Repeatable.",
)
@RUNS
@done_by("verify")
def verify_command() -> None:
    """Hold runs, or redacted copies named by their folder, against their seals.

    Offline and read-only; one line per fault, exit code 1 on any. Exit code 2: no fault, and files are withheld.
    """


@evidence.command("seal")
@click.argument("run_named", metavar="RUN")
@click.option(
    "--notebook",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The saved notebook of a run at the screen [default: where it lay when the run was opened].",
)
@KEPT_RUNS
@done_by("sealing")
def seal_command() -> None:
    """Seal a run that ended, or was killed, without being sealed; with the settings that the run itself was given.

    To a run at the screen the saved notebook is attached, if it shows what was run; else, and for a notebook of a run that was none
    at the screen, this says why not, with exit code 2.
    A review that is not in the store yet is brought there.
    """
