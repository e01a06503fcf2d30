"""The work of the commands about the CloudFormation door."""

import datetime as dt
import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from runbook_lib.base.files import write_bytes, write_text
from runbook_lib.base.identity import user
from runbook_lib.base.project import resolve, root
from runbook_lib.cli import commands
from runbook_lib.cli.running import kernel_environment
from runbook_lib.cli.runs import runs_folder
from runbook_lib.cli.simulation import today
from runbook_lib.cli.surroundings import entered
from runbook_lib.plan.approval import read_approval, window
from runbook_lib.plan.decision import Decision
from runbook_lib.plan.decision import given as decision_of
from runbook_lib.services.waves import wave_of
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load
from runbook_lib.stack.bundle import (
    MOST_UNZIPPED,
    MOST_ZIPPED,
    PLATFORM,
    PYTHON,
    Library,
    NotPacked,
    from_wheels,
    installed,
    pack,
    requirements,
)
from runbook_lib.stack.installing import Installer, StackRefused
from runbook_lib.stack.orders import APPROVAL, SETTINGS, Order, stamp
from runbook_lib.stack.surroundings import MODE, REGION, Surroundings
from runbook_lib.stack.template import Task, tasks, template, text

MIB = 1024**2


def package_command(output: Path, parameters: Path | None, wheels: Path | None, from_here: bool) -> int:
    """Write bundle, SBOM and template into a folder."""
    if wheels and from_here:
        raise click.UsageError("--wheels and --installed are two places to take libraries from; give one")
    made = template(load(parameters, today())) if parameters else None
    bundle = pack(_libraries(wheels, from_here=from_here))
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


def _libraries(wheels: Path | None, *, from_here: bool) -> list[Library]:
    if from_here:
        return installed()
    lock = (root() / "requirements" / "base.txt").read_text(encoding="utf-8")
    if wheels:
        return from_wheels(wheels, lock)
    with tempfile.TemporaryDirectory(prefix="runbook-wheels-") as folder:
        wanted = Path(folder) / "requirements.txt"
        wanted.write_text(requirements(lock), encoding="utf-8")
        where = ["--only-binary=:all:", f"--platform={PLATFORM}", "--platform=manylinux2014_aarch64", f"--python-version={PYTHON}"]
        command = [sys.executable, "-m", "pip", "--quiet", "download", "--no-deps", "--require-hashes", *where]
        done = subprocess.run(  # noqa: S603 fixed words, no shell
            [*command, f"--dest={folder}", f"--requirement={wanted}"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotPacked(
                f"pip could not fetch the wheels: {done.stderr.strip().splitlines()[-1] if done.stderr else 'no reason given'}"
            )
        return from_wheels(Path(folder), lock)


def deploy_command(
    parameters: Path, bucket: str, name: str, profile: str, region: str, approvals: tuple[str, ...], ticket: str,
    wheels: Path | None, from_here: bool, runs: str,
) -> int:  # fmt: skip
    """Deploy what was approved, as a stack."""
    settings = load(parameters, today())
    todo = tasks(settings)
    made = text(template(settings))
    named = [commands.named(each, runs_folder(runs), settings.mode) for each in approvals]
    with _installer(settings, name, profile, region, runs) as installer:
        installer.refuse_stranger()
        kind = installer.kind()
        installer.refuse_bucket(bucket)
        with tempfile.TemporaryDirectory(prefix="runbook-orders-") as folder:
            decisions = [decision_of(_given(each, Path(folder) / str(number), ticket)) for number, each in enumerate(named)]
            orders = dict(_order(installer, bucket, settings, parameters, todo, each) for each in decisions)
        installer.parameters(todo, orders)  # what is missing is said before anything is uploaded
        values = installer.upload(bucket, pack(_libraries(wheels, from_here=from_here)))
        click.echo(f"Stack {name} in account {installer.account}: {len(orders)} of {len(todo)} resources have a new order")
        if not installer.deploy(kind, made, installer.parameters(todo, {**values, **orders})):
            click.echo("No changes: the stack is as it was deployed last. What the organization looks like: runbook coverage")
            return 0
        _say_outputs(installer)
    return 0


def _given(named: commands.Named, folder: Path, ticket: str) -> Path:
    """An approval's file with its plan beside it."""
    folder.mkdir()
    path = named.approval(folder, user(), ticket or "none given")
    if named.plan is not None:
        (folder / named.file.name).write_bytes(named.file.read_bytes())
        given = read_approval(path).model_copy(update={"plan": named.file.name})
        given.write(path)
    return path


def _order(
    installer: Installer, bucket: str, settings: Settings, file: Path, todo: Sequence[Task], decision: Decision
) -> tuple[str, str]:
    """Upload the order of one approval; the template's parameter and its value. Raises StackRefused."""
    wave = wave_of(decision.approved.scope, settings)
    task = next(
        (each for each in todo if (each.phase.name, each.wave) == (decision.approval.phase, wave.name if wave else "")), None
    )
    if task is None:
        raise StackRefused(
            f"the approval of {decision.approval.phase} is of a part that this stack has no resource for; plan a wave"
        )
    if refused := window(decision.approval, dt.datetime.now(dt.UTC)):
        raise StackRefused(f"the approval of {decision.approval.phase}: {refused[0]}")
    files = {
        SETTINGS: file.read_bytes(),
        APPROVAL: decision.approval_file.read_bytes(),
        decision.plan_file.name: decision.plan_file.read_bytes(),
    }
    policy = settings.evidence.trust_policy if settings.evidence else None
    if policy:
        files[policy] = resolve(policy).read_bytes()
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    order = Order(task.phase.name, task.scope, stamp(dt.datetime.now(dt.UTC)), digests)
    return task.parameter, installer.order(bucket, order, files.values())


@contextmanager
def _installer(settings: Settings, name: str, profile: str, region: str, runs: str) -> Iterator[Installer]:
    """The installer of a stack, in the environment of live runs or of the rehearsal."""
    environment = dict(kernel_environment(settings, runs)) | ({"AWS_PROFILE": profile} if profile else {})
    account = settings.organization.management_account
    if settings.access.management.role_arn:
        account = settings.organization.delegated_account
    there = region or settings.home_region or min(each for part in settings.sections().values() for each in part.regions)
    with entered(environment):
        yield Installer(Surroundings({MODE: settings.mode, REGION: there}), name, account, click.echo)


def status_command(parameters: Path, name: str, profile: str, region: str, runs: str) -> int:
    """Say the state of a stack; 2 while an operation is under way, 1 where the last has failed."""
    with _installer(load(parameters, today()), name, profile, region, runs) as installer:
        state = installer.stack().get("StackStatus", "")
        click.echo(f"{name}: {state or 'there is no such stack'}")
        _say_outputs(installer)
    return 2 if state.endswith("_IN_PROGRESS") else 1 if not state or "FAILED" in state or "ROLLBACK" in state else 0


def delete_command(parameters: Path, name: str, profile: str, region: str, confirmed: str, runs: str) -> int:
    """Delete a stack; the organization stays as it is."""
    if confirmed != name:
        raise click.UsageError(f"--confirm {confirmed or '…'}: give the stack's name, {name}, to have it deleted")
    with _installer(load(parameters, today()), name, profile, region, runs) as installer:
        installer.refuse_stranger()
        installer.delete()
    click.echo("The stack is gone. Everything that it turned on stays on: see runbook coverage.")
    return 0


def recover_command(parameters: Path, name: str, profile: str, region: str, skipped: tuple[str, ...], runs: str) -> int:
    """Go on with a rollback that failed."""
    with _installer(load(parameters, today()), name, profile, region, runs) as installer:
        installer.refuse_stranger()
        installer.recover(skipped)
    click.echo("The rollback is over. It has undone nothing in the organization: see runbook coverage, and deploy again.")
    return 0


def _say_outputs(installer: Installer) -> None:
    for each in installer.stack().get("Outputs", ()):
        click.echo(f"  {each['OutputKey']}: {each['OutputValue']}")
