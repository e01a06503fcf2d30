"""Access: doors, guards, retries, pages and single attempts, against answers made up on botocore's own before-send event."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from runbook_lib.access import Access, AccessRefused, NoDoor, UnlistedOperation, WrongAccount, WrongEndpoint, credentials, endpoints
from runbook_lib.clock import Clock, FakeClock
from runbook_lib.services import CallFailed
from runbook_lib.settings import Settings

MANAGEMENT, DELEGATED, RUNNER, MEMBER = "111111111111", "222222222222", "333333333333", "444444444444"
URL = "http://127.0.0.1:9"
READS = frozenset({"guardduty:ListDetectors", "guardduty:ListMembers", "guardduty:DescribeOrganizationConfiguration",
                   "organizations:ListAccounts", "iam:ListRoles", "account:ListRegions"})  # fmt: skip
MUTATIONS = frozenset({"guardduty:CreateDetector"})
STS = '<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result>{1}</{0}Result></{0}Response>'
IDENTITY = "<Account>{0}</Account><Arn>{1}</Arn><UserId>U</UserId>"
ASSUMED = (
    "<AssumedRoleUser><Arn>{arn}</Arn><AssumedRoleId>I</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>{key}</AccessKeyId>"
    "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>"
)

Answered = tuple[int, dict[str, Any]]


class Raw:
    """A body as urllib3 hands it over."""

    def __init__(self, content: str) -> None:
        self.content = content.encode()

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.content


@dataclass
class FakeAws:
    """Answers STS by itself and the rest by `answer(operation, request)`; knows which account each access key belongs to."""

    answer: Callable[[str, AWSPreparedRequest], Answered] = lambda operation, request: (200, {})
    accounts: dict[str, str] = field(default_factory=lambda: {"AKIARUNNER": RUNNER})
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    """(operation, account, host)."""
    agents: set[str] = field(default_factory=set)
    assumed: Counter[str] = field(default_factory=Counter)
    asked: list[dict[str, str]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    expired: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def attach(self, session: Any) -> None:
        session.get_component("event_emitter").register_first("before-send", self.send)

    def send(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        operation = event_name.rsplit(".", 1)[1]
        found = re.search(rb"Credential=(\w+)/", _bytes(request.headers["Authorization"]))
        assert found is not None
        key = found[1].decode()
        with self.lock:
            self.calls.append((operation, self.accounts[key], request.url))
            self.agents.add(_bytes(request.headers["User-Agent"]).decode())
        if key in self.expired:
            return (
                self._sts(403, "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>m</Message></Error></ErrorResponse>")
                if ("sts" in event_name)
                else self._json(403, {"__type": "ExpiredTokenException", "message": "expired"})
            )
        if operation == "GetCallerIdentity":
            account = self.accounts[key]
            return self._sts(200, STS.format(operation, IDENTITY.format(account, f"arn:aws:sts::{account}:assumed-role/R/s")))
        if operation == "AssumeRole":
            return self._assume(request)
        return self._json(*self.answer(operation, request))

    def _assume(self, request: AWSPreparedRequest) -> AWSResponse:
        asked = {name: values[0] for name, values in parse_qs(_bytes(request.body).decode()).items()}
        time.sleep(0.01)
        with self.lock:
            self.asked.append(asked)
            arn = asked["RoleArn"]
            self.assumed[arn] += 1
            if arn in self.refused:
                return self._sts(
                    403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
                )
            key = f"ASIA{len(self.accounts)}"
            self.accounts[key] = arn.split(":")[4]
        return self._sts(200, STS.format("AssumeRole", ASSUMED.format(arn=arn, key=key)))

    def _sts(self, status: int, body: str) -> AWSResponse:
        return AWSResponse(URL, status, HTTPHeaders.from_dict({"Content-Type": "text/xml"}), Raw(body))

    def _json(self, status: int, body: dict[str, Any]) -> AWSResponse:
        code = {"x-amzn-ErrorType": body["__type"]} if "__type" in body else {}
        headers = {"Content-Type": "application/json", "x-amzn-RequestId": "request-1", "Date": "a date", **code}
        return AWSResponse(URL, status, HTTPHeaders.from_dict(headers), Raw(json.dumps(body)))

    def expire_all(self) -> None:
        self.expired |= {key for key in self.accounts if key.startswith("ASIA")}

    def made(self, operation: str) -> int:
        return sum(name == operation for name, _, _ in self.calls)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def settings(mode: str = "rehearsal", *, members: bool = True, partition: str = "aws", **access: Any) -> Settings:
    role = f"arn:{partition}:iam::{{}}:role/R"
    doors = {"management": {"role_arn": role.format(MANAGEMENT)}, "delegated": {"role_arn": role.format(DELEGATED)}, **access}
    if members:
        doors["members"] = {"role_name": "Member", "via": "delegated", "external_id": "outside"}
    regions = {"aws": ("us-east-1", "us-east-2"), "aws-us-gov": ("us-gov-east-1", "us-gov-west-1")}[partition]
    return Settings.model_validate(
        {
            "mode": mode,
            "organization": {"id": "o-rehearsal001", "management_account": MANAGEMENT, "delegated_account": DELEGATED},
            "access": doors,
            "guardduty": {"regions": regions, "management_account": True},
            "concurrency": 8,
        }
    )


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only the runner's keys, and no configuration of whoever runs the tests."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIARUNNER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", URL)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


Make = Callable[..., Access]


@pytest.fixture
def make(aws: FakeAws) -> Iterator[Make]:
    made: list[Access] = []

    def build(chosen: Settings | None = None, clock: Clock | None = None, run: str = "run-1") -> Access:
        access = Access(
            chosen or settings(), reads=READS, mutations=MUTATIONS, run=run, clock=clock or FakeClock(), attach=aws.attach
        )
        made.append(access)
        return access

    yield build
    for access in made:
        access.close()


def detectors(access: Access, account: str = DELEGATED, region: str = "us-east-1") -> dict[str, Any]:
    return access.read("guardduty", "ListDetectors", account, region)


# What may be called


def test_an_operation_that_is_not_listed_is_refused_unsent(aws: FakeAws, make: Make) -> None:
    access = make()
    with pytest.raises(UnlistedOperation, match="guardduty:CreateDetector is not among the reads"):
        access.read("guardduty", "CreateDetector", DELEGATED, "us-east-1", Enable=True)
    with pytest.raises(UnlistedOperation):
        list(access.pages("guardduty", "ListInvitations", DELEGATED, "us-east-1"))
    with pytest.raises(UnlistedOperation, match="mutations"):
        access.mutate("guardduty", "DeleteDetector", DELEGATED, "us-east-1", {"DetectorId": "d"}, lambda _: None)
    assert aws.calls == []


# Endpoints


@pytest.mark.parametrize(
    ("mode", "url", "fits"),
    [
        ("rehearsal", "http://127.0.0.1:5000", True),
        ("rehearsal", "http://localhost:5000", True),
        ("rehearsal", "http://[::1]:5000", True),
        ("rehearsal", "https://guardduty.us-east-1.amazonaws.com", False),
        ("rehearsal", "http://127.0.0.1.example.com", False),
        ("live", "https://guardduty.us-east-1.amazonaws.com", True),
        ("live", "http://guardduty.us-east-1.amazonaws.com", False),
        ("live", "http://127.0.0.1:5000", False),
        ("live", "https://amazonaws.com.example.com", False),
        ("live", "https://evilamazonaws.com", False),
    ],
)
def test_endpoints_must_fit_the_mode(mode: str, url: str, fits: bool) -> None:
    if fits:
        endpoints.check_endpoint(mode, "guardduty", "us-east-1", url)
    else:
        with pytest.raises(WrongEndpoint, match="guardduty in us-east-1 would be called at"):
            endpoints.check_endpoint(mode, "guardduty", "us-east-1", url)


def test_other_partitions_have_their_own_suffix() -> None:
    endpoints.check_endpoint("live", "guardduty", "cn-north-1", "https://guardduty.cn-north-1.amazonaws.com.cn")
    with pytest.raises(WrongEndpoint):
        endpoints.check_endpoint("live", "guardduty", "cn-north-1", "https://guardduty.us-east-1.amazonaws.com")


@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_ENDPOINT_URL_STS", "https://sts.example.com"), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")],
)
def test_a_rehearsal_whose_environment_leads_outside_is_refused_unsent(
    aws: FakeAws, make: Make, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(WrongEndpoint, match="sts in us-east-1"):
        detectors(make())
    assert aws.calls == []


def test_one_redirected_service_is_refused_unsent(aws: FakeAws, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_GUARDDUTY", "https://elsewhere.example.com")
    with pytest.raises(WrongEndpoint, match="guardduty"):
        detectors(make())
    assert aws.made("ListDetectors") == 0


def test_a_live_run_does_not_talk_to_loopback(aws: FakeAws, make: Make) -> None:
    with pytest.raises(WrongEndpoint, match="mode is live"):
        detectors(make(settings("live")))
    assert aws.calls == []


@pytest.mark.parametrize("mode", ["rehearsal", "live"])
def test_every_request_s_address_is_looked_at_too(mode: str) -> None:
    wrong = "https://guardduty.us-east-1.amazonaws.com/" if mode == "rehearsal" else f"{URL}/"
    with pytest.raises(WrongEndpoint):
        endpoints.check_request(mode, wrong)


def test_a_proxy_never_sees_a_rehearsal(make: Make, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    access = make()
    detectors(access)
    client = access._client(DELEGATED, "guardduty", "us-east-1")
    assert client._endpoint.http_session._proxy_config.proxy_url_for(URL) is None


# Doors


def test_each_role_is_assumed_once_by_eight_threads_in_all_regions(aws: FakeAws, make: Make) -> None:
    access = make()
    jobs = [
        partial(detectors, access, account, region)
        for account in (MANAGEMENT, DELEGATED, MEMBER, "555555555555")
        for region in ("us-east-1", "us-east-2", "eu-west-1", "eu-north-1")
    ]
    access.parallel(jobs)
    assert set(aws.assumed.values()) == {1}
    assert len(aws.assumed) == 4
    assert {account for operation, account, _ in aws.calls if operation == "ListDetectors"} == {
        MANAGEMENT, DELEGATED, MEMBER, "555555555555",
    }  # fmt: skip


def test_sessions_carry_the_run_and_what_settings_say(aws: FakeAws, make: Make) -> None:
    access = make(run="20261123T074611Z-rehearsal/ümlaut " + "x" * 80)
    detectors(access, MEMBER)
    asked = {each["RoleArn"]: each for each in aws.asked}
    member = asked[f"arn:aws:iam::{MEMBER}:role/Member"]
    assert member["ExternalId"] == "outside"
    assert member["DurationSeconds"] == "3600"
    assert all(re.fullmatch(r"[\w+=,.@-]{2,64}", each["RoleSessionName"], re.ASCII) for each in aws.asked)
    assert all("20261123T074611Z-rehearsal" in each["RoleSessionName"] for each in aws.asked)
    assert all("incident-runbook/" in agent and "run/2026" in agent for agent in aws.agents)


def test_a_member_is_reached_through_the_door_that_settings_name(aws: FakeAws, make: Make) -> None:
    detectors(make(), MEMBER)
    assumers = [account for operation, account, _ in aws.calls if operation == "AssumeRole"]
    assert assumers == [RUNNER, DELEGATED]


def test_without_a_member_role_members_are_out_of_reach(make: Make) -> None:
    access = make(settings(members=False))
    assert [access.reaches(account) for account in (MANAGEMENT, DELEGATED, MEMBER)] == [True, True, False]
    with pytest.raises(NoDoor, match=MEMBER):
        detectors(access, MEMBER)


def test_credentials_of_another_account_are_refused_before_any_other_call(aws: FakeAws, make: Make) -> None:
    with pytest.raises(WrongAccount, match=f"access.management.*leads into account {RUNNER}.*{MANAGEMENT}"):
        detectors(make(settings(management={})), MANAGEMENT)
    assert [operation for operation, _, _ in aws.calls] == ["GetCallerIdentity"]


def test_a_door_through_itself_is_refused(make: Make) -> None:
    circle = {"role_arn": f"arn:aws:iam::{MANAGEMENT}:role/R", "via": "delegated"}
    back = {"role_arn": f"arn:aws:iam::{DELEGATED}:role/R", "via": "management"}
    with pytest.raises(AccessRefused, match="by way of itself"):
        detectors(make(settings(management=circle, delegated=back)), MANAGEMENT)


def test_a_role_that_is_refused_is_a_failed_call_and_not_asked_for_each_read(aws: FakeAws, make: Make) -> None:
    arn = f"arn:aws:iam::{DELEGATED}:role/R"
    aws.refused.add(arn)
    clock = FakeClock()
    access = make(clock=clock)
    for region in ("us-east-1", "us-east-2"):
        with pytest.raises(CallFailed) as refused:
            detectors(access, region=region)
        assert (refused.value.code, refused.value.operation, refused.value.account) == ("AccessDenied", "AssumeRole", DELEGATED)
    assert aws.assumed[arn] == 1
    aws.refused.clear()
    clock.sleep(credentials.REMEMBERED)
    assert detectors(access) == {}


@pytest.mark.parametrize(
    "chain", ["[profile acme]\nmfa_serial = m\n", "[profile acme]\nrole_arn = r\nsource_profile = b\n[profile b]\nmfa_serial = m\n"]
)
def test_a_profile_that_would_prompt_is_refused(make: Make, tmp_path: Path, chain: str) -> None:
    (tmp_path / "config").write_text(chain)
    with pytest.raises(AccessRefused, match="MFA code"):
        detectors(make(settings(management={"profile": "acme"})), MANAGEMENT)


def test_a_profile_is_used_where_settings_name_one(aws: FakeAws, make: Make, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[acme]\naws_access_key_id = AKIAACME\naws_secret_access_key = s\n")
    aws.accounts["AKIAACME"] = MANAGEMENT
    access = make(settings(management={"profile": "acme"}))
    detectors(access, MANAGEMENT)
    assert access.caller(MANAGEMENT).startswith(f"arn:aws:sts::{MANAGEMENT}")
    assert not aws.assumed


def test_another_partition_s_role_arns_and_sts_region(aws: FakeAws, make: Make) -> None:
    access = make(settings(partition="aws-us-gov"))
    detectors(access, MEMBER, "us-gov-east-1")
    assert f"arn:aws-us-gov:iam::{MEMBER}:role/Member" in aws.assumed
    assert access._sts_region == "us-gov-west-1"


# Sessions that end


def test_sessions_are_renewed_before_they_end(aws: FakeAws, make: Make) -> None:
    clock = FakeClock()
    access = make(clock=clock)
    detectors(access)
    clock.sleep(3000)
    detectors(access)
    assert aws.assumed[f"arn:aws:iam::{DELEGATED}:role/R"] == 1
    clock.sleep(400)
    detectors(access)
    assert aws.assumed[f"arn:aws:iam::{DELEGATED}:role/R"] == 2


def test_credentials_that_end_early_are_renewed_once_for_all_threads(aws: FakeAws, make: Make) -> None:
    access = make()
    detectors(access, MEMBER)
    aws.expire_all()
    access.parallel([partial(detectors, access, MEMBER, region) for region in ("us-east-1", "us-east-2", "eu-west-1")])
    assert aws.assumed[f"arn:aws:iam::{MEMBER}:role/Member"] == 2
    # The door it goes through had ended as well.
    assert aws.assumed[f"arn:aws:iam::{DELEGATED}:role/R"] == 2


def test_credentials_that_are_refused_when_fresh_are_a_failure(aws: FakeAws, make: Make) -> None:
    aws.answer = lambda operation, request: (403, {"__type": "ExpiredTokenException", "message": "m"})
    with pytest.raises(CallFailed, match="ExpiredTokenException"):
        detectors(make())
    assert aws.made("ListDetectors") == 2


def test_a_mutating_call_is_never_repeated_by_itself_and_the_next_attempt_has_fresh_credentials(aws: FakeAws, make: Make) -> None:
    access, sent = make(), list[str]()
    create(access, sent)
    aws.expire_all()
    with pytest.raises(CallFailed) as expired:
        create(access, sent)
    assert (expired.value.code, expired.value.sent) == ("ExpiredTokenException", True)
    create(access, sent)
    assert aws.made("CreateDetector") == len(sent) == 3


# Mutating calls


def create(access: Access, sent: list[str]) -> Any:
    return access.mutate("guardduty", "CreateDetector", DELEGATED, "us-east-1", {"Enable": True}, sent.append)


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
    assert ("guardduty", "CreateDetector") not in access.counters.calls


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


# Reading


def test_a_read_is_repeated_when_throttled_and_counted(aws: FakeAws, make: Make) -> None:
    answers = iter([(500, {"__type": "InternalServerErrorException"}), (429, {"__type": "TooManyRequestsException"}), (200, {})])
    aws.answer = lambda operation, request: next(answers)
    access = make()
    assert detectors(access) == {}
    assert access.counters.calls["guardduty", "ListDetectors"] == 3
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


# Side by side


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
