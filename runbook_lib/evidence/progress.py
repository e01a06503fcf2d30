"""How far a run has come, told from its folder alone: for whoever looks from another terminal while it works.

Nothing is verified and nothing is written here; a journal's last line may be half written, and is left for the next look.
"""

import datetime as dt
import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.base.errors import RunbookError
from runbook_lib.base.own_files import moment
from runbook_lib.base.text import counted, visible
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder, RunStatus, find_runs
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.estimate import span

FINAL = frozenset({"applied", "already so", "failed"})
"""Verdicts after which a call is not sent again."""


STOPPING = "  Calls in flight end and are recorded, nothing more begins, the run is sealed; the same command goes on from there."


class NothingRuns(RunbookError):
    """There is no run to tell of."""


@dataclass(frozen=True)
class Calls:
    """Mutating calls of one phase, so far."""

    done: int
    planned: int
    failed: int
    first: dt.datetime | None
    last_error: str

    def left(self, now: dt.datetime) -> str:
        """About how long the rest takes at the pace so far; empty where nothing tells."""
        if self.first is None or not 0 < self.done < self.planned:
            return ""
        return f"about {span((now - self.first).total_seconds() / self.done * (self.planned - self.done))} left"


def latest(root: Path) -> RunFolder:
    """The run that is under way, else the newest. Raises NothingRuns."""
    runs = find_runs(root)
    if not runs:
        raise NothingRuns(f"{root}: there is no run yet")
    return next((run for run in reversed(runs) if _status(run) == RunStatus.RUNNING), runs[-1])


def told(run: RunFolder, now: dt.datetime) -> list[str]:
    """The lines that `runbook status` prints. Raises RunFolderError."""
    record, status = run.record(), run.status
    lines = [
        f"{run.name}: {status}{_since(record, now)}",
        f"started as: {' '.join(map(visible, record['command'])) or 'a notebook'}",
    ]
    current = _current(run, record)
    for name, each in sorted(record["phases"].items(), key=lambda item: str(item[1]["started"])):
        lines.append(_phase(run.phase(name), each, now, running=status == RunStatus.RUNNING and name == current))
    lines += [f"error: {visible(record['error'])}"] if record.get("error") else []
    lines += [f"last error: {visible(error)}"] if (error := _last_error(run)) else ["last error: none"]
    return [*lines, *_how_to_stop(record, status)]


def _status(run: RunFolder) -> str:
    try:
        return run.status
    except RunbookError:
        return ""


def _since(record: Mapping[str, Any], now: dt.datetime) -> str:
    started = moment(record["started"])
    if record["finished"]:
        return f", took {span((moment(record['finished']) - started).total_seconds())}"
    return f" for {span(max((now - started).total_seconds(), 0))}"


def _current(run: RunFolder, record: Mapping[str, Any]) -> str:
    """The phase that is worked on: the last that began and has not ended."""
    open_ones = [(each["started"], name) for name, each in record["phases"].items() if each["finished"] is None]
    return max(open_ones, default=("", ""))[1]


def _phase(folder: PhaseFolder, said: Mapping[str, Any], now: dt.datetime, *, running: bool) -> str:
    state = said["results"].get("state", "")
    parts = [f"now, for {span(max((now - moment(said['started'])).total_seconds(), 0))}" if running else said["status"]]
    parts += [state] if state and not running else []
    calls = calls_of(folder)
    if calls.done or (running and folder.journal.exists()):
        parts.append(
            f"{calls.done:,} of {calls.planned:,} calls answered" if calls.planned else f"{counted(calls.done, 'call')} answered"
        )
        parts += [f"{calls.failed:,} failed"] if calls.failed else []
        parts += [left] if running and (left := calls.left(now)) else []
    elif running:
        parts.append("reading" if not folder.plan_json.exists() else "planned; no call yet")
    return f"  {'>' if running else ' '} {folder.name}: {', '.join(parts)}"


def calls_of(folder: PhaseFolder) -> Calls:
    """The calls of a phase that have their final answer, of those in its plan."""
    done, failed, first, error = set[str](), set[str](), None, ""
    for line in _lines(folder.journal):
        if line.get("kind") == "intent" and first is None:
            first = moment(str(line["time"]))
        if line.get("kind") != "outcome":
            continue
        verdicts = {each.get("verdict") for each in line.get("outcomes") or ()}
        if verdicts and verdicts <= FINAL:
            done.add(str(line.get("action")))
        if "failed" in verdicts:
            failed.add(str(line.get("action")))
            error = f"{line.get('time')} {line.get('code') or 'handed back'}: {line.get('message') or _handed_back(line)}"
    return Calls(len(done), max(_planned(folder), len(done)), len(failed), first, error)


def _handed_back(line: Mapping[str, Any]) -> str:
    found = [each for each in line["outcomes"] if each.get("verdict") == "failed"]
    return f"account {found[0].get('account')}: {found[0].get('code')} {found[0].get('message')}"


def _planned(folder: PhaseFolder) -> int:
    try:
        return len(plan_file.load(folder.plan_json).actions)
    except (RunbookError, FileNotFoundError):
        return 0


def _last_error(run: RunFolder) -> str:
    found = [error for phase in run.phases() if (error := calls_of(phase).last_error)]
    logged = [
        f"{line['time']} {line.get('event', '')}" for line in _lines(run.log) if line.get("level") == "error" and "time" in line
    ]
    return max([*found, *logged[-1:]], default="")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The complete lines of a file of JSON lines that may be growing; what is none is passed over: who verifies says so."""
    try:
        with path.open("rb") as file:
            for content in file:
                try:
                    line = json.loads(content) if content.endswith(b"\n") else None
                except ValueError:
                    continue
                if isinstance(line, dict):
                    yield line
    except FileNotFoundError:
        return


def _how_to_stop(record: Mapping[str, Any], status: str) -> list[str]:
    if status == "killed":
        return ["its process is gone: give the same command again, and what was applied is not called again"]
    if status != RunStatus.RUNNING:
        return []
    where = "" if record["host"] == platform.node() else f", on {visible(record['host'])}"
    return [f"to stop{where}: kill -INT {record['process']}", STOPPING]
