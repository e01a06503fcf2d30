"""Who gets a place among the calls under way."""

import threading
import time
from collections.abc import Callable

import pytest

from runbook_lib.aws.call_slots import FIRST, LIST, USUAL, CallSlots


def begin(work: Callable[[], None], places: CallSlots, waiting: int) -> threading.Thread:
    """A thread that stands in line, as the `waiting`-th."""
    thread = threading.Thread(target=work)
    thread.start()
    while len(places._waiting) < waiting:
        time.sleep(0.001)
    return thread


def test_the_best_rank_comes_first_and_then_who_waits_longest() -> None:
    places, order = CallSlots(1), list[str]()

    def stand_in_line(name: str, rank: int) -> Callable[[], None]:
        def work() -> None:
            with places.held(rank):
                order.append(name)

        return work

    places.acquire()
    line = [("detail 1", USUAL), ("detail 2", USUAL), ("page 1", LIST), ("accounts", FIRST), ("detail 3", USUAL), ("page 2", LIST)]
    threads = [begin(stand_in_line(*each), places, number) for number, each in enumerate(line, start=1)]
    places.release()
    for thread in threads:
        thread.join()
    assert order == ["accounts", "page 1", "page 2", "detail 1", "detail 2", "detail 3"]


def test_never_more_than_there_are_places() -> None:
    places, inside, most = CallSlots(3), list[int](), list[int]()

    def work() -> None:
        for _ in range(50):
            with places.held():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) <= 3
    assert places._free == 3


@pytest.mark.parametrize("given_just_then", [False, True])
def test_a_place_is_not_lost_with_whoever_is_interrupted_while_waiting(
    monkeypatch: pytest.MonkeyPatch, *, given_just_then: bool
) -> None:
    places = CallSlots(1)
    places.acquire()

    class Interrupted:
        """A lock at whose second acquiring a signal arrives."""

        def __init__(self) -> None:
            self.asked = 0

        def acquire(self) -> None:
            self.asked += 1
            if self.asked == 2:
                if given_just_then:
                    places.release()
                raise KeyboardInterrupt

        def release(self) -> None:
            pass

    with monkeypatch.context() as patch:
        patch.setattr("threading.Lock", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            places.acquire()
    if not given_just_then:
        places.release()
    assert (places._free, places._waiting) == (1, [])
