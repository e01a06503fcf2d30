"""Files of others, read: regular ones of a bearable size, UTF-8, nothing twice or endless; else refused in one sentence."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fuzzing import unclear
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runbook_lib.base.documents import DocumentError, Finding, refused
from runbook_lib.base.documents.characters import odd_characters, shown
from runbook_lib.base.documents.files import decoded, read_bytes, read_text, unpacked
from runbook_lib.base.documents.json_text import DEEPEST, json_lines, read_json
from runbook_lib.base.documents.models import refused_by
from runbook_lib.base.documents.tables import read_table
from runbook_lib.base.documents.yaml_text import Document, Form, read_document


def said(read: Callable[[], Any]) -> str:
    with pytest.raises(DocumentError) as caught:
        read()
    assert "\n" not in str(caught.value)
    assert not unclear(str(caught.value), "f")
    return str(caught.value)


def test_a_pipe_a_folder_and_a_device_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f-pipe")
    assert "pipe or device" in said(lambda: read_bytes(tmp_path / "f-pipe", 10))
    assert "folder" in said(lambda: read_bytes(tmp_path, 10))
    assert "pipe or device" in said(lambda: read_bytes(Path("/dev/full"), 10))
    assert "no such file" in said(lambda: read_bytes(tmp_path / "f-none", 10))
    assert "\\x00" in said(lambda: read_bytes(tmp_path / "f\0", 10))


def test_a_file_without_end_on_the_disk_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "f-sparse").open("wb") as file:
        file.truncate(8 * 2**30)
    assert "8,589,934,592 bytes" in said(lambda: read_text(tmp_path / "f-sparse", 1000))
    (tmp_path / "f").write_bytes(b"x" * 10)
    assert read_bytes(tmp_path / "f", 10) == b"x" * 10
    assert "at most 9" in said(lambda: read_bytes(tmp_path / "f", 9))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("mode: live".encode("utf-16"), ["line 1", "UTF-16"]),
        ("mode: live".encode("utf-16-le"), ["UTF-16"]),
        ("mode: live".encode("utf-16-be"), ["UTF-16"]),
        ("mode: live".encode("utf-32"), ["UTF-32"]),
        (b"a\nb\ncaf\xe9\n", ["line 3", "0xE9", "Latin-1", "\u00e9"]),
        (b"\xef\xbb\xbfa\n\xff", ["line 2", "0xFF"]),
        (b"\xed\xa0\x80", ["line 1", "0xED"]),
        (b"a\n" + b"x" * 101, ["line 2", "101 characters"]),
    ],
)
def test_other_letters_are_named_with_their_place(data: bytes, words: list[str]) -> None:
    message = said(lambda: decoded(data, "f", 100))
    assert all(word in message for word in words), message


def test_marks_and_any_letters_of_utf_8_are_read() -> None:
    assert decoded(b"\xef\xbb\xbfmode", "f") == "mode"
    assert decoded("\u6771\u4eac\r\n".encode(), "f", 100) == "\u6771\u4eac\r\n"
    assert decoded(b"", "f") == ""


def test_what_is_gzipped_is_unpacked_within_bounds() -> None:
    assert unpacked(b"plain", "f", 3) == b"plain"
    assert unpacked(gzip.compress(b"a") + gzip.compress(b"b"), "f", 2) == b"ab"
    assert "more than 1,000 bytes" in said(lambda: unpacked(gzip.compress(b"0" * 10**7), "f", 1000))
    for broken in (
        gzip.compress(b"abc")[:-3],
        b"\x1f\x8bnothing of the kind",
        gzip.compress(b"abc" * 99).replace(b"\x00", b"\x01"),
    ):
        assert "damaged" in said(lambda broken=broken: unpacked(broken, "f", 1000))  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty"]),
        ('{"a": 1,}', ["line 1", "column 9", "property name"]),
        ('{"a": \u201c1\u201d}', ["column 7", "U+201C (left double quotation mark)"]),
        ('{\n"a": 1, "a": 2}', ["'a'", "twice"]),
        ('{"a": NaN}', ["NaN"]),
        ('{"a": -Infinity}', ["Infinity"]),
        ('{"a": 1e999}', ["1e999", "beyond"]),
        ('{"a": ' + "1" * 5000 + "}", ["thousands of digits"]),
        ('{"a": {"b": ["\\ud800"]}}', ["a.b[0]", "U+D800"]),
        ('{"\\udc00\\ud800": 1}', ["U+DC00"]),
        ("[" * 100_000, ["deep", "brackets"]),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), ["deep"]),
    ],
)
def test_json_that_means_nothing_or_two_things(text: str, words: list[str]) -> None:
    message = said(lambda: read_json(text, "f.json"))
    assert all(word in message for word in words), message


def test_json_is_read_as_it_is() -> None:
    assert read_json('{"a": [1, 2.5, null, true, "\\ud83d\\ude00"]}', "f") == {"a": [1, 2.5, None, True, "\U0001f600"]}
    assert read_json("[" * DEEPEST + "]" * DEEPEST, "f")
    assert read_json("1", "f") == 1
    assert list(json_lines('{"a": 1}\r\n\n[2]\n', "f")) == [(1, {"a": 1}), (3, [2])]
    assert "line 3" in said(lambda: list(json_lines("1\n\n{\n", "f")))


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        ("a,b\n1,2\n", ("a", "b"), [(2, ["1", "2"])]),
        ("sep=;\r\na;b\r\n1;2\r\n", ("a", "b"), [(3, ["1", "2"])]),
        ("a\tb\n\n1\t2", ("a", "b"), [(3, ["1", "2"])]),
        ("a|b\n1|2", ("a", "b"), [(2, ["1", "2"])]),
        ('a,b\n"1\n1",2\n3\n', ("a", "b"), [(2, ["1\n1", "2"]), (4, ["3"])]),
        ("a,b\r1,2\r", ("a", "b"), [(2, ["1", "2"])]),
        ("", (), []),
    ],
)
def test_tables_as_spreadsheets_write_them(text: str, columns: tuple[str, ...], rows: list[Any]) -> None:
    table = read_table(text, "f")
    assert (table.columns, list(table.rows)) == (columns, rows)


def test_a_cell_may_be_long_but_not_without_end() -> None:
    ((_, row),) = read_table("a\n" + "x" * 140_000, "f").rows
    assert len(row[0]) == 140_000
    assert "limit" in said(lambda: list(read_table('a\n"' + "x" * (17 * 2**20), "f").rows))


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    size: int = Field(default=1, ge=1, description="How many.")


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    inner: tuple[Inner, ...]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({}, ["f: inner", "missing"]),
        ({"inner": 1}, ["f: inner: '1'", "list is wanted"]),
        ({"inner": [{"name": 12}]}, ["inner[0].name: '12'", 'quotes: "12"']),
        ({"inner": [{"nmae": "a", "name": "b"}]}, ["inner[0].nmae", "Did you mean name?", "Known here: name, size"]),
        ({"inner": [{"name": "a", "size": 0}]}, ["inner[0].size: '0'", "at least 1"]),
        ({"inner": [{"name": ["x"]}]}, ["inner[0].name", "Text is wanted"]),
    ],
)
def test_what_a_model_says_of_values(value: Any, words: list[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(value)
    message = str(refused_by(caught.value, Outer, "f"))
    assert all(word in message for word in words), message
    assert not unclear(message, "f")


def test_nulls_are_values_where_a_file_says_so() -> None:
    assert read_document("a: null\nb: [~]\n", Form("Start.")).values == {"a": None, "b": [None]}
    document = read_document("a: null\n", Form("Start.", "Say something."))
    assert document.values == {}
    assert [(line, each.message) for line, each in document.problems] == [(1, "Say something.")]


def test_yaml_keeps_lines_and_spellings() -> None:
    document = read_document("a:\n  - x: 0x1f\n    y: '1'\nb: 1.50\n", Form("Start."))
    assert document.values == {"a": [{"x": 31, "y": "1"}], "b": 1.5}
    assert document.line(("a", 0, "y")) == 3
    assert document.line(("a", 0, "none")) == 2
    assert document.written["b",] == "1.50"


@pytest.mark.parametrize("text", ["[" * 60_000, "{a: " * 60_000, "- " * 60_000, "a: " + "[" * 60_000])
def test_yaml_that_is_nested_without_end_is_said_at_once(text: str) -> None:
    document: Document = read_document(text, Form("Start."))
    assert not document.read
    assert "deep" in document.problems[0][1].message


def test_messages_show_what_cannot_be_seen_and_end() -> None:
    assert shown("a\u00a0b\u202ec\x1b d") == "a\\xa0b\\u202ec\\x1b d"
    long = str(refused("f" * 10, "no", key="k" * 999, value="v" * 100_000))
    assert len(long) < 300
    many = str(DocumentError(*(Finding("f", line, "", "", "no") for line in range(1, 501))))
    assert many.count("\n") == 20
    assert many.endswith("and 480 more")


def test_odd_characters_have_line_and_column() -> None:
    assert [str(each) for each in odd_characters("a\nbc\u200bd\n\u00a0")] == [
        "column 3 holds U+200B (zero width space)",
        "column 1 holds U+00A0 (no-break space)",
    ]
    assert not list(odd_characters("caf\u00e9 \u6771\u4eac \U0001f600\r\n\t"))
