"""In which order steps are made, what overlaps, and what a failure holds back."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from staged import A, B, Bench, C, act, failure, finals, once, wait

from runbook_lib.apply import Final
from runbook_lib.base.clock import Clock, FakeClock
from runbook_lib.plan import Step
from runbook_lib.plan.outcome import Progress, Verdict


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


def test_every_region_has_its_first_call_before_one_has_all_of_its_own(bench: Bench) -> None:
    """AWS counts each Region's calls apart: a stream that begins late ends late."""
    bench.access.concurrency = 1
    steps = [act(f"Call{region}", targets=[account], region=f"us-east-{region}") for region in range(3) for account in (A, B, C)]
    assert bench.run(*steps).ok
    assert [operation for operation, _ in bench.access.calls] == ["Call0", "Call1", "Call2"] * 3


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


def there(step: Step) -> Progress:
    return Progress(frozenset(step.targets or ("",)), {})


def test_leave_is_asked_once_before_the_first_call_and_not_for_waiting(bench: Bench) -> None:
    first = wait()
    asked: list[tuple[int, int]] = []
    bench.permit = lambda: asked.append((bench.service.checked, len(bench.access.calls)))
    bench.service.truth = there
    assert bench.run(first, act("One", after=[first]), act("Two", after=[first]), act("Three", after=[first])).ok
    assert asked == [(1, 0)]
    assert bench.run(wait()).ok
    assert asked == [(1, 0)], "a stage that only waits calls nothing"


def test_without_leave_nothing_is_called(bench: Bench) -> None:
    def refuse() -> None:
        raise PermissionError("revoked")

    bench.permit = refuse
    bench.service.truth = there
    first = wait()
    with pytest.raises(PermissionError, match="revoked"):
        bench.run(first, act("One", after=[first]), act("Two"))
    assert bench.access.calls == []
    assert bench.lines == []
