"""`runbook rehearse --door stack`: the settings and the doors that it makes fit, and, in the soak, the whole of it."""

import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import stack_settings
from doors import ROOT, RUNBOOK
from simulated import PARAMETERS

from runbook_lib.cli import stack_rehearsing
from runbook_lib.cli.simulation import Ready
from runbook_lib.rehearsal import environment
from runbook_lib.settings import Settings
from runbook_lib.stack.template import tasks, template


class Server:
    """What was asked of the control pages."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.environment: dict[str, str] = {}

    def control(self, method: str, page: str, **query: str) -> None:
        self.asked.append((page, query))


def furnished(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Settings, Server, list[str]]:
    server, said = Server(), list[str]()
    monkeypatch.setattr(environment, "find", lambda where: server)
    file = folder / "settings.yaml"
    file.write_text(text)
    asked: Any = SimpleNamespace(folder=folder)
    made: Any = Ready(server, False, stack_settings.settings(text), file)  # type: ignore[arg-type] # only its pages are asked
    found = stack_rehearsing.as_administrator(stack_rehearsing.furnished(made, asked, said.append))
    assert server.environment["AWS_PROFILE"] == "administrator"
    return found.settings, server, said


def test_settings_with_profiles_are_made_to_fit_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, server, said = furnished(PARAMETERS.read_text(), tmp_path, monkeypatch)
    assert template(settings)
    assert said == ["access is changed to fit the stack: no AWS profiles, and a role in the delegated account"]
    assert server.asked == [
        ("user", {"account": "111111111111", "name": "administrator"}),
        ("door", {"account": "222222222222", "role": "RunbookDelegated", "trusted": "111111111111"}),
    ]


def test_settings_for_the_delegated_account_stay_and_it_is_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = stack_settings.in_the_delegated_account(PARAMETERS.read_text())
    settings, server, said = furnished(text, tmp_path, monkeypatch)
    assert (settings, said) == (stack_settings.settings(text), [])
    assert server.asked == [
        ("user", {"account": "222222222222", "name": "administrator"}),
        ("door", {"account": "111111111111", "role": "RunbookManagement", "trusted": "222222222222"}),
    ]


@pytest.mark.soak
@pytest.mark.parametrize("home", ["management", "delegated"])
def test_the_stack_ends_with_the_coverage_of_the_notebooks(home: str, tmp_path: Path) -> None:

    settings = tmp_path / "settings.yaml"
    text = PARAMETERS.read_text()
    settings.write_text(stack_settings.in_the_delegated_account(text) if home == "delegated" else text)
    found = []
    for door in ("notebooks", "stack"):
        given = PARAMETERS if door == "notebooks" else settings
        runs = tmp_path / door
        words = ["rehearse", "--organization", "seven", "--door", door, "-p", str(given), "--runs", str(runs)]
        done = subprocess.run([*RUNBOOK, *words], cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        (coverage,) = runs.glob("*/90_coverage/coverage-after.json")
        found.append(json.loads(coverage.read_text())["cells"])
        if door == "stack":
            took = re.findall(r"^(\w+): CREATE_COMPLETE after \d+ s$", done.stdout, re.MULTILINE)
            assert took == [each.logical_id for each in tasks(stack_settings.settings(text))]
    assert found[0] == found[1]


FAULTS = """
stack:
  - { kind: event-twice, function: "*-accept" }
  - { kind: event-late, function: "*-accept", seconds: 2 }
  - { kind: put-refused, times: 3 }
  - { kind: function-killed, function: "*-work", seconds: 4 }
  - { kind: function-not-active, function: "*-accept" }
  - { kind: role-not-yet, function: "*-accept" }
"""


@pytest.mark.soak
def test_whatever_a_scenario_lets_befall_the_stack_it_ends_covered(tmp_path: Path) -> None:
    """The real functions in processes of their own, one of them killed while it works."""
    scenario = tmp_path / "faults.yaml"
    scenario.write_text(FAULTS)
    words = ["rehearse", "--organization", "seven", "--door", "stack", "--scenario", str(scenario), "-p", str(PARAMETERS)]
    done = subprocess.run(
        [*RUNBOOK, *words, "--runs", str(tmp_path / "runs")], cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^\w+: CREATE_COMPLETE after \d+ s$", done.stdout, re.MULTILINE)
