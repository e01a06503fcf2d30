"""Reading jobs side by side."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from fake_aws import DELEGATED, FakeAws, Make, settings

from runbook_lib.aws.access import AccessRefused
from runbook_lib.aws.errors import CallFailed


def test_results_keep_the_order_of_the_jobs(make: Make) -> None:
    assert make().parallel([partial(pow, number, 2) for number in range(50)]) == [n * n for n in range(50)]


def test_jobs_may_ask_for_jobs_without_a_dead_end(make: Make) -> None:
    access = make()

    def nested(depth: int) -> int:
        return 1 if depth == 0 else sum(access.parallel([lambda: nested(depth - 1)] * 10))

    assert nested(3) == 1000


class Killed(BaseException):
    """What no `except Exception` catches."""


@pytest.mark.parametrize("error", [CallFailed("C", "m", service="s", operation="o", account="a", region="r"), Killed()])
def test_what_a_job_raises_comes_out_as_it_is_and_ends_the_rest(make: Make, error: BaseException) -> None:
    begun: list[int] = []

    def job(number: int) -> None:
        begun.append(number)
        if number == 3:
            raise error
        time.sleep(0.002)

    with pytest.raises(type(error)) as raised:
        make().parallel([partial(job, number) for number in range(200)])
    assert raised.value is error
    assert len(begun) < 200


def test_jobs_begin_while_others_are_still_being_found(make: Make) -> None:
    begun = threading.Event()

    def jobs() -> Iterator[Callable[[], object]]:
        yield begun.set
        assert begun.wait(5), "the first job does not begin before the last one is known"
        yield lambda: 2

    assert make().parallel(jobs()) == [None, 2]


def test_what_finding_jobs_raises_comes_out_after_those_begun_have_ended(make: Make) -> None:
    ended: list[int] = []

    def job() -> None:
        time.sleep(0.05)
        ended.append(1)

    def jobs() -> Iterator[Callable[[], None]]:
        yield job
        time.sleep(0.02)
        raise Killed

    with pytest.raises(Killed):
        make().parallel(jobs())
    assert ended == [1]


def test_a_job_that_was_begun_goes_on_beside_the_caller(make: Make) -> None:
    asked = threading.Event()
    result = make().begin(lambda: asked.wait(5))
    asked.set()
    assert result(), "it has begun before its result was asked for"


def test_with_one_thread_a_job_is_done_when_its_result_is_asked_for(make: Make) -> None:
    done: list[int] = []
    result = make(settings().model_copy(update={"concurrency": 1})).begin(lambda: done.append(1))
    assert not done
    result()
    assert done == [1]


def test_what_a_job_that_was_begun_raises_comes_out_where_its_result_is_asked_for(make: Make) -> None:
    def job() -> None:
        raise Killed

    result = make().begin(job)
    with pytest.raises(Killed):
        result()


def test_no_call_is_made_for_a_run_that_has_ended(make: Make, aws: FakeAws) -> None:
    access, read = make(), threading.Event()

    def job() -> None:
        read.wait(5)
        access.read("guardduty", "ListDetectors", DELEGATED, "us-east-1")

    result = access.begin(job)
    threading.Timer(0.05, read.set).start()
    access.close()
    with pytest.raises(AccessRefused, match="its run has ended"):
        result()
    assert not aws.calls
