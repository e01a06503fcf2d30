"""Degrading: a front end that can ask but never reports that it has drawn the panel. Never an unguarded apply, never a hang."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doors import PATIENCE
from jupyter_client.manager import KernelManager
from lab_server import PROJECT

from runbook_lib.rehearsal import environment

OPEN = """
from runbook_lib.notebook import open_phase
run = open_phase("00_prerequisites", "parameters/seven.yaml", "", "", "")
run.observe()
run.plan()
"""


class FrontEnd:
    """A kernel's client that lets cells ask, and remembers the widgets it was told of."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.manager = KernelManager()
        self.manager.start_kernel(cwd=str(folder), env=env)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)
        self.buttons: dict[str, str] = {}

    def run(self, code: str, seconds: float = PATIENCE) -> Any:
        """Execute a cell; the content of its reply."""
        sent = self.client.execute(code, allow_stdin=True)
        while True:
            message = self.client.get_iopub_msg(timeout=seconds)
            if message["msg_type"] == "comm_open":
                state = message["content"]["data"]["state"]
                if state.get("_model_name") == "ButtonModel":
                    self.buttons[state["description"]] = message["content"]["comm_id"]
            if message["parent_header"].get("msg_id") == sent and message["content"].get("execution_state") == "idle":
                break
        # A kernel that was slow to start has more than one answer to `wait_for_ready` lying there.
        while (reply := self.client.get_shell_msg(timeout=PATIENCE))["parent_header"].get("msg_id") != sent:
            pass
        return reply["content"]

    def click(self, button: str) -> None:
        content = {"comm_id": self.buttons[button], "data": {"method": "custom", "content": {"event": "click"}}}
        self.client.shell_channel.send(self.client.session.msg("comm_msg", content))
        time.sleep(0.5)

    def end(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def front_end(tmp_path: Path) -> Iterator[tuple[FrontEnd, Any]]:
    shutil.copytree(PROJECT / "parameters", tmp_path / "parameters")
    shutil.copytree(PROJECT / "notebooks", tmp_path / "notebooks")
    server = environment.start(tmp_path / "server", "seven")
    text = (tmp_path / "parameters" / "rehearsal.yaml").read_text(encoding="utf-8").replace(", eu-south-1]", "]")
    start, end = text.index("exclusions:"), text.index("security_hub:")
    (tmp_path / "parameters" / "seven.yaml").write_text(text[:start] + text[end:], encoding="utf-8")
    env = {**server.environment, "RUNBOOK_RUNS": str(tmp_path / "runs"), "PYTHONPATH": os.pathsep.join([str(PROJECT)])}
    front = FrontEnd(tmp_path, env)
    yield front, server
    front.end()
    environment.stop(tmp_path / "server")


def test_a_panel_that_nobody_draws_stops_the_notebook_and_stays_usable(front_end: tuple[FrontEnd, Any]) -> None:
    front, server = front_end
    assert front.run(OPEN)["status"] == "ok"
    began = time.monotonic()
    said = front.run("await run.confirm()")
    assert time.monotonic() - began > 9, "a person gets time to see it"
    assert (said["status"], said["ename"]) == ("error", "Halt")
    assert "No click can reach this kernel" in said["evalue"]
    assert len(said["traceback"]) == 2
    said = front.run("await run.apply()")
    assert "Nothing is decided yet" in said["evalue"]
    assert not [each for each in server.control("GET", "log") if each["mutating"]]
    front.click("Approve 4 calls")
    assert front.run("await run.apply()")["status"] == "ok"
    assert len([each for each in server.control("GET", "log") if each["mutating"]]) == 4
