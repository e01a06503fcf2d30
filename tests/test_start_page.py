"""The start page: one table of phases, with where each stood, stands, and what comes next. It reads and makes no run."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from doors import Served, served
from simulated import Simulated, settings_for

from runbook_lib.display.tables import Shown
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.notebook.start import open_start


@pytest.fixture
def organization(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with served("seven", tmp_path) as made:
        for name in [each for each in os.environ if each.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("RUNBOOK_RUNS", str(tmp_path / "runs"))
        yield made


def rows(organization: Served) -> dict[str, dict[str, str]]:
    table = open_start(str(organization.settings), "", "", "").phases().parts[0]
    assert isinstance(table, Shown)
    return {str(row["phase"]): {str(name): str(value) for name, value in row.items()} for row in table.frame.to_dict("records")}


def test_one_line_per_phase_from_not_started_to_done(organization: Served, tmp_path: Path) -> None:
    bare = rows(organization)
    assert {row["last run"] for row in bare.values()} == {"not started"}
    first, hub = bare["Prerequisites (00_prerequisites)"], bare["Security Hub (10_security_hub)"]
    assert (first["now"], first["next"]) == ("pending: 4 calls", "open the notebook and decide on 4 calls")
    assert hub["coverage now"] == "0.0 %"
    assert organization.changes == []
    there = Simulated(organization.front, settings_for(organization.front), tmp_path)
    there.enable(["00_prerequisites", "10_security_hub"])
    run = RunFolder.create(
        tmp_path / "runs", "rehearsal", there.clock.now(), settings=b"", command=[], organization=there.settings.organization.id
    )
    run.start_phase("10_security_hub", there.clock.now())
    run.finish_phase("10_security_hub", RunStatus.DONE, there.clock.now(), {"state": "applied"})
    after = rows(organization)["Security Hub (10_security_hub)"]
    assert (after["now"], after["coverage now"], after["next"]) == ("done", "100.0 %", "")
    assert after["last run"] == f"done: applied in run {run.name}"


def test_what_cannot_be_read_is_said_with_its_reason(organization: Served) -> None:
    text = organization.settings.read_text(encoding="utf-8")
    organization.settings.write_text(text.replace("role/RunbookManagement", "role/NoSuchRole"), encoding="utf-8")
    found = rows(organization)
    assert {row["now"] for row in found.values()} == {"could not be read"}
    assert all(row["next"] for row in found.values())
