"""Applying a stage: order, lanes, batches with bad accounts, retries, lost answers, stopping and dying, with a made-up service."""

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest

from runbook_lib import journal as journals
from runbook_lib.access import Answer, Counters
from runbook_lib.apply import Final, StageReport, Stop, Tick, run_stage
from runbook_lib.clock import Clock, FakeClock
from runbook_lib.journal import Journal
from runbook_lib.plan import ACCOUNT_ID, EACH, Action, BackOut, ForEach, Reference, Step, Wait
from runbook_lib.services import CallFailed, Outcome, Progress, Reader, Verdict

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
        "madeup", "List", "222222222222", "us-east-1", "there", "members to be there", deadline, "delegated",
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

    def run(self, *steps: Step, not_after: dt.datetime | None = None) -> StageReport:
        with Journal(self.path, "run") as journal:
            return run_stage(
                steps, "delegated", service=self.service, access=self.access, journal=journal, stop=self.stop,
                progress=self.ticks.append, clock=self.clock, not_after=not_after, resolve=self.resolve,
            )  # fmt: skip

    @property
    def lines(self) -> list[dict[str, Any]]:
        return journals.read(self.path)

    def sent(self, operation: str = "Create") -> list[tuple[str, ...]]:
        return [targets for name, targets in self.access.calls if name == operation]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    before = threading.active_count()
    yield Bench(tmp_path / "journal.jsonl")
    assert threading.active_count() == before, "a worker was left behind"


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


# Batches


@pytest.mark.parametrize("bad", [ACCOUNTS[24:25], ACCOUNTS], ids=["one of 50", "all 50"])
def test_bad_accounts_fail_alone_and_the_rest_goes_on(bench: Bench, bad: tuple[str, ...]) -> None:
    bench.access.effects["Create"] = lambda targets: dict.fromkeys(bad, Verdict.FAILED)
    create = act(targets=ACCOUNTS)
    update = act("Update", ACCOUNTS, after=[create])
    report = bench.run(create, update)
    good = [account for account in ACCOUNTS if account not in bad]
    assert finals(report, create) == {**dict.fromkeys(good, Final.APPLIED), **dict.fromkeys(bad, Final.FAILED)}
    assert finals(report, update) == {**dict.fromkeys(good, Final.APPLIED), **dict.fromkeys(bad, Final.NOT_ATTEMPTED)}
    assert bench.sent("Update") == ([tuple(good)] if good else [])
    assert not report.ok
    assert sum(report.counts.values()) == 100


@pytest.mark.parametrize(
    "judgement",
    [
        lambda action, outcomes: outcomes[1:],
        lambda action, outcomes: [*outcomes, outcomes[0]],
        lambda action, outcomes: [*outcomes, Outcome("999999999999", Verdict.APPLIED)],
    ],
    ids=["missing", "double", "foreign"],
)
def test_an_incomplete_judgement_is_a_failure_that_names_the_service(bench: Bench, judgement: Any) -> None:
    bench.service.judgement = judgement
    report = bench.run(act(targets=(A, B)))
    problems = [result for _, result in report.problems]
    assert A in {result.account for result in problems}
    assert all(result.code == "Misjudged" and "madeup" in result.message for result in problems)


# Order and lanes


def test_steps_run_in_the_order_of_after(bench: Bench) -> None:
    first = act("One")
    second = act("Two", after=[first])
    third = act("Three", after=[second])
    report = bench.run(third, second, first)
    assert [operation for operation, _ in bench.access.calls] == ["One", "Two", "Three"]
    assert report.ok
    assert [each.step for each in report.steps] == [third, second, first]


def test_an_id_that_is_not_in_the_plan_counts_as_done_and_one_of_another_stage_does_not(bench: Bench) -> None:
    elsewhere = act("Prepare", stage="prepare")
    free, bound = act("Free", after=[act("Gone")]), act("Bound", after=[elsewhere])
    report = bench.run(elsewhere, free, bound)
    assert [operation for operation, _ in bench.access.calls] == ["Free"]
    assert finals(report, bound) == {"": Final.NOT_ATTEMPTED}
    assert "Prepare in us-east-1, planned in stage prepare" in report.problems[0][1].message


def test_steps_of_one_lane_never_overlap_and_others_do(bench: Bench) -> None:
    bench.access.seconds, bench.clock = 0.01, Clock()
    serial = [act("Designate", region=f"us-east-{number}", lane="designation") for number in range(8)]
    free = [act("Read", region=f"us-east-{number}") for number in range(8)]
    assert bench.run(*serial, *free).ok
    assert bench.access.overlaps["Designate"] == 1
    assert bench.access.overlaps["Read"] > 1


def test_a_lane_is_held_while_a_call_is_put_off(bench: Bench) -> None:
    bench.access.effects["One"] = once(failure("Throttled"))
    assert bench.run(act("One", lane="l"), act("Two", lane="l")).ok
    assert [operation for operation, _ in bench.access.calls] == ["One", "One", "Two"]


def test_a_circle_is_not_attempted_instead_of_waiting_for_ever(bench: Bench) -> None:
    one = act("One")
    two = act("Two", after=[one])
    report = bench.run(replace(one, after=(two.id,)), two)
    assert report.counts == {Final.NOT_ATTEMPTED: 2}
    assert "circle" in report.problems[0][1].message


def test_the_same_step_twice_is_refused(bench: Bench) -> None:
    with pytest.raises(ValueError, match="twice"):
        bench.run(act("One"), act("One"))


# Failure flows along `after`


@pytest.mark.parametrize(
    ("first", "bad", "second", "made"),
    [
        ((), ("",), (A, B), {A: False, B: False}),
        ((), ("",), (), {"": False}),
        ((A, B), (A,), (), {"": True}),
        ((A, B), (A, B), (), {"": False}),
        ((A, B), (A,), (A, B, C), {A: False, B: True, C: True}),
        ((A, B), (A, B), (C,), {C: True}),
    ],
)
def test_a_failure_counts_for_the_accounts_it_happened_to(
    bench: Bench, first: Sequence[str], bad: Sequence[str], second: Sequence[str], made: dict[str, bool]
) -> None:
    one = act("One", first)
    two = act("Two", second, after=[one])
    bench.access.effects["One"] = lambda targets: dict.fromkeys(bad, Verdict.FAILED)
    report = bench.run(one, two)
    assert {account: final is Final.APPLIED for account, final in finals(report, two).items()} == made


# Retry


def test_only_what_was_put_off_is_sent_again_each_attempt_with_its_own_intent(bench: Bench) -> None:
    bench.access.effects["Create"] = once({B: Verdict.RETRY})
    report = bench.run(act(targets=(A, B, C)))
    assert bench.sent() == [(A, B, C), (B,)]
    assert report.counts == {Final.APPLIED: 3}
    assert [(line["kind"], line["attempt"]) for line in bench.lines] == [
        ("intent", 1),
        ("outcome", 1),
        ("intent", 2),
        ("outcome", 2),
    ]
    assert bench.lines[2]["target_accounts"] == [B]
    assert bench.lines[2]["unit"] == bench.lines[0]["unit"]


def test_retries_end_with_the_last_reason(bench: Bench) -> None:
    bench.access.effects["Create"] = lambda targets: (_ for _ in ()).throw(failure("Throttled"))
    report = bench.run(act(targets=(A,)))
    assert 5 < len(bench.sent()) <= 20
    (_, result) = report.problems[0]
    assert (result.final, result.code) == (Final.FAILED, "Throttled")
    assert "gave up after" in result.message
    assert "@" not in result.message


def test_expired_credentials_are_no_failure(bench: Bench) -> None:
    bench.access.effects["Create"] = once(failure("ExpiredTokenException"))
    assert bench.run(act(targets=(A,))).ok
    assert len(bench.sent()) == 2


def test_a_back_off_holds_up_nobody(bench: Bench) -> None:
    bench.access.concurrency = 1
    bench.access.effects["One"] = once(failure("Throttled"))
    assert bench.run(act("One"), act("Two"), act("Three")).ok
    assert [operation for operation, _ in bench.access.calls] == ["One", "Two", "Three", "One"]


# Lost answers


def there(*accounts: str) -> Callable[[Step], Progress]:
    return lambda step: Progress(frozenset(accounts) & frozenset(step.targets or ("",)), {})


def test_after_a_lost_answer_the_effect_is_read_before_anything_is_sent_again(bench: Bench) -> None:
    bench.access.effects["Create"] = once(failure("ReadTimeoutError", 0))
    bench.service.truth = there(A)
    report = bench.run(act(targets=(A, B)))
    assert bench.sent() == [(A, B), (B,)]
    assert report.counts == {Final.APPLIED: 2}
    assert bench.lines[1]["code"] == "ReadTimeoutError"
    assert {each["verdict"] for each in bench.lines[1]["outcomes"]} == {"confirm"}


def test_an_effect_that_cannot_be_read_is_not_sent_again(bench: Bench) -> None:
    def unreadable(step: Step) -> Progress:
        raise failure("AccessDenied", 403)

    bench.access.effects["Create"] = once(failure("ConnectionClosedError", 0))
    bench.service.truth = unreadable
    report = bench.run(act(targets=(A,)))
    assert len(bench.sent()) == 1
    assert [result.code for _, result in report.problems] == ["AccessDenied"]


def test_already_so_by_somebody_else_is_told_from_our_own_lost_attempt(bench: Bench) -> None:
    bench.access.effects["Create"] = lambda targets: {A: Verdict.CONFIRM}
    bench.access.effects["Other"] = once(failure("InternalError", 500))
    bench.service.truth = there(A)
    theirs, ours = act(targets=(A,)), act("Other", (A,))
    report = bench.run(theirs, ours)
    assert finals(report, theirs) == {A: Final.ALREADY_SO}
    assert finals(report, ours) == {A: Final.APPLIED}


def test_an_effect_refused_for_good_fails(bench: Bench) -> None:
    bench.access.effects["Create"] = lambda targets: {A: Verdict.CONFIRM}
    bench.service.truth = lambda step: Progress(frozenset(), {A: "member of another administrator"})
    report = bench.run(act(targets=(A,)))
    assert report.problems[0][1].message == "member of another administrator"
    assert len(bench.sent()) == 1


# References


def test_a_reference_that_cannot_be_read_holds_back_its_own_account_only(bench: Bench) -> None:
    parameters = {"Accounts": ForEach(ACCOUNT_ID), "Emails": ForEach(Reference("email", EACH))}
    create = act(targets=(A, B, C), parameters=parameters)
    report = bench.run(create)
    assert bench.sent() == [(A, C)]
    assert finals(report, create) == {A: Final.APPLIED, B: Final.FAILED, C: Final.APPLIED}


def test_given_values_come_before_the_service_s_own(bench: Bench) -> None:
    bench.resolve = lambda reference: f"{reference.account}@example.com"
    parameters = {"Accounts": ForEach(Reference("account-email", EACH))}
    assert bench.run(act(targets=(A, B), parameters=parameters)).ok
    assert bench.sent() == [(f"{A}@example.com", f"{B}@example.com")]
    assert "@" not in bench.path.read_text()


# Waits


def test_a_wait_polls_with_growing_pauses_until_all_are_there(bench: Bench) -> None:
    pauses: list[float] = []
    bench.clock = FakeClock(hook=pauses.append)
    polls = iter(range(100))
    bench.service.truth = lambda step: Progress(frozenset(step.targets) if next(polls) > 8 else frozenset(), {})
    settle = wait((A,))
    report = bench.run(settle, act("After", (A,), after=[settle]))
    assert report.ok
    assert all(one < other for one, other in pairwise(pauses[:7]))
    assert max(pauses) <= 15 * 1.1


def test_a_wait_ends_at_its_deadline_for_those_that_are_not_there(bench: Bench) -> None:
    bench.service.truth = there(A)
    settle = wait((A, B), deadline=60)
    after = act("After", (A, B), after=[settle])
    report = bench.run(settle, after)
    assert finals(report, settle) == {A: Final.APPLIED, B: Final.FAILED}
    assert bench.sent("After") == [(A,)]
    assert "not so after 60 s: members to be there" in report.problems[0][1].message
    assert 60 <= bench.clock.monotonic() < 61


def test_a_wait_outlives_reads_that_fail_and_holds_up_no_worker(bench: Bench) -> None:
    bench.access.concurrency = 1
    answers: Iterator[CallFailed | Progress] = iter(
        [failure("Throttled"), Progress(frozenset(), {}), Progress(frozenset({""}), {})]
    )

    def truth(step: Step) -> Progress:
        answer = next(answers)
        if isinstance(answer, CallFailed):
            raise answer
        return answer

    bench.service.truth = truth
    settle = wait()
    assert bench.run(settle, act("Meanwhile"), act("After", after=[settle])).ok
    assert [operation for operation, _ in bench.access.calls] == ["Meanwhile", "After"]


# Stopping


def test_a_stop_ends_what_is_in_flight_and_starts_nothing(bench: Bench) -> None:
    bench.access.concurrency = 1
    bench.access.effects["One"] = lambda targets: bench.stop.request("operator stopped")
    one, two = act("One"), act("Two")
    report = bench.run(one, two)
    assert (finals(report, one), finals(report, two)) == ({"": Final.APPLIED}, {"": Final.NOT_ATTEMPTED})
    assert report.stopped == "operator stopped"
    assert [line["kind"] for line in bench.lines] == ["intent", "outcome"]


def test_the_end_of_the_approval_stops_the_stage(bench: Bench) -> None:
    settle = wait(deadline=3600)
    report = bench.run(settle, act("After", after=[settle]), not_after=bench.clock.now() + dt.timedelta(seconds=40))
    assert "the approval ended" in report.stopped
    assert bench.access.calls == []
    assert bench.clock.monotonic() < 60


def test_what_was_put_off_when_the_run_stopped_has_failed_so_far(bench: Bench) -> None:
    def throttled(targets: tuple[str, ...]) -> None:
        bench.stop.request("operator stopped")
        raise failure("Throttled")

    bench.access.effects["Create"] = throttled
    report = bench.run(act(targets=(A,)))
    assert [(result.final, result.code) for _, result in report.problems] == [(Final.FAILED, "Throttled")]


# Dying


@pytest.mark.parametrize("death", [Killed, RuntimeError, KeyboardInterrupt])
def test_what_breaks_a_call_comes_out_at_once_and_leaves_the_intent(bench: Bench, death: type[BaseException]) -> None:
    bench.access.effects["Two"] = once(death("broke"))
    first = act("One")
    second = act("Two", after=[first])
    others = [act("Late", region=f"us-east-{number}", after=[first, second]) for number in range(20)]
    with pytest.raises(death):
        bench.run(first, second, *others)
    assert [operation for operation, _ in bench.access.calls] == ["One", "Two"]
    assert [line["kind"] for line in bench.lines] == ["intent", "outcome", "intent"]


def test_after_a_death_no_other_worker_sends_anything(bench: Bench) -> None:
    bench.clock, bench.access.seconds = Clock(), 0.01
    calls: list[int] = []

    def third_kills(targets: tuple[str, ...]) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Killed

    bench.access.effects["Create"] = third_kills
    with pytest.raises(Killed):
        bench.run(*[act(region=f"us-east-{number}") for number in range(40)])
    in_flight = bench.access.concurrency
    assert len(bench.access.calls) <= 3 + in_flight
    assert len([line for line in bench.lines if line["kind"] == "intent"]) == len(bench.access.calls)


def test_a_broken_journal_lets_no_call_out(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Journal, "intent", full)
    with pytest.raises(OSError, match="disk full"):
        bench.run(act("One"), act("Two"))
    assert bench.access.calls == []


# Progress


def test_progress_counts_up_to_the_total(bench: Bench) -> None:
    bench.access.effects["Two"] = lambda targets: {"": Verdict.FAILED}
    bench.run(act("One"), act("Two"), act("Three", stage="members"))
    assert (bench.ticks[0].done, bench.ticks[0].total) == (0, 2)
    assert (bench.ticks[-1].done, bench.ticks[-1].failed) == (2, 1)
    assert any(tick.operation in ("One", "Two") for tick in bench.ticks)


def test_thousands_of_steps_are_scheduled_quickly(bench: Bench) -> None:
    first = [act("One", region=f"region-{number}") for number in range(1000)]
    second = [act("Two", region=f"region-{number}", after=[first[number]]) for number in range(1000)]
    began = time.monotonic()
    bench.path = Path("/dev/null")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runbook_lib.journal.os.fsync", lambda _: None)
        assert bench.run(*first, *second).ok
    assert time.monotonic() - began < 20


# Rates


def test_an_operation_that_has_used_up_its_rate_holds_up_no_other(bench: Bench) -> None:
    """The first Region's calls may go only one a second; the second Region's are all made meanwhile."""
    bench.access.concurrency = 1
    due: dict[str, float] = {}

    def refuse(operation: str, region: str) -> float:
        now = bench.clock.monotonic()
        left = due.get(region, 0.0) - now
        if left <= 0 and region == "us-east-1":
            due[region] = now + 1.0
        return max(left, 0.0)

    bench.access.refuse = refuse
    slow = [act(targets=(f"{number:012}",)) for number in range(1, 5)]
    quick = [act(targets=(f"{number:012}",), region="us-east-2") for number in range(11, 15)]
    report = bench.run(*slow, *quick)
    assert report.ok
    assert [targets[0] for _, targets in bench.access.calls] == [f"{number:012}" for number in (1, 11, 12, 13, 14, 2, 3, 4)]
    assert bench.clock.monotonic() == pytest.approx(3.0)


def test_calls_behind_a_used_up_rate_are_abandoned_when_the_run_stops(bench: Bench) -> None:
    bench.access.refuse = lambda operation, region: 1.0
    bench.clock = FakeClock(hook=lambda seconds: bench.stop.request("enough"))
    report = bench.run(*[act(targets=(f"{number:012}",)) for number in range(1, 5)])
    assert bench.access.calls == []
    assert {result.final for step in report.steps for result in step.results} == {Final.NOT_ATTEMPTED}
