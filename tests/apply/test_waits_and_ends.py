"""Waits, stops, deaths in the middle, and how far a stage is."""

import datetime as dt
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from staged import ACCOUNTS, A, B, Bench, Killed, act, failure, finals, once, there, wait

from runbook_lib.apply import LAST_CALLS, Final
from runbook_lib.apply.journal import Journal
from runbook_lib.apply.report import AFTER_NEXT_PLAN, NEXT_PLAN
from runbook_lib.aws.errors import CallFailed
from runbook_lib.base.clock import Clock, FakeClock
from runbook_lib.plan import Step
from runbook_lib.plan.outcome import Progress, Verdict


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


def test_what_takes_a_call_of_the_next_plan_is_not_waited_for_and_has_not_failed(bench: Bench) -> None:
    bench.service.truth = lambda step: Progress(frozenset({A}), {}, later={B: "the next plan resumes it"})
    settle = wait((A, B), deadline=60)
    after, further = act("After", (A, B), after=[settle]), act("Further", (B,), after=[settle])
    report = bench.run(settle, after, further)
    assert bench.clock.monotonic() < 10
    assert (report.ok, report.orderly) == (False, True)
    assert bench.sent("After") == [(A,)]
    assert {result.code for step, result in report.problems if step == settle} == {NEXT_PLAN}
    assert {(result.account, result.code) for step, result in report.problems if step != settle} == {(B, AFTER_NEXT_PLAN)}


def test_what_failed_beside_it_has_failed(bench: Bench) -> None:
    bench.service.truth = lambda step: Progress(frozenset(), {A: "suspended"}, later={B: "the next plan resumes it"})
    settle = wait((A, B), deadline=60)
    report = bench.run(settle, act("After", after=[settle]))
    assert not report.orderly
    assert [result.code for step, result in report.problems if step != settle] == [""]


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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runbook_lib.apply.journal.os.fsync", lambda _: None)
        assert bench.run(*first, *second).ok
    assert time.monotonic() - began < 20


def test_a_stage_is_ending_when_only_the_last_calls_are_left(bench: Bench) -> None:
    begun: list[int] = []
    bench.ending = lambda: begun.append(len(bench.access.calls))
    calls = [act("Designate", region=f"region-{number}", lane="designation") for number in range(20)]
    bench.service.truth = there("")
    assert bench.run(*calls, wait(after=calls)).ok
    assert begun in ([20 - LAST_CALLS - 1], [20 - LAST_CALLS]), "once, while the last call but those is under way or just answered"


def test_a_stage_without_calls_is_ending_at_once(bench: Bench) -> None:
    told: list[int] = []
    bench.ending = lambda: told.append(bench.service.checked)
    polls = iter(range(100))
    bench.service.truth = lambda step: Progress(frozenset({""}) if next(polls) > 3 else frozenset(), {})
    assert bench.run(wait()).ok
    assert told[0] <= 1
    assert len(told) == 1


def test_a_stage_that_is_stopped_is_not_ending(bench: Bench) -> None:
    told: list[str] = []
    bench.ending = lambda: told.append("ending")
    bench.access.effects["Create"] = lambda targets: bench.stop.request("enough")
    assert not bench.run(*(act(targets=(account,), lane="one") for account in ACCOUNTS[:20])).ok
    assert not told
