"""One real `runbook lab` under a Jupyter configuration that undoes everything: token, origin, address, terminals, files, news.

What a page, another user of the machine or another site could do with it is tried over HTTP.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from doors import PATIENCE, ROOT
from jupyter_client.blocking.client import BlockingKernelClient
from tornado.web import create_signed_value

from runbook_lib.cli import forking

pytest.importorskip("jupyterlab")
KEY, SECRET = "made-up-private-key", b"a cookie secret that others know"
PYTHON = """
c.IdentityProvider.token = ''
c.ServerApp.token = ''
c.PasswordIdentityProvider.hashed_password = 'argon2:x'
c.ServerApp.identity_provider_class = 'jupyter_server.auth.PasswordIdentityProvider'
c.ServerApp.allow_origin = '*'
c.ServerApp.allow_origin_pat = '.*'
c.ServerApp.allow_credentials = True
c.ServerApp.disable_check_xsrf = True
c.ServerApp.allow_remote_access = True
c.ServerApp.allow_unauthenticated_access = True
c.ServerApp.terminals_enabled = True
c.ServerApp.jpserver_extensions = {'jupyter_server_terminals': True, 'jupyter_lsp': True}
c.ServerApp.base_url = '/team/'
c.ServerApp.ip = '0.0.0.0'
c.ServerApp.root_dir = '/'
c.ServerApp.use_redirect_file = False
c.ServerApp.extra_static_paths = ['/']
c.ContentsManager.allow_hidden = True
c.ContentsManager.files_handler_class = 'jupyter_server.files.handlers.FilesHandler'
c.LabApp.news_url = 'http://198.51.100.1/feed.xml'
c.LabApp.extension_manager = 'pypi'
c.KernelManager.transport = 'tcp'
"""
JSON = {
    "IdentityProvider": {"token": ""},
    "ServerApp": {"allow_origin": "*", "disable_check_xsrf": True, "terminals_enabled": True, "base_url": "/team/"},
    "LabServerApp": {"blocked_extensions_uris": "http://198.51.100.1/list.json"},
}
PAGE = {"disabledExtensions": {"@jupyterlab/notebook-extension": True}, "news": {"disabled": False}}


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Lab:
    folder: Path
    process: "subprocess.Popen[str]"
    address: str
    token: str
    runtime: Path

    @property
    def server(self) -> int:
        """The process id of JupyterLab, which `runbook lab` has started."""
        found = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=True)
        return int(found.stdout)

    def ask(self, method: str, page: str, content: Any = None, *, token: bool = True, **headers: str) -> Answer:
        asked = urllib.request.Request(
            self.address + page, method=method, data=None if content is None else json.dumps(content).encode()
        )
        for name, value in ({"Authorization": f"token {self.token}"} if token else {}).items() | headers.items():
            asked.add_header(name.replace("_", "-"), value)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
        try:
            with opener.open(asked, timeout=PATIENCE) as answer:
                return Answer(answer.status, answer.read().decode("utf-8", "replace"), dict(answer.headers))
        except urllib.error.HTTPError as refused:
            return Answer(refused.code, refused.read().decode("utf-8", "replace"), dict(refused.headers))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def hostile(folder: Path) -> dict[str, str]:
    """Configuration in every place that Jupyter reads for a user, and variables that it heeds."""
    config, more, runtime = folder / "config", folder / "more", folder / "runtime"
    for place in (config, more):
        (place / "jupyter_server_config.d").mkdir(parents=True)
        (place / "labconfig").mkdir()
        for name in ("jupyter_server_config", "jupyter_config", "jupyter_lab_config"):
            (place / f"{name}.py").write_text(PYTHON, encoding="utf-8")
            (place / f"{name}.json").write_text(json.dumps(JSON), encoding="utf-8")
        (place / "jupyter_server_config.d" / "mine.json").write_text(json.dumps(JSON), encoding="utf-8")
        (place / "labconfig" / "page_config.json").write_text(json.dumps(PAGE), encoding="utf-8")
    runtime.mkdir()
    (runtime / "jupyter_cookie_secret").write_bytes(SECRET)
    (folder / "token").write_text("known", encoding="utf-8")
    return {
        "JUPYTER_CONFIG_DIR": str(config), "JUPYTER_CONFIG_PATH": str(more), "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTER_DATA_DIR": str(folder / "data"), "JUPYTER_TOKEN": "known", "JUPYTER_TOKEN_FILE": str(folder / "token"),
        "JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS": "true", "JUPYTER_GATEWAY_URL": "http://198.51.100.1",
        "JUPYTERLAB_DIR": str(folder / "elsewhere"), "JUPYTER_PORT_RETRIES": "0", "JUPYTER_ALLOW_INSECURE_WRITES": "true",
        "JPY_SESSION_NAME": "/somewhere/else.ipynb", "JPY_API_TOKEN": "known",
    }  # fmt: skip


def project(folder: Path) -> Path:
    """A project with runs, keys and links to them."""
    made = folder / "project"
    for name in ("notebooks", "parameters"):
        shutil.copytree(ROOT / name, made / name)
    live = made / "parameters" / "live.yaml"
    text = (made / "parameters" / "rehearsal.yaml").read_text(encoding="utf-8")
    live.write_text(text.replace("mode: rehearsal", "mode: live"), encoding="utf-8")
    for name in ("keys", "withheld", "20261123T074611Z-rehearsal-7f3a"):
        (made / "runs" / name).mkdir(parents=True)
        (made / "runs" / name / "rehearsal.txt").write_text(KEY, encoding="utf-8")
    (made / "runs" / "keys" / "rehearsal.pem").write_text(KEY, encoding="utf-8")
    (made / "runs" / "keys" / "note.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', encoding="utf-8"
    )
    (made / "people").mkdir()
    (made / "people" / "alice.pem").write_text(KEY, encoding="utf-8")
    (made / "people" / "alice.pub.pem").write_text("public", encoding="utf-8")
    (made / "notebooks" / "linked").symlink_to(made / "runs" / "keys")
    (made / "notebooks" / "linked.txt").symlink_to(made / "people" / "alice.pem")
    (made / "notebooks" / "inner.txt").symlink_to(Path("linked") / "rehearsal.txt")
    (made / ".secret").write_text(KEY, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("hostile")
    made, environment = project(folder), {**os.environ, **hostile(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "runbook_lib", "lab", "-p", "parameters/live.yaml", "--port", "0", "--no-browser"]
    with (folder / "log").open("w") as log, subprocess.Popen(
        [*command, "--", "--allow-root"], cwd=made, env=environment, text=True, stdout=log, stderr=log
    ) as process:  # fmt: skip
        try:
            yield _ready(folder, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)


def _ready(folder: Path, process: "subprocess.Popen[str]") -> Lab:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        said = (folder / "log").read_text(encoding="utf-8")
        if found := re.search(r"or copy and paste.*\n\s*(http://127\.0\.0\.1:\d+)/\S*token=([0-9a-f]+)", said, re.IGNORECASE):
            return Lab(folder / "project", process, found.group(1), found.group(2), folder / "runtime")
        time.sleep(0.1)
    raise AssertionError((folder / "log").read_text(encoding="utf-8"))


NOT_FOR_ANYBODY = [
    ("GET", "/api/contents", {403}),
    ("GET", "/api/status", {403}),
    ("GET", "/api/config/server", {403}),
    ("GET", "/metrics", {302, 403}),
    ("GET", "/api/kernels", {403}),
    ("POST", "/api/kernels", {403, 404}),
    ("POST", "/api/sessions", {403, 404}),
    ("POST", "/api/terminals", {403, 404}),
    ("POST", "/api/shutdown", {403, 404}),
    ("GET", "/lab", {302}),
    ("GET", "/tree", {302}),
    ("GET", "/files/README.md", {302}),
    ("GET", "/lab/api/settings", {403}),
    ("GET", "/team/api/contents", {302, 403, 404}),
    ("GET", "/static/etc/passwd", {404}),
]


@pytest.mark.parametrize(
    "extra", [{}, {"Origin": "http://evil.example"}, {"Authorization": "token known"}, {"Authorization": "token "}]
)
@pytest.mark.parametrize(("method", "page", "answers"), NOT_FOR_ANYBODY)
def test_nobody_comes_in_without_the_token_of_this_start(
    lab: Lab, method: str, page: str, answers: set[int], extra: dict[str, str]
) -> None:
    answer = lab.ask(method, page, {} if method == "POST" else None, token=False, **extra)
    assert answer.status in answers
    assert answer.headers.get("Access-Control-Allow-Origin") is None
    if answer.status == 302:
        assert answer.headers["Location"].startswith(("/login?next=", "/lab"))


@pytest.mark.parametrize("page", ["/api/events/subscribe", "/api/kernels/4c5f6f1e-0000-0000-0000-000000000000/channels"])
@pytest.mark.parametrize("origin", ["http://evil.example", "http://127.0.0.1:1"])
def test_no_socket_is_opened_without_it(lab: Lab, page: str, origin: str) -> None:
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec_WebSocket_Version": "13",
    }
    assert lab.ask("GET", page, token=False, Origin=origin, **upgrade).status in {302, 403, 404}
    assert lab.ask("GET", page, token=False, **upgrade).status in {302, 403, 404}


def test_a_cookie_signed_with_the_secret_of_other_servers_is_worthless(lab: Lab) -> None:
    """Any user of the machine could have taken one from a server without a token that stood at this port before."""
    name = "username-" + re.sub(r"[^0-9a-z]+", "-", lab.address.removeprefix("http://"))
    person = json.dumps({"username": "a", "name": "a", "display_name": "a", "initials": "a", "color": None})
    cookie = create_signed_value(SECRET, name, person).decode()
    assert lab.ask("GET", "/api/contents", token=False, Cookie=f'{name}="{cookie}"').status == 403


def test_with_the_token_it_is_a_lab_on_this_machine_alone(lab: Lab) -> None:
    assert lab.ask("GET", "/api/contents/notebooks").status == 200
    assert lab.ask("GET", "/api/contents", Host="evil.example").status == 403, "another name leads here: DNS rebinding"
    assert lab.ask("POST", "/api/terminals", {}).status == 404
    assert lab.ask("GET", "/lsp/status").status == 404
    with socket.socket() as probe:
        port = int(lab.address.rpartition(":")[2])
        assert probe.connect_ex(("127.0.0.2", port)) != 0, "it listens at 127.0.0.1, and at no other address of the machine"


def test_the_token_is_in_no_argument_and_in_no_file_that_others_read(lab: Lab) -> None:
    for process in (lab.process.pid, lab.server):
        assert lab.token not in Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8")
    kept = [path for path in lab.runtime.iterdir() if lab.token in path.read_text(encoding="utf-8", errors="replace")]
    assert kept, "Jupyter keeps it for its own commands"
    assert {path.stat().st_mode & 0o077 for path in kept} == {0}


NEVER_SERVED = [
    "runs/keys", "runs/keys/rehearsal.pem", "runs/keys/rehearsal.txt", "runs/keys/nothing-there", "runs/keys/note.ipynb",
    "runs/withheld", "runs/withheld/rehearsal.txt", "runs//keys/rehearsal.pem", "runs/%6beys/rehearsal.pem",
    "runs/./keys/rehearsal.txt", "notebooks/%2e%2e/runs/keys/rehearsal.txt", "notebooks/linked", "notebooks/linked/rehearsal.pem",
    "notebooks/linked.txt", "notebooks/inner.txt", "people/alice.pem",
]  # fmt: skip


@pytest.mark.parametrize("path", NEVER_SERVED)
def test_keys_and_what_was_withheld_are_not_served(lab: Lab, path: str) -> None:
    for page in (
        f"/api/contents/{path}", f"/api/contents/{path}?content=0", f"/files/{path}", f"/files/{path}?download=1", f"/view/{path}",
        f"/nbconvert/html/{path}", f"/api/contents/{path}/checkpoints", f"/notebooks/{path}",
    ):  # fmt: skip
        answer = lab.ask("GET", page)
        assert KEY not in answer.text
        assert answer.status in {302, 400, 404, 405} or page.startswith(("/notebooks/", "/view/")), page


def test_hidden_files_stay_hidden(lab: Lab) -> None:
    assert {lab.ask("GET", f"{page}.secret").status for page in ("/api/contents/", "/files/")} == {404}


def test_keys_are_not_listed(lab: Lab) -> None:
    listed = lab.ask("GET", "/api/contents/runs").json["content"]
    assert {each["name"] for each in listed} == {"20261123T074611Z-rehearsal-7f3a"}
    names = {each["name"] for each in lab.ask("GET", "/api/contents/notebooks").json["content"]}
    assert "start.ipynb" in names
    assert not names & {"linked", "linked.txt", "inner.txt"}
    assert {each["name"] for each in lab.ask("GET", "/api/contents/people").json["content"]} == {"alice.pub.pem"}


def test_keys_are_not_copied_moved_or_replaced(lab: Lab) -> None:
    asked: list[tuple[str, str, Any]] = [
        ("POST", "/api/contents/notebooks", {"copy_from": "runs/keys/rehearsal.pem"}),
        ("POST", "/api/contents/notebooks", {"copy_from": "notebooks/linked.txt"}),
        ("POST", "/api/contents/notebooks", {"copy_from": "runs"}),
        ("POST", "/api/contents/runs/keys", {"type": "file"}),
        ("POST", "/api/contents/runs/keys/rehearsal.txt/checkpoints", {}),
        ("POST", "/api/contents/runs/keys/rehearsal.txt/checkpoints/checkpoint", {}),
        ("DELETE", "/api/contents/runs/keys/rehearsal.txt/checkpoints/checkpoint", None),
        ("PATCH", "/api/contents/runs/keys/rehearsal.txt", {"path": "notebooks/out.txt"}),
        ("PATCH", "/api/contents/runs/keys", {"path": "notebooks/out"}),
        ("PATCH", "/api/contents/runs", {"path": "elsewhere"}),
        ("PATCH", "/api/contents/people/alice.pem", {"path": "people/alice.txt"}),
        ("PUT", "/api/contents/runs/keys/rehearsal.pem", {"type": "file", "format": "text", "content": "mine"}),
        ("PUT", "/api/contents/runs/keys/mine.pub.pem", {"type": "file", "format": "text", "content": "mine"}),
        ("DELETE", "/api/contents/runs/keys/rehearsal.pem", None),
        ("DELETE", "/api/contents/runs/keys", None),
        ("DELETE", "/api/contents/runs", None),
    ]
    before = files(lab.folder)
    for method, page, content in asked:
        answer = lab.ask(method, page, content)
        assert answer.status in {400, 403, 404}, (method, page, answer)
        assert KEY not in answer.text
    assert files(lab.folder) == before


def files(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text(encoding="utf-8") if path.is_file() else "" for path in sorted(folder.rglob("*"))}


def test_other_files_are_served_copied_and_moved_as_ever(lab: Lab) -> None:
    assert lab.ask("GET", "/files/people/alice.pub.pem").text == "public"
    copied = lab.ask("POST", "/api/contents/notebooks", {"copy_from": "notebooks/start.ipynb"})
    assert copied.status == 201
    moved = lab.ask("PATCH", f"/api/contents/{copied.json['path']}", {"path": "notebooks/moved.ipynb"})
    assert moved.status == 200
    assert lab.ask("POST", "/api/contents/notebooks/moved.ipynb/checkpoints", {}).status == 201
    assert lab.ask("DELETE", "/api/contents/notebooks/moved.ipynb").status == 204


def test_nothing_is_asked_of_the_internet(lab: Lab) -> None:
    assert lab.ask("GET", "/lab/api/news").json == {"news": []}
    assert lab.ask("GET", "/lab/api/update").json == {"notification": None}
    extensions = lab.ask("GET", "/lab/api/extensions?refresh=1&query=git")
    assert extensions.status == 200
    page = lab.ask("GET", "/lab")
    told = json.loads(re.findall(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page.text, re.DOTALL)[0])
    assert told["news"] == {"disabled": True}
    assert told["extensionManager"]["can_install"] is False
    assert told["terminalsAvailable"] is False
    assert {"@jupyterlab/debugger-extension", "@jupyterlab/apputils-extension:announcements"} <= set(told["disabledExtensions"])
    assert "@jupyterlab/notebook-extension" not in told["disabledExtensions"]
    assert {each["name"] for each in told["federated_extensions"]} >= {"@jupyter-widgets/jupyterlab-manager"}
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self' ")
    assert "http" not in policy.replace("'self' ws", "")


def environment_of(connection: Path) -> dict[str, str]:
    """What the kernel behind a connection file has for an environment."""
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels()
    said: list[str] = []
    try:
        client.wait_for_ready(PATIENCE)
        client.execute_interactive(
            "import json, os\nprint(json.dumps(dict(os.environ)))",
            timeout=PATIENCE, output_hook=lambda message: said.append(message["content"].get("text", "")),
        )  # fmt: skip
    finally:
        client.stop_channels()
    found: dict[str, str] = json.loads("".join(said))
    return found


def test_kernels_have_private_sockets_and_know_no_token(lab: Lab) -> None:
    kernel = lab.ask("POST", "/api/kernels", {"name": "python3"})
    assert kernel.status == 201
    (file,) = Path(tempfile.gettempdir()).glob(f"*/kernel-{kernel.json['id']}.json")
    told = json.loads(file.read_text(encoding="utf-8"))
    assert told["transport"] == "ipc"
    assert Path(told["ip"]).parent.stat().st_mode & 0o077 == 0
    inherited = environment_of(file)
    beneath = [inherited]
    if forking.possible():
        # What it is forked from began with an environment, too.
        found = subprocess.run(["pgrep", "-P", str(lab.server), "-f", "fork_server"], capture_output=True, text=True, check=True)
        begun = Path(f"/proc/{found.stdout.split()[0]}/environ").read_text(encoding="utf-8")
        beneath.append(dict(each.partition("=")[::2] for each in begun.split("\0")))
    for each in beneath:
        assert not {name for name in each if name.startswith(("JUPYTER_TOKEN", "JUPYTER_NO_CONFIG", "JUPYTER_GATEWAY"))}
        assert lab.token not in each.values()
        assert each.get("JPY_SESSION_NAME", "") == ""
    assert inherited["RUNBOOK_RUNS"] == str(lab.folder / "runs")
    assert lab.ask("DELETE", f"/api/kernels/{kernel.json['id']}").status == 204


def test_what_is_not_as_promised_is_not_started(tmp_path: Path) -> None:
    """The last look, before it listens: here arguments come past the command, as a change of Jupyter's own might."""
    arguments = [
        "--ServerApp.terminals_enabled=True",
        "--ServerApp.allow_origin=*",
        "--LabApp.extension_manager=pypi",
        "--allow-root",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "runbook_lib.cli.lab", *arguments, "--IdentityProvider.token=", "--no-browser"],
        cwd=ROOT, env={**os.environ, "JUPYTER_TOKEN": "t", "JUPYTER_RUNTIME_DIR": str(tmp_path)}, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("JupyterLab was not started: ")
    for said in ("allow_origin is '*'", "terminals_enabled is True", "extension_manager is 'pypi'", "the token is another"):
        assert said in last
    assert not list(tmp_path.glob("jpserver-*")), "it never listened"


HANGS = """
import os, sys
from runbook_lib.cli.lab import command as lab
lab.LONGEST_END = 1.0
sys.exit(lab.serve(["--port", "0", "--no-browser"], os.environ))
"""


def test_a_jupyterlab_that_does_not_end_when_asked_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HANGS], env={**os.environ, **hostile(tmp_path)}, text=True) as process:
        server = _child(process)
        os.kill(server, signal.SIGSTOP)  # It neither reads requests to end nor does it go.
        process.terminate()
        assert process.wait(PATIENCE) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)


def _child(process: "subprocess.Popen[str]") -> int:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = subprocess.run(
            ["pgrep", "-P", str(process.pid), "-f", "runbook_lib.cli.lab"], capture_output=True, text=True, check=False
        )
        if found.stdout:
            return int(found.stdout)
        time.sleep(0.05)
    raise AssertionError("no server was started")
