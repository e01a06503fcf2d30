"""The bundle: the same bytes wherever it is made, only what functions import, and only wheels that the lock knows."""

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from stack_function import Account, event

from runbook_lib.rehearsal.functions import BOOT
from runbook_lib.stack import bundle
from runbook_lib.stack.bundle import LIBRARIES, Library, NotPacked, from_wheels, installed, pack, requirements

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements" / "base.txt").read_text(encoding="utf-8")
LAMBDA = {
    "python_version": "3.13", "python_full_version": "3.13.0", "platform_machine": "aarch64", "sys_platform": "linux",
    "platform_system": "Linux", "platform_python_implementation": "CPython", "implementation_name": "cpython", "os_name": "posix",
}  # fmt: skip
ASKED_FOR = ("boto3", "orjson", "pydantic", "rfc8785", "ruamel.yaml", "securesystemslib[awskms,crypto]")
HEAVY = ("pandas", "numpy", "IPython", "nbformat", "jinja2", "click", "papermill", "moto")
TRY = f"""
import sys
import runbook_lib.stack.entry as entry
assert "botocore" not in sys.modules
import runbook_lib.stack.accept as accept
light = {{name.partition(".")[0] for name in sys.modules}}
import runbook_lib.stack.work as work
assert callable(accept.handler) and callable(work.handler)
heavy = sorted(set({HEAVY!r}) & {{name.partition(".")[0] for name in sys.modules}})
print(heavy, sorted({{"pydantic", "boto3", "cryptography"}} & light))
"""


def test_the_libraries_are_what_the_functions_need_and_all_that_these_need() -> None:
    needed = dict[str, set[str]]()

    def walk(asked: Requirement) -> None:
        name, extras = bundle.canonical(asked.name), asked.extras | {""}
        if extras <= needed.setdefault(name, set()):
            return
        needed[name] |= extras
        for line in metadata.requires(name) or ():
            each = Requirement(line)
            if each.marker is None or any(each.marker.evaluate({**LAMBDA, "extra": extra}) for extra in extras):
                walk(each)

    for each in ASKED_FOR:
        walk(Requirement(each))
    assert sorted(needed) == sorted(LIBRARIES)


def test_the_bundle_is_whole_and_light(tmp_path: Path) -> None:
    """Unpacked where nothing else is installed, both functions can be imported; the accepting one needs next to nothing."""
    made = pack(installed())
    assert len(made.data) <= bundle.MOST_ZIPPED
    assert made.unzipped <= bundle.MOST_UNZIPPED
    with zipfile.ZipFile(io.BytesIO(made.data)) as packed:
        names = packed.namelist()
        packed.extractall(tmp_path)
    assert names == sorted(names)
    assert not [
        name
        for name in names
        if re.search(r"\.pyc$|RECORD$|direct_url|^runbook_lib/((rehearsal|notebook|cli)/|display/(?!__init__|progress))", name)
    ]
    assert "botocore/data/securityhub/2018-10-26/service-2.json.gz" in names
    assert not [name for name in names if name.startswith("botocore/data/rds/")]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{TRY}"],
        env={}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "[] []", done.stderr
    without_a_package(tmp_path)
    sbom = json.loads(made.sbom)
    assert {each["name"] for each in sbom["components"]} == set(LIBRARIES)


def ended(handler: str, event: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What the simulated Lambda makes of a function whose code lies in a folder."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", BOOT, str(folder), handler, "60"],
        env={"TMPDIR": str(folder)}, input=json.dumps(event), capture_output=True, text=True, check=False,
    )  # fmt: skip
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def without_a_package(folder: Path) -> None:
    """One package less, and it is said by name: by the machine for the function that works, and by the one that accepts."""
    (folder / "orjson").rename(folder / "gone")
    said = ended("runbook_lib.stack.work.handler", {}, folder)
    assert said["error"] == "Runtime.ImportModuleError"
    account = Account()
    account.door.accept(event())
    (name,) = account.executions
    account.door.answer(
        {"execution": name, "error": {"Error": said["error"], "Cause": json.dumps({"errorMessage": said["message"]})}}
    )
    assert account.answers[0]["Reason"].startswith("failed: the bundle lacks orjson; make it again")
    (folder / "gone").rename(folder / "orjson")
    (folder / "botocore").rename(folder / "gone")
    for kind, status in (("Create", "FAILED"), ("Delete", "SUCCESS")):
        with listening() as (url, heard):
            assert ended("runbook_lib.stack.entry.handler", event(kind) | {"ResponseURL": url}, folder) == {"payload": None}
        assert [(each["Status"], "the bundle lacks botocore" in each["Reason"]) for each in heard] == [(status, kind == "Create")]


@contextmanager
def listening() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address that takes answers, and what it has heard."""
    heard = list[dict[str, Any]]()

    class Taking(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/answer?X-Amz-Signature=x", heard
        server.shutdown()
        thread.join()


def test_it_is_the_same_under_another_umask_and_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    some = [Library("b", "1", {"b/__init__.py": b"1", "b-1.dist-info/RECORD": b"path"}), Library("a", "2", {"a.py": b"x" * 999})]
    first = pack(some)
    before = os.umask(0o077)
    try:
        monkeypatch.setattr(time, "time", lambda: 1e9)
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
        time.tzset()
        again = pack(reversed(some))
    finally:
        os.umask(before)
    assert first == again
    other = pack([some[0], Library("a", "2", {"a.py": b"x" * 998})])
    assert first.sha256 != other.sha256
    assert first.contents != other.contents


def wheel(folder: Path, name: str, content: bytes = b"x = 1\n") -> str:
    with zipfile.ZipFile(folder / name, "w") as packed:
        packed.writestr(f"{name.partition('-')[0]}.py", content)
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()


def test_only_wheels_of_the_lock_for_lambda_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "LIBRARIES", ("orjson", "six"))
    good = wheel(tmp_path, "orjson-3.13.0-cp313-cp313-manylinux_2_17_aarch64.manylinux2014_aarch64.whl")
    six = wheel(tmp_path, "six-1.17.0-py2.py3-none-any.whl")
    wheel(tmp_path, "pandas-3.0.0-cp313-cp313-manylinux_2_28_aarch64.whl")
    lock = (
        f"orjson==3.13.0 \\\n    --hash=sha256:{good}\nsix==1.17.0 \\\n    --hash=sha256:{'0' * 64} \\\n    --hash=sha256:{six}\n"
    )
    assert [(each.name, each.version) for each in from_wheels(tmp_path, lock)] == [("orjson", "3.13.0"), ("six", "1.17.0")]
    with pytest.raises(NotPacked, match=r"six-1\.17\.0-py2\.py3-none-any\.whl: is not the wheel that requirements/base.txt pins"):
        from_wheels(tmp_path, lock.replace(six, "1" * 64))
    (tmp_path / "six-1.17.0-py2.py3-none-any.whl").unlink()
    with pytest.raises(NotPacked, match=r"six==1\.17\.0: has no wheel there"):
        from_wheels(tmp_path, lock)
    for odd in ("cp313-cp313-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_28_aarch64", "cp313-cp313-macosx_11_0_arm64"):
        digest = wheel(tmp_path, f"six-1.17.0-{odd}.whl")
        with pytest.raises(NotPacked, match=r"is not for Python 3\.13"):
            from_wheels(tmp_path, lock.replace(six, digest))
        (tmp_path / f"six-1.17.0-{odd}.whl").unlink()
    with pytest.raises(NotPacked, match="there is no such folder"):
        from_wheels(tmp_path / "elsewhere", lock)


def test_what_pip_is_given_is_pinned_with_hashes() -> None:
    given = requirements(LOCK)
    assert {bundle.canonical(name) for name in re.findall(r"^([a-zA-Z0-9._-]+)==", given, re.MULTILINE)} == set(LIBRARIES)
    assert given.count("==") >= len(LIBRARIES)
    assert given.count("--hash=sha256:") > len(LIBRARIES)
