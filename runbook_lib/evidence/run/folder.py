"""The run folder: everything one run leaves, below one name, with the truth about how it ended.

    runs/20261123T074611Z-rehearsal-7f3a/
        run.json  settings.yaml  settings.workflows/  log.jsonl
        10_security_hub/  notebook.ipynb  notebook.html  plan.json  plan.md  plan.html  change.html  approval.json  journal.jsonl
                          coverage-before.csv|json|html  coverage-after.csv|json|html

A run is never continued: a restart is a new run that `resumes` the old one. Files appear whole or not at all. Several processes
(the command, one kernel per notebook) may write into one run; changes of run.json are made one after the other.
"""

import datetime as dt
import fcntl
import json
import os
import platform
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from runbook_lib.base.errors import RunbookError
from runbook_lib.base.files import sync_folder, write_bytes, write_text
from runbook_lib.base.identity import SystemUser, system_user
from runbook_lib.base.own_files import FileBroken, data_of, fitting, json_of, moment
from runbook_lib.base.owner_only import private_folder, tighten
from runbook_lib.base.privacy import masked, masked_data
from runbook_lib.evidence.run.called import CALLS, JOURNAL, called
from runbook_lib.evidence.run.contents import ATTACHED
from runbook_lib.evidence.run.record import FORMAT, MOST, RECORD
from runbook_lib.evidence.run.versions import versions

NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-(rehearsal|live)-[0-9a-f]{4}")
_ATTEMPTS = 100
_NUMBERS, _FIRST, _APART = 0x10000, 0xC000, 64
"""Of the last part of a name: how many there are, among which the first of a second is, and how far the next one lies at most."""
WORKFLOWS = "settings.workflows"
"""The folder of a run's register: as beside any settings file, which is how one that reads a run's settings finds it."""
NO_PHASES = frozenset({ATTACHED, WORKFLOWS})
BESIDE = frozenset({"chain", "keys", "withheld", "simulated-organization"})
"""Folders beside the runs that are nobody else's business."""
ELSEWHERE, HERE = dt.timedelta(days=1), dt.timedelta(days=14)
"""After so long nobody believes that a run is still running: on another machine, where its folder may be a copy; and here, where
its process lives, but no approval lasts longer."""


class RunFolderError(RunbookError):
    """The run folder cannot be made, read or changed as asked; the message names the folder."""

    advice = "Name a run that runbook run list shows; in a notebook, leave run_folder empty to begin a new one."


class RunStatus(StrEnum):
    """How far a run, or one phase of it, has come. All but RUNNING are final."""

    RUNNING = "running"
    DONE = "done"
    LEFT_OVER = "left-over"
    FAILED = "failed"
    STOPPED = "stopped"


EXIT_CODES: Mapping[RunStatus, int] = {RunStatus.DONE: 0, RunStatus.LEFT_OVER: 2, RunStatus.FAILED: 1, RunStatus.STOPPED: 1}


@dataclass(frozen=True)
class PhaseFolder:
    """The files of one phase of a run. A phase that is executed twice (to plan, to apply) keeps both executed copies."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    def notebook(self, kind: Literal["", "plan"] = "") -> Path:
        """The executed notebook; `kind` "plan" for the earlier execution that only made the plan."""
        return self.path / (f"notebook-{kind}.ipynb" if kind else "notebook.ipynb")

    def notebook_html(self, kind: Literal["", "plan"] = "") -> Path:
        return self.notebook(kind).with_suffix(".html")

    @property
    def plan_json(self) -> Path:
        return self.path / "plan.json"

    @property
    def plan_document(self) -> Path:
        return self.path / "plan.md"

    @property
    def approval(self) -> Path:
        return self.path / "approval.json"

    @property
    def journal(self) -> Path:
        return self.path / JOURNAL

    def coverage(self, which: Literal["before", "after"], ending: Literal["csv", "json", "html"]) -> Path:
        return self.path / f"coverage-{which}.{ending}"


@dataclass(frozen=True)
class RunFolder:
    """One run's folder. Make it with `create`, or with `open` where it is there already."""

    path: Path

    @classmethod
    def create(
        cls,
        root: Path,
        mode: str,
        now: dt.datetime,
        *,
        settings: bytes,
        command: Sequence[str],
        organization: str = "",
        callers: Mapping[str, str] | None = None,
        resumes: str = "",
        workflows: Mapping[str, bytes] | None = None,
    ) -> "RunFolder":
        """Make a new folder with run.json (status running) and the settings as given.

        `callers`: account id → caller ARN. `workflows`: the register beside the settings, name of a file → its content.
        """
        if mode not in {"rehearsal", "live"}:
            raise RunFolderError(f"{root}: the mode of a run is rehearsal or live, not {mode!r}")
        run = cls(_new_folder(root, f"{now.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}-{mode}"))
        write_bytes(run.settings, settings)
        if workflows:
            private_folder(run.workflows)
        for name, data in (workflows or {}).items():
            write_bytes(run.workflows / name, data)
        record = {
            "format": FORMAT, "run": run.name, "mode": mode, "organization": organization, "status": RunStatus.RUNNING.value,
            "started": _stamp(now), "finished": None, "exit_code": None, "resumes": resumes or None, "error": None,
            "command": [masked(word) for word in command], "callers": dict(sorted((callers or {}).items())), "versions": versions(),
            "host": platform.node(), "process": os.getpid(), "user": asdict(system_user()), "results": {}, "phases": {},
        }  # fmt: skip
        write_text(run.record_file, _json(record))
        sync_folder(root)
        return run

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """An existing run folder; refuses one without a readable run.json of its own."""
        run = cls(path.resolve())
        if (said := run.record().get("run")) != run.name:
            raise RunFolderError(f"{path}: run.json is of the run {said!r}; a run folder keeps its name")
        return run

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def made(self) -> dt.datetime | None:
        """When the folder was made, by its name; None where the name is not one that a run gets."""
        try:
            return dt.datetime.strptime(self.name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
        except ValueError:
            return None

    @property
    def record_file(self) -> Path:
        return self.path / "run.json"

    @property
    def settings(self) -> Path:
        return self.path / "settings.yaml"

    @property
    def workflows(self) -> Path:
        """The register of workflows as it was, beside the settings as they were; not there where there was none."""
        return self.path / WORKFLOWS

    @property
    def log(self) -> Path:
        return self.path / "log.jsonl"

    def record(self) -> dict[str, Any]:
        """What run.json says now. Raises RunFolderError for one that is not as a run writes it."""
        try:
            data: dict[str, Any] = json_of(data_of(self.record_file, MOST))
            fitting(RECORD, data)
        except FileNotFoundError:
            raise RunFolderError(f"{self.path}: is not a run folder: it has no run.json") from None
        except FileBroken as broken:
            raise RunFolderError(f"{self.path}: run.json cannot be judged: {broken}") from None
        return data

    @property
    def status(self) -> str:
        """The status for people: a run that says "running" while its process is gone was killed."""
        record = self.record()
        if record["status"] == RunStatus.RUNNING and record["host"] == platform.node() and not _alive(record["process"]):
            return "killed"
        return str(record["status"])

    @property
    def user(self) -> SystemUser | None:
        """Who made this run, by the account database; None for runs from before that was recorded. Raises RunFolderError."""
        said = self.record().get("user")
        return SystemUser.read(said) if said is not None else None

    @property
    def ending(self) -> bool:
        """Whether the process that made this run, on this machine, is still there, so that it may be sealing it."""
        record = self.record()
        return bool(record["host"] == platform.node() and _alive(record["process"]))

    def under_way(self, now: dt.datetime) -> str:
        """Why this run cannot be under way at a moment; "" where it may be: running, or about to be sealed by its own process.

        Raises RunFolderError where run.json does not tell.
        """
        record, here = self.record(), self.ending
        if not here and self.status != RunStatus.RUNNING:
            return self.status
        since, longest = moment(record["started"]), HERE if here else ELSEWHERE
        if abs(now - since) <= longest:
            return ""
        where = "this machine" if here else record["host"]
        return f"it says that it is running on {where} since {record['started']}, and has no end"

    def phase(self, name: str) -> PhaseFolder:
        """The folder of one phase, made when it is not there yet."""
        if not re.fullmatch(r"[0-9a-z_]+", name):
            raise RunFolderError(f"{self.path}: {name!r} is not the name of a phase")
        folder = self.path / name
        private_folder(folder)
        return PhaseFolder(folder)

    def phases(self) -> list[PhaseFolder]:
        """The phase folders that are there, in order."""
        return [PhaseFolder(path) for path in sorted(self.path.iterdir()) if path.is_dir() and path.name not in NO_PHASES]

    def start_phase(self, name: str, now: dt.datetime) -> PhaseFolder:
        """Record that a phase began. A second execution of the same phase keeps the first start, and none of its results.

        So what one execution found is never taken for how a later one ended, which may be cut off.
        """
        folder = self.phase(name)
        with self._changing() as record:
            begun = record["phases"].setdefault(name, {"started": _stamp(now)})
            begun.update(status=RunStatus.RUNNING.value, finished=None, results={})
        return folder

    def finish_phase(self, name: str, status: RunStatus, now: dt.datetime, results: Mapping[str, Any] | None = None) -> None:
        """Record how a phase ended, with counts. How many calls were made is taken from its journal, whatever the counts say."""
        _final(status, self.path)
        with self._changing() as record:
            if name not in record["phases"]:
                raise RunFolderError(f"{self.path}: the phase {name} ended without having started")
            record["phases"][name].update(status=status.value, finished=_stamp(now))
            found = called(self.path / name / JOURNAL)
            calls = {name: found[name] for name in (CALLS,) if name in found}
            record["phases"][name]["results"].update({**found, **(results or {}), **calls})

    def add_callers(self, callers: Mapping[str, str]) -> None:
        """Record account id → ARN of the identity that acts there."""
        with self._changing() as record:
            record["callers"] = dict(sorted({**record["callers"], **callers}.items()))

    def add_endpoints(self, used: Mapping[str, Mapping[str, Iterable[str]]]) -> None:
        """Record service → host → the Regions in which a client called it; {region} in a host stands for each of them.

        A run that has ended takes them too, until it is sealed: where the key and the store are is known when it is.
        """
        if not used:
            return
        with self._changing(ended=True) as record:
            known = record.setdefault("endpoints", {})
            for service, hosts in used.items():
                for host, regions in hosts.items():
                    before = known.setdefault(service, {}).get(host, [])
                    known[service][host] = sorted({*before, *regions})

    def resume(self, earlier: str) -> None:
        """Record the earlier run that this one goes on from; "" for none, and the first said stays."""
        if earlier:
            with self._changing() as record:
                record["resumes"] = record["resumes"] or earlier

    def finish(self, status: RunStatus, now: dt.datetime, results: Mapping[str, Any] | None = None, error: str = "") -> int:
        """Record how the run ended and return its exit code. A phase still running is recorded as stopped, never as done."""
        _final(status, self.path)
        with self._changing() as record:
            open_ = {name: phase for name, phase in record["phases"].items() if phase["status"] == RunStatus.RUNNING}
            if open_ and status in {RunStatus.DONE, RunStatus.LEFT_OVER}:
                raise RunFolderError(f"{self.path}: a run whose phase has not ended cannot be {status.value}")
            for name, phase in open_.items():
                phase.update(status=RunStatus.STOPPED.value, finished=_stamp(now))
                phase["results"].update({"state": RunStatus.STOPPED.value, **called(self.path / name / JOURNAL)})
            record["results"].update(results or {})
            record.update(status=status.value, finished=_stamp(now), exit_code=EXIT_CODES[status], error=masked(error) or None)
        return EXIT_CODES[status]

    @contextmanager
    def _changing(self, *, ended: bool = False) -> Iterator[dict[str, Any]]:
        """Read, change and write run.json, alone among all processes; refuses to change a run that has ended, unless `ended`."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            record = self.record()
            if record["status"] != RunStatus.RUNNING and not ended:
                raise RunFolderError(f"{self.path}: the run has ended ({record['status']}); start a new one that resumes it")
            yield record
            write_text(self.record_file, _json(record))
        finally:
            os.close(folder)


def find_runs(root: Path) -> list[RunFolder]:
    """The run folders below a root, oldest first; folders of other names are none."""
    listed = sorted(root.iterdir()) if root.is_dir() else []
    return [RunFolder(path) for path in listed if NAME.fullmatch(path.name) and path.is_dir()]


def _new_folder(root: Path, start: str) -> Path:
    """A folder that nobody had before. Of two runs of one second in one place, the later one's name sorts after the other's.

    At random among the first three quarters, for another machine may begin a run in the same second, then a short way on.
    """
    private_folder(root)
    _tighten(root)
    for _ in range(_ATTEMPTS):
        taken = [int(path.name[-4:], 16) for path in root.glob(f"{start}-*") if NAME.fullmatch(path.name)]
        number = max(taken) + 1 + secrets.randbelow(_APART) if taken else secrets.randbelow(_FIRST)
        if number >= _NUMBERS:
            number = secrets.randbelow(_NUMBERS)
        path = root.resolve() / f"{start}-{number:04x}"
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return path
    raise RunFolderError(f"{root}: no free name for a run was found in {_ATTEMPTS} attempts")


def _tighten(root: Path) -> None:
    """Make what earlier versions left for everybody to read its owner's alone; the folder of runs itself may be anybody's."""
    for path in root.iterdir():
        if NAME.fullmatch(path.name) or path.name in BESIDE:
            tighten(path)


def _final(status: RunStatus, path: Path) -> None:
    if status is RunStatus.RUNNING:
        raise RunFolderError(f"{path}: a run or phase cannot end as running")


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _stamp(now: dt.datetime) -> str:
    return now.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _json(record: Mapping[str, Any]) -> str:
    """The record as a file: masked whole, so that it is never withheld, without which a run cannot even be listed."""
    return json.dumps(masked_data(record), indent=1) + "\n"
