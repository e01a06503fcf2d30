"""What access lets out at all: listed operations, and only to the endpoints of its mode."""

import pytest
from fake_aws import DELEGATED, URL, FakeAws, Make, detectors, settings

from runbook_lib.aws import endpoints
from runbook_lib.aws.access import UnlistedOperation, WrongEndpoint


def test_an_operation_that_is_not_listed_is_refused_unsent(aws: FakeAws, make: Make) -> None:
    access = make()
    with pytest.raises(UnlistedOperation, match="guardduty:CreateDetector is not among the reads"):
        access.read("guardduty", "CreateDetector", DELEGATED, "us-east-1", Enable=True)
    with pytest.raises(UnlistedOperation):
        list(access.pages("guardduty", "ListInvitations", DELEGATED, "us-east-1"))
    with pytest.raises(UnlistedOperation, match="mutations"):
        access.mutate("guardduty", "DeleteDetector", DELEGATED, "us-east-1", {"DetectorId": "d"}, lambda _: None)
    assert aws.calls == []


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
