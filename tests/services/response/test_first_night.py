"""The first night: switching on sends nothing of what was there before, however often Security Hub updates it."""

import datetime as dt
import json
from itertools import pairwise
from typing import Any

import pytest
from simulated import Simulated
from test_drill import Drilling
from test_response_rehearsed import PHASE, apply, imported, messages, with_response
from test_response_rehearsed import made as made  # noqa: PLC0414 the fixture, by its own name

from runbook_lib.coverage import Status
from runbook_lib.services.response.names import LONGEST_PATTERN
from runbook_lib.services.response.patterns import narrower, of_findings, since, written
from runbook_lib.settings.response import FindingFilter

DAY = dt.timedelta(days=1)


def since_day(day: str) -> dict[str, Any]:
    """Routes with one for findings since that day."""
    findings = {"severities": ["HIGH", "CRITICAL"], "created_after": day}
    return {"high-findings": {"findings": findings, "to": ["triage"]}}


@pytest.mark.parametrize("day", ["2026-01-01", "2026-11-29", "2026-12-31", "2029-09-30", "2024-02-29", "2099-12-31"])
def test_beginnings_say_what_a_comparison_of_times_would(day: str) -> None:
    from_then = dt.date.fromisoformat(day)
    begins = since(from_then)
    for days in range(-800, 800):
        other = from_then + days * DAY
        if other.year < 2100:
            assert f"{other}T12:00:00Z".startswith(begins) is (other >= from_then), other


def test_it_leaves_room_in_a_pattern() -> None:
    sizes = []
    for number in range(0, 36_500, 7):
        asked = FindingFilter(created_after=dt.date(2000, 1, 1) + number * DAY)
        sizes.append(len(written(of_findings(asked, None))))
    assert max(sizes) < LONGEST_PATTERN / 2


def test_an_earlier_day_widens_and_a_later_one_narrows() -> None:
    days = [dt.date(2026, 1, 1) + each * DAY for each in range(0, 700, 13)]
    patterns = [of_findings(FindingFilter(created_after=each), None) for each in days]
    for one, other in pairwise(patterns):
        assert not narrower(one, other)
        assert narrower(other, one)
    everything = of_findings(FindingFilter(), None)
    assert narrower(patterns[0], everything)
    assert not narrower(everything, patterns[0])


def test_what_was_there_before_sends_nothing_and_what_comes_does(made: Simulated) -> None:
    made.settings = with_response(made.settings, routes=since_day("2026-03-01"), custom_actions={})
    apply(made)
    for number in range(20):
        imported(made, Id=f"old-{number}", CreatedAt="2026-02-28T23:59:59Z", UpdatedAt="2026-05-01T00:00:00Z")
    imported(made, Id="new", CreatedAt="2026-03-01T00:00:00.000Z", UpdatedAt="2026-05-01T00:00:00Z")
    assert [each["finding"] for each in messages(made)] == ["new"]
    assert made.plan(PHASE).steps == ()
    seen = Drilling(made).through()
    assert seen["delivery high-findings to triage"].status is Status.COVERED, json.dumps(seen["route high-findings"].reason)


def test_a_later_day_is_planned_only_where_settings_allow_it_and_an_earlier_one_always(made: Simulated) -> None:
    made.settings = with_response(made.settings, routes=since_day("2026-03-01"), custom_actions={})
    apply(made)
    made.settings = with_response(made.settings, routes=since_day("2026-04-01"), custom_actions={})
    [blocker] = made.plan(PHASE).blockers
    assert "lowers protection" in blocker.reason
    made.settings = with_response(made.settings, routes=since_day("2026-02-01"), custom_actions={})
    assert [each.operation for each in made.plan(PHASE).actions] == ["PutRule"]
