"""`runbook handover`: a page for whoever holds the other account's door; reading first, and nothing is called but STS."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from doors import Served, served
from simulated import copied

from runbook_lib.cli import cli, main
from runbook_lib.cli.simulation import today
from runbook_lib.rehearsal.world import World
from runbook_lib.runbook import managed
from runbook_lib.services.roles import needed
from runbook_lib.settings import settings_digest
from runbook_lib.settings.file import load

MANAGEMENT, DELEGATED = "111111111111", "222222222222"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, World]]:
    with served("seven", tmp_path_factory.mktemp("handover")) as organization:
        yield organization, copied(organization.front.world)


@pytest.fixture
def seven(made: tuple[Served, World], monkeypatch: pytest.MonkeyPatch) -> Served:
    organization, world = made
    organization.front.adopt(copied(world))
    monkeypatch.setattr("runbook_lib.cli.handover.kernel_environment", lambda settings, runs: organization.environment)
    for name, value in organization.environment.items():
        monkeypatch.setenv(name, value)
    return organization


def handed(organization: Served, *words: str) -> Any:
    before = len(organization.front.log.entries)
    with pytest.raises(SystemExit) as ended:
        main(["handover", "-p", str(organization.settings), "--runs", str(organization.runs), *words])
    assert {each.service for each in list(organization.front.log.entries)[before:]} <= {"sts"}
    return ended.value.code


def test_a_shut_door_is_handed_over_with_everything_its_holder_needs(seven: Served, tmp_path: Path) -> None:
    del seven.front.world.organization.accounts[DELEGATED].roles["RunbookDelegated"]
    folder = tmp_path / "handed"
    assert handed(seven, "--output", str(folder)) == 2
    found = json.loads((folder / "handover.json").read_text(encoding="utf-8"))
    settings = load(seven.settings, today())
    assert (found["digest"], found["organization"]) == (settings_digest(settings), settings.organization.id)
    management, delegated = found["accounts"]
    assert (management["account"], management["open"]) == (MANAGEMENT, True)
    assert (delegated["account"], delegated["open"]) == (DELEGATED, False)
    assert "AccessDenied" in delegated["said"]
    assert delegated["next_step"]
    assert {each["reading"] for each in found["accounts"]} <= {role.name for role in needed(settings)}
    both = [*management["stages"], *delegated["stages"]]
    assert sorted(both) == sorted(f"{phase.name}: {stage.title}" for phase in managed(settings) for stage in phase.stages)
    page = (folder / "handover.md").read_text(encoding="utf-8")
    assert f"## The delegated account, {DELEGATED}: handed over" in page
    assert f"## The management account, {MANAGEMENT}: open here" in page
    assert page.index("runbook-delegated-read") < page.index("runbook-delegated-change")
    assert not re.search(r"@[a-z]", page), "nobody is named"


def test_every_line_on_the_page_is_one_that_the_command_line_takes(seven: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert handed(seven) == 0
    lines = re.findall(r"^    runbook (.+)$", capsys.readouterr().out, re.MULTILINE)
    assert len(lines) == 10
    context = click.Context(cli)
    for name, *words in map(shlex.split, lines):
        command = cli.get_command(context, name)
        assert command is not None
        command.make_context(name, words, parent=context)


def test_what_was_handed_over_is_not_written_over(seven: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "handover.md").write_text("theirs", encoding="utf-8")
    assert handed(seven, "--output", str(tmp_path)) == 1
    assert "name another folder" in capsys.readouterr().err
    assert (tmp_path / "handover.md").read_text(encoding="utf-8") == "theirs"
