"""A JupyterLab started by `runbook lab`, with a simulated organization beside it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runbook_lib.rehearsal import environment
from runbook_lib.rehearsal.environment import RunningServer

PROJECT = Path(__file__).parents[2]
TOKEN = "browser-tests"
START_SECONDS = 240
"""JupyterLab takes 5 s to start, and far longer on a machine where everything else starts too."""


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
                 "--runs", str(self.runs), "--", "--allow-root", "--LabApp.expose_app_in_browser=True"],
                cwd=folder, env={**os.environ, **own, "JUPYTER_TOKEN": TOKEN, "PYTHONPATH": str(PROJECT)}, stdout=log,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        self._await()

    def _await(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.2)
        self.end()
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

    def add_kernel(self, name: str, packages: Path) -> None:
        """Another kernel: this interpreter, with the packages of a folder before its own."""
        folder = self.folder / ".jupyter" / "DATA" / "kernels" / name
        folder.mkdir(parents=True, exist_ok=True)
        spec = {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": name,
            "language": "python", "env": {"PYTHONPATH": os.pathsep.join([str(packages), str(PROJECT)])},
        }  # fmt: skip
        (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")

    def use_kernel(self, notebook: str, name: str) -> None:
        """Let a notebook of the folder ask for that kernel."""
        file = self.folder / "notebooks" / f"{notebook}.ipynb"
        content = json.loads(file.read_text(encoding="utf-8"))
        content["metadata"]["kernelspec"] |= {"name": name, "display_name": name}
        file.write_text(json.dumps(content), encoding="utf-8")

    def copy(self, notebook: str, name: str, **parameters: str) -> str:
        text = (PROJECT / "notebooks" / notebook).read_text(encoding="utf-8")
        for key, value in parameters.items():
            assert f'{key}: str = \\"\\"' in text
            text = text.replace(f'{key}: str = \\"\\"', f"{key}: str = {json.dumps(json.dumps(value))[1:-1]}")
        (self.folder / "notebooks" / f"{name}.ipynb").write_text(text, encoding="utf-8")
        return f"{name}.ipynb"

    def start_kernel(self, notebook: str) -> None:
        """Start the kernel that a notebook asks for, which the page then finds running; it comes up while the page opens it."""
        path = f"notebooks/{notebook}"
        spec = json.loads((self.folder / path).read_text(encoding="utf-8"))["metadata"]["kernelspec"]["name"]
        self._api("POST", "sessions", {"path": path, "name": notebook, "type": "notebook", "kernel": {"name": spec}})

    def shut_kernels(self) -> None:
        """End every kernel, so that the next scenario has the machine for itself."""
        for session in self._api("GET", "sessions"):
            self._api("DELETE", f"sessions/{session['id']}")

    def _api(self, method: str, page: str, content: Mapping[str, Any] | None = None) -> Any:
        data = None if content is None else json.dumps(content).encode()
        headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/{page}", method=method, headers=headers, data=data)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return json.loads(answer.read() or b"null")

    def url(self, notebook: str) -> str:
        return f"http://127.0.0.1:{self.port}/lab/tree/notebooks/{notebook}?token={TOKEN}&reset"

    def url_in_notebook_7(self, notebook: str) -> str:
        """The same server has Notebook 7, where that is installed."""
        return f"http://127.0.0.1:{self.port}/notebooks/notebooks/{notebook}?token={TOKEN}"

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
