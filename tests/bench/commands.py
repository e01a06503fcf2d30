"""(d) what notebooks cost over the library, and (e) how long it takes from the start to the first coverage table."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness import HERE, HOUR, served

from runbook_lib.rehearsal.environment import without_aws
from runbook_lib.rehearsal.state import write_state

ROOT = HERE.parents[1]


def runbook(*arguments: str, environment: dict[str, str]) -> float:
    """Seconds of one command, from the start of its process to its end; 2 ("something is left") is a good end here."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "runbook_lib", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=HOUR, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 2):
        raise SystemExit(f"runbook {' '.join(arguments)} failed:\n{done.stderr[-3000:]}")
    return time.monotonic() - began


def notebooks(accounts: int) -> dict[str, Any]:
    """The coverage notebook as a command against the same reading by the library in a process of its own."""
    with served(accounts, covered=True) as bench:
        runs = bench.folder / "runs"
        known = runs / "simulated-organization" / "server.json"
        known.parent.mkdir(parents=True)
        write_state(known, {"url": bench.url, "pid": bench.pid, "region": "us-east-1", "token": bench.token})
        began = time.monotonic()
        library = bench.run("cover")
        process = time.monotonic() - began
        command = runbook(
            "coverage", "-p", str(bench.settings), "--format", "json", "--runs", str(runs), environment=bench.environment
        )
    return {"library": library["survey"], "library_process": process, "command": command, "overhead": command - process}


def first_table() -> dict[str, Any]:
    """`runbook simulate`, then `runbook coverage`, as somebody does who has just installed it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as runs:
        environment = without_aws(os.environ) | {"RUNBOOK_RUNS": runs}
        settings = str(ROOT / "parameters" / "rehearsal.yaml")
        try:
            start = runbook("simulate", environment=environment)
            table = runbook("coverage", "-p", settings, environment=environment)
        finally:
            if (Path(runs) / "simulated-organization").exists():
                runbook("simulate", "--stop", environment=environment)
    return {"simulate": start, "coverage": table, "seconds": start + table}
