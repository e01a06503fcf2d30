"""`runbook inventory` as a command, over a socket: what it writes, and what it refuses in plain words."""

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML
from simulated import fitting, home

from runbook_lib.base.errors import RunbookError
from runbook_lib.cli import cli, inventory
from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.environment import environment
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.server import serve


@pytest.fixture
def front() -> Front:
    return build_app("seven", moto=False)


@pytest.fixture
def url(front: Front, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.setenv(name, "somewhere-else")
    with serve(front) as url:
        yield url


def run(front: Front, url: str, folder: Path, *arguments: str) -> Result:
    own: Mapping[str, str] = environment(folder / "aws", url, home(front), {})
    settings = folder / "settings.yaml"
    if not settings.exists():
        settings.write_text(fitting(front))
    chosen = ("inventory", "-p", str(settings), "--output", str(folder / "seed.yaml"), "--runs", str(folder), *arguments)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inventory, "today", lambda: dt.date(2026, 6, 1))
        patch.setattr(inventory, "kernel_environment", lambda settings, runs: own)
        return CliRunner().invoke(cli, chosen, standalone_mode=False)


def test_it_writes_a_seed_with_pseudonyms_and_keeps_the_key(front: Front, url: str, tmp_path: Path) -> None:
    done = run(front, url, tmp_path)
    assert done.exception is None, done.output
    assert "7 accounts, 2 Regions; names are pseudonyms" in done.output
    seed = YAML(typ="safe").load(tmp_path / "seed.yaml")
    assert len(seed["accounts"]) == 7
    assert "Self-made security" not in (tmp_path / "seed.yaml").read_text()
    assert (tmp_path / "inventory.key").stat().st_mode & 0o777 == 0o600
    assert not [entry for entry in front.log.select(mutating="True") if entry.service != "sts"]


def test_real_names_on_request(front: Front, url: str, tmp_path: Path) -> None:
    assert "names are real" in run(front, url, tmp_path, "--real-names").output
    assert "Self-made security" in (tmp_path / "seed.yaml").read_text()
    assert not (tmp_path / "inventory.key").exists()


def test_what_could_not_be_read_ends_with_two(front: Front, url: str, tmp_path: Path) -> None:
    front.control.deny("222222222222", "RunbookDelegated", "guardduty:ListDetectors")
    done = run(front, url, tmp_path)
    assert done.return_value == 2
    assert "Not in it: guardduty:ListDetectors" in done.output


def test_another_organization_is_refused_in_plain_words(front: Front, url: str, tmp_path: Path) -> None:
    assert run(front, url, tmp_path).exception is None
    settings = tmp_path / "settings.yaml"
    settings.write_text(settings.read_text().replace("o-rehearsal001", "o-somebodyelse1"))
    (tmp_path / "seed.yaml").unlink()
    done = run(front, url, tmp_path)
    assert isinstance(done.exception, RunbookError)
    assert "o-somebodyelse1" in str(done.exception)
    assert not (tmp_path / "seed.yaml").exists()
