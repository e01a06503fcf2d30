"""What a person reads is plain English: words and patterns that are not, in messages, pages and prose."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
UNPLAIN = {
    r"(?<!there )\b(is|are|was|were) no (?!longer\b|more\b|later\b|earlier\b|older\b)\w+": "is not a …",
    r"\banew\b": "again",
    r"\bbarred\b": "not allowed, closed",
    r"\bamiss\b": "wrong",
    r"\boddit(y|ies)\b": "what differs",
    r"\bheld against\b": "checked against, compared with",
    r"\bgood (from|until)\b": "valid from, valid until",
    r"\bstands twice\b": "appears twice",
    r"\bwhat became of\b": "result",
    r"\bis whom\b": "",
    r"\bleft alone, and why\b": "not changed, and why",
    r"\bapproved units\b": "approved changes",
}
"""Pattern → what to write. Case does not matter."""


def messages(path: Path) -> Iterator[tuple[int, str]]:
    """Texts of a module that are not docstrings, by line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
            yield node.lineno, node.value


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a page, or of a notebook's prose."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "".join(line for cell in json.loads(text)["cells"] for line in [*cell["source"], "\n"])
    yield from enumerate(text.splitlines(), 1)


def found(texts: Iterator[tuple[int, str]]) -> list[str]:
    """What is not plain, with what to write."""
    return [
        f"line {line}: {match[0]!r}: write {better!r}"
        for line, text in texts
        for pattern, better in UNPLAIN.items()
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]


PAGES = [
    PROJECT / "README.md",
    *sorted((PROJECT / "runbook_lib" / "docs").glob("*.md")),
    *sorted(PROJECT.glob("notebooks/*.ipynb")),
]


@pytest.mark.parametrize("room", sorted({path.relative_to(PROJECT).parts[1] for path in (PROJECT / "runbook_lib").rglob("*.py")}))
def test_messages_are_plain(room: str) -> None:
    at = PROJECT / "runbook_lib" / room
    files = [at] if at.is_file() else sorted(at.rglob("*.py"))
    said = {str(file.relative_to(PROJECT)): found(messages(file)) for file in files}
    assert {file: words for file, words in said.items() if words} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_prose_is_plain(page: Path) -> None:
    assert found(prose(page)) == []


def test_what_is_not_plain_is_found() -> None:
    said = found(iter([(1, "x is no number"), (2, "there is no such file; it is no longer there"), (3, "It is made anew")]))
    assert said == ["line 1: 'is no number': write 'is not a …'", "line 3: 'anew': write 'again'"]
