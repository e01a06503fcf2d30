"""What a check's build runs, as one zip: the runbook, the notebook of the coverage, the settings, the wheels of the base install.

Made as the bundle of the functions is: the same inputs give the same bytes, each wheel is one that the lock pins, and the zip is
named by its digest.
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.markers import Marker

import runbook_lib
from runbook_lib.base.project import resolve, shipped
from runbook_lib.runbook.phases import COVERAGE
from runbook_lib.settings import Settings
from runbook_lib.settings.register import folder_of, kept_beside
from runbook_lib.stack.bundle import PYTHON, Pinned, fitting_wheels, pinned, zipped
from runbook_lib.stack.checking import SETTINGS, WHEELS
from runbook_lib.stack.wheels import fetch

LEFT_OUT = frozenset({"carried", "docs", "rehearsal"})
"""Rooms of the runbook that no look at the coverage needs."""
_THERE = {
    "implementation_name": "cpython", "os_name": "posix", "platform_machine": "aarch64", "platform_system": "Linux",
    "platform_python_implementation": "CPython", "python_full_version": f"{PYTHON}.0", "python_version": PYTHON,
    "sys_platform": "linux", "extra": "",
}  # fmt: skip
"""The build's Python, as markers ask for it."""


def source(settings: Settings, file: Path, wheels: Path | None, *, from_here: bool) -> bytes:
    """The zip for the settings of a file; without wheels where the build has what is installed here. Raises NotPacked."""
    lock = (shipped() / "requirements" / "base.txt").read_bytes()
    files = {**dict(_own()), **_settings(settings, file), "requirements/base.txt": lock}
    notebook = f"notebooks/{COVERAGE.name}.ipynb"
    files[notebook] = (shipped() / notebook).read_bytes()
    if not from_here:
        files |= {f"{WHEELS}/{name}": data for name, data in _wheels(wheels, lock.decode()).items()}
    return zipped(files)


def _own() -> Iterator[tuple[str, bytes]]:
    package = Path(runbook_lib.__file__).parent
    for path in package.rglob("*"):
        name = path.relative_to(package)
        if path.is_file() and name.parts[0] not in LEFT_OUT and "__pycache__" not in name.parts:
            yield f"runbook_lib/{name.as_posix()}", path.read_bytes()


def _settings(settings: Settings, file: Path) -> Mapping[str, bytes]:
    """The settings with what they name below the project's folder."""
    files = {SETTINGS: file.read_bytes()}
    files |= {f"{folder_of(Path(SETTINGS)).name}/{name}": data for name, data in kept_beside(file).items()}
    if settings.evidence and (policy := settings.evidence.trust_policy):
        files[policy] = resolve(policy).read_bytes()
    return files


def wanted(lock: str) -> dict[str, Pinned]:
    """What the lock pins for the build's Python."""
    return {name: pin for name, pin in pinned(lock).items() if not pin.marker or Marker(pin.marker).evaluate(_THERE)}


def _wheels(folder: Path | None, lock: str) -> Mapping[str, bytes]:
    """The wheels by file name: of a folder, or fetched by pip. Raises NotPacked naming all that does not fit."""
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="runbook-wheels-") as fetched:
            fetch(Path(fetched), "".join(pin.lines for pin in wanted(lock).values()))
            return _wheels(Path(fetched), lock)
    return {path.name: data for path, data in fitting_wheels(folder, wanted(lock)).values()}
