"""The lock: what make and conda install is what was tested, by hash, on every promised Python and platform.

There is no network here: `requirements/wheels.json` holds what the registry said of each pin when the lock was made.
"""

import re
import sys
import tomllib
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import promised
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from promised import Environment, Pin, Recorded
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT: dict[str, Any] = PYPROJECT["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
CONDA: dict[str, Any] = YAML(typ="safe").load(ROOT / "environment.yml")
ASKED = {
    "base": [*PYPROJECT["build-system"]["requires"], *PROJECT["dependencies"]],
    **{name: EXTRAS[name] for name in promised.LAYERS[1:]},
    "renew": PYPROJECT["dependency-groups"]["renew"],
}
WANTED = [(name, Requirement(each)) for name, asked in ASKED.items() for each in asked]
FILES = [path for group in promised.TOGETHER for path in group]
EVERYWHERE = promised.environments()
HERE = Environment(".".join(map(str, sys.version_info[:3])), "Darwin" if sys.platform == "darwin" else "Linux", "x86_64")
DEBIAN_12 = Environment("3.11.2", "Linux", "x86_64")
HASH = "2" * 64


def layer(name: str) -> list[Pin]:
    return promised.pins((promised.HERE / f"{name}.txt").read_text(encoding="utf-8"))


def test_every_pin_can_be_installed_wherever_it_is_promised() -> None:
    recorded = promised.recorded()
    assert [problem for group in promised.locked() for problem in promised.problems(group, recorded, EVERYWHERE)] == []


def test_the_promise_covers_every_python_that_the_project_allows_from_its_first_release() -> None:
    pythons = {each.python for each in EVERYWHERE}
    assert {f"3.{minor}.0" for minor in (11, 12, 13, 14)} <= pythons
    assert {each.system for each in EVERYWHERE} == {"Linux", "Darwin"}
    assert all(python in SpecifierSet(PROJECT["requires-python"]) for python in pythons)
    assert HERE.python in SpecifierSet(PROJECT["requires-python"])
    minors = sorted(each.minor for each in EVERYWHERE)
    assert f"{minors[0]} <= sys.version_info[:2] <= {minors[-1]}" in (ROOT / "Makefile").read_text(encoding="utf-8")


SOUPSIEVE = Pin("soupsieve", "4.1.2", "", frozenset({HASH}))
FITS = "soupsieve-4.1.2-py3-none-any.whl"


@pytest.mark.parametrize(
    ("pin", "python", "wheel", "problem"),
    [
        (SOUPSIEVE, ">=3.11", FITS, None),
        (SOUPSIEVE, "", FITS, None),
        (SOUPSIEVE, ">=3.11.5", FITS, "needs Python >=3.11.5"),
        (replace(SOUPSIEVE, marker="python_full_version >= '3.11.5'"), ">=3.11.5", FITS, None),
        (SOUPSIEVE, "", "soupsieve-4.1.2-cp312-none-any.whl", "has no wheel for it"),
        (SOUPSIEVE, "", "soupsieve-4.1.2-py3-none-macosx_11_0_arm64.whl", "has no wheel for it"),
        (SOUPSIEVE, "", "soupsieve-4.1.2-py3-none-manylinux_2_39_x86_64.whl", "has no wheel for it"),
        (replace(SOUPSIEVE, hashes=frozenset({"3" * 64})), "", FITS, f"does not hold the hash of {FITS}"),
    ],
)
def test_a_pin_that_cannot_be_installed_on_debian_12_is_named(pin: Pin, python: str, wheel: str, problem: str | None) -> None:
    said: Recorded = {"requires-python": python, "wheels": {wheel: HASH}}
    expected = [f"soupsieve==4.1.2 {problem}: Python 3.11.2 on Linux x86_64"] if problem else []
    assert promised.problems([pin], {"soupsieve==4.1.2": said}, [DEBIAN_12]) == expected


def test_two_versions_at_one_place_and_a_pin_without_a_record_are_named() -> None:
    said: Recorded = {"requires-python": "", "wheels": {FITS: HASH}}
    recorded = {"soupsieve==4.1.2": said}
    assert promised.problems([SOUPSIEVE, replace(SOUPSIEVE, marker="os_name == 'posix'")], recorded, [DEBIAN_12]) == []
    assert promised.problems([SOUPSIEVE, replace(SOUPSIEVE, version="2.10")], recorded, [DEBIAN_12]) == [
        "soupsieve is wanted as 4.1.2 and as 2.10: Python 3.11.2 on Linux x86_64",
        "soupsieve==2.10 is not in wheels.json; run make lock: Python 3.11.2 on Linux x86_64",
    ]


@pytest.mark.parametrize("wheel", ["x-1-cp311-cp311-manylinux1_x86_64.whl", "x-1-cp39-abi3-manylinux2014_x86_64.whl"])
def test_wheels_for_older_systems_serve_too(wheel: str) -> None:
    assert DEBIAN_12.best([wheel, "x-1-cp311-cp311-win_amd64.whl"]) == wheel


@pytest.mark.parametrize(("name", "wanted"), WANTED, ids=str)
def test_what_is_asked_for_is_pinned_within_its_range(name: str, wanted: Requirement) -> None:
    assert wanted.specifier, "a range, not just a name"
    files = {name} if name == "renew" else {name, "base"}
    held = [pin for each in files for pin in layer(each) if pin.name == canonicalize_name(wanted.name)]
    for environment in EVERYWHERE:
        versions = {pin.version for pin in held if pin.wanted(environment)}
        assert len(versions) == 1, f"pyproject.toml has changed, run make lock: {environment}"
        assert Version(versions.pop()) in wanted.specifier, "pyproject.toml has changed, run make lock"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_lock_names_no_index_and_no_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert promised.pins(text)
    assert not re.search(
        r"://|index|find-links|\.(com|org|net|io)\b", re.sub(r"^ +# via.*\n( +#   .*\n)*", "", text, flags=re.MULTILINE)
    )


@pytest.mark.parametrize(
    "line", ["requests\n", "requests==2.34.2\n", "--index-url https://example.com/simple\n", "git+https://example.com/x\n"]
)
def test_a_line_that_would_be_installed_unseen_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="neither a pin with its hashes nor a comment"):
        promised.pins(f"# comment\nsix==1.17.0 \\\n    --hash=sha256:{HASH}\n    # via x\n{line}")


def test_no_layer_repeats_the_base() -> None:
    base = {(str(pin), pin.marker) for pin in layer("base")}
    assert [str(pin) for name in promised.LAYERS[1:] for pin in layer(name) if (str(pin), pin.marker) in base] == []


def test_this_environment_is_the_lock() -> None:
    """Where it was made otherwise: make install."""
    found = {}
    for pin in promised.locked()[0]:
        if pin.wanted(HERE):
            try:
                found[str(pin)] = f"{pin.name}=={distribution(pin.name).version}"
            except PackageNotFoundError:
                found[str(pin)] = "not installed"
    assert {pin: held for pin, held in found.items() if pin != held} == {}


def test_what_is_kept_of_the_registry_is_what_the_packages_say_themselves() -> None:
    recorded = promised.recorded()
    for pin in promised.locked()[0]:
        if pin.wanted(HERE):
            said = distribution(pin.name).metadata.json.get("requires_python", "")
            assert recorded[str(pin)]["requires-python"] == said, pin


def test_conda_installs_python_pip_and_the_lock_and_nothing_else() -> None:
    python, pip, by_pip = CONDA["dependencies"]
    allowed = SpecifierSet(python.removeprefix("python"))
    assert all(each.python in allowed for each in EVERYWHERE)
    assert "3.15.0" not in allowed
    assert pip == "pip"
    files = [f"--requirement requirements/{name}.txt" for name in promised.LAYERS if name != "test"]
    assert by_pip["pip"] == ["--require-hashes", "--only-binary :all:", *files]
    assert CONDA["name"] == PROJECT["name"]
