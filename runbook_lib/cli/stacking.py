"""The work of the commands about the CloudFormation door."""

import subprocess
import sys
import tempfile
from pathlib import Path

import click

from runbook_lib.base.files import write_bytes, write_text
from runbook_lib.base.project import root
from runbook_lib.cli.simulation import today
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
from runbook_lib.stack.template import template, text

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
