"""A rehearsal reaches its own server and nothing else, whatever the shell around it says; test_rehearse runs a whole one so."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from doors import PAPERMILL, PATIENCE, ROOT, Decoy, Served, leading_away, outputs, served
from simulated import Simulated, settings_for

from runbook_lib.aws.endpoints import WrongEndpoint
from runbook_lib.notebook import Halt, open_phase
from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.environment import environment, without_aws
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.server import serve


@pytest.fixture
def decoy() -> Iterator[Decoy]:
    made = Decoy()
    yield made
    made.close()


NAMES = [
    "HTTP_PROXY", "http_proxy", "ALL_PROXY", "AWS_PROFILE", "AWS_ENDPOINT_URL_STS", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_CONFIG_FILE",
]  # fmt: skip


def test_the_decoy_notices() -> None:
    """Otherwise the tests below could not fail."""
    decoy = Decoy()
    with socket.create_connection((decoy.ADDRESS, decoy.port)) as caller:
        caller.sendall(b"GET / HTTP/1.1\r\n")
        caller.recv(1)
    decoy.close()
    assert decoy.visitors == ["GET / HTTP/1.1\r\n"]


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


def test_a_run_says_where_it_called(tmp_path: Path) -> None:
    """One line for each service, however many Regions; of a rehearsal it is this machine."""
    with served("seven", tmp_path) as organization, replaced(dict(organization.environment)):
        notebook = open_phase("20_guardduty", str(organization.settings), "", "", "")
        notebook.observe()
        notebook.plan()
        notebook.finish()
        called = {(entry.service, entry.region) for entry in organization.front.log.entries}
        host = organization.url.removeprefix("http://")
    used = notebook.record.run.record()["endpoints"]
    assert {hosts for each in used.values() for hosts in each} == {host}
    assert {(service, region) for service, hosts in used.items() for region in hosts[host]} == called


def without_keys(organization: Served, decoy: Decoy, folder: Path) -> dict[str, str]:
    """A shell that leads to the organization and has no keys for it; whoever asks for some is led to the decoy."""
    config = folder / "config"
    config.write_text(f"[profile rehearsal-runner]\ncredential_process = curl -s {decoy.url}/process\n", encoding="utf-8")
    return {
        **{name: value for name, value in organization.environment.items() if name != "AWS_EC2_METADATA_DISABLED"},
        "AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "nothing"),
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{decoy.url}/container", "AWS_EC2_METADATA_SERVICE_ENDPOINT": decoy.url,
        "AWS_DEFAULTS_MODE": "auto",
    }  # fmt: skip


def test_papermill_alone_asks_nobody_for_keys(decoy: Decoy, tmp_path: Path) -> None:
    out = tmp_path / "out.ipynb"
    with served("seven", tmp_path) as organization:
        notebook = [*PAPERMILL, str(ROOT / "notebooks" / "00_prerequisites.ipynb"), str(out), "--no-progress-bar"]
        done = subprocess.run(
            [*notebook, "-r", "parameters_file", str(organization.settings)], env=without_keys(organization, decoy, tmp_path),
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert not organization.front.log.entries
    assert "no credentials were found; looked at environment and AWS's configuration files" in outputs(out)[2]
    assert decoy.visitors == []


@pytest.mark.parametrize("answers", [False, True], ids=["headless", "at the screen"])
def test_a_kernel_asks_nobody_for_keys(decoy: Decoy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: bool) -> None:
    monkeypatch.setattr("runbook_lib.notebook.headless", lambda: not answers)
    with served("seven", tmp_path) as organization, replaced(without_keys(organization, decoy, tmp_path)):
        with pytest.raises(Halt, match=r"no credentials were found; .*\nSign in.*runbook simulate"):
            open_phase("00_prerequisites", str(organization.settings), "", "", "")
        assert not organization.front.log.entries
    assert decoy.visitors == []
