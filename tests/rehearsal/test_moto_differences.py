"""The list of moto's own tests that cannot pass here, and the rule that judges a run of them (`make moto-suite` makes the run)."""

from collections import Counter

import pytest
from fact_list import sections
from moto_suite import differences, expected, judged


def test_every_difference_has_a_reason_and_names_statements_that_there_are() -> None:
    known = {fact.id for each in sections() for fact in each.facts}
    listed = differences()
    assert [each.tests for each in listed if len(each.reason) < 20 or not each.tests] == []
    assert {fact for each in listed for fact in each.facts} - known == set()
    assert [test for test, count in Counter(test for each in listed for test in each.tests).items() if count > 1] == []


@pytest.mark.parametrize(
    ("plain", "ours", "listed", "wrong"),
    [
        ("passed", "passed", False, []),
        ("passed", "failed", True, []),
        ("passed", "failed", False, ["differs and is not listed: a"]),
        ("passed", "passed", True, ["listed, but does not differ: a"]),
        ("failed", "failed", False, []),
        ("failed", "failed", True, ["listed, but does not differ: a"]),
        ("skipped", "skipped", False, []),
    ],
)
def test_a_run_is_judged(plain: str, ours: str, listed: bool, wrong: list[str]) -> None:
    assert judged({"a": plain}, {"a": ours}, {"a": "why"} if listed else {}) == wrong


def test_a_difference_from_one_version_is_expected_of_that_version_only() -> None:
    (old,) = (each for each in differences() if each.versions == ("5.1.22",))
    assert set(expected("5.1.22")) - set(expected("5.2.5")) == set(old.tests)
    assert set(expected("5.2.5")) < set(expected("5.1.22"))
