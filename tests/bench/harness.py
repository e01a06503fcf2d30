"""A served organization, and tasks run on it: server and client in processes of their own, over sockets."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import organizations

from runbook_lib.rehearsal.environment import environment

HERE = Path(__file__).parent
LATENCY = 0.05
HOUR = 3600


def busy_seconds() -> float:
    """CPU seconds that all cores of this machine have worked so far, for whomever; 0 where the system does not tell."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _, _, interrupts, soft, *_ = (int(each) for each in fields)
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")


@dataclass
class Bench:
    """One organization being served, and what measures it."""

    folder: Path
    url: str
    pid: int
    token: str
    settings: Path
    environment: dict[str, str]

    def run(self, task: str) -> dict[str, Any]:
        """One task in a client process, with the server's share of the work beside it."""
        before, machine = self.server(), busy_seconds()
        done = subprocess.run(
            [sys.executable, str(HERE / "client.py"), task, str(self.settings), str(self.folder)],
            env=self.environment, capture_output=True, text=True, timeout=HOUR, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{task} failed:\n{done.stderr[-3000:]}")
        after = self.server()
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        for name in ("calls", "mutating", "throttled"):
            found[name] = after[name] - before[name]
        by_server = after["cpu"] - before["cpu"]
        found["server_busy"] = by_server / found["seconds"]
        found["others_busy"] = max(0.0, busy_seconds() - machine - by_server - found["client_cpu"]) / found["seconds"]
        return found

    def server(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/_bench", timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@contextmanager
def served(
    accounts: int, *, covered: bool, concurrency: int = 16, every: bool = False, responding: bool = False
) -> Iterator[Bench]:
    """A server process with an organization of this size, and settings for it: three services, or every one."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        settings = folder / "settings.yaml"
        said = organizations.settings(accounts, concurrency=concurrency, every=every, responding=responding)
        settings.write_text(said, encoding="utf-8")
        (folder / "latency").write_text(str(LATENCY), encoding="utf-8")
        seed = organizations.seed(folder, accounts, covered=covered)
        state = folder / "server.json"
        with (folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    sys.executable, str(HERE / "served.py"), "--seed", str(seed), "--latency", str(LATENCY), "--state", str(state),
                    *(["--moto"] if responding else []),
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
        try:
            while not state.exists():
                if process.poll() is not None:
                    raise SystemExit((folder / "server.log").read_text()[-3000:])
                time.sleep(0.1)
            known = json.loads(state.read_text())
            own = environment(folder, known["url"], organizations.REGIONS[0], os.environ)
            yield Bench(folder, known["url"], process.pid, known["token"], settings, own)
        finally:
            process.terminate()
            process.wait()
