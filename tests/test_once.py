"""What AWS assigned is asked for once, however many want it together; a failure is asked again."""

import threading
import time

import pytest

from runbook_lib.apply.once import Memo
from runbook_lib.plan import Reference

HERE, THERE = (
    Reference("guardduty:detector", "222222222222", "us-east-1"),
    Reference("guardduty:detector", "222222222222", "us-east-2"),
)


def test_many_at_the_same_time_ask_once() -> None:
    asked: list[Reference] = []

    def ask(reference: Reference) -> str:
        asked.append(reference)
        time.sleep(0.02)
        return reference.region

    once = Memo(ask)
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(once(HERE))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ["us-east-1"] * 8
    assert once(THERE) == "us-east-2"
    assert asked == [HERE, THERE]


def test_a_failure_is_not_kept() -> None:
    answers = iter(["", "found"])

    def ask(reference: Reference) -> str:
        if answer := next(answers):
            return answer
        raise LookupError

    once = Memo(ask)
    with pytest.raises(LookupError):
        once(HERE)
    assert [once(HERE), once(HERE)] == ["found", "found"]
