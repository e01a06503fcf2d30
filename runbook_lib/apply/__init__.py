"""Making the calls of one stage: the only module that does. Order by `after`, one call at a time per lane, the rest side by side.

The calling thread schedules, at AWS's rates; worker threads make one try each, so a Wait, a back-off or an operation that has used
up its rate holds up nobody else. Polls have workers of their own. One
account's failure never stops the others. Stopping starts nothing new, and calls in flight end and are recorded.
"""

import contextlib
import contextvars
import datetime as dt
import heapq
import queue
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter

from runbook_lib.apply.attempts import Calling, Halted, Task, Writer
from runbook_lib.apply.journal import Journal
from runbook_lib.apply.report import AFTER_NEXT_PLAN, Final, Result, StageReport, StepReport, Tick
from runbook_lib.base.clock import Clock, Stop
from runbook_lib.plan import Action, Reference, Step, Wait
from runbook_lib.services.protocol import Service

Entry = tuple[float, int, int]
"""When a task may be tried (monotonic seconds), its turn among those of its rate, and its order."""
Rate = tuple[str, str, str, str]
"""(service, operation, account, Region): what AWS counts calls by."""
LOOK = 0.1
"""Seconds between two looks at `stop` while calls are in flight."""
LAST_CALLS = 5
"""A stage is ending when no more calls are left that were never tried. Designations, one by one, then take about half a second."""


def run_stage(
    plan_steps: Sequence[Step], stage: str, *, service: Service, access: Writer, permit: Callable[[], None], journal: Journal,
    stop: Stop, progress: Callable[[Tick], None], clock: Clock, not_after: dt.datetime | None = None,
    resolve: Callable[[Reference], str] | None = None, ending: Callable[[], None] | None = None,
) -> StageReport:  # fmt: skip
    """Make the steps of one stage and say what became of each target account.

    `plan_steps` is the freshly computed plan: an `after` id that it lacks is done, one of another stage is not. `resolve` gives
    the values of References (default: the service's own). `permit` is called once, right before the first call leaves, and raises
    where none may; then nothing was called. `ending` is called once, when all but the LAST_CALLS have been tried:
    what is left are these, answers, repetitions and Waits. Whatever is not a CallFailed comes out of here, at once and as it is,
    after the calls in flight have ended.
    """
    run = _Run(plan_steps, stage, clock, permit, stop, not_after, ending)
    reference = resolve or (lambda wanted: service.resolve(wanted, access))
    calling = Calling(service, access, journal, clock, reference, run.halted)
    return run.through(calling, progress)


@dataclass
class _Run:
    """The schedule of one stage. Only the calling thread changes it."""

    plan_steps: Sequence[Step]
    stage: str
    clock: Clock
    permit: Callable[[], None] | None
    """None once it was given."""
    stop: Stop
    not_after: dt.datetime | None
    ending: Callable[[], None] | None
    ready: dict[bool, list[Entry]] = field(default_factory=lambda: {True: [], False: []})
    """Polls (True) and calls (False) apart, each a heap of tasks whose predecessors have ended, by when they may be tried."""
    running: dict[int, Task] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    lanes: dict[str, int] = field(default_factory=dict)
    """Lane → order of the task that holds it, from its first try until it is finished."""
    parked: dict[str, list[Entry]] = field(default_factory=dict)
    """Lane → tasks that wait for it."""
    next: dict[Rate, int] = field(default_factory=dict)
    """What has used up its rate → order of the task that comes next."""
    behind: dict[Rate, deque[Entry]] = field(default_factory=dict)
    """The tasks behind that one."""
    failed: int = 0
    sent: int = 0
    dying: BaseException | None = None

    def __post_init__(self) -> None:
        mine = [step for step in self.plan_steps if step.stage == self.stage]
        self.order = [Task(step, number) for number, step in enumerate(mine)]
        self.tasks = {task.step.id: task for task in self.order}
        if len(self.tasks) != len(mine):
            raise ValueError(f"the plan holds the same step twice in stage {self.stage}")
        self.others = {step.id: step for step in self.plan_steps if step.stage != self.stage}
        self.graph = TopologicalSorter(
            {task.step.id: [each for each in task.step.after if each in self.tasks] for task in self.order}
        )
        with contextlib.suppress(CycleError):  # what leads to no circle can be done, and the rest is told
            self.graph.prepare()
        self.unbegun = {task.order for task in self.order if isinstance(task.step, Action)}
        self.turns = _turns(self.order)
        self.jobs: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self.done: queue.SimpleQueue[tuple[Task, BaseException | None]] = queue.SimpleQueue()
        self.began = self.clock.monotonic()

    def halted(self) -> str:
        """Why nothing new may be sent; empty while it may."""
        if self.dying is not None:
            return f"the run broke off: {type(self.dying).__name__}"
        if self.not_after is not None and self.clock.now() >= self.not_after:
            self.stop.request(f"the approval ended at {self.not_after:%Y-%m-%d %H:%M} UTC")
        return self.stop.reason

    # The calling thread.

    def through(self, calling: Calling, progress: Callable[[Tick], None]) -> StageReport:
        """Schedule until every task is finished, then report. Re-raises what broke a worker."""
        size = min(calling.access.concurrency, len(self.order))
        workers = [
            threading.Thread(target=contextvars.copy_context().run, args=(self._work, calling), name=f"apply-{number}")
            for number in range(2 * size)
        ]
        try:
            for worker in workers:
                worker.start()
            self._release()
            while len(self.finished) < len(self.order):
                self._start_ready(calling.access, size)
                self._tell_ending()
                progress(self._tick(calling))
                self._await_one()
        except BaseException as broken:
            self.dying = self.dying or broken
            raise
        finally:
            for _ in workers:
                self.jobs.put(None)
            for worker in workers:
                if worker.ident is not None:
                    worker.join()
        progress(self._tick(calling))
        return self._report()

    def _tell_ending(self) -> None:
        if self.ending is not None and len(self.unbegun) <= LAST_CALLS and not self.halted():
            tell, self.ending = self.ending, None
            tell()

    def _release(self) -> None:
        """Take up tasks whose predecessors have all ended; those left without a target end here, and release others."""
        while ready := self.graph.get_ready():
            for task in (self.tasks[identity] for identity in ready if identity not in self.finished):
                self._narrow(task)
                if task.open:
                    self._put(self._entry(task))
                else:
                    self._end(task)
                    self.graph.done(task.step.id)

    def _end(self, task: Task) -> None:
        """Book a task as finished."""
        self.finished.add(task.step.id)
        self.unbegun.discard(task.order)
        self.failed += sum(result.final is Final.FAILED for result in task.settled.values())
        if (lane := _lane(task)) and self.lanes.get(lane) == task.order:
            del self.lanes[lane]
            for entry in self.parked.pop(lane, ()):
                self._put(entry)

    def _entry(self, task: Task) -> Entry:
        return task.due, self.turns[task.order], task.order

    def _put(self, entry: Entry) -> None:
        heapq.heappush(self.ready[isinstance(self.order[entry[-1]].step, Wait)], entry)

    def _start_ready(self, access: Writer, size: int) -> None:
        """Hand tasks that are due to the workers; one of each lane at a time, each at its rate, the rates in turn.

        In turn, because a Region whose first call waits behind all calls that another one's burst allows would end that much later.
        """
        if reason := self.halted():
            self._abandon(lambda task: task.abandon(reason))
            return
        for polls, ready in self.ready.items():
            room = size - sum(isinstance(task.step, Wait) == polls for task in self.running.values())
            while ready and room and ready[0][0] <= self.clock.monotonic():
                entry = heapq.heappop(ready)
                task = self.order[entry[-1]]
                if self._lane_taken(task, entry) or self._out_of_turn(access, task, entry):
                    continue
                if self.permit is not None and isinstance(task.step, Action):
                    self.permit()
                    self.permit = None
                room -= 1
                self.running[task.order] = task
                self.unbegun.discard(task.order)
                self.jobs.put(task)

    def _lane_taken(self, task: Task, entry: Entry) -> bool:
        """Park a task whose lane another one holds; else it holds the lane from now on."""
        lane = _lane(task)
        if lane and self.lanes.setdefault(lane, task.order) != task.order:
            self.parked.setdefault(lane, []).append(entry)
            return True
        return False

    def _out_of_turn(self, access: Writer, task: Task, entry: Entry) -> bool:
        """Put back a call whose operation has used up its rate: the first until AWS takes it, the others behind it."""
        if isinstance(task.step, Wait):
            return False
        key = _rate(task.step)
        if self.next.get(key, task.order) != task.order:
            self.behind.setdefault(key, deque()).append(entry)
            return True
        if (seconds := access.admit(*key)) > 0:
            self.next[key] = task.order
            self._put((self.clock.monotonic() + seconds, self.turns[task.order], task.order))
            return True
        self.next.pop(key, None)
        if behind := self.behind.get(key):
            self._put(behind.popleft())
        return False

    def _abandon(self, settle: Callable[[Task], None]) -> None:
        """End every task that is not running."""
        for ready in self.ready.values():
            ready.clear()
        self.parked.clear()
        self.next.clear()
        self.behind.clear()
        for task in self.order:
            if task.step.id not in self.finished and task.order not in self.running:
                settle(task)
                self._end(task)

    def _narrow(self, task: Task) -> None:
        """Take away the targets for which something that comes before did not succeed.

        Where both steps have targets a failure counts for its own accounts; without targets the dependent goes on unless all
        failed; a failed step without targets stops everything that depends on it.
        """
        for identity in task.step.after:
            bad, whole, why = self._unmet(identity)
            if whole and ("" in bad or not task.step.targets):
                code = AFTER_NEXT_PLAN if all(each == AFTER_NEXT_PLAN for each in bad.values()) else ""
                task.settle_all(Final.NOT_ATTEMPTED, code, why)
            for target in sorted(task.open & bad.keys()):
                task.settle(target, Final.NOT_ATTEMPTED, bad[target], why)

    def _unmet(self, identity: str) -> tuple[dict[str, str], bool, str]:
        """Targets for which a step that comes before did not succeed, each with its code: AFTER_NEXT_PLAN where nothing has failed.

        And whether that is all of them; and the reason to give.
        """
        if identity in self.tasks:
            step = self.tasks[identity].step
            settled = self.tasks[identity].settled.values()
            bad = {result.account: AFTER_NEXT_PLAN if result.is_later else "" for result in settled if not result.final.good}
            why = f"{_named(step)}, which comes before, did not succeed"
        elif identity in self.others:
            step = self.others[identity]
            bad = dict.fromkeys(step.targets or ("",), AFTER_NEXT_PLAN)
            why = f"{_named(step)}, planned in stage {step.stage}, has not been done"
        else:
            return {}, False, ""
        return bad, bad.keys() == set(step.targets or ("",)), why

    def _await_one(self) -> None:
        """Let one try end, or time pass until the next task is due."""
        waiting = [ready[0][0] for ready in self.ready.values() if ready]
        due = min(waiting) - self.clock.monotonic() if waiting else LOOK
        if self.running:
            try:
                self._take_back(*self.done.get(timeout=min(LOOK, max(due, 0.001))))
            except queue.Empty:
                return
        elif waiting:
            self.clock.sleep(max(due, 0.0), self.stop)
        else:
            why = "the steps that come before it wait for each other in a circle"
            self._abandon(lambda task: task.settle_all(Final.NOT_ATTEMPTED, "", why))

    def _take_back(self, task: Task, broken: BaseException | None) -> None:
        """Book what one try brought."""
        del self.running[task.order]
        self.sent += isinstance(task.step, Action)
        if isinstance(broken, Halted):
            task.abandon(str(broken))
        elif broken is not None:
            raise broken
        if task.open:
            self._put(self._entry(task))
        else:
            self._end(task)
            self.graph.done(task.step.id)
            self._release()

    # The workers.

    def _work(self, calling: Calling) -> None:
        """Make tries until told to end. The end of the main thread ends a worker too, so that no process hangs on it."""
        while threading.main_thread().is_alive():
            try:
                task = self.jobs.get(timeout=1.0)
            except queue.Empty:
                continue
            if task is None:
                return
            try:
                calling.advance(task)
            except BaseException as broken:  # noqa: BLE001 whatever it is goes to the calling thread, which raises it
                if not isinstance(broken, Halted):
                    self.dying = self.dying or broken
                self.done.put((task, broken))
            else:
                self.done.put((task, None))

    # Telling.

    def _tick(self, calling: Calling) -> Tick:
        step = self.running[min(self.running)].step if self.running else None
        passed = self.clock.monotonic() - self.began
        return Tick(
            done=len(self.finished),
            total=len(self.order),
            service=step.service if step else "",
            operation=step.operation if step else "",
            region=step.region if step else "",
            failed=self.failed,
            throttles=calling.access.counters.throttles,
            rate=self.sent / passed if passed > 0 else 0.0,
        )

    def _report(self) -> StageReport:
        steps = (
            StepReport(task.step, tuple(task.settled[target] for target in sorted(task.settled)), task.attempts)
            for task in self.order
        )
        report = StageReport(self.stage, tuple(steps), self.stop.reason)
        # An approval that ended inside the last call stopped the stage too, where that call left something undone.
        return report if report.ok else replace(report, stopped=self.halted())


def _rate(step: Step) -> Rate:
    return step.service, step.operation, step.account, step.region


def _turns(tasks: Sequence[Task]) -> list[int]:
    """How many of the same rate come before each task in the order of the plan."""
    before, turns = Counter[Rate](), list[int]()
    for task in tasks:
        turns.append(before[_rate(task.step)])
        before[_rate(task.step)] += 1
    return turns


def _lane(task: Task) -> str:
    return task.step.lane if isinstance(task.step, Action) else ""


def _named(step: Step) -> str:
    """A step as a reason names it."""
    return f"{step.operation} in {step.region}" if isinstance(step, Action) else f"the wait for {step.waits_for} in {step.region}"


__all__ = ["Final", "Result", "StageReport", "StepReport", "Stop", "Tick", "run_stage"]
