"""moto's own tests of the services that we answer for, run against plain moto and against our front before moto.

    python tests/rehearsal/moto_suite.py [--moto VERSION] [--only securityhub,sts]

The tests come with moto's source distribution, of the version that is installed; nothing of them is kept. What passes on plain moto
and not on ours must stand in `moto-differences.yaml`, with the reason; what stands there must differ still.
"""

import argparse
import importlib.metadata
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from moto_world import Suite
from ruamel.yaml import YAML

from runbook_lib.rehearsal.server import serve
from runbook_lib.services.registry import by_name

DIFFERENCES = Path(__file__).with_name("moto-differences.yaml")
OURS = (*by_name(), "organizations", "account", "sts", "iam", "config")
"""Services that are ours, and those of which some operations pass through our hands.

EventBridge is ours too, held to AWS by tests of its own: moto's ask for archives and replays, which are refused by name, and for
deliveries that no policy allows.
"""
PIP = [sys.executable, "-m", "pip", "--quiet"]
READY_SECONDS = 60


@dataclass(frozen=True)
class Difference:
    """Tests that cannot pass here: why, and where AWS's behaviour is stated (ids of aws-facts.yaml); from which moto, or all."""

    reason: str
    facts: tuple[str, ...]
    tests: tuple[str, ...]
    versions: tuple[str, ...] = ()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def differences() -> list[Difference]:
    found = YAML(typ="safe").load(DIFFERENCES)
    return [
        Difference(each["reason"], tuple(each.get("facts", ())), tuple(each["tests"]), tuple(each.get("versions", ())))
        for each in found
    ]


def expected(version: str) -> dict[str, str]:
    """Test → reason, of the differences from one version of moto."""
    return {test: each.reason for each in differences() if version in (each.versions or (version,)) for test in each.tests}


def fetched(version: str, folder: Path) -> Path:
    """moto's source distribution, unpacked, with the one library that its tests need and we do not."""
    subprocess.run([*PIP, "download", "--no-binary", "moto", "--no-deps", f"moto=={version}", "-d", folder], check=True)
    subprocess.run([*PIP, "install", "--no-deps", "--target", folder / "site", "freezegun"], check=True)
    with tarfile.open(next(folder.glob("moto-*.tar.gz"))) as archive:
        if hasattr(tarfile, "data_filter"):  # from 3.11.4 on
            archive.extractall(folder, filter="data")
        else:
            archive.extractall(folder)
    return folder / f"moto-{version}"


def outcomes(source: Path, url: str, services: tuple[str, ...]) -> dict[str, str]:
    """Test id → passed, failed or skipped, of moto's tests against the server at `url`."""
    report = source.parent / "report.xml"
    environment = {**os.environ, "TEST_SERVER_MODE": "true", "TEST_SERVER_MODE_ENDPOINT": url, "MOTO_PORT": url.rpartition(":")[2]}
    environment["PYTHONPATH"] = os.pathsep.join((str(source), str(source.parent / "site"), os.environ.get("PYTHONPATH", "")))
    folders = [f"tests/test_{each}" for each in services if (source / f"tests/test_{each}").is_dir()]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout", "60", "-W", "ignore"]
    done = subprocess.run(
        [*command, "-c", os.devnull, "--rootdir", str(source), "--junitxml", str(report), *folders],
        cwd=source, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1) or not report.exists():
        raise SystemExit(f"moto's tests did not run: {done.stdout[-3000:]}{done.stderr[-1000:]}")
    return {_name(case): _outcome(case) for case in _cases(report)}


def _cases(report: Path) -> Iterator[ET.Element]:
    # Our own pytest wrote it a moment ago.
    return ET.parse(report).iter("testcase")


def _name(case: ET.Element) -> str:
    return f"{case.get('classname', '').removeprefix('tests.')}::{case.get('name', '')}"


def _outcome(case: ET.Element) -> str:
    said = {child.tag for child in case}
    return "failed" if said & {"failure", "error"} else "skipped" if "skipped" in said else "passed"


@contextmanager
def plain_moto() -> Iterator[str]:
    """moto's own server, without us."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for(f"{url}/moto-api/data.json", process)
            yield url
        finally:
            process.terminate()


def _wait_for(page: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(page, timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("moto's own server did not start")


def judged(plain: Mapping[str, str], ours: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    """What is wrong: differences that are not listed, and listed ones that are none. Another version may lack a test."""
    differ = {test for test, outcome in plain.items() if outcome == "passed" and ours.get(test) == "failed"}
    return [
        *(f"differs and is not listed: {test}" for test in sorted(differ - set(expected))),
        *(f"listed, but does not differ: {test}" for test in sorted(set(expected) & set(ours) - differ)),
    ]


def again_with(version: str, only: str) -> int:
    """The same with another version of moto than the installed one, in a process that finds it first."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*PIP, "install", "--no-deps", "--target", folder, f"moto=={version}"], check=True)
        command = [sys.executable, __file__, "--only", only]
        return subprocess.run(command, env={**os.environ, "PYTHONPATH": folder}, check=False).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, help="an unpacked source distribution, instead of fetching it")
    parser.add_argument("--only", default=",".join(OURS), help="services, comma-separated")
    parser.add_argument("--moto", help="another version of moto than the installed one")
    asked = parser.parse_args()
    if asked.moto:
        return again_with(asked.moto, asked.only)
    version = importlib.metadata.version("moto")
    services = tuple(asked.only.split(","))
    with tempfile.TemporaryDirectory() as folder:
        source = asked.source or fetched(version, Path(folder))
        say(f"moto {version}: {', '.join(services)}, against plain moto")
        with plain_moto() as url:
            plain = outcomes(source, url, services)
        say(f"  {dict(Counter(plain.values()))}; the same against ours")
        with serve(Suite()) as url:
            ours = outcomes(source, url, services)
    say(f"  {dict(Counter(ours.values()))}")
    wrong = judged(plain, ours, expected(version))
    say("\n".join(wrong) or "every difference is listed, with a reason")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
