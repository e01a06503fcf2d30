"""The work of the commands about the CloudFormation door."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from runbook_lib.base.files import write_bytes, write_text
from runbook_lib.cli.running import kernel_environment
from runbook_lib.cli.simulation import today
from runbook_lib.cli.surroundings import entered
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load
from runbook_lib.stack.bundle import MOST_UNZIPPED, MOST_ZIPPED, NotPacked, pack
from runbook_lib.stack.checking import PROJECT
from runbook_lib.stack.installing import Installer, Say, exit_code
from runbook_lib.stack.outcome import staying
from runbook_lib.stack.template import tasks, template, text
from runbook_lib.stack.wheels import libraries

MIB = 1024**2


def package_command(output: Path, parameters: Path | None, wheels: Path | None, from_here: bool) -> int:
    """Write bundle, SBOM and template into a folder."""
    if wheels and from_here:
        raise click.UsageError("--wheels and --installed are two places to take libraries from; give one")
    made = template(load(parameters, today())) if parameters else None
    bundle = pack(libraries(wheels, from_here=from_here))
    if len(bundle.data) > MOST_ZIPPED or bundle.unzipped > MOST_UNZIPPED:
        raise NotPacked(f"the bundle has {len(bundle.data):,} bytes ({bundle.unzipped:,} unpacked), more than it may have")
    output.mkdir(parents=True, exist_ok=True)
    write_bytes(output / "runbook.zip", bundle.data)
    write_bytes(output / "sbom.json", bundle.sbom)
    click.echo(f"{output / 'runbook.zip'}: {len(bundle.data) / MIB:.1f} MiB, {bundle.unzipped / MIB:.1f} MiB unpacked")
    click.echo(f"sha256 {bundle.sha256}")
    click.echo(f"contents {bundle.contents}")
    if made is not None:
        write_text(output / "template.json", text(made))
        click.echo(f"{output / 'template.json'}: {len(made['Resources'])} resources")
    return 0


def environment_of(settings: Settings, profile: str, runs: str) -> Mapping[str, str]:
    """The environment in which the stack's account is reached: of live runs or of the rehearsal, with that profile."""
    return dict(kernel_environment(settings, runs)) | ({"AWS_PROFILE": profile} if profile else {})


@contextmanager
def installer_of(
    settings: Settings, name: str, environment: Mapping[str, str], region: str, say: Say = click.echo
) -> Iterator[Installer]:
    """The installer of a stack, in an environment."""
    with entered(environment):
        yield Installer.of(settings, name, say, region)


@contextmanager
def _found(parameters: Path, name: str, profile: str, region: str, runs: str) -> Iterator[Installer]:
    settings = load(parameters, today())
    with installer_of(settings, name, environment_of(settings, profile, runs), region) as installer:
        yield installer


def status_command(parameters: Path, name: str, profile: str, region: str, runs: str) -> int:
    """Say the state of a stack; 2 while an operation is under way, 1 where the last has failed."""
    with _found(parameters, name, profile, region, runs) as installer:
        state = installer.state
        click.echo(f"{name}: {state or 'there is no such stack'}")
        say_outputs(installer)
    return exit_code(state)


def delete_command(parameters: Path, name: str, profile: str, region: str, confirmed: str, runs: str) -> int:
    """Delete a stack; the organization stays as it is."""
    if confirmed != name:
        raise click.UsageError(f"--confirm {confirmed or '…'}: give the stack's name, {name}, to have it deleted")
    with _found(parameters, name, profile, region, runs) as installer:
        installer.refuse_stranger()
        checked = PROJECT in installer.outputs
        stays = list(staying(installer.outputs, tasks(load(parameters, today())), parameters))
        installer.delete()
    if checked:
        click.echo("The check is gone, with its alarms: nobody looks any more. What is covered stays so.")
        return 0
    click.echo("The stack is gone. Everything that it turned on stays on: see runbook coverage.")
    for line in stays:
        click.echo(f"  {line}")
    return 0


def recover_command(parameters: Path, name: str, profile: str, region: str, skipped: tuple[str, ...], runs: str) -> int:
    """Go on with a rollback that failed."""
    with _found(parameters, name, profile, region, runs) as installer:
        installer.refuse_stranger()
        installer.recover(skipped)
    click.echo("The rollback is over. It has undone nothing in the organization: see runbook coverage, and deploy again.")
    return 0


def say_outputs(installer: Installer) -> None:
    """What the stack says of itself."""
    for name, value in installer.outputs.items():
        installer.say(f"  {name}: {value}")
