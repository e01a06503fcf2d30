"""Make `.venv` by the lock: what `make` does before every other target.

The lock's files are installed with their hashes and nothing else is, then the project without dependencies. A `.venv` that was
made by another Python, by another lock or elsewhere, or that is not complete, is made anew, never mixed. It is complete when the
record in it is written, which is the last thing done.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = tuple(Path("requirements", f"{name}.txt") for name in ("base", "lab", "rehearsal", "test"))
OLDER_KERNEL = Path("tests", "browser", "older-kernel.txt")
EXACTLY = ("--require-hashes", "--only-binary", ":all:")
"""Nothing whose hash is not in the lock, and nothing that would be built with tools that nobody pinned."""
NOISE = (
    "Collecting ", "Downloading ", "Ignoring ", "Installing collected ", "Looking in ", "Processing ",
    "Requirement already satisfied", "Using cached ",
)  # fmt: skip
"""Lines of pip's that are in its log and say nothing about a failure."""
ADVICE = {
    "DO NOT MATCH THE HASHES": "A file is not the one in the lock. Do not go round it: tell whoever runs the index or mirror.",
    "NameResolution": "The package index was not reached; a mirror or proxy is set by pip's own configuration (pip config).",
    "No matching distribution": "The package index, or the mirror that is set (pip config list), lacks what the lock names.",
    "No space left": "The disk is full.",
}


class Failed(Exception):
    """What is said before this program ends with 1."""


def this_python() -> str:
    """The Python that makes the environment: the interpreter itself, also where this runs in a virtual environment of it."""
    base: str = getattr(sys, "_base_executable", sys.executable)
    return os.path.realpath(base)


def digest(*paths: Path) -> str:
    found = hashlib.sha256()
    for path in paths:
        found.update(hashlib.sha256((ROOT / path).read_bytes()).digest())
    return found.hexdigest()


def wanted(venv: Path) -> dict[str, str]:
    """What the record of a complete environment says when it is the one wanted."""
    return {
        "python": this_python(),
        "version": ".".join(map(str, sys.version_info[:3])),
        "place": str(venv),
        "lock": digest(*LOCK, OLDER_KERNEL),
        "project": digest(Path("pyproject.toml")),
    }


def found(venv: Path) -> dict[str, str]:
    """The record of an environment; empty where there is none that can be read."""
    try:
        record = json.loads((venv / "installed").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def why_anew(venv: Path, was: dict[str, str], now: dict[str, str], *, chosen: bool) -> str:
    """Why the environment has to be made anew; empty when it may stay.

    A Python that was named once (`make PYTHON=…`) stays until another is named.
    """
    if not venv.exists():
        return "Installing"
    if not was:
        return "It is not complete; installing anew"
    if was.get("place") != now["place"]:
        return f"It was made as {was.get('place')}; installing anew"
    if not (venv / "bin" / "python").exists():
        return f"Its Python, {was.get('python')}, is gone; installing anew"
    stays = was.get("chosen") and not chosen and works(venv, was)
    if (was.get("python"), was.get("version")) != (now["python"], now["version"]) and not stays:
        made_by, now_by = (f"Python {each.get('version')} ({each.get('python')})" for each in (was, now))
        return f"{made_by} made it, and now it is {now_by}; installing anew"
    return "" if was.get("lock") == now["lock"] else "The lock has changed; installing anew"


def works(venv: Path, was: dict[str, str]) -> bool:
    """Whether an environment's Python starts and is still the one that made it."""
    asked = [str(venv / "bin" / "python"), "-c", "import platform; print(platform.python_version())"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, check=False)
    except OSError:
        return False
    return bool(said.stdout.strip() == was.get("version"))


def pip(venv: Path, *arguments: str) -> None:
    """Run pip. Its words go to a log; where it fails, those that say why are shown, with what to do."""
    log = venv / "install.log"
    command = [str(venv / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    with log.open("a", encoding="utf-8") as file:
        done = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False
        )
        file.write(f"$ {' '.join(command)}\n{done.stdout}")
    if done.returncode:
        said = [line for line in done.stdout.splitlines() if line.strip() and not line.strip().startswith(NOISE)]
        advice = next((advice for words, advice in ADVICE.items() if words in done.stdout), "Mend what pip says.")
        last = f"Installing into {venv} failed; pip says why above, and all it said is in {log}. {advice} Then run make again."
        raise Failed("\n".join([*said, "", last]))


def made(venv: Path) -> None:
    """A new environment with what the lock holds, in place of the one that is there."""
    if venv.is_symlink() or (venv.exists() and any(venv.iterdir()) and not (venv / "pyvenv.cfg").exists()):
        raise Failed(f"{venv} is not a virtual environment; move it away, then run make again.")
    shutil.rmtree(venv, ignore_errors=True)
    base: str = getattr(sys, "_base_executable", sys.executable)
    done = subprocess.run([base, "-m", "venv", venv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Failed(f"{done.stdout}\n{base} could not make {venv}; Debian and Ubuntu need: sudo apt install python3-venv")
    pip(venv, "install", "--progress-bar", "off", *EXACTLY, *(f"--requirement={path}" for path in LOCK))
    pip(
        venv,
        "install",
        "--progress-bar",
        "off",
        *EXACTLY,
        "--no-deps",
        "--target",
        str(venv / "older-kernel"),
        f"--requirement={OLDER_KERNEL}",
    )


def project(venv: Path) -> None:
    """The project itself, built by what the lock holds."""
    pip(venv, "install", "--no-deps", "--no-build-isolation", "--no-index", "--editable", ".")
    pip(venv, "check")


def install(venv: Path, *, chosen: bool) -> None:
    """Make an environment complete; nothing is done where it is."""
    now, was = wanted(venv), found(venv)
    if why := why_anew(venv, was, now, chosen=chosen):
        sys.stdout.write(f"{venv.name}: {why} (a few minutes)\n")
        sys.stdout.flush()
        made(venv)
        was = {**now, "chosen": "yes" if chosen else ""}
    elif was.get("project") == now["project"]:
        return
    (venv / "installed").unlink(missing_ok=True)
    project(venv)
    (venv / "installed").write_text(json.dumps({**was, "project": now["project"]}, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    arguments = argparse.ArgumentParser(description="Make .venv by the lock.")
    arguments.add_argument(
        "--chosen", action="store_true", help="this Python was asked for: an environment of another is made anew"
    )
    chosen: bool = arguments.parse_args().chosen
    # Two at once would take each other's environment away.
    folder = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        install(ROOT / ".venv", chosen=chosen)
    except Failed as failed:
        sys.stderr.write(f"{failed}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; the next make installs anew.\n")
        return 1
    finally:
        os.close(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
