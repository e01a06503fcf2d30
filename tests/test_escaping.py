import csv
import html
import io
import time
from typing import Any

import mistune
import pytest
from hypothesis import given
from hypothesis import strategies as st
from value_samples import HOSTILE

from runbook_lib.base.text import markdown_safe, spreadsheet_safe, visible

FORMULA_STARTS = "=+-@\t\r\uff1d\uff0b\uff0d\uff20"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain, with ümlaut", "plain, with ümlaut"), ("a\nb", "a\\nb"), ("x\u200fy", "x\\u200fy"), ("\x1b[31m", "\\x1b[31m")],
)
def test_hidden_characters_are_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_what_is_shown_can_be_printed(text: str) -> None:
    assert all(character.isprintable() or character.isspace() for character in visible(text))
    assert "\n" not in visible(text)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"),
        (" =1", " '=1"),
        ("+44", "'+44"),
        ("-1", "'-1"),
        ("@SUM", "'@SUM"),
        ("a;=1+1", "a;'=1+1"),
        ("\t=1", "'\\t'=1"),
        ("1-1", "1-1"),
        ("us-east-1", "us-east-1"),
        ("", ""),
    ],
)
def test_formulas_are_neutralised(text: str, safe: str) -> None:
    assert spreadsheet_safe(text) == safe


@pytest.mark.parametrize("text", [";" + " " * 50_000 + "x", "; " * 25_000, " " * 50_000, "\t" * 50_000 + "x"])
def test_a_long_field_takes_no_longer_than_its_length(text: str) -> None:
    begun = time.process_time()
    spreadsheet_safe(text)
    assert time.process_time() - begun < 3


@given(st.text(alphabet=st.sampled_from("=+-@\t\r\n;,\"|' a1\uff1d") | st.characters()))
def test_no_field_starts_a_formula_at_any_usual_separator(text: str) -> None:
    safe = spreadsheet_safe(text)
    assert not safe.lstrip()[:1] or safe.lstrip()[0] not in FORMULA_STARTS
    for separator in ";,|":
        assert all(part.strip()[:1] not in set(FORMULA_STARTS) for part in safe.split(separator) if part.strip())
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow([safe, "next"])
    assert next(csv.reader([line.getvalue()])) == [safe, "next"]


def _tree(text: str) -> list[Any]:
    tree = mistune.create_markdown(renderer="ast", plugins=["table", "strikethrough", "url"])(text)
    assert isinstance(tree, list)
    return tree


def _kinds(nodes: list[Any]) -> set[str]:
    return {node["type"] for node in nodes}.union(*(_kinds(node.get("children", [])) for node in nodes))


def _raw(node: Any) -> str:
    return str(node.get("raw", "")) + "".join(_raw(child) for child in node.get("children", []))


@pytest.mark.parametrize(
    "name",
    [
        *HOSTILE,
        "# heading",
        "1. list",
        "- item",
        "+ item",
        "> quote",
        "&lt;b&gt;",
        "www.example.com",
        "https://example.com",
        "~~gone~~",
    ],
)
def test_markdown_shows_a_hostile_name_as_it_is(name: str) -> None:
    (table,) = _tree(f"| a | b |\n| --- | --- |\n| {markdown_safe(name)} | second |\n")
    (row,) = table["children"][1]["children"]
    assert [_kinds(cell["children"]) for cell in row["children"]] == [{"text"}, {"text"}]
    assert [html.unescape(_raw(cell)) for cell in row["children"]] == [visible(name).strip(), "second"]


@given(st.text(min_size=1))
def test_markdown_makes_nothing_of_any_text(text: str) -> None:
    safe = markdown_safe(text)
    tree = [node for node in _tree(f"before\n\n{safe}\n\n| a |\n| --- |\n| {safe} |\n") if node["type"] != "blank_line"]
    assert [node["type"] for node in tree] == (["paragraph", "paragraph", "table"] if safe else ["paragraph", "table"])
    assert _kinds(tree) <= {"paragraph", "table", "table_head", "table_body", "table_row", "table_cell", "text"}
    assert len(tree[-1]["children"][1]["children"]) == 1
    assert len(tree[-1]["children"][1]["children"][0]["children"]) == 1
