import pytest
import value_samples as samples

from runbook_lib.plan import Condition, Plan, Step, Wait
from runbook_lib.plan.estimate import QUICK_ANSWER, SLOW_ANSWER, estimate, reading, span


def plan_of(*steps: Step) -> Plan:
    return samples.plan(steps=steps)


def calls(
    number: int, region: str = "us-east-1", lane: str = "", stage: str = "delegated", service: str = "nothing known"
) -> list[Step]:
    return [samples.action("Call", {"N": n}, service=service, region=region, lane=lane, stage=stage) for n in range(number)]


def wait(deadline: int, *after: str, condition: str = "there") -> Wait:
    return Wait(
        "guardduty", "Read", samples.DELEGATED, "us-east-1", Condition(condition), "it is there", deadline, "delegated", after=after
    )


def test_nothing_takes_no_time() -> None:
    nothing = estimate(plan_of())
    assert (nothing.calls, nothing.waits, nothing.shortest, nothing.longest) == (0, 0, 0, 0)


def test_a_rate_limit_holds_calls_back_after_its_burst() -> None:
    guess = estimate(plan_of(*calls(110, service="guardduty")), concurrency=1000)
    assert guess.shortest == pytest.approx((110 - 10) / 5)
    assert guess.longest == pytest.approx(110 / 5)


def test_regions_and_accounts_have_their_own_rates() -> None:
    one = estimate(plan_of(*calls(110, service="guardduty")), concurrency=1000)
    two = estimate(plan_of(*calls(110, service="guardduty"), *calls(110, "us-east-2", service="guardduty")), concurrency=1000)
    assert two.shortest == one.shortest
    assert two.calls == 2 * one.calls


def test_calls_of_one_lane_follow_each_other() -> None:
    guess = estimate(plan_of(*calls(10, lane="designation")), concurrency=1000)
    assert guess.shortest == pytest.approx(10 * QUICK_ANSWER)
    assert guess.longest == pytest.approx(10 * SLOW_ANSWER)


def test_concurrency_bounds_how_many_run_at_once() -> None:
    assert estimate(plan_of(*calls(16)), concurrency=8).shortest == pytest.approx(2 * QUICK_ANSWER)


def test_stages_follow_each_other() -> None:
    guess = estimate(plan_of(*calls(8, stage="management"), *calls(8)), concurrency=8)
    assert guess.shortest == pytest.approx(2 * QUICK_ANSWER)


def test_waits_that_follow_each_other_add_up_and_others_do_not() -> None:
    first = wait(300)
    between = samples.action("Call", {}, after=(first.id, "no longer planned"))
    after_first = wait(60, between.id, condition="then")
    guess = estimate(plan_of(after_first, between, first, wait(100, condition="beside")))
    assert guess.longest == pytest.approx(360 + SLOW_ANSWER)
    assert guess.shortest < 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 s"), (0.2, "1 s"), (90, "90 s"), (91, "2 min"), (3540, "59 min"), (3600, "1 h"), (4900, "1 h 22 min")],
)
def test_durations_in_words_are_rounded_up(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_the_range_in_words() -> None:
    assert estimate(plan_of(*calls(1), wait(600))).duration == "1 s to 11 min"
    assert estimate(plan_of()).duration == "1 s"


def test_reads_take_what_the_busiest_account_and_region_need() -> None:
    guess = reading({"account:ListRegions": [1000, 510], "guardduty:ListMembers": [400, 20]}, concurrency=1000, mode="rehearsal")
    assert guess.calls == 1400
    assert guess.shortest == pytest.approx((510 - 10) / 5)
    assert guess.longest == pytest.approx(510 / 5)


def test_many_reads_wait_for_each_other() -> None:
    guess = reading({"s3:GetObject": [800, 1]}, concurrency=8)
    assert guess.shortest == pytest.approx(100 * QUICK_ANSWER)
    assert guess.longest == pytest.approx(100 * SLOW_ANSWER)
    assert reading({}).shortest == 0
