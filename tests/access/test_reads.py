"""Reads: repeated within limits, page by page, one client per Region."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest
from fake_aws import (
    DELEGATED,
    MANAGEMENT,
    Answered,
    FakeAws,
    Make,
    _bytes,
    detectors,
)

from runbook_lib.aws.errors import CallFailed
from runbook_lib.base.clock import FakeClock


def test_a_read_is_repeated_when_throttled_and_counted(aws: FakeAws, make: Make) -> None:
    answers = iter([(500, {"__type": "InternalServerErrorException"}), (429, {"__type": "TooManyRequestsException"}), (200, {})])
    aws.answer = lambda operation, request: next(answers)
    access = make()
    assert detectors(access) == {}
    assert access.counters.by_operation()["guardduty:ListDetectors"] == [3]
    assert (access.counters.throttles, access.counters.retries) == (1, 2)


@pytest.mark.parametrize(
    ("status", "code", "attempts"),
    [(429, "TooManyRequestsException", 20), (500, "InternalServerErrorException", 5), (403, "AccessDeniedException", 1)],
)
def test_repeating_a_read_has_an_end(aws: FakeAws, make: Make, status: int, code: str, attempts: int) -> None:
    aws.answer = lambda operation, request: (status, {"__type": code, "message": "m"})
    clock = FakeClock()
    with pytest.raises(CallFailed, match=code):
        detectors(make(clock=clock))
    assert aws.made("ListDetectors") == attempts
    assert (clock.monotonic() > 0) is (attempts > 1)


def test_a_shared_client_does_not_run_out_of_repetitions(aws: FakeAws, make: Make) -> None:
    answers = iter([(429, {"__type": "TooManyRequestsException"}), (200, {})] * 150)
    aws.answer = lambda operation, request: next(answers)
    access = make()
    for _ in range(150):
        assert detectors(access) == {}


def pages_of(answers: list[dict[str, Any]], asked: list[str]) -> Callable[[str, AWSPreparedRequest], Answered]:
    left = iter(answers)

    def answer(operation: str, request: AWSPreparedRequest) -> Answered:
        asked.append(request.url.partition("?")[2] or _bytes(request.body).decode())
        return 200, next(left)

    return answer


def test_all_pages_are_read_the_largest_that_the_model_allows_and_empty_ones_are_not_the_end(aws: FakeAws, make: Make) -> None:
    asked: list[str] = []
    aws.answer = pages_of(
        [{"Accounts": [{"Id": "1"}], "NextToken": "t1"}, {"Accounts": [], "NextToken": "t2"}, {"Accounts": [{"Id": "2"}]}], asked
    )
    access = make()
    pages = list(access.pages("organizations", "ListAccounts", MANAGEMENT, "us-east-1"))
    assert len(pages) == 3
    assert [json.loads(each) for each in asked] == [
        {"MaxResults": 20}, {"MaxResults": 20, "NextToken": "t1"}, {"MaxResults": 20, "NextToken": "t2"},
    ]  # fmt: skip


def test_an_operation_without_a_paginator_is_paged_by_its_model(aws: FakeAws, make: Make) -> None:
    asked: list[str] = []
    aws.answer = pages_of([{"nextToken": "t1"}, {}], asked)
    operation = "DescribeOrganizationConfiguration"
    assert len(list(make().pages("guardduty", operation, DELEGATED, "us-east-1", DetectorId="d" * 32))) == 2
    assert "nextToken=t1" in asked[1]
    assert "maxResults=50" in asked[0]


def test_a_token_that_comes_twice_is_an_error(aws: FakeAws, make: Make) -> None:
    aws.answer = lambda operation, request: (200, {"Accounts": [], "NextToken": "same"})
    with pytest.raises(CallFailed) as failed:
        list(make().pages("organizations", "ListAccounts", MANAGEMENT, "us-east-1"))
    assert failed.value.code == "RepeatedPageToken"
    assert aws.made("ListAccounts") == 2


def test_credentials_renewed_between_two_pages(aws: FakeAws, make: Make) -> None:
    aws.answer = pages_of([{"NextToken": "t1"}, {}], [])
    reading = make().pages("organizations", "ListAccounts", MANAGEMENT, "us-east-1")
    next(reading)
    aws.expire_all()
    assert next(reading) == {}


def test_a_client_is_made_for_each_region(aws: FakeAws, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    signed: list[str] = []

    def note_signature(operation: str, request: AWSPreparedRequest) -> Answered:
        signed.append(_bytes(request.headers["Authorization"]).decode())
        return 200, {}

    aws.answer = note_signature
    access = make()
    for region in ("us-east-1", "us-east-2", "us-east-1"):
        detectors(access, region=region)
    assert [each.split("/")[2] for each in signed] == ["us-east-1", "us-east-2", "us-east-1"]
