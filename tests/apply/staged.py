"""A service, accounts and a clock that do what a test says, and a stage that is run on them."""

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from runbook_lib.apply import Final, StageReport, Stop, Tick, run_stage
from runbook_lib.apply import journal as journals
from runbook_lib.apply.journal import Journal
from runbook_lib.aws.access import Answer, Counters
from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.base.clock import Clock, FakeClock
from runbook_lib.plan import ACCOUNT_ID, Action, BackOut, Condition, ForEach, Reference, Step, Wait
from runbook_lib.plan.outcome import Outcome, Progress, Verdict

T = TypeVar("T")
ACCOUNTS = tuple(f"1000000000{number:02d}" for number in range(1, 51))
A, B, C = ACCOUNTS[:3]


class Killed(BaseException):
    """What no `except Exception` catches."""


def failure(code: str, status: int = 400, *, sent: bool = True) -> CallFailed:
    return CallFailed(
        code, f"{code} for x@example.com", service="s", operation="o", account="a", region="r", status=status, sent=sent
    )


Effect = Callable[[tuple[str, ...]], Any]


@dataclass
class FakeAccess:
    """Calls are functions of their targets, by operation; they return accounts that AWS handed back, or raise."""

    effects: dict[str, Effect] = field(default_factory=dict)
    concurrency: int = 4
    seconds: float = 0.0
    refuse: Callable[[str, str], float] | None = None
    """Seconds for which an operation in a Region may not be called."""
    counters: Counters = field(default_factory=Counters)
    calls: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    overlaps: Counter[str] = field(default_factory=Counter)
    inside: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, service: str, operation: str, account: str, region: str) -> float:
        return self.refuse(operation, region) if self.refuse else 0.0

    def mutate(
        self, service: str, operation: str, account: str, region: str, parameters: dict[str, Any], on_send: Callable[[str], None]
    ) -> Answer:
        on_send(f"invocation-{len(self.calls)}")
        targets = tuple(parameters.get("Accounts", ()))
        with self.lock:
            self.calls.append((operation, targets))
            self.inside[operation] += 1
            self.overlaps[operation] = max(self.overlaps[operation], self.inside[operation])
        try:
            time.sleep(self.seconds)
            effect = self.effects.get(operation)
            bad = (effect(targets) if effect else None) or {}
        finally:
            with self.lock:
                self.inside[operation] -= 1
        return Answer({"Bad": bad}, "request", "date", 200, "invocation")

    def read(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> dict[str, Any]:
        raise AssertionError("nothing is read here")

    def pages(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        raise AssertionError("nothing is read here")

    def parallel(self, jobs: Iterable[Callable[[], T]]) -> list[T]:
        return [job() for job in jobs]

    def reaches(self, account: str) -> bool:
        return True


class FakeService:
    """Judges by {"Bad": {account: verdict}} and by error code; `truth` says what `check` sees."""

    name = "madeup"

    def __init__(self) -> None:
        self.truth: Callable[[Step], Progress] = lambda step: Progress(frozenset(), {})
        self.by_code: dict[str, Verdict] = {"Throttled": Verdict.RETRY, "InternalError": Verdict.CONFIRM}
        self.judgement: Callable[[Action, list[Outcome]], list[Outcome]] = lambda action, outcomes: outcomes
        self.checked = 0

    def judge(self, action: Action, answer: Mapping[str, Any] | CallFailed) -> Iterable[Outcome]:
        targets = action.targets or ("",)
        if isinstance(answer, CallFailed):
            verdict = self.by_code.get(answer.code, Verdict.FAILED)
            return [Outcome(target, verdict, answer.code, answer.message) for target in targets]
        bad = answer["Bad"]
        outcomes = [Outcome(t, bad[t], "Unprocessed", "why") if t in bad else Outcome(t, Verdict.APPLIED) for t in targets]
        return self.judgement(action, outcomes)

    def check(self, step: Step, reader: Reader) -> Progress:
        self.checked += 1
        return self.truth(step)

    def resolve(self, reference: Reference, reader: Reader) -> str:
        if reference.account == B:
            raise failure("AccessDenied", 403)
        return f"value of {reference.kind}"


def act(operation: str = "Create", targets: Sequence[str] = (), after: Sequence[Step] = (), lane: str = "", **more: Any) -> Action:
    parameters = more.pop("parameters", {"Accounts": ForEach(ACCOUNT_ID)} if targets else {})
    return Action(
        service="madeup", operation=operation, account="222222222222", region=more.pop("region", "us-east-1"),
        parameters=parameters, reason="", affects=frozenset(targets),
        before="", becomes="", back_out=BackOut("none"), stage=more.pop("stage", "delegated"), targets=tuple(targets),
        after=tuple(step.id for step in after), lane=lane,
    )  # fmt: skip


def wait(targets: Sequence[str] = (), after: Sequence[Step] = (), deadline: int = 300) -> Wait:
    return Wait(
        "madeup", "List", "222222222222", "us-east-1", Condition("there"), "members to be there", deadline, "delegated",
        tuple(targets), tuple(step.id for step in after),
    )  # fmt: skip


@dataclass
class Bench:
    """One stage's surroundings."""

    path: Path
    access: FakeAccess = field(default_factory=FakeAccess)
    service: Any = field(default_factory=FakeService)
    clock: Clock = field(default_factory=FakeClock)
    stop: Stop = field(default_factory=Stop)
    ticks: list[Tick] = field(default_factory=list)
    resolve: Callable[[Reference], str] | None = None
    ending: Callable[[], None] | None = None
    permit: Callable[[], None] = lambda: None

    def run(self, *steps: Step, not_after: dt.datetime | None = None) -> StageReport:
        with Journal(self.path, "run") as journal:
            return run_stage(
                steps, "delegated", service=self.service, access=self.access, permit=self.permit, journal=journal,
                stop=self.stop, progress=self.ticks.append, clock=self.clock, not_after=not_after, resolve=self.resolve,
                ending=self.ending,
            )  # fmt: skip

    @property
    def lines(self) -> list[dict[str, Any]]:
        return journals.read(self.path)

    def sent(self, operation: str = "Create") -> list[tuple[str, ...]]:
        return [targets for name, targets in self.access.calls if name == operation]


def finals(report: StageReport, step: Step) -> dict[str, Final]:
    return {result.account: result.final for each in report.steps if each.step is step for result in each.results}


def once(effect: Any) -> Effect:
    """An effect for the first call only."""
    left = [effect]

    def happens(targets: tuple[str, ...]) -> Any:
        if not left:
            return {}
        found = left.pop()
        if isinstance(found, BaseException):
            raise found
        return found

    return happens


def there(*accounts: str) -> Callable[[Step], Progress]:
    return lambda step: Progress(frozenset(accounts) & frozenset(step.targets or ("",)), {})
