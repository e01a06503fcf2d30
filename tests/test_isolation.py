"""A rehearsal reaches its own server and nothing else, whatever the shell around it says."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from doors import ROOT, RUNBOOK
from ruamel.yaml import YAML
from simulated import PARAMETERS, Simulated, settings_for

from runbook_lib.endpoints import WrongEndpoint
from runbook_lib.evidence.run_folder import find_runs
from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.environment import environment, without_aws
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.server import serve


class Decoy:
    """A port that nobody may ever connect to; closes whoever does."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.visitors: list[str] = []
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                self.visitors.append(connection.recv(200).decode(errors="replace"))

    def close(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


@pytest.fixture
def decoy() -> Iterator[Decoy]:
    made = Decoy()
    yield made
    made.close()


def leading_away(decoy: Decoy, folder: Path) -> dict[str, str]:
    """Everything with which a shell leads AWS clients somewhere else."""
    config = folder / "elsewhere"
    config.write_text(
        f"[profile production]\nregion = eu-west-1\nendpoint_url = {decoy.url}\n"
        f"[profile rehearsal-runner]\nregion = eu-west-1\nendpoint_url = {decoy.url}\n"
    )
    return {
        "HTTP_PROXY": decoy.url, "http_proxy": decoy.url, "HTTPS_PROXY": decoy.url, "ALL_PROXY": decoy.url, "NO_PROXY": "",
        "AWS_PROFILE": "production", "AWS_CONFIG_FILE": str(config),
        "AWS_ENDPOINT_URL_STS": decoy.url, "AWS_ENDPOINT_URL_ORGANIZATIONS": decoy.url, "AWS_ENDPOINT_URL": decoy.url,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true", "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{decoy.url}/credentials",
        "AWS_ACCESS_KEY_ID": "elsewhere", "AWS_SECRET_ACCESS_KEY": "elsewhere",
    }  # fmt: skip


NAMES = [
    "HTTP_PROXY", "http_proxy", "ALL_PROXY", "AWS_PROFILE", "AWS_ENDPOINT_URL_STS", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_CONFIG_FILE",
]  # fmt: skip


def test_the_decoy_notices() -> None:
    """Otherwise the tests below could not fail."""
    decoy = Decoy()
    with socket.create_connection(("127.0.0.1", int(decoy.url.rpartition(":")[2]))) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\n")
        caller.recv(1)
    decoy.close()
    assert decoy.visitors == ["GET / HTTP/1.1\r\n"]


def test_a_rehearsal_under_all_of_them(decoy: Decoy, tmp_path: Path) -> None:
    """The whole command with its server and its kernels; one service is enough, all share the doors."""
    yaml = YAML()
    document = yaml.load(PARAMETERS)
    for name in ("security_hub", "guardduty"):
        del document[name]
    settings = tmp_path / "settings.yaml"
    yaml.dump(document, settings)
    runs = tmp_path / "runs"
    done = subprocess.run(
        [*RUNBOOK, "rehearse", "--organization", "seven", "-p", str(settings), "--runs", str(runs)],
        cwd=ROOT, env={**os.environ, **leading_away(decoy, tmp_path)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert decoy.visitors == []
    record = find_runs(runs)[0].record()
    assert set(record["callers"]) == {"111111111111", "222222222222"}


@contextmanager
def replaced(values: dict[str, str]) -> Iterator[None]:
    """This process's environment, for a while."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def organization_read(front: Front, folder: Path, values: dict[str, str]) -> str:
    """Read the organization as a kernel with these variables would; its id."""
    with replaced(values):
        runbook = Simulated(front, settings_for(front), folder, attach=lambda session: session).runbook("00_prerequisites")
        with runbook.access:
            return runbook.organization().id


@pytest.mark.parametrize("name", NAMES)
def test_each_of_them_alone(decoy: Decoy, tmp_path: Path, name: str) -> None:
    """A kernel's environment, made from a shell with one of them: the organization is read, and nobody else is called."""
    shell = {**without_aws(os.environ), name: leading_away(decoy, tmp_path)[name]}
    front = build_app("seven", moto=False)
    with serve(front) as url:
        assert organization_read(front, tmp_path, environment(tmp_path / "server", url, "us-east-1", shell)) == "o-rehearsal001"
    assert len(front.log.entries) > 5
    assert decoy.visitors == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_ENDPOINT_URL_STS", "http://sts.example.com"), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"), ("HTTP_PROXY", "")],
)
def test_set_after_the_organization_was_started_it_is_refused_or_harmless(
    decoy: Decoy, tmp_path: Path, name: str, value: str
) -> None:
    """A shell that somebody changed after `runbook simulate`: the endpoint guard speaks before a socket opens."""
    front = build_app("seven", moto=False)
    with serve(front) as url:
        own = environment(tmp_path / "server", url, "us-east-1", without_aws(os.environ)) | {name: value or decoy.url}
        if value:
            with pytest.raises(WrongEndpoint, match="rehearsal"):
                organization_read(front, tmp_path, own)
            assert not [entry for entry in front.log.entries if entry.service == "organizations"]
        else:
            assert organization_read(front, tmp_path, own) == "o-rehearsal001"
    assert decoy.visitors == []
