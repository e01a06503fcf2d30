"""Where the libraries of a bundle come from: a folder of wheels, this installation, or the registry that pip asks."""

import subprocess
import sys
import tempfile
from pathlib import Path

from runbook_lib.base.project import shipped
from runbook_lib.stack.bundle import PLATFORM, PYTHON, Library, NotPacked, from_wheels, installed, requirements


def libraries(wheels: Path | None, *, from_here: bool) -> list[Library]:
    """The libraries of a bundle: of a folder, as they are installed here, or fetched by pip, each by the lock's hash.

    Raises NotPacked.
    """
    if from_here:
        return installed()
    lock = (shipped() / "requirements" / "base.txt").read_text(encoding="utf-8")
    if wheels:
        return from_wheels(wheels, lock)
    with tempfile.TemporaryDirectory(prefix="runbook-wheels-") as folder:
        fetch(Path(folder), requirements(lock))
        return from_wheels(Path(folder), lock)


def fetch(folder: Path, wanted: str) -> None:
    """Have pip put the wheels of these pins into a folder: for the Python of the functions and builds. Raises NotPacked."""
    pins = folder / "requirements.txt"
    pins.write_text(wanted, encoding="utf-8")
    where = ["--only-binary=:all:", f"--platform={PLATFORM}", "--platform=manylinux2014_aarch64", f"--python-version={PYTHON}"]
    command = [sys.executable, "-m", "pip", "--quiet", "download", "--no-deps", "--require-hashes", *where]
    done = subprocess.run(  # noqa: S603 fixed words, no shell
        [*command, f"--dest={folder}", f"--requirement={pins}"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotPacked(
            f"pip could not fetch the wheels: {done.stderr.strip().splitlines()[-1] if done.stderr else 'no reason given'}"
        )
