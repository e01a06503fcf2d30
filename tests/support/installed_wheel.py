"""The wheel as it is built and installed in the tests: out of what git has, and beside nothing of this checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = "import sys; from setuptools.build_meta import build_wheel; print(build_wheel(sys.argv[1]))"
"""What pip does where it builds without isolation."""


def tracked(*paths: str) -> list[str]:
    """The files that git has, and those that are about to be committed."""
    asked = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return sorted(each for each in listed.split("\0") if each and (ROOT / each).is_file())


def bare_environment() -> dict[str, str]:
    """Neither a registry nor anything of this checkout or of AWS."""
    others = ("AWS_", "RUNBOOK_", "PYTHON", "PIP_", "JUPYTER")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    return {**kept, "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}


def build(source: Path, built: Path) -> Path:
    """The wheel, built in a copy, so that no build folder of the checkout is in it, and beside settings of somebody's own."""
    for name in tracked("runbook_lib", "notebooks", "parameters", "requirements", "pyproject.toml", "README.md"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    (source / "parameters" / "acme.yaml").write_text("mode: live\n", encoding="utf-8")
    (source / "notebooks" / "analysis.ipynb").write_text('{"cells": []}', encoding="utf-8")
    _succeed([sys.executable, "-c", BUILD, str(built)], source)
    return next(built.glob("*.whl"))


@dataclass(frozen=True)
class Installed:
    """An environment in which the wheel is installed, beside the packages that are here already."""

    folder: Path

    def run(self, *words: str, at: Path, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """A command of the environment, in a folder; standard error comes with its output."""
        (program, *arguments), around = words, {**bare_environment(), **(environment or {})}
        return subprocess.run(
            [str(self.folder / "bin" / program), *arguments], cwd=at, env=around, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip


def install(wheel: Path, folder: Path) -> Installed:
    """The wheel in a new environment, from no index."""
    venv.create(folder, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    # A plain line adds a folder and reads no .pth file in it, so the checkout that is installed there is not found.
    (packages / "beside.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    # What is imported is compiled then; pip would compile all.
    python = str(folder / "bin" / "python")
    offline = ["--no-index", "--no-deps", "--no-compile", "--quiet"]
    _succeed([sys.executable, "-m", "pip", "--python", python, "install", *offline, str(wheel)], folder)
    return Installed(folder)


def _succeed(command: list[str], at: Path) -> None:
    done = subprocess.run(command, cwd=at, capture_output=True, text=True, check=False, env=bare_environment())
    assert done.returncode == 0, done.stderr
