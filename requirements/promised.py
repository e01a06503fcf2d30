"""What the lock promises: the Pythons and platforms of pyproject.toml's classifiers, and whether every pin can be installed there.

Used when the lock is renewed, and by the tests, which have no network: `wheels.json` holds what the registry said of each pin.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypedDict

from packaging import tags
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename

HERE = Path(__file__).parent
ROOT = HERE.parent
LAYERS = ("base", "lab", "rehearsal", "test")
"""What `make` installs: the base with the build requirements, and what each extra adds to it."""
TOGETHER = (
    tuple(HERE / f"{name}.txt" for name in LAYERS),
    (HERE / "renew.txt",),
    (ROOT / "tests" / "browser" / "older-kernel.txt",),
)
"""The files of the lock, in the groups that are installed together."""
WHEELS = HERE / "wheels.json"
MACHINES = (("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"))
"""Macs with Apple's processors alone: cryptography has no wheels for the others any more."""
GLIBC, MACOS = 28, (11, 0)
"""The oldest glibc (2.28) and macOS: wheels for them run on all later ones."""
Recorded = TypedDict("Recorded", {"requires-python": str, "wheels": dict[str, str]})
"""What the registry said of a pin: the Pythons it is for, and the wheels that the promised places take, with their hashes."""
_PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[A-Za-z0-9.+!]+)(?: ; (?P<marker>[^\\\n]+?))?"
    r"(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Pin:
    """One version of one package in the lock, and where it is wanted."""

    name: str
    version: str
    marker: str
    hashes: frozenset[str]
    text: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"

    def wanted(self, by: Environment) -> bool:
        return not self.marker or Marker(self.marker).evaluate(by.markers)


@dataclass(frozen=True)
class Environment:
    """A promised Python on a promised platform. `machine` is as the platform itself names it."""

    python: str
    system: str
    machine: str

    def __str__(self) -> str:
        return f"Python {self.python} on {self.system} {self.machine}"

    @property
    def minor(self) -> tuple[int, int]:
        major, minor, _ = self.python.split(".")
        return int(major), int(minor)

    @property
    def markers(self) -> dict[str, str]:
        return {
            "implementation_name": "cpython",
            "implementation_version": self.python,
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": self.system,
            "platform_version": "",
            "python_full_version": self.python,
            "python_version": ".".join(map(str, self.minor)),
            "sys_platform": self.system.lower(),
        }

    @cached_property
    def tags(self) -> dict[tags.Tag, int]:
        """Tags of wheels that can be installed there, each with its rank: the lowest is the best."""
        if self.system == "Darwin":
            platforms = list(tags.mac_platforms(MACOS, self.machine))
        else:
            names = [f"manylinux_2_{glibc}" for glibc in range(GLIBC, 4, -1)]
            platforms = [f"{name}_{self.machine}" for name in (*names, "manylinux2014", "manylinux2010", "manylinux1", "linux")]
        interpreter = "cp" + "".join(map(str, self.minor))
        found = [*tags.cpython_tags(self.minor, platforms=platforms), *tags.compatible_tags(self.minor, interpreter, platforms)]
        return {tag: rank for rank, tag in reversed(list(enumerate(found)))}

    def best(self, wheels: list[str]) -> str | None:
        """The wheel that pip takes there; None when none fits."""
        ranked = [(self.tags[tag], name) for name in wheels for tag in parse_wheel_filename(name)[3] if tag in self.tags]
        return min(ranked)[1] if ranked else None


def environments(pyproject: Path = ROOT / "pyproject.toml") -> list[Environment]:
    """Every promised Python, as its first and as a late release, on every promised platform."""
    classifiers = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["classifiers"]
    pythons = [found[1] for each in classifiers if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", each))]
    return [Environment(f"{python}.{micro}", *machine) for python in pythons for micro in (0, 99) for machine in MACHINES]


def pins(text: str) -> list[Pin]:
    """Read a file of the lock. What is neither a comment nor a pin with its hashes is an error: it would be installed unseen."""
    found = []
    for each in _PIN.finditer(text):
        hashes = frozenset(re.findall(r"[0-9a-f]{64}", each["hashes"]))
        found.append(Pin(canonicalize_name(each["name"]), each["version"], each["marker"] or "", hashes, each[0]))
    rest = [line for line in _PIN.sub("", text).splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if rest:
        raise ValueError(f"neither a pin with its hashes nor a comment: {rest[0]!r}")
    return found


def problems(locked: list[Pin], recorded: dict[str, Recorded], everywhere: list[Environment]) -> list[str]:
    """What keeps the lock from being installed where it is promised: one sentence each, the same for many places said once."""
    found: dict[str, Environment] = {}
    for environment in everywhere:
        versions: dict[str, str] = {}
        for pin in locked:
            if not pin.wanted(environment):
                continue
            if versions.setdefault(pin.name, pin.version) != pin.version:
                found.setdefault(f"{pin.name} is wanted as {versions[pin.name]} and as {pin.version}", environment)
            for problem in _problems(pin, recorded.get(str(pin)), environment):
                found.setdefault(f"{pin} {problem}", environment)
    return [f"{problem}: {environment}" for problem, environment in found.items()]


def _problems(pin: Pin, recorded: Recorded | None, environment: Environment) -> list[str]:
    if recorded is None:
        return ["is not in wheels.json; run make lock"]
    wheels, requires = recorded["wheels"], recorded["requires-python"]
    found = []
    if environment.python not in SpecifierSet(requires):
        found.append(f"needs Python {requires}")
    if (best := environment.best(list(wheels))) is None:
        found.append("has no wheel for it")
    elif wheels[best] not in pin.hashes:
        found.append(f"does not hold the hash of {best}")
    return found


def locked() -> list[list[Pin]]:
    """All pins of the lock, each group that is installed together by itself."""
    return [[pin for path in group for pin in pins(path.read_text(encoding="utf-8"))] for group in TOGETHER]


def recorded() -> dict[str, Recorded]:
    """What `wheels.json` holds, by pin."""
    found: dict[str, Recorded] = json.loads(WHEELS.read_text(encoding="utf-8"))
    return found
