"""The function that works: one slice of one order is one run of one phase, asked to stop before the function's time is over.

The next slice goes on from the runs that the bucket has of this execution, a killed one's included. What is there already is called
by no slice again: each observes before it plans.
"""

import datetime as dt
import hashlib
import json
import logging
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from runbook_lib.apply.report import Final, Tick
from runbook_lib.audit.ending import sealing
from runbook_lib.base.clock import Stop
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.privacy import masked
from runbook_lib.base.project import ROOT_VARIABLE, VARIABLE
from runbook_lib.coverage import Cell, Gap, Status, count
from runbook_lib.evidence.run.called import CALLS, called
from runbook_lib.evidence.run.contents import SEAL
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.store.start import open_run
from runbook_lib.phase_run import PhaseRun
from runbook_lib.phase_run.halt import Halt
from runbook_lib.phase_run.opening import begin, opened
from runbook_lib.phase_run.record import plainly
from runbook_lib.plan.approval import read_approval
from runbook_lib.settings.file import load
from runbook_lib.stack.accept import running, stop_key
from runbook_lib.stack.answer import FAILED, SUCCESS
from runbook_lib.stack.orders import APPROVAL, SETTINGS, BadOrder, fetch
from runbook_lib.stack.replica import Replica, earlier_runs, progress_key
from runbook_lib.stack.surroundings import Surroundings

LOG = logging.getLogger(__name__)
SLICE_OVER = "slice over"
MARGIN = 90.0
"""Seconds before the function's end at which a slice begins to end; a tenth of its time where that is less."""
LOOK = 5.0
"""Seconds between two looks at whether somebody asks to stop."""
PLACE = "runbook"
"""Below the one folder that a function may write into."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """What the state machine calls: one slice. How it ended is what it returns; what it raises, it could not record."""
    return Slice(Surroundings(), event, context.get_remaining_time_in_millis() / 1000, Path(tempfile.gettempdir()) / PLACE).result()


@dataclass
class Slice:
    """One slice: what the machine hands on, and how many seconds there are."""

    around: Surroundings
    event: Mapping[str, Any]
    seconds: float
    place: Path
    now: Callable[[], dt.datetime] = field(default=lambda: dt.datetime.now(dt.UTC))

    @property
    def execution(self) -> str:
        return str(self.event["execution"])

    @property
    def runs(self) -> Path:
        return self.place / "runs"

    def result(self) -> dict[str, Any]:
        """Work, unless it is too late, somebody asked to stop, or another execution still works on this resource."""
        if self._left() <= 0:
            waited = (self.event.get("result") or {}).get("waiting")
            why = f"waited for another run: {waited}" if waited else "CloudFormation waits an hour at most"
            return self._ended(FAILED, f"timed out: {why}; nothing was undone, deploy again to go on")
        if self._asked_to_stop():
            return self._ended(FAILED, "stopped: another operation of the stack took over; nothing was undone")
        if [name for name in running(self.around, str(self.event["resource"])) if name != self.execution]:
            return {"ended": False, "slice": self.event.get("slice", 0)}
        try:
            return self._worked()
        except (Halt, RunbookError, BadOrder, ClientError) as error:
            return self._ended(FAILED, f"{'refused' if isinstance(error, BadOrder) else 'failed'}: {error}")

    def _left(self) -> float:
        return (dt.datetime.fromisoformat(str(self.event["until"])) - self.now()).total_seconds()

    def _asked_to_stop(self) -> bool:
        try:
            self.around.client("s3").head_object(Bucket=self.around.bucket, Key=stop_key(self.execution))
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in (403, 404):
                return False  # without the right to list, S3 says of what is not there that it is forbidden
            raise
        return True

    def _ended(self, status: str, reason: str, data: Mapping[str, object] | None = None) -> dict[str, Any]:
        return {"ended": True, "status": status, "reason": masked(reason), "data": dict(data or {})}

    def _worked(self) -> dict[str, Any]:
        s3, bucket, project = self.around.client("s3"), self.around.bucket, self.place / "project"
        self.runs.mkdir(parents=True, exist_ok=True)
        order = fetch(str(self.event["order"]), lambda key: s3.get_object(Bucket=bucket, Key=key)["Body"].read(), project)
        os.environ.update({ROOT_VARIABLE: str(project), VARIABLE: str(self.runs)})
        before = earlier_runs(s3, bucket, self.execution, self.runs)
        for run in before:
            self._end_killed(run)
        if other := open_run(self.runs, load(project / SETTINGS, self.now().date())):
            LOG.info("waiting: %s", other)
            return {"ended": False, "slice": self.event.get("slice", 0), "waiting": masked(other)}
        resumes = before[-1].name if before else ""
        record = begin(order.phase, project / SETTINGS, order.scope, str(project / APPROVAL), "", resumes)
        replica = Replica(s3, bucket, self.execution, record.run)
        replica.begin()
        record.replica = partial(replica.lines, record.folder.name)
        stop = Stop()
        with self._watching(stop):
            try:
                if [run for run in before if run.record()["status"] in (RunStatus.DONE, RunStatus.LEFT_OVER)]:
                    return self._looked_again(opened(record))
                return self._carried_out(opened(record), stop)
            except Halt as halted:
                return self._ended(FAILED, f"{record.state}: {halted}", self._facts(record.run))
            finally:
                replica.keep()

    def _end_killed(self, run: RunFolder) -> None:
        """A run that has not ended was killed: only one slice of an execution runs at a time. It is sealed as what it is."""
        if run.record()["status"] == RunStatus.RUNNING:
            run.finish(RunStatus.STOPPED, self.now(), error="the function that made it was ended")
        if not (run.path / SEAL).exists():
            for line in sealing(run, load(run.settings, self.now().date(), kept=True), os.environ):
                LOG.info("%s: %s", run.name, line)
            Replica(self.around.client("s3"), self.around.bucket, self.execution, run).keep()

    def _looked_again(self, run: PhaseRun) -> dict[str, Any]:
        """A slice before this one came to its end, and was ended before it could say so: what there is now is the answer.

        Its approval is used up, so nothing is called under it a second time.
        """
        with plainly(run.record, "observed"):
            run.observe()
        with plainly(run.record, "planned"):
            run.plan()
        with plainly(run.record):
            run.leave()
            code = run.finish()
        status, word, reason = verdict(run, code)
        if run.planned is not None and run.planned.actions:
            why = f"{len(run.planned.actions)} more to call since; deploy again"
            status, word, reason = FAILED, "left over", f"left over: {why}; run {run.record.run.name}; nothing was undone"
        return self._ended(status, reason, self._facts(run.record.run, run, word))

    def _carried_out(self, run: PhaseRun, stop: Stop) -> dict[str, Any]:
        with plainly(run.record, "observed"):
            run.observe()
        with plainly(run.record, "planned"):
            run.plan()
        with plainly(run.record, "decided"):
            decision = run.take_given()
        with plainly(run.record, "applied"):
            run.apply(decision, stop, self._telling(run))
        with plainly(run.record, "verified"):
            run.verify()
        with plainly(run.record):
            code = run.finish()
        if stop.reason == SLICE_OVER and run.record.state == "stopped" and self._left() > 0:
            return {"ended": False, "slice": int(self.event.get("slice", 0)) + 1}
        status, word, reason = verdict(run, code)
        return self._ended(status, reason, self._facts(run.record.run, run, word))

    def _telling(self, run: PhaseRun) -> Callable[[Tick], None]:
        """Says how far it is, every few seconds, where whoever follows the stack looks; a failure to say so fails nothing."""
        said = 0.0

        def tell(tick: Tick) -> None:
            nonlocal said
            if time.monotonic() - said < LOOK:
                return
            said = time.monotonic()
            about = {"phase": run.record.folder.name, "run": run.record.run.name, "done": tick.done, "total": tick.total,
                     "failed": tick.failed, "now": f"{tick.service}:{tick.operation} in {tick.region}"}  # fmt: skip
            try:
                self.around.client("s3").put_object(
                    Bucket=self.around.bucket, Key=progress_key(self.around.stack), Body=json.dumps(about).encode()
                )
            except (ClientError, BotoCoreError) as error:
                LOG.warning("how far it is could not be said: %s", type(error).__name__)

        return tell

    def _facts(self, folder: RunFolder, run: PhaseRun | None = None, word: str = "failed") -> dict[str, object]:
        seal = folder.path / SEAL
        facts: dict[str, object] = {
            "Status": word,
            "Run": folder.name,
            "Evidence": f"s3://{self.around.bucket}/runs/{folder.name}/",
            "SealDigest": hashlib.sha256(seal.read_bytes()).hexdigest() if seal.exists() else "",
        }
        if run is None:
            return facts
        counted = count(cell for cell in run.cells if cell.in_scope)
        share = "" if counted.coverage is None else f"{100 * counted.coverage:.1f} %"
        approval = run.decision.approval if run.decision else read_approval(self.place / "project" / APPROVAL)
        numbers = {"Coverage": share, "Covered": counted.covered, "Gaps": counted.gap, "Unknown": counted.unknown}
        return {**facts, **numbers, "Calls": called(run.record.folder.journal).get(CALLS, 0), "Fingerprint": approval.fingerprint}

    @contextmanager
    def _watching(self, stop: Stop) -> Iterator[None]:
        """While the block runs: asks to stop when the time of the slice or of the request is nearly over, or somebody asks."""
        over, done = self.seconds - min(MARGIN, self.seconds / 10), threading.Event()

        def watch() -> None:
            waited = 0.0
            while not done.wait(min(LOOK, max(over - waited, 0.01))):
                waited += LOOK
                if waited >= over or self._left() <= 0:
                    stop.request(SLICE_OVER if self._left() > 0 else "the hour that CloudFormation waits is nearly over")
                    return
                try:
                    asked = self._asked_to_stop()
                except (ClientError, BotoCoreError):
                    continue  # looked at again in a moment, and before the next slice
                if asked:
                    stop.request("another operation of the stack took over")
                    return

        watcher = threading.Thread(target=watch, name="watching", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


def verdict(run: PhaseRun, code: int) -> tuple[str, str, str]:
    """Status of the answer, the word in its data, and the reason: the stack has succeeded where the phase has, and nowhere else."""
    left = [cell for cell in run.cells if cell.in_scope and cell.status in (Status.GAP, Status.UNKNOWN)]
    blocked = run.planned is not None and run.planned.blockers
    if code == 0:
        return SUCCESS, "done", ""
    if code == 2 and not blocked and all(cell.gap is Gap.IN_PROGRESS for cell in left):
        return SUCCESS, "in progress", ""
    word, why = _first_cause(run, left)
    return FAILED, word, f"{word}: {why}; run {run.record.run.name}; nothing was undone"


def _first_cause(run: PhaseRun, left: Sequence[Cell]) -> tuple[str, str]:
    """What the operator has to look at first: a word, and why."""
    if run.record.error:  # refused, or stopped: whatever is left is left because of that
        return run.record.state, run.record.error
    blockers = run.planned.blockers if run.planned else ()
    if blockers:
        return "blocked", f"{blockers[0].reason}: {blockers[0].next_step} ({len(blockers)} in all)"
    if first := _first_failure(run):
        return "failed", first
    if not left:
        return run.record.state, "not every call succeeded"
    return "left over", f"{left[0].reason} ({left[0].service}, {left[0].region}, {len(left)} in all)"


def _first_failure(run: PhaseRun) -> str:
    """The first call that failed, and why; "" where none did."""
    for _, stage in run.report.stages if run.report else ():
        for done in stage.steps:
            for result in done.results:
                if result.final is Final.FAILED:
                    step = done.step
                    return f"{step.service}:{step.operation} in {step.region}: {result.code}: {result.message}"
    return ""
