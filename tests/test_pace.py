"""Calls stay below AWS's rates, recover from one throttle at once, and give way to a neighbour who uses a part of them."""

import threading

import pytest

from runbook_lib.aws.call_slots import USUAL, CallSlots
from runbook_lib.aws.pace import Pace
from runbook_lib.base.clock import Clock, FakeClock

KEY = ("222222222222", "us-east-1", "guardduty", "CreateMembers")
UNKNOWN = ("222222222222", "us-east-1", "iam", "GetRole")


def seconds_for(pace: Pace, clock: FakeClock, calls: int, key: tuple[str, str, str, str] = KEY) -> float:
    began = clock.monotonic()
    for _ in range(calls):
        pace.wait(key)
    return clock.monotonic() - began


def test_the_burst_goes_at_once_and_the_rest_at_the_share_of_the_rate() -> None:
    clock = FakeClock()
    pace = Pace(clock, share=0.5)
    assert seconds_for(pace, clock, 5) == 0
    assert seconds_for(pace, clock, 10) == pytest.approx(10 / 2.5)


def test_one_token_of_the_whole_burst_is_left() -> None:
    clock = FakeClock()
    pace = Pace(clock, share=1.0)
    assert seconds_for(pace, clock, 9) == 0
    assert seconds_for(pace, clock, 1) == pytest.approx(1 / 5)


def test_after_one_throttle_the_full_rate_is_back_within_two_seconds() -> None:
    clock = FakeClock()
    pace = Pace(clock, share=1.0)
    seconds_for(pace, clock, 9)
    pace.throttled(KEY)
    assert seconds_for(pace, clock, 1) > 1 / 5
    clock.sleep(2)
    seconds_for(pace, clock, 9)
    assert seconds_for(pace, clock, 10) == pytest.approx(10 / 5)


def test_throttles_of_calls_that_were_under_way_together_count_once() -> None:
    once, often = FakeClock(), FakeClock()
    one, many = Pace(once, share=1.0), Pace(often, share=1.0)
    for pace, clock, throttles in ((one, once, 1), (many, often, 8)):
        seconds_for(pace, clock, 9)
        for _ in range(throttles):
            pace.throttled(KEY)
    assert seconds_for(one, once, 5) == pytest.approx(seconds_for(many, often, 5))


@pytest.mark.parametrize("left", [1.0, 2.5, 4.0])
def test_a_neighbour_who_uses_a_part_of_the_rate_causes_no_storm_and_no_idling(left: float) -> None:
    """AWS takes `left` calls a second of ours: few are refused, and little of it is left unused."""
    clock = FakeClock()
    pace = Pace(clock, share=1.0)
    tokens, filled, taken, refused = 1.0, 0.0, 0, 0
    while clock.monotonic() < 120:
        pace.wait(KEY)
        now = clock.monotonic()
        tokens, filled = min(2.0, tokens + (now - filled) * left), now
        if tokens >= 1:
            tokens, taken = tokens - 1, taken + 1
        else:
            refused += 1
            pace.throttled(KEY)
    assert taken / 120 >= 0.75 * left
    assert refused <= 0.2 * taken


@pytest.mark.fact("UV-13-12")
def test_a_rate_that_nobody_publishes_is_learned_from_the_first_throttle() -> None:
    clock = FakeClock()
    pace = Pace(clock, share=1.0)
    for _ in range(40):
        pace.wait(UNKNOWN)
        clock.sleep(0.05)
    assert clock.monotonic() == pytest.approx(2.0)
    pace.throttled(UNKNOWN)
    slowed = seconds_for(pace, clock, 20, UNKNOWN)
    assert 1.0 < slowed < 4.0
    clock.sleep(60)
    assert seconds_for(pace, clock, 20, UNKNOWN) < slowed


def test_another_region_has_its_own_pace() -> None:
    clock = FakeClock()
    pace = Pace(clock, share=1.0)
    for number in range(30):
        pace.wait(("222222222222", f"region-{number}", "guardduty", "CreateMembers"))
    assert clock.monotonic() == 0


def test_who_waits_for_one_operation_holds_up_no_other() -> None:
    pace = Pace(Clock(), share=1.0)
    for _ in range(9):
        pace.wait(KEY)
    waiting = [threading.Thread(target=pace.wait, args=(KEY,)) for _ in range(3)]
    for each in waiting:
        each.start()
    assert pace.admit(("222222222222", "us-east-2", "guardduty", "CreateMembers")) == 0
    assert any(each.is_alive() for each in waiting)
    for each in waiting:
        each.join()


def test_no_token_is_taken_before_there_is_a_place_for_the_call() -> None:
    clock, places = FakeClock(), CallSlots(0)
    pace = Pace(clock, share=1.0)
    begun = threading.Event()

    def call() -> None:
        with pace.turn(KEY, places, USUAL):
            begun.set()

    waiting = threading.Thread(target=call)
    waiting.start()
    assert [pace.admit(KEY) for _ in range(9)] == [0] * 9, "the burst is still whole"
    assert not begun.is_set()
    clock.sleep(1)
    places.release()
    waiting.join(5)
    assert begun.is_set()
    assert places._free == 1, "the place is free again"


def test_asking_takes_a_token_only_when_there_is_one() -> None:
    clock = FakeClock()
    pace = Pace(clock, share=1.0)
    seconds_for(pace, clock, 9)
    assert [pace.admit(KEY) for _ in range(3)] == [pytest.approx(1 / 5)] * 3
    clock.sleep(0.2)
    assert pace.admit(KEY) == 0
    assert pace.admit(KEY) > 0
