"""docs/source-document.md: every row says what holds it, and every test and file that it names exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "runbook_lib" / "docs" / "source-document.md"
BACKGROUND, LATER = "background", "not built yet"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def rows() -> list[list[str]]:
    lines = [line.strip() for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    parts = [[part.strip() for part in line.removeprefix("|").removesuffix("|").split("|")] for line in lines]
    return [each for each in parts if not re.fullmatch(r"-+|it says", each[0])]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:60])
def test_each_sentence_says_what_holds_it(row: list[str]) -> None:
    said, _, held = row
    assert said.endswith((".", ")"))
    if held in (BACKGROUND, LATER):
        return
    named = TEST.findall(held)
    assert TEST.sub("", held).strip(", ") == ""
    assert named
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert name in {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}, f"{file} has no {name}"


def test_every_file_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:runbook_lib|notebooks|tests|parameters)/[\w./-]+?)(?:::\w+)?`", PAGE.read_text(encoding="utf-8")))
    assert named
    assert [each for each in sorted(named) if not (ROOT / each).exists()] == []


def test_what_is_not_built_is_few_and_named() -> None:
    """Whoever builds it writes here what holds it."""
    later = [said for said, _, held in rows() if held == LATER]
    assert all(re.search("incident|[Rr]emediation|[Cc]ustom action|access", said) for said in later), later
