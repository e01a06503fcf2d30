"""Simulated operations, case by case."""

import pytest
from operation_cases import Case, cases, differs

from runbook_lib.rehearsal.world import World


@pytest.mark.parametrize("case", list(cases()), ids=lambda each: f"{each.service}: {each.name}")
def test_operations_answer_as_their_cases_say(case: Case, world: World) -> None:
    case.run(world)


@pytest.mark.parametrize(
    ("expected", "found", "difference"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, ""),
        ({"a": None}, {}, ""),
        ({"a": None}, {"a": 1}, "answer.a: None expected, found 1"),
        ({"a": [1]}, {"a": [1, 2]}, "answer.a: [1] expected, found [1, 2]"),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "answer.a[0].b: 1 expected, found 2"),
    ],
)
def test_an_answer_is_compared_as_far_as_it_is_written(expected: object, found: object, difference: str) -> None:
    assert differs(expected, found) == difference
