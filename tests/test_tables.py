"""Tables of cases are kept, and are always what their files say."""

import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from tables import table

TESTS = Path(__file__).parent


def test_what_is_kept_is_what_the_file_says_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    file = tmp_path / "cases.yaml"
    file.write_text("- {on: 1}\n")
    first = table(file)
    first[0]["on"] = 2
    assert table(file) == [{"on": 1}]
    (kept,) = (tmp_path / "__pycache__").iterdir()
    file.write_text("- {on: 3}\n")
    assert table(file) == [{"on": 3}] == table(file)
    kept.write_bytes(kept.read_bytes()[:20])
    assert table(file) == [{"on": 3}]


def test_nothing_is_kept_where_python_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = tmp_path / "cases.yaml"
    file.write_text("1")
    assert table(file) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["cases.yaml"]


@pytest.mark.parametrize("name", ["cases/commands.yaml", "rehearsal/aws-facts.yaml"])
def test_a_table_of_ours_comes_out_as_yaml_has_it(name: str) -> None:
    assert table(TESTS / name) == YAML(typ="safe", pure=True).load(TESTS / name)
