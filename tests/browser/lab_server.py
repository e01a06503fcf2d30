"""A JupyterLab started by `runbook lab`, with a simulated organization beside it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from doors import PATIENCE, Gate

from runbook_lib.rehearsal import environment
from runbook_lib.rehearsal.environment import RunningServer

PROJECT = Path(__file__).parents[2]


class Lab:
    """A JupyterLab started by `runbook lab` in a folder of its own."""

    def __init__(self, folder: Path, seed: str = "", gate: Gate | None = None) -> None:
        self.folder, self.runs, self.runtime = folder, folder / "runs", folder / ".jupyter" / "RUNTIME"
        self.gate = gate or Gate()
        """Closed, it keeps calls of the simulated organization in flight, where the tests serve that (and name no seed)."""
        self.settings = self.runs / "simulated-organization" / "settings.yaml"
        shutil.copytree(PROJECT / "notebooks", folder / "notebooks")
        shutil.copytree(PROJECT / "parameters", folder / "parameters")
        own = {f"JUPYTER_{name}_DIR": str(folder / ".jupyter" / name) for name in ("CONFIG", "DATA", "RUNTIME")}
        own |= {"JUPYTERLAB_SETTINGS_DIR": str(folder / ".jupyter" / "settings"), "IPYTHONDIR": str(folder / ".ipython")}
        command = [sys.executable, "-m", "runbook_lib", "lab", "--no-browser", "--port", "0", "--runs", str(self.runs)]
        command += [*(["--organization", seed] if seed else []), "--", "--allow-root", "--LabApp.expose_app_in_browser=True"]
        environment = {**os.environ, **own, "PYTHONPATH": str(PROJECT), "PYTHONFAULTHANDLER": "1"}
        with (folder / "lab.log").open("wb") as log:
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self.address, self.token = self._await()

    def _await(self) -> tuple[str, str]:
        """Address and token, once it listens: JupyterLab leaves them where only its user can read."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            for file in self.runtime.glob("jpserver-*.json"):
                with suppress(ValueError):  # it is being written
                    told = json.loads(file.read_text(encoding="utf-8"))
                    return told["url"].rstrip("/"), told["token"]
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

    def connected(self, notebook: str) -> bool:
        """Whether a page talks to the kernel of a notebook, which rests."""
        kernels = [each["kernel"] for each in self._api("GET", "sessions") if each["path"] == f"notebooks/{notebook}"]
        return any(each["connections"] and each["execution_state"] == "idle" for each in kernels)

    def shut_kernels(self) -> None:
        """End every kernel, so that the next scenario has the machine for itself."""
        for session in self._api("GET", "sessions"):
            self._api("DELETE", f"sessions/{session['id']}")

    def _api(self, method: str, page: str, content: Mapping[str, Any] | None = None) -> Any:
        data = None if content is None else json.dumps(content).encode()
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}/api/{page}", method=method, headers=headers, data=data)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or b"null")

    def url(self, notebook: str) -> str:
        return f"{self.address}/lab/tree/notebooks/{notebook}?token={self.token}&reset"

    def url_in_notebook_7(self, notebook: str) -> str:
        """The same server has Notebook 7, where that is installed."""
        return f"{self.address}/notebooks/notebooks/{notebook}?token={self.token}"

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
        self.gate.open()
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # It says where each thread stands.
            self.process.wait()
            raise AssertionError((self.folder / "lab.log").read_text(encoding="utf-8")[-8000:]) from None
