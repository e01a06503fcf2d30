"""The zip that the functions run: the runbook without its tables, notebooks and simulation, and the libraries that this needs.

The same inputs give the same bytes: sorted names, one date, one mode, nothing that holds a path or a time. A second digest, over
names and contents alone, is the same on every machine, whatever its zlib packs.
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

import runbook_lib
from runbook_lib import __version__
from runbook_lib.base.errors import RunbookError
from runbook_lib.organization.reads import READS
from runbook_lib.services.implementations import SERVICES

LIBRARIES = (
    "annotated-types", "boto3", "botocore", "cffi", "cryptography", "jmespath", "orjson", "pycparser", "pydantic",
    "pydantic-core", "python-dateutil", "rfc8785", "ruamel-yaml", "s3transfer", "securesystemslib", "six", "typing-extensions",
    "typing-inspection", "urllib3",
)  # fmt: skip
"""What the functions import, and all that these need; a test holds it against what the packages themselves say."""
PYTHON, PLATFORM = "3.13", "manylinux_2_28_aarch64"
"""Of Lambda's runtime python3.13 on arm64."""
LEFT_OUT = frozenset({"carried", "cli", "display", "docs", "notebook", "rehearsal", "__main__.py"})
"""Rooms of the runbook that nothing in a function imports, and what a wheel carries besides,"""
KEPT = frozenset({"display/__init__.py", "display/progress.py"})
"""but for these of them: how far sealing has come is said in plain lines."""
OWN_SERVICES = frozenset({"cloudformation", "kms", "s3", "ssm", "stepfunctions", "sts"})
"""Called by the functions themselves, or for the evidence."""
MOST_ZIPPED, MOST_UNZIPPED = 16 * 1024**2, 45 * 1024**2
_DATE = (1980, 1, 1, 0, 0, 0)
_UNWANTED = re.compile(
    r"(^|/)(__pycache__|tests?)/|\.py[co]$|\.dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$|^bin/|^\.\./"
)
_WHEEL = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(-\d[^-]*)?-(?P<python>[^-]+)-(?P<abi>[^-]+)-(?P<platform>[^-]+)\.whl")
_HASHED = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)(?: ; (?P<marker>[^\n]*?))? \\\n"
    r"(?P<hashes>(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
    re.MULTILINE,
)


class NotPacked(RunbookError):
    """The bundle cannot be made of what was given; nothing was written."""

    advice = "Nothing was written. Fill the folder of wheels as docs/stack.md says, then run again."


@dataclass(frozen=True)
class Library:
    """One library: its files by name, and what the SBOM says of it."""

    name: str
    version: str
    files: Mapping[str, bytes]
    sha256: str = ""
    """Of the wheel; "" where it was taken from what is installed here."""


@dataclass(frozen=True)
class Bundle:
    """The zip and what is said about it."""

    data: bytes
    contents: str
    """SHA-256 (hex) over names and contents."""
    unzipped: int
    sbom: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class Pinned:
    """One pin of the lock: its version, the hashes of its files, where it is needed ("" for everywhere), and its lines."""

    version: str
    hashes: frozenset[str]
    marker: str
    lines: str


def pinned(lock: str) -> dict[str, Pinned]:
    """What a lock pins, by canonical name."""
    return {
        canonical(pin["name"]): Pinned(
            pin["version"], frozenset(re.findall(r"sha256:(\w+)", pin["hashes"])), pin["marker"] or "", pin[0]
        )
        for pin in _HASHED.finditer(lock)
    }


def fitting_wheels(folder: Path, wanted: Mapping[str, Pinned]) -> dict[str, tuple[Path, bytes]]:
    """The wheel of all that is wanted, each held against the lock's hashes. Raises NotPacked naming all that does not fit."""
    if not folder.is_dir():
        raise NotPacked(f"--wheels {folder}: there is no such folder")
    found, wrong = dict[str, tuple[Path, bytes]](), list[str]()
    for path in sorted(folder.glob("*.whl")):
        parts = _WHEEL.fullmatch(path.name)
        name = canonical(parts["name"]) if parts else ""
        if parts is None or name not in wanted:
            continue
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() not in wanted[name].hashes:
            wrong.append(f"{path.name}: is not the wheel that requirements/base.txt pins")
        elif not _fits(parts["python"], parts["abi"], parts["platform"]):
            wrong.append(f"{path.name}: is not for Python {PYTHON} on {PLATFORM}")
        else:
            found[name] = path, data
    wrong += [f"{name}=={pin.version}: has no wheel there" for name, pin in wanted.items() if name not in found]
    if wrong:
        raise NotPacked(f"--wheels {folder}:\n" + "\n".join(wrong))
    return found


def from_wheels(folder: Path, lock: str) -> list[Library]:
    """The libraries as wheels of a folder. Raises NotPacked naming all that does not fit."""
    wanted = {name: pin for name, pin in pinned(lock).items() if name in LIBRARIES}
    return [
        Library(name, wanted[name].version, _unpacked(data), hashlib.sha256(data).hexdigest())
        for name, (_, data) in fitting_wheels(folder, wanted).items()
    ]


def _fits(python: str, abi: str, platform: str) -> bool:
    tag = f"cp{PYTHON.replace('.', '')}"
    if platform == "any":
        return abi == "none" and any(each in ("py3", f"py{PYTHON[0]}") for each in python.split("."))
    machine = "manylinux" in platform and platform.endswith("aarch64")
    return machine and (abi in (tag, "none") or (abi == "abi3" and any(each.startswith("cp3") for each in python.split("."))))


def _unpacked(wheel: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(wheel)) as packed:
        return {name: packed.read(name) for name in packed.namelist() if not name.endswith("/")}


def installed() -> list[Library]:
    """The libraries as they are installed here: for a rehearsal on this machine, never for AWS. Raises NotPacked."""
    found = []
    for name in LIBRARIES:
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise NotPacked(f"{name} is not installed here") from None
        paths = {str(path): Path(str(path.locate())) for path in distribution.files or ()}
        files = {each: path.read_bytes() for each, path in paths.items() if path.is_file() and not _UNWANTED.search(each)}
        found.append(Library(name, distribution.version, files))
    return found


def pack(libraries: Iterable[Library]) -> Bundle:
    """Pack the runbook with libraries."""
    libraries = sorted(libraries, key=lambda each: each.name)
    files = dict(_own())
    for library in libraries:
        files |= {name: data for name, data in library.files.items() if not _UNWANTED.search(name) and _called(name)}
    named = sorted(files.items())
    contents = hashlib.sha256("".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in named).encode()).hexdigest()
    return Bundle(zipped(files), contents, sum(map(len, files.values())), _sbom(libraries))


def zipped(files: Mapping[str, bytes], level: int = 9) -> bytes:
    """A zip of these files, the same whenever and wherever it is made."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system, entry.external_attr, entry.compress_type = 3, 0o100644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return packed.getvalue()


def _own() -> Iterator[tuple[str, bytes]]:
    """The runbook's files, and what says which version it is."""
    package = Path(runbook_lib.__file__).parent
    for path in package.rglob("*"):
        name = path.relative_to(package)
        if (
            path.suffix in (".py", ".yaml", ".json")
            and (name.parts[0] not in LEFT_OUT or name.as_posix() in KEPT)
            and "__pycache__" not in name.parts
        ):
            yield f"runbook_lib/{name.as_posix()}", path.read_bytes()


def _services() -> frozenset[str]:
    calls = READS.union(*(service.reads | service.mutations for service in SERVICES))
    return OWN_SERVICES | {call.partition(":")[0] for call in calls}


def _called(name: str) -> bool:
    """Whether a file is wanted: of botocore's models those of services that are called, of boto3's no examples."""
    parts = PurePosixPath(name).parts
    if parts[:2] == ("boto3", "examples"):
        return False
    if parts[:2] in (("botocore", "data"), ("boto3", "data")) and len(parts) > 3:
        return parts[2] in _services()
    return True


def _sbom(libraries: Iterable[Library]) -> bytes:
    """CycloneDX 1.5."""
    components: list[dict[str, Any]] = [
        {
            "type": "library", "name": each.name, "version": each.version, "purl": f"pkg:pypi/{each.name}@{each.version}",
            **({"hashes": [{"alg": "SHA-256", "content": each.sha256}]} if each.sha256 else {}),
        }
        for each in libraries
    ]  # fmt: skip
    about = {"component": {"type": "application", "name": "incident-detection-runbook", "version": __version__}}
    said = {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": about, "components": components}
    return (json.dumps(said, indent=1, sort_keys=True) + "\n").encode()


def requirements(lock: str) -> str:
    """The pins of the lock that the bundle needs, with their hashes, as pip takes them."""
    return "".join(pin.lines for name, pin in pinned(lock).items() if name in LIBRARIES)
