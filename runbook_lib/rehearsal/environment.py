"""The rehearsal's own AWS environment, which nothing of the surrounding one reaches, and its server as a process.

A folder holds one rehearsal's server: `server.json` and `control-header` while it runs, `server.log`, and the AWS config and
credentials files.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runbook_lib.base.errors import RunbookError
from runbook_lib.rehearsal.app import RUNNER, RUNNER_NAME
from runbook_lib.rehearsal.identity import user_key
from runbook_lib.rehearsal.state import authorization, remove_state, write_private

PROFILE = RUNNER_NAME
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "FTP_PROXY")
LOOPBACK = "127.0.0.1,localhost"


_STARTED: dict[int, "subprocess.Popen[bytes]"] = {}
"""Servers of this process. The pipe to a server that is not kept is its life line, so it is held here."""


class ServerFailed(RunbookError):
    """The rehearsal's server did not start, or did not end."""


@dataclass
class RunningServer:
    """A server that answers, and the environment with which any AWS client reaches it and nothing else."""

    url: str
    pid: int
    region: str
    environment: dict[str, str] = field(repr=False)
    token: str = field(repr=False)

    def control(self, method: str, page: str, **query: str) -> Any:
        """Ask one of the control pages; `ServerFailed` when it refuses or does not answer."""
        return _ask(self.url, self.token, method, page, query)


def environment(
    folder: Path, url: str, region: str, base: Mapping[str, str] | None = None, profiles: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The whole environment for processes of a rehearsal; writes the AWS files into `folder`, readable by the owner only.

    `profiles` (profile → account) come beside the rehearsal's own profile, or in its place. Every AWS_* and proxy variable of
    `base` (this process's own) is left out, so that no profile, endpoint or proxy leads away.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = {name: user_key(account, name) for name, account in {PROFILE: RUNNER, **(profiles or {})}.items()}
    config, credentials = folder / "aws-config", folder / "aws-credentials"
    _keep(config, "".join(f"[profile {name}]\nregion = {region}\noutput = json\n" for name in keys))
    _keep(
        credentials,
        "".join(f"[{name}]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n" for name, (key, secret) in keys.items()),
    )
    return without_aws(os.environ if base is None else base) | {
        "AWS_ENDPOINT_URL": url,
        "AWS_CONFIG_FILE": str(config.resolve()),
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials.resolve()),
        "AWS_PROFILE": PROFILE,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": LOOPBACK,
        "no_proxy": LOOPBACK,
    }


def without_aws(base: Mapping[str, str]) -> dict[str, str]:
    """An environment without AWS settings and proxies."""
    return {
        name: value
        for name, value in base.items()
        if not name.upper().startswith("AWS_") and name.upper() not in PROXIES and name.upper() != "BOTO_CONFIG"
    }


def start(
    folder: Path,
    seed: str | Path = "default",
    *,
    accounts: int | None = None,
    regions: Sequence[str] | None = None,
    keep: bool = False,
    speed: float = 1.0,
    log: Path | None = None,
    scenario: str | Path = "",
    seconds: float = 240.0,
) -> RunningServer:
    """Start a server in a process of its own and wait until it answers.

    Unless `keep`, it ends when this process ends, however that happens. Raises `ServerFailed` when one runs in this folder already,
    or with the server's own words when it does not come up within `seconds`.
    """
    if find(folder) is not None:
        raise ServerFailed(f"a server already runs for {folder}; find() gives it, stop() ends it")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    remove_state(folder / "server.json")
    arguments = ["--seed", str(seed), "--state", str(folder / "server.json"), "--speed", str(speed)]
    arguments += ["--accounts", str(accounts)] if accounts is not None else []
    arguments += ["--regions", ",".join(regions)] if regions else []
    arguments += ["--log", str(log)] if log else []
    arguments += ["--scenario", str(scenario)] if scenario else []
    process = _process(folder, arguments, keep=keep)
    _STARTED[process.pid] = process
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        if (running := find(folder)) is not None:
            return running
        time.sleep(0.05)
    del _STARTED[process.pid]
    _end(process, 0)
    said = (folder / "server.log").read_text(encoding="utf-8", errors="replace").strip()
    raise ServerFailed(f"the simulated organization did not start: {said[-2000:] or 'no word from it'}")


def _process(folder: Path, arguments: Sequence[str], *, keep: bool) -> "subprocess.Popen[bytes]":
    """The server's process, out of reach of the terminal's Ctrl-C: whoever started it ends it last."""
    own = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (own, os.environ.get("PYTHONPATH", ""))))
    with (folder / "server.log").open("wb") as written:
        return subprocess.Popen(  # noqa: S603 our own interpreter and module
            [sys.executable, "-m", "runbook_lib.rehearsal.server", *arguments, *([] if keep else ["--with-parent"])],
            stdin=subprocess.DEVNULL if keep else subprocess.PIPE,
            stdout=written,
            stderr=subprocess.STDOUT,
            env=without_aws(os.environ) | {"PYTHONPATH": path},
            start_new_session=True,
        )


def find(folder: Path) -> RunningServer | None:
    """The server that a folder's state file names, if it answers."""
    try:
        known = json.loads((folder / "server.json").read_text(encoding="utf-8"))
        # A server that an older version left running has no token, and asks for none.
        token = str(known.get("token", ""))
        health = _ask(known["url"], token, "GET", "health", {})
    except (OSError, ValueError, KeyError, AttributeError, TypeError, ServerFailed):
        return None
    if not isinstance(health, dict) or health.get("pid") != known["pid"]:
        return None
    own = environment(folder, known["url"], known["region"], profiles={**known.get("profiles", {}), **health.get("profiles", {})})
    return RunningServer(known["url"], known["pid"], known["region"], own, token)


def stop(folder: Path, seconds: float = 10.0) -> bool:
    """End a folder's server, if there is one; says whether there was. `ServerFailed` when it still answers after `seconds`."""
    running = find(folder)
    if running is None:
        return False
    running.control("POST", "stop")
    deadline = time.monotonic() + seconds
    while find(folder) is not None:
        if time.monotonic() > deadline:
            raise ServerFailed(f"the server of process {running.pid} does not stop")
        time.sleep(0.05)
    if process := _STARTED.pop(running.pid, None):
        _end(process, seconds)
    return True


def _end(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Wait for a server's process, and make it end when it does not by itself."""
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _ask(url: str, token: str, method: str, page: str, query: Mapping[str, str]) -> Any:
    """One control request, past any proxy."""
    target = f"{url}/_rehearsal/{page}"
    if query:
        target += f"?{urllib.parse.urlencode(query)}"
    data, headers = b"" if method == "POST" else None, {"Authorization": authorization(token)}
    request = urllib.request.Request(target, method=method, data=data, headers=headers)  # noqa: S310 loopback only
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            raise ServerFailed(f"{page}: {error.read().decode(errors='replace')}") from None
    except OSError as error:
        raise ServerFailed(f"{page}: {error}") from None


def _keep(path: Path, text: str) -> None:
    """A private file, left alone where it says so already: others may be reading it."""
    if not (path.is_file() and path.read_text(encoding="utf-8") == text):
        write_private(path, text)
