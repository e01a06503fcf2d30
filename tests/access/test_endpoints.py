"""What access lets out at all: listed operations, and only to the endpoints of its mode."""

import re
import socketserver
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from botocore.exceptions import ProxyConnectionError
from botocore.loaders import Loader
from fake_aws import DELEGATED, URL, FakeAws, Make, detectors, settings

from runbook_lib.aws import endpoints
from runbook_lib.aws.access import UnlistedOperation, WrongEndpoint
from runbook_lib.aws.clients import Clients
from runbook_lib.aws.configuration import BadConfiguration
from runbook_lib.aws.models import shared_loader
from runbook_lib.aws.pace import Pace
from runbook_lib.base.clock import Clock
from runbook_lib.settings import Settings
from runbook_lib.settings.network import NetworkSection


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
        ("live", "https://guardduty.us-east-1.api.aws", True),
        ("live", "https://guardduty.us-east-1.amazonaws.com.cn", False),
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


HOSTS = [
    "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com", "https://mine-1234567890.us-east-1.elb.amazonaws.com",
    "https://ec2-203-0-113-25.compute-1.amazonaws.com", "https://mine.s3.us-east-1.amazonaws.com",
    "https://guardduty.us-east-1.amazonaws.com:8443", "https://vpce-0123456789abcdef0-x.guardduty.us-east-1.vpce.amazonaws.com",
    "https://guardduty.us-east-2.amazonaws.com", "https://guardduty.us-east-1.amazonaws.com/somewhere", "http://127.0.0.1:9",
]  # fmt: skip


def variable(url: str, folder: Path) -> tuple[dict[str, str], str]:
    return {"AWS_ENDPOINT_URL_GUARDDUTY": url}, "the variable AWS_ENDPOINT_URL_GUARDDUTY says"


def variable_for_all(url: str, folder: Path) -> tuple[dict[str, str], str]:
    return {"AWS_ENDPOINT_URL": url}, "the variable AWS_ENDPOINT_URL says"


def profile(url: str, folder: Path) -> tuple[dict[str, str], str]:
    (folder / "config").write_text(f"[default]\nendpoint_url = {url}\n", encoding="utf-8")
    return {}, r"the AWS configuration file \(endpoint_url\) says"


def services_section(url: str, folder: Path) -> tuple[dict[str, str], str]:
    text = f"[default]\nservices = own\n[services own]\nguardduty =\n  endpoint_url = {url}\n"
    (folder / "config").write_text(text, encoding="utf-8")
    return {}, r"the AWS configuration file \(endpoint_url\) says"


WAYS = [variable, variable_for_all, profile, services_section]


@pytest.fixture
def without_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")


@pytest.mark.usefixtures("without_endpoint")
@pytest.mark.parametrize("configure", WAYS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("url", HOSTS)
def test_a_live_run_takes_no_endpoint_from_its_surroundings(
    aws: FakeAws,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    url: str,
    configure: Callable[[str, Path], tuple[dict[str, str], str]],
) -> None:
    """Whoever has a name below amazonaws.com would get signed requests, and answer that all is covered."""
    names, said = configure(url, tmp_path)
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    clients = Clients("live", "run-1", 1, Pace(Clock(), 1.0), aws.attach)
    session = clients.session(None)
    with pytest.raises(
        WrongEndpoint, match=rf"guardduty in us-east-1 .* {re.escape(url)}, as {said}; .*network.endpoints.guardduty.us-east-1"
    ):
        clients.client(session, "", "guardduty", "us-east-1")
    # botocore's own client for another role, or for a sign-in, is a client of the session too.
    assert (
        session.create_client("guardduty", region_name="us-east-1").meta.endpoint_url == "https://guardduty.us-east-1.amazonaws.com"
    )
    assert aws.calls == []
    assert clients.endpoints() == {}
    clients.close()


@pytest.mark.usefixtures("without_endpoint")
def test_a_live_run_calls_what_botocore_resolves_by_itself(aws: FakeAws, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_GUARDDUTY", "https://guardduty.us-east-1.amazonaws.com/")  # the very same
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECURITYHUB", "https://elsewhere.example.com")  # of no concern: it is not called
    access = make(settings("live"))
    detectors(access)
    assert {url for operation, _, url in aws.calls if operation == "ListDetectors"} == {
        "https://guardduty.us-east-1.amazonaws.com/detector"
    }
    assert access.endpoints == {
        "guardduty": {"guardduty.{region}.amazonaws.com": ["us-east-1"]}, "sts": {"sts.{region}.amazonaws.com": ["us-east-1"]},
    }  # fmt: skip


@pytest.mark.usefixtures("without_endpoint")
def test_who_leaves_configured_endpoints_aside_is_not_bothered(aws: FakeAws, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://elsewhere.example.com")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    access = make(settings("live"))
    detectors(access)
    assert access.endpoints["guardduty"] == {"guardduty.{region}.amazonaws.com": ["us-east-1"]}


def with_endpoint(mode: str, url: str) -> Settings:
    return settings(mode).model_copy(update={"network": NetworkSection(endpoints={"guardduty": {"us-east-1": url}})})


@pytest.mark.usefixtures("without_endpoint")
def test_an_endpoint_that_settings_name_is_called_in_its_region_alone(
    aws: FakeAws, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = "https://vpce-0123456789abcdef0-x.guardduty.us-east-1.vpce.amazonaws.com"
    monkeypatch.setenv("AWS_ENDPOINT_URL_GUARDDUTY", "https://guardduty.us-east-2.amazonaws.com")
    access = make(with_endpoint("live", own))
    for region in ("us-east-1", "us-east-2"):
        detectors(access, region=region)
    assert [url for operation, _, url in aws.calls if operation == "ListDetectors"] == [
        f"{own}/detector", "https://guardduty.us-east-2.amazonaws.com/detector",
    ]  # fmt: skip
    assert access.endpoints["guardduty"] == {
        "vpce-0123456789abcdef0-x.guardduty.{region}.vpce.amazonaws.com": ["us-east-1"],
        "guardduty.{region}.amazonaws.com": ["us-east-2"],
    }


def live(**network: object) -> Clients:
    return Clients("live", "run-1", 1, Pace(Clock(), 1.0), None, network=NetworkSection.model_validate(network))


def address(clients: Clients, service: str, region: str) -> str:
    url: str = clients.client(clients.session(None), "", service, region).meta.endpoint_url
    clients.close()
    return url.removeprefix("https://")


@pytest.mark.usefixtures("without_endpoint")
@pytest.mark.parametrize(
    ("network", "service", "region", "host"),
    [
        ({"fips": ["guardduty"]}, "guardduty", "us-east-1", "guardduty-fips.us-east-1.amazonaws.com"),
        ({"fips": ["guardduty"]}, "config", "us-east-1", "config.us-east-1.amazonaws.com"),
        ({"fips": ["organizations"]}, "organizations", "us-east-1", "organizations-fips.us-east-1.amazonaws.com"),
        ({"fips": ["stepfunctions"]}, "stepfunctions", "us-east-1", "states-fips.us-east-1.amazonaws.com"),
        ({"dual_stack": ["sts"]}, "sts", "eu-central-1", "sts.eu-central-1.api.aws"),
        ({"fips": ["kms"], "dual_stack": ["kms"]}, "kms", "eu-central-1", "kms-fips.eu-central-1.api.aws"),
        ({"dual_stack": ["sts"]}, "guardduty", "eu-central-1", "guardduty.eu-central-1.amazonaws.com"),
    ],
)
def test_the_kind_of_endpoint_that_settings_name_is_called(
    network: dict[str, object], service: str, region: str, host: str
) -> None:
    assert address(live(**network), service, region) == host


@pytest.mark.usefixtures("without_endpoint")
@pytest.mark.parametrize(
    ("network", "service", "region"),
    [
        ({"fips": ["guardduty"]}, "guardduty", "eu-central-1"),
        ({"fips": ["account"]}, "account", "us-east-1"),
        ({"dual_stack": ["organizations"]}, "organizations", "us-east-1"),
    ],
)
def test_a_name_that_is_put_together_and_that_aws_does_not_have_is_refused(
    network: dict[str, object], service: str, region: str
) -> None:
    with pytest.raises(WrongEndpoint, match=rf"{service} in {region} .*, which AWS does not have\. Take {service} out of network"):
        address(live(**network), service, region)


@pytest.mark.usefixtures("without_endpoint")
def test_fips_of_the_environment_holds_where_there_is_such_an_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    assert address(live(), "guardduty", "us-east-1") == "guardduty-fips.us-east-1.amazonaws.com"
    with pytest.raises(WrongEndpoint, match=r"guardduty in eu-central-1 .* AWS does not have\. Take AWS_USE_FIPS_ENDPOINT"):
        address(live(), "guardduty", "eu-central-1")


@pytest.mark.usefixtures("without_endpoint")
def test_an_endpoint_of_the_environment_is_refused_beside_fips_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_GUARDDUTY", "https://elsewhere.example.com")
    with pytest.raises(WrongEndpoint, match="elsewhere"):
        address(live(fips=["guardduty"]), "guardduty", "us-east-1")


def test_sts_is_asked_where_settings_say() -> None:
    network = NetworkSection.model_validate({"sts_region": "eu-central-2"})
    assert endpoints.sts_region(settings("live").model_copy(update={"network": network})) == "eu-central-2"
    assert endpoints.sts_region(settings("live")) != "eu-central-2"


@pytest.mark.usefixtures("without_endpoint")
def test_certificates_that_settings_name_are_the_ones_that_count(tmp_path: Path) -> None:
    bundle = tmp_path / "proxy.pem"
    with pytest.raises(BadConfiguration, match=r"network\.ca_bundle: .*proxy\.pem"):
        live(ca_bundle=str(bundle)).session(None)
    bundle.write_text("nothing", encoding="utf-8")
    with pytest.raises(BadConfiguration, match="holds no certificate"):
        live(ca_bundle=str(bundle)).session(None)
    bundle.write_text("-----BEGIN CERTIFICATE-----\n", encoding="utf-8")
    assert live(ca_bundle=str(bundle)).session(None).get_config_variable("ca_bundle") == str(bundle)


class Proxy(socketserver.StreamRequestHandler):
    """Says no to whoever asks it, and remembers what for."""

    asked: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        self.asked.append(self.rfile.readline())
        self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@pytest.mark.usefixtures("without_endpoint")
def test_the_proxy_of_settings_comes_before_the_environment_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for the clients that botocore makes for itself to get credentials."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        clients = live(proxy=f"http://127.0.0.1:{server.server_address[1]}")
        session = clients.session(None)
        made: tuple[Any, ...] = (
            clients.client(session, "", "sts", "us-east-1"),
            session.create_client("sts", region_name="us-east-2"),
        )
        for client in made:
            with pytest.raises(ProxyConnectionError):
                client.get_caller_identity()
        clients.close()
        server.shutdown()
    hosts = {line.split()[1] for line in Proxy.asked}
    assert hosts == {b"sts.us-east-1.amazonaws.com:443", b"sts.us-east-2.amazonaws.com:443"}


def test_a_rehearsal_reads_no_endpoint_of_settings(aws: FakeAws, make: Make) -> None:
    access = make(with_endpoint("rehearsal", "https://vpce-0123456789abcdef0-x.guardduty.us-east-1.vpce.amazonaws.com"))
    detectors(access)
    assert access.endpoints == {"guardduty": {"127.0.0.1:9": ["us-east-1"]}, "sts": {"127.0.0.1:9": ["us-east-1"]}}


def test_files_of_botocore_s_own_say_where_aws_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models below ~/.aws would be taken before those that come with botocore."""
    for folder, name in (("", "endpoints.json"), ("", "partitions.json"), ("guardduty/2017-11-28", "service-2.json")):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / name).write_text("{}", encoding="utf-8")
    monkeypatch.setattr(Loader, "CUSTOMER_DATA_PATH", str(tmp_path))
    assert Loader().load_data("partitions") == {}, "so it is taken"
    shared_loader.cache_clear()
    loader = shared_loader()
    assert loader.search_paths == [Loader.BUILTIN_DATA_PATH]
    assert loader.load_data("partitions")["partitions"]
    shared_loader.cache_clear()


def test_a_live_run_does_not_talk_to_loopback(aws: FakeAws, make: Make) -> None:
    with pytest.raises(WrongEndpoint, match="mode is live"):
        detectors(make(settings("live")))
    assert aws.calls == []


@pytest.mark.parametrize("mode", ["rehearsal", "live"])
def test_every_request_s_address_is_looked_at_too(mode: str) -> None:
    wrong = "https://guardduty.us-east-1.amazonaws.com/" if mode == "rehearsal" else f"{URL}/"
    with pytest.raises(WrongEndpoint):
        endpoints.check_request(mode, wrong)
    with pytest.raises(WrongEndpoint, match="http://guardduty"):
        endpoints.check_request(mode, "http://guardduty.us-east-1.amazonaws.com/detector?token=x")


def test_a_proxy_never_sees_a_rehearsal(make: Make, aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example.com:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    access = make()
    detectors(access)
    client = access._client(DELEGATED, "guardduty", "us-east-1")
    assert client._endpoint.http_session._proxy_config.proxy_url_for(URL) is None


@pytest.mark.parametrize(
    ("network", "host"),
    [
        ({}, "sts.eu-west-1.amazonaws.com"),
        ({"sts_region": "us-east-2"}, "sts.us-east-2.amazonaws.com"),
        ({"sts_region": "us-east-2", "fips": ["sts"]}, "sts-fips.us-east-2.amazonaws.com"),
        ({"dual_stack": ["sts"]}, "sts.eu-west-1.api.aws"),
        (
            {"endpoints": {"sts": {"eu-west-1": "https://vpce-1.sts.eu-west-1.vpce.amazonaws.com"}}},
            "vpce-1.sts.eu-west-1.vpce.amazonaws.com",
        ),
    ],
)
def test_a_role_that_a_profile_names_is_assumed_where_settings_send_sts(
    aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: dict[str, Any], host: str
) -> None:
    """botocore makes that client for itself, from the profile alone."""
    config = tmp_path / "config"
    config.write_text(
        "[profile chain]\nrole_arn = arn:aws:iam::222222222222:role/R\nsource_profile = base\nregion = eu-west-1\n"
        "[profile base]\naws_access_key_id = AKIARUNNER\naws_secret_access_key = secret\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    made = Clients("live", "run-1", 1, Pace(Clock(), 1.0), aws.attach, network=NetworkSection.model_validate(network))
    session = made.session("chain")
    keys = session.get_credentials()
    assert keys is not None
    assert keys.get_frozen_credentials().access_key
    assert [(operation, re.sub("https://|/", "", url)) for operation, _, url in aws.calls] == [("AssumeRole", host)]
