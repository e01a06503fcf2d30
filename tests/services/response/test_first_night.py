"""The first night: switching on sends nothing of what was there before, however often Security Hub updates it."""

import datetime as dt
import json
from itertools import pairwise
from typing import Any

import pytest
from simulated import Simulated, home
from test_drill import Drilling
from test_response_rehearsed import DELEGATED, PHASE, apply, client, imported, messages, with_response
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


UNTIL = dt.date(2026, 6, 5)


def in_shadow(made: Simulated, until: dt.date = UNTIL, **changes: Any) -> None:
    """Settings in which the topic's people are told of nothing until that day, and the queue of everything."""
    channels = {
        "triage": {"queue": {"make": "runbook-triage"}},
        "people": {"topic": {"make": "runbook-people"}, "shadow_until": until.isoformat()},
    }
    made.settings = with_response(made.settings, **{"channels": channels, **changes})


def heard(made: Simulated) -> list[Any]:
    """What a subscriber of the people's topic has been sent since the last look."""
    sqs, topic = client(made, "sqs"), f"arn:aws:sns:{home(made.front)}:{DELEGATED}:runbook-people"
    url = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    said = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [said]})})
    client(made, "sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return [json.loads(each["Message"]) for each in messages(made, "subscriber")]


def day(made: Simulated, to: dt.date) -> None:
    """It is noon of that day."""
    made.set_clock(dt.datetime.combine(to, dt.time(12), dt.UTC))


def cell_of(made: Simulated, item: str, aspect: str = "channels") -> Any:
    [found] = [each for each in made.phase_cells(PHASE) if (each.aspect, each.item) == (aspect, item)]
    return found


def test_in_shadow_messages_are_kept_and_counted_and_nobody_is_told(made: Simulated) -> None:
    in_shadow(made)
    apply(made)
    assert heard(made) == []
    for number in range(12):
        imported(made, Id=f"f-{number}")
    assert heard(made) == []
    assert len(messages(made)) == 12
    kept = cell_of(made, "people (kept back)")
    assert (kept.status, kept.reason.partition("; ")[2]) == (
        Status.COVERED, "people is in shadow until 2026-06-05, and would have been sent 12 messages so far",
    )  # fmt: skip
    assert made.plan(PHASE).steps == ()
    [one, *_] = messages(made, "runbook-kept-people")
    assert sorted(one) == ["account", "finding", "link", "product", "region", "severity"]


def test_the_end_of_the_shadow_is_a_change_of_its_own_that_no_earlier_approval_covers(made: Simulated) -> None:
    in_shadow(made)
    early, calls = made.plan(PHASE), len(made.mutating())
    day(made, UNTIL + DAY)
    late = made.apply(PHASE, early, made.approve(early))
    assert not late.ok
    assert len(made.mutating()) == calls
    day(made, UNTIL)
    apply(made)
    assert made.plan(PHASE).steps == ()
    heard(made)
    imported(made, Id="before")
    day(made, UNTIL + DAY)
    plan = made.plan(PHASE)
    [action] = plan.actions
    assert (action.operation, [each["Id"] for each in action.parameters["Targets"]]) == ("PutTargets", ["people"])
    assert "people is in shadow no longer" in action.reason
    assert made.apply(PHASE, plan, made.approve(plan)).ok
    imported(made, Id="after")
    assert [each["finding"] for each in heard(made)] == ["after"]
    assert made.plan(PHASE).steps == ()
    assert "1 message of that time in it; left alone" in cell_of(made, "people (kept back)").reason


def test_one_who_is_told_already_goes_into_shadow_only_where_settings_allow_it(made: Simulated) -> None:
    made.settings = with_response(made.settings)
    apply(made)
    in_shadow(made)
    [blocker] = made.plan(PHASE).blockers
    assert "to put it into shadow lowers protection" in blocker.reason


def test_a_drill_finds_its_message_where_it_is_kept(made: Simulated) -> None:
    in_shadow(made, custom_actions={}, routes={"high-findings": {"findings": {"severities": ["HIGH"]}, "to": ["people"]}})
    apply(made)
    found = Drilling(made).through()["delivery high-findings to people"]
    assert (found.status, found.reason) == (
        Status.COVERED,
        "the message is in the queue runbook-kept-people, which keeps it: people is in shadow until 2026-06-05",
    )
