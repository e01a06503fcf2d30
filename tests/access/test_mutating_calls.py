"""Mutating calls: one attempt, its intent first, and what is known when no answer came."""

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from fake_aws import DELEGATED, URL, Answered, FakeAws, Make, _bytes, create

from runbook_lib.aws.errors import CallFailed


def test_the_intent_comes_before_the_bytes_with_the_invocation_id(aws: FakeAws, make: Make) -> None:
    seen: list[str] = []

    def answer_created(operation: str, request: AWSPreparedRequest) -> Answered:
        seen.append(f"sent {_bytes(request.headers['amz-sdk-invocation-id']).decode()}")
        return 200, {"detectorId": "d1"}

    aws.answer = answer_created
    answer = create(make(), seen)
    assert seen == [answer.invocation_id, f"sent {answer.invocation_id}"]
    assert (answer.data["DetectorId"], answer.request_id, answer.date, answer.status) == ("d1", "request-1", "a date", 200)


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_nothing_leaves_when_the_intent_cannot_be_written(aws: FakeAws, make: Make, error: BaseException) -> None:
    def refuse(_: str) -> None:
        raise error

    access = make()
    with pytest.raises(type(error)):
        access.mutate("guardduty", "CreateDetector", DELEGATED, "us-east-1", {"Enable": True}, refuse)
    assert aws.made("CreateDetector") == 0
    assert "guardduty:CreateDetector" not in access.counters.by_operation()


@pytest.mark.parametrize(
    ("error", "code", "sent"),
    [
        (EndpointConnectionError(endpoint_url=URL), "EndpointConnectionError", False),
        (ReadTimeoutError(endpoint_url=URL), "ReadTimeoutError", True),
        (ConnectionClosedError(endpoint_url=URL), "ConnectionClosedError", True),
    ],
)
def test_a_lost_answer_is_told_from_a_call_that_never_left(
    aws: FakeAws, make: Make, error: Exception, code: str, sent: bool
) -> None:
    def lose(operation: str, request: AWSPreparedRequest) -> Answered:
        raise error

    aws.answer = lose
    with pytest.raises(CallFailed) as failed:
        create(make(), [])
    assert (failed.value.code, failed.value.sent, failed.value.status) == (code, sent, 0)
    assert aws.made("CreateDetector") == 1


def test_an_error_keeps_aws_s_words(aws: FakeAws, make: Make) -> None:
    aws.answer = lambda operation, request: (400, {"__type": "BadRequestException", "message": "because"})
    with pytest.raises(CallFailed) as failed:
        create(make(), [])
    got = failed.value
    assert (got.code, got.message, got.status, got.request_id) == ("BadRequestException", "because", 400, "request-1")
    assert (got.service, got.operation, got.account, got.region) == ("guardduty", "CreateDetector", DELEGATED, "us-east-1")
