"""Small complete runs and a desk to seal them at, without AWS."""

import datetime as dt
import hashlib
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import value_samples as samples

from runbook_lib.apply.journal import Journal
from runbook_lib.audit.verify import Verified, verify
from runbook_lib.base.clock import FakeClock
from runbook_lib.evidence.people.trust import pinned_trust
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.seal.archive import ASIDE, CHAINS, KEYS
from runbook_lib.evidence.seal.chain import FolderStore
from runbook_lib.evidence.seal.keys import local_signer
from runbook_lib.evidence.seal.reading import Entry
from runbook_lib.evidence.seal.sealing import Desk, seal
from runbook_lib.evidence.seal.secret_scan import Gate
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import Approval
from runbook_lib.plan.outcome import Outcome, Verdict

BEGIN = dt.datetime(2026, 11, 23, 7, 46, 11, tzinfo=dt.UTC)
ORGANIZATION = "o-rehearsal001"
PHASES = ("00_prerequisites", "20_guardduty")


def desk(root: Path, *, key: str = "rehearsal", held: frozenset[str] = frozenset()) -> Desk:
    pins = root / KEYS if key == "rehearsal" else root.with_name("keys-of-another")
    gate = Gate(root / ASIDE, held)
    return Desk(FolderStore(root / CHAINS), local_signer(root / KEYS, key), pins, gate, lambda: BEGIN)


@cache
def ended_process() -> int:
    """The id of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def plan(phase: str, **others: Any) -> Plan:
    return samples.plan(**({"phase": phase, "organization": ORGANIZATION, "mode": "rehearsal"} | others))


def approval(phase: str, **others: Any) -> Approval:
    given: dict[str, Any] = {
        "id": f"approval-{phase}", "mode": "rehearsal", "organization": ORGANIZATION, "phase": phase,
        "fingerprint": plan(phase).fingerprint, "approver": "second person", "ticket": "CHG-1", "not_before": BEGIN,
        "not_after": BEGIN + dt.timedelta(hours=12),
    }  # fmt: skip
    given |= others
    return Approval(**({"plan_sha256": digest(plan(phase, mode=given["mode"], organization=given["organization"]))} | given))


def digest(made: Plan) -> str:
    """The digest of a plan's file."""
    return hashlib.sha256(plan_file.dumps(made).encode()).hexdigest()


def decide(run: RunFolder, phase: str, given: Approval) -> Approval:
    """Leave in a run what deciding on a phase leaves: the plan and its approval."""
    folder = run.phase(phase)
    folder.plan_json.write_text(plan_file.dumps(plan(phase, mode=given.mode, organization=given.organization)))
    given.write(folder.approval)
    return given


def apply_phase(run: RunFolder, phase: str, at: dt.datetime, made: Approval, state: str = "applied") -> None:
    """Leave in a run what applying a phase leaves: files of every sort, one call in the journal, and the approval."""
    folder = run.start_phase(phase, at)
    for name in ("notebook.ipynb", "notebook.html", "plan.md", "coverage-after.csv"):
        (folder.path / name).write_text(f"{name} of {phase} of {run.name}\n")
    (folder.path / "coverage-after.json").write_text(json.dumps({"counts": {}, "run": run.name}))
    approved = plan(phase, mode=made.mode, organization=made.organization)
    folder.plan_json.write_text(plan_file.dumps(approved))
    made.write(folder.approval)
    with Journal(folder.journal, run.name, FakeClock(at)) as journal:
        action = approved.actions[0]
        journal.intent(action, 1, "invocation")
        journal.outcome(action, 1, "invocation", [Outcome(each, Verdict.APPLIED) for each in action.targets or ("",)], status=200)
    ended = RunStatus.DONE if state == "applied" else RunStatus.FAILED
    run.finish_phase(phase, ended, at, {"covered": 3, "gap": 0, "state": state})


def ended_run(root: Path, number: int = 0, *, mode: str = "rehearsal", organization: str = ORGANIZATION) -> RunFolder:
    """A run that applied two phases; its process is gone."""
    begin = BEGIN + dt.timedelta(minutes=number)
    run = RunFolder.create(
        root, mode, begin, settings=b"mode: rehearsal\n", command=["runbook", "rehearse"], organization=organization
    )
    for phase in PHASES:
        fingerprint = plan(phase, mode=mode, organization=organization).fingerprint
        given = {"id": f"{run.name}-{phase}", "mode": mode, "organization": organization, "fingerprint": fingerprint}
        apply_phase(run, phase, begin, approval(phase, **given))
    run.finish(RunStatus.DONE, begin + dt.timedelta(minutes=1))
    of_process(run, ended_process())
    return run


def small_run(root: Path) -> RunFolder:
    """A run that ended before any phase; its process is gone."""
    run = RunFolder.create(root, "rehearsal", BEGIN, settings=b"mode: rehearsal\n", command=[], organization=ORGANIZATION)
    run.finish(RunStatus.DONE, BEGIN)
    of_process(run, ended_process())
    return run


def of_process(run: RunFolder, process: int, **others: Any) -> None:
    run.record_file.write_text(json.dumps(run.record() | {"process": process} | others, indent=1) + "\n")


def sealed_run(root: Path, number: int = 0, **others: Any) -> tuple[RunFolder, Entry]:
    run = ended_run(root, number, **others)
    return run, seal(run, desk(root))


def checked(root: Path, *runs: str, **options: Any) -> Verified:
    return verify(root, pinned_trust(root / KEYS), runs, **options)


def kinds(verified: Verified) -> set[str]:
    return {str(fault.kind) for fault in verified.faults}


def files(root: Path, run: RunFolder) -> list[Path]:
    """Every file that is evidence of a run: all in its folder, and its entry in the chain."""
    return sorted(path for path in run.path.rglob("*") if path.is_file())


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
