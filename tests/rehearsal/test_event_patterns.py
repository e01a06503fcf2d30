"""The matcher of event patterns against vectors, and what it refuses."""

from pathlib import Path
from typing import Any

import pytest
from tables import table

from runbook_lib.rehearsal.operations.events.filters import PatternError
from runbook_lib.rehearsal.operations.events.pattern import MOST_COMBINATIONS, compiled, matches

CASES = Path(__file__).parents[1] / "cases" / "rehearsal" / "events"
VECTORS = table(CASES / "patterns.yaml")
ENGINE = table(CASES / "event-ruler.yaml")
REFUSED = table(CASES / "refused-patterns.yaml")


@pytest.mark.parametrize("vector", VECTORS, ids=[each["name"] for each in VECTORS])
@pytest.mark.fact("EV-7-04", "EV-7-16")
def test_a_pattern_fits_what_it_should_and_nothing_else(vector: dict[str, Any]) -> None:
    assert [event for event in vector["fits"] if not matches(vector["pattern"], event)] == [], "should fit"
    assert [event for event in vector["not"] if matches(vector["pattern"], event)] == [], "should not fit"


@pytest.mark.parametrize(("about", "pattern", "event", "fits"), ENGINE, ids=[each[0] for each in ENGINE])
def test_it_fits_as_awss_own_engine_does(about: str, pattern: dict[str, Any], event: dict[str, Any], *, fits: bool) -> None:
    assert matches(pattern, event) is fits, about


@pytest.mark.parametrize(("text", "reason"), REFUSED)
@pytest.mark.fact("EV-7-17")
def test_what_is_no_pattern_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(PatternError) as refused:
        compiled(text)
    assert reason in str(refused.value)


def test_alternatives_have_a_limit() -> None:
    pattern = {f"f{number}": {"$or": [{name: [1]} for name in "abcdef"]} for number in range(4)}
    with pytest.raises(PatternError) as refused:
        matches(pattern, {})
    assert str(refused.value) == f"Too many combinations of $or: 1296, at most {MOST_COMBINATIONS}"
