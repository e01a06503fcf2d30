"""pyproject.toml, constraints.txt and environment.yml name the same packages: conda and pip install what was tested."""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
CONDA: dict[str, Any] = YAML(typ="safe").load(ROOT / "environment.yml")
(MAKE,) = set(re.findall(r"--editable '\.\[([a-z,]+)\]'", (ROOT / "Makefile").read_text(encoding="utf-8")))
INSTALLED = MAKE.split(",")
"""The extras that make installs and that constraints.txt therefore pins."""
WANTED = [Requirement(each) for each in (*PROJECT["dependencies"], *(each for name in INSTALLED for each in EXTRAS[name]))]
PINS = {
    canonicalize_name(name): Version(version)
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
    for name, _, version in [line.partition("==")]
}


def test_conda_installs_python_pip_and_this_project_and_nothing_else() -> None:
    python, pip, by_pip = CONDA["dependencies"]
    assert python == f"python{PROJECT['requires-python']}"
    assert pip == "pip"
    constraint, editable = by_pip["pip"]
    assert constraint == "--constraint constraints.txt"
    found = re.fullmatch(r"--editable \.\[([a-z,]+)\]", editable)
    assert found
    assert set(found[1].split(",")) == set(INSTALLED) - {"test"}
    assert CONDA["name"] == PROJECT["name"]


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_what_is_asked_for_is_pinned_within_its_range(wanted: Requirement) -> None:
    assert wanted.specifier, "a range, not just a name"
    assert PINS[canonicalize_name(wanted.name)] in wanted.specifier


def test_constraints_hold_pins_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"#.*|[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)] == []
    assert len(PINS) == sum(not line.startswith("#") for line in lines)


def test_this_python_is_one_that_the_project_allows() -> None:
    assert ".".join(map(str, sys.version_info[:3])) in SpecifierSet(PROJECT["requires-python"])
