"""CodeBuild's builds: the source unpacked, and the buildspec's commands run by a shell that has its role's keys and nothing else.

The build's Python has the libraries that are installed here, and neither the runbook nor anything of this checkout: what the
source lacks shows. Phases go as CodeBuild's do [docs: build phase transitions]; a shell serves one phase, so nothing of its
variables lasts.
"""

import io
import os
import subprocess
import sysconfig
import tempfile
import threading
import uuid
import venv
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from runbook_lib.rehearsal.asked import Asked
from runbook_lib.rehearsal.identity import session_credential
from runbook_lib.rehearsal.neighbours import neighbours_of
from runbook_lib.rehearsal.permissions import decision_on
from runbook_lib.rehearsal.world import World

PHASES = ("install", "pre_build", "build", "post_build")
SPEC_VERSION = 0.2
GOING, SUCCEEDED, FAILED, TIMED_OUT = "IN_PROGRESS", "SUCCEEDED", "FAILED", "TIMED_OUT"


@dataclass(frozen=True)
class Project:
    """One project, by ARN. `source`: bucket, key and version of a zip; `spec`: the buildspec's text."""

    arn: str
    account: str
    region: str
    role: str
    source: tuple[str, str, str]
    spec: str
    minutes: int
    variables: dict[str, str]

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]


@dataclass
class Build:
    """One build, and what it wrote."""

    project: Project
    number: int
    started: float
    id: str = ""
    status: str = GOING
    phase: str = "SUBMITTED"
    ended: float | None = None
    log: list[str] = field(default_factory=list)

    @property
    def arn(self) -> str:
        return f"{self.project.arn.rpartition(':project/')[0]}:build/{self.id}"


@dataclass
class CodeBuildState:
    """Projects by ARN, builds by id, and the Python that builds have."""

    projects: dict[str, Project] = field(default_factory=dict)
    builds: dict[str, Build] = field(default_factory=dict)
    _image: tempfile.TemporaryDirectory[str] | None = None

    def image(self) -> Path:
        """The folder with the programs that a build finds."""
        if self._image is None:
            self._image = tempfile.TemporaryDirectory(prefix="image-")
            folder = Path(self._image.name)
            venv.create(folder, with_pip=False)
            packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
            # A plain line adds a folder and reads no .pth file in it, so a checkout that is installed there is not found.
            (packages / "image.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
        return Path(self._image.name) / "bin"


def begin(world: World, project: Project) -> Build:
    """Start a build of a project; it goes on by itself."""
    state = world.of(CodeBuildState)
    number = 1 + sum(each.project.arn == project.arn for each in state.builds.values())
    build = Build(project, number, world.now(), f"{project.name}:{uuid.uuid4()}")
    state.builds[build.id] = build
    threading.Thread(target=_carried_out, args=(world, build), name=f"build {build.id}", daemon=True).start()
    return build


def _carried_out(world: World, build: Build) -> None:
    with tempfile.TemporaryDirectory(prefix="build-") as own:
        status = _ended(world, build, Path(own))
    with world.lock:
        build.ended, build.phase, build.status = world.now(), "COMPLETED", status


def _ended(world: World, build: Build, own: Path) -> str:
    project, source = build.project, own / "src"
    build.phase = "DOWNLOAD_SOURCE"
    with world.lock:
        role = world.organization.accounts[project.account].roles.get(project.role)
        if role is None:
            build.log.append(f"CodeBuild is not authorized to perform: sts:AssumeRole on service role {project.role}")
            return FAILED
        keys = session_credential(world, project.account, role, f"AWSCodeBuild-{build.id.rpartition(':')[2]}", 3600)
        bucket, key, version = project.source
        asked = Asked("s3", "GetObjectVersion", project.region, {}, f"arn:{world.partition}:s3:::{bucket}/{key}")
        neighbours = neighbours_of(world)
        zipped = neighbours.stored(project.account, bucket, key, version) if neighbours else None
        if zipped is None or not decision_on(world, keys, asked).allowed:
            build.log.append(f"error while downloading key {key}, error: {'AccessDenied' if zipped else 'NoSuchKey'}")
            return FAILED
    with zipfile.ZipFile(io.BytesIO(zipped)) as packed:
        packed.extractall(source)
    environment = {
        **project.variables,
        "AWS_ACCESS_KEY_ID": keys.key,
        "AWS_SECRET_ACCESS_KEY": keys.secret,
        "AWS_SESSION_TOKEN": keys.token,
        "AWS_REGION": project.region,
        "AWS_DEFAULT_REGION": project.region,
        "AWS_ENDPOINT_URL": world.url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CODEBUILD_BUILD_ID": build.id,
        "CODEBUILD_SRC_DIR": str(source),
        "HOME": str(own),
        "PATH": os.pathsep.join((str(world.of(CodeBuildState).image()), "/usr/bin", "/bin")),
        "PIP_CONFIG_FILE": os.devnull,
        "TMPDIR": str(own),
    }
    return _phases(build, YAML(typ="safe", pure=True).load(project.spec), environment)


def _phases(build: Build, spec: dict[str, Any], environment: dict[str, str]) -> str:
    """The phases in their order: what fails before the build ends it, and what comes after a build is done however that ended."""
    if spec.get("version") != SPEC_VERSION:
        build.log.append("YAML_FILE_ERROR: unknown version of the buildspec")
        return FAILED
    ended = SUCCEEDED
    for phase in PHASES:
        commands = spec.get("phases", {}).get(phase, {}).get("commands", [])
        build.phase = phase.upper()
        if not commands:
            continue
        try:
            done = subprocess.run(  # noqa: S603 the commands of the project's own template, in a folder of the build's
                ["/bin/sh", "-c", "\n".join(("set -e", *commands))],
                env=environment, cwd=environment["CODEBUILD_SRC_DIR"], capture_output=True, text=True, check=False,
                timeout=60 * build.project.minutes,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return TIMED_OUT
        build.log.append(f"{done.stdout}{done.stderr}")
        if done.returncode:
            build.log.append(f"Phase context status code: COMMAND_EXECUTION_ERROR Message: exit status {done.returncode}")
            ended = FAILED
            if phase in ("install", "pre_build"):
                return ended
    return ended
