"""Who may talk to the simulated server, and how much: a web page, another user of the machine, a request without end."""

import http.client
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from small_organization import MANAGEMENT

from runbook_lib.rehearsal import environment
from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.guard import LARGEST_BODY, LARGEST_HEAD, is_own
from runbook_lib.rehearsal.identity import user_credential
from runbook_lib.rehearsal.server import serve
from runbook_lib.rehearsal.state import authorization


class Server:
    """One server, and requests to it as anybody can make them."""

    def __init__(self, front: Front, url: str) -> None:
        self.front, self.port = front, urlsplit(url).port
        self.token = {"Authorization": authorization(front.control.token)}

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        return answer.status, json.loads(said) if said.startswith((b"{", b"[")) else said.decode()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    front = build_app("seven")
    with serve(front) as url:
        yield Server(front, url)


PAGES = [
    ("GET", "log"), ("GET", "accounts"), ("GET", "health"), ("GET", "cloudtrail"), ("GET", "nonsense"), ("POST", "stop"),
    ("POST", "reset"), ("POST", "clock?seconds=1"), ("POST", "deny?account=111111111111&role=RunbookManagement&pattern=*"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "page"), PAGES, ids=[page.partition("?")[0] for _, page in PAGES])
@pytest.mark.parametrize("shown", ["", "Bearer ", "Bearer wrong", "Basic {token}", "{token}", "Bearer {token} "], ids=repr)
def test_control_pages_ask_for_the_token(server: Server, method: str, page: str, shown: str) -> None:
    stopped: list[bool] = []
    server.front.control.stop = lambda: stopped.append(True)
    world, now = server.front.world, server.front.world.now()
    headers = {"Authorization": shown.format(token=server.front.control.token).rstrip()} if shown else {}
    if headers.get("Authorization") == server.token["Authorization"]:
        headers["Authorization"] += "x"
    status, said = server.ask(method, f"/_rehearsal/{page}", headers)
    assert (status, sorted(said)) == (401, ["error"])
    assert "server.json" in said["error"]
    assert server.front.control.token not in str(said)
    assert (stopped, server.front.world is world) == ([], True)
    assert world.now() - now < 60
    assert not world.organization.accounts[MANAGEMENT].roles["RunbookManagement"].denied


def test_with_the_token_they_answer(server: Server) -> None:
    assert server.ask("GET", "/_rehearsal/health", server.token)[1]["organization"] == "o-rehearsal001"
    assert server.ask("GET", "/_rehearsal/nonsense", server.token)[0] == 404


@pytest.mark.parametrize("path", ["/_rehearsal/health", "/", "/findings"])
@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}.evil.example", "",
        "localhost.evil.example:{port}", "127.0.0.1.nip.io:{port}", "0.0.0.0:{port}", "169.254.169.254:{port}",
        "sns.us-east-1.amazonaws.com", "motoapi.amazonaws.com",
    ],
)  # fmt: skip
def test_it_answers_to_no_other_name(server: Server, host: str, path: str) -> None:
    """A page of the name evil.example that leads to 127.0.0.1 (DNS rebinding) sends that name as its host; so does a proxy."""
    handled = len(server.front.log.entries)
    status, said = server.ask("GET", path, server.token | {"Host": host.format(port=server.port)})
    assert status == 403
    assert "loopback" in said["error"]
    assert len(server.front.log.entries) == handled


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "[::1]:{port}", "bucket.s3.localhost:{port}"]
)
def test_it_answers_to_every_loopback_name(server: Server, host: str) -> None:
    named = host.format(port=server.port)
    assert is_own(named, str(server.port))
    assert server.ask("GET", "/_rehearsal/health", server.token | {"Host": named})[0] == 200


def signed(front: Front, service: str) -> dict[str, str]:
    key = user_credential(front.world, MANAGEMENT, "administrator").key
    scope = f"{key}/20260101/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}


def test_a_body_larger_than_aws_s_largest_is_refused_unread(server: Server) -> None:
    """Only its length is sent: who kept the body would wait for it."""
    status, _ = server.ask("POST", "/", {"Content-Length": str(LARGEST_BODY + 1)} | signed(server.front, "sns"))
    assert status == 413
    status, _ = server.ask("PUT", "/", {"Content-Length": str(2 * 2**30)})
    assert status == 413


def test_a_head_without_end_is_refused(server: Server) -> None:
    assert server.ask("GET", "/", {"X-Long": "x" * 2 * LARGEST_HEAD})[0] == 413
    assert server.ask("GET", "/_rehearsal/health", server.token | {"X-Long": "x" * (LARGEST_HEAD // 2)})[0] == 200


@pytest.mark.parametrize("path", ["/moto-api/data.json", "/moto-api/reset", "/moto-api/", "/moto-api"])
@pytest.mark.parametrize("caller", ["nobody", "the management account"])
def test_moto_s_own_pages_are_not_there(server: Server, path: str, caller: str) -> None:
    from moto.sns.models import sns_backends

    sns_backends[MANAGEMENT]["us-east-1"].create_topic("kept")
    headers = {} if caller == "nobody" else signed(server.front, "s3")
    assert [server.ask(method, path, headers)[0] for method in ("GET", "POST")] == [404, 404]
    assert sns_backends[MANAGEMENT]["us-east-1"].topics


@pytest.mark.parametrize("seconds", ["nan", "inf", "-inf", "1e400", "1e300", "-1", "", "soon", "1e12"])
def test_the_clock_takes_no_nonsense(server: Server, seconds: str) -> None:
    before = server.front.world.now()
    status, said = server.ask("POST", f"/_rehearsal/clock?seconds={seconds}", server.token)
    assert status == 400
    assert "seconds" in said["error"] or "could not convert" in said["error"]
    assert 0 <= server.front.world.now() - before < 60


def test_the_files_of_a_server_are_its_owner_s_alone(tmp_path: Path) -> None:
    running = environment.start(tmp_path / "server", "seven")
    try:
        names = {"server.json", "control-header", "aws-config", "aws-credentials"}
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in running_files(tmp_path) if path.name in names}
        assert modes == dict.fromkeys(names, 0o600)
        assert json.loads((tmp_path / "server" / "server.json").read_text())["token"] == running.token
        header = (tmp_path / "server" / "control-header").read_text(encoding="utf-8")
        assert header == f"Authorization: Bearer {running.token}\n"
        assert running.token not in repr(running)
        assert running.control("GET", "health")["rehearsal"]
        running.token = "another"
        with pytest.raises(environment.ServerFailed, match=r"server\.json"):
            running.control("GET", "health")
    finally:
        environment.stop(tmp_path / "server")
    assert not names & ({path.name for path in running_files(tmp_path)} - {"aws-config", "aws-credentials"})


def running_files(folder: Path) -> list[Path]:
    return list((folder / "server").iterdir())
