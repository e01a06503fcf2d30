"""One real JupyterLab with a simulated organization beside it, and one real browser, for all scenarios."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from page import NotebookPage

from runbook_lib.rehearsal import environment
from runbook_lib.rehearsal.environment import RunningServer

CHROMIUM = os.environ.get("RUNBOOK_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PROJECT = Path(__file__).parents[2]
TOKEN = "browser-tests"


def missing() -> str:
    """Why there is no browser to test with; empty when there is one."""
    try:
        import playwright  # noqa: F401
    except ModuleNotFoundError:
        return "playwright is not installed (make install)"
    return "" if Path(CHROMIUM).is_file() else f"there is no {CHROMIUM}; install it (apt install chromium) or set RUNBOOK_CHROMIUM"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if why := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(f"no browser: {why}")
        pytest.skip(f"no browser: {why}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield started
        started.close()


class Lab:
    """A JupyterLab started by `runbook lab` in a folder of its own."""

    def __init__(self, folder: Path, seed: str, extra: str = "") -> None:
        self.folder, self.runs = folder, folder / "runs"
        shutil.copytree(PROJECT / "notebooks", folder / "notebooks")
        shutil.copytree(PROJECT / "parameters", folder / "parameters")
        parameters = folder / "parameters" / "rehearsal.yaml"
        parameters.write_text(parameters.read_text(encoding="utf-8") + extra, encoding="utf-8")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        own = {f"JUPYTER_{name}_DIR": str(folder / ".jupyter" / name) for name in ("CONFIG", "DATA", "RUNTIME")}
        own |= {"JUPYTERLAB_SETTINGS_DIR": str(folder / ".jupyter" / "settings"), "IPYTHONDIR": str(folder / ".ipython")}
        settings = folder / ".jupyter" / "settings" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        quiet = {"fetchNews": "false", "checkForUpdates": False}
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(quiet), encoding="utf-8")
        with (folder / "lab.log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "runbook_lib", "lab", "--organization", seed, "--no-browser", "--port", str(self.port),
                 "--runs", str(self.runs), "--", "--allow-root"],
                cwd=folder, env={**os.environ, **own, "JUPYTER_TOKEN": TOKEN, "PYTHONPATH": str(PROJECT)}, stdout=log,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        self._await()

    def _await(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.2)
        raise AssertionError((self.folder / "lab.log").read_text(encoding="utf-8"))

    @property
    def server(self) -> RunningServer:
        found = environment.find(self.runs / "simulated-organization")
        assert found is not None
        return found

    def fresh(self, notebook: str, name: str, **parameters: str) -> str:
        """A copy of a notebook under another name, so with a kernel of its own, on a bare organization; its parameters changed."""
        self.server.control("POST", "reset")
        for folder in self.runs.glob("2*"):
            shutil.rmtree(folder)
        return self.copy(notebook, name, **parameters)

    def copy(self, notebook: str, name: str, **parameters: str) -> str:
        text = (PROJECT / "notebooks" / notebook).read_text(encoding="utf-8")
        for key, value in parameters.items():
            assert f'{key}: str = \\"\\"' in text
            text = text.replace(f'{key}: str = \\"\\"', f"{key}: str = {json.dumps(json.dumps(value))[1:-1]}")
        (self.folder / "notebooks" / f"{name}.ipynb").write_text(text, encoding="utf-8")
        return self.url(f"{name}.ipynb")

    def shut_kernels(self) -> None:
        """End every kernel, so that the next scenario has the machine for itself."""
        for session in self._api("GET", "sessions"):
            self._api("DELETE", f"sessions/{session['id']}")

    def _api(self, method: str, page: str) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/{page}", method=method, headers={"Authorization": f"token {TOKEN}"}
        )
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")

    def url(self, notebook: str) -> str:
        return f"http://127.0.0.1:{self.port}/lab/tree/notebooks/{notebook}?token={TOKEN}&reset"

    def made(self) -> list[str]:
        """Mutating calls that reached the simulated organization and succeeded, as service:Operation."""
        return [
            f"{e['service']}:{e['operation']}" for e in self.server.control("GET", "log") if e["mutating"] and e["status"] < 300
        ]

    def runs_of(self, phase: str) -> list[Path]:
        """The folders of all runs of a phase, oldest first."""
        return sorted(path for path in self.runs.glob(f"2*/{phase}"))

    def latest(self, phase: str) -> dict[str, Any]:
        """What the newest run.json says of a phase."""
        record = json.loads((self.runs_of(phase)[-1].parent / "run.json").read_text(encoding="utf-8"))
        return {**record["phases"][phase], "run": record["status"]}

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Lab]:
    started = Lab(tmp_path_factory.mktemp("lab"), "seven")
    yield started
    started.end()


@pytest.fixture(scope="session")
def context(browser: Any) -> Iterator[Any]:
    """One profile for all pages, so that JupyterLab is loaded from the cache."""
    made = browser.new_context(viewport={"width": 1280, "height": 1000})
    yield made
    made.close()


@pytest.fixture
def open_page(lab: Lab, context: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., NotebookPage]]:
    """Open notebooks in pages of their own; pictures are taken at the end, and pages and kernels closed."""
    opened: list[NotebookPage] = []

    def open_(url: str, *, calm: bool = True) -> NotebookPage:
        opened.append(NotebookPage(context.new_page(), url, calm=calm))
        return opened[-1]

    yield open_
    for number, each in enumerate(opened):
        each.picture(f"{request.node.name}-end{number or ''}")
        each.page.close()
    lab.shut_kernels()
