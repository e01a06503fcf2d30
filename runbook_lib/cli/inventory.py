"""`runbook inventory`, beside the other commands: what was observed of an organization, as a file that `rehearse` takes."""

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from runbook_lib.cli.runs import RUNS, runs_folder
from runbook_lib.cli.surroundings import entered
from runbook_lib.inventory.command import write_inventory
from runbook_lib.settings import Settings


def register(
    group: click.Group, load: Callable[[Path], Settings], environment: Callable[[Settings, str], Mapping[str, str]]
) -> None:
    """Add the command; `load` reads settings, `environment` gives what AWS clients of these settings need around them."""

    @group.command()
    @click.option(
        "-p", "--parameters", required=True, type=click.Path(path_type=Path), help="Settings of one organization (a YAML file)."
    )
    @click.option(
        "--output", default="seed.yaml", show_default=True, type=click.Path(path_type=Path), help="Where the inventory is written."
    )
    @click.option("--real-names", is_flag=True, help="Keep account names and e-mail addresses instead of pseudonyms.")
    @click.option(
        "--key-file", type=click.Path(path_type=Path), help="Key of the pseudonyms; made if missing [default: in the runs folder]."
    )
    @RUNS
    def inventory(parameters: Path, output: Path, real_names: bool, key_file: Path | None, runs: str) -> int:
        """Write what is there as a file for rehearse.

        Reads only. Then `runbook rehearse --organization FILE -p SETTINGS` rehearses the very plans that these settings make on
        this organization, with the same fingerprints, on this machine. Account ids, OU ids and the organization's id are kept
        (fingerprints hold them); names and e-mail addresses become pseudonyms.
        """
        settings = load(parameters)
        key = None if real_names else key_file or runs_folder(runs) / "inventory.key"
        with entered(environment(settings, runs)):
            found = write_inventory(settings, output, key)
        accounts, regions = len(found.seed["accounts"]), len(found.seed["regions"])
        click.echo(f"{output}: {accounts:,} accounts, {regions} Regions; names are {'real' if real_names else 'pseudonyms'}")
        for sentence in found.unread:
            click.echo(f"Not in it: {sentence}", err=True)
        return 2 if found.unread else 0
