"""What exactly ran: versions of the library, Python and dependencies, and the git commit when run from a checkout."""

import functools
import hashlib
import platform
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from runbook_lib import __version__

DISTRIBUTION = "incident-detection-runbook"
_PACKAGE = Path(__file__).resolve().parents[2]
_KEPT = frozenset({".py", ".yaml", ".json", ".j2"})


def versions() -> dict[str, Any]:
    """The `versions` of run.json. `git` is None outside a checkout (or without git)."""
    return {
        "runbook": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "git": commit(_PACKAGE),
        "files": files_digest(_PACKAGE),
        "dependencies": dependencies(),
        "installed": installed(),
    }


def dependencies() -> dict[str, str]:
    """Installed versions of everything this project asks for by name, sorted; what is not installed is left out."""
    return dict(_dependencies())


def installed() -> dict[str, str]:
    """The exact versions of everything that is installed, sorted."""
    return dict(_everything())


# What a process has imported stays what it is, so each is read once: it takes as long as a short run does.


@functools.cache
def _dependencies() -> tuple[tuple[str, str], ...]:
    try:
        wanted = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return ()
    names = sorted({match.group(0) for each in wanted if (match := re.match(r"[A-Za-z0-9._-]+", each))})
    return tuple((name, version) for name in names if (version := _installed(name)))


@functools.cache
def _everything() -> tuple[tuple[str, str], ...]:
    about = (each.metadata for each in metadata.distributions())
    return tuple(sorted((each["Name"], each["Version"]) for each in about if each["Name"]))


@functools.cache
def files_digest(package: Path) -> str:
    """One SHA-256 (hex) over names and contents of the library's own files, as they are on disk."""
    found = hashlib.sha256()
    for path in sorted(each for each in package.rglob("*") if each.suffix in _KEPT and each.is_file()):
        found.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(package).as_posix()}\n".encode())
    return found.hexdigest()


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def commit(package: Path) -> dict[str, Any] | None:
    """Commit id, and whether tracked files differ from it; None where the package is no tracked part of a checkout."""
    if _git(package, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    head, changed = _git(package, "rev-parse", "HEAD"), _git(package, "status", "--porcelain", "--untracked-files=no", ":/")
    return None if head is None or changed is None else {"commit": head.strip(), "dirty": bool(changed.strip())}


def described(file: Path) -> str:
    """The git commit that last changed a file, and whether it differs from it now, in words."""
    last = _git(file.parent, "log", "-1", "--format=%h", "--", file.name)
    if not last or not last.strip():
        return "not in git"
    changed = _git(file.parent, "status", "--porcelain", "--", file.name)
    return f"git commit {last.strip()}" + (", changed since" if changed is None or changed.strip() else "")


def committed(file: Path) -> str | None:
    """A file's text as the current commit has it; None where it is in none."""
    return _git(file.parent, "show", f"HEAD:./{file.name}")


def _git(folder: Path, *words: str) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603 fixed words, no shell
    except (subprocess.TimeoutExpired, OSError):
        return None
    return done.stdout if done.returncode == 0 else None
