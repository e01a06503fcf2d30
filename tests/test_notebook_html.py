from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4
from value_samples import HOSTILE

from runbook_lib.base.text import visible
from runbook_lib.display.clean_html import clean_html
from runbook_lib.display.notebook_page import NotebookHtmlError, notebook_page, write_notebook_html

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
NASTY = "<script>alert(1)</script>"


def output(**data: str) -> Any:
    return v4.new_output("display_data", data={name.replace("_", "/"): value for name, value in data.items()})  # type: ignore[no-untyped-call]  # nbformat ships no types


def code(source: str, *outputs: Any, count: int | None = 1) -> Any:
    return v4.new_code_cell(source, execution_count=count, outputs=list(outputs))  # type: ignore[no-untyped-call]  # as above


def notebook(*cells: Any, **metadata: Any) -> Any:
    return v4.new_notebook(cells=list(cells), metadata=metadata)  # type: ignore[no-untyped-call]  # as above


def prose(text: str) -> Any:
    return v4.new_markdown_cell(text)  # type: ignore[no-untyped-call]  # as above


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in {"meta", "br", "hr", "img", "col"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def page(*cells: Any, **metadata: Any) -> Page:
    text = notebook_page(notebook(*cells, **metadata), mode="rehearsal", phase="10_security_hub")
    assert "url(" not in text
    found = Page(text)
    assert "script" not in found.tags
    assert all(value.startswith("data:") for name, value in found.attributes if name == "src")
    assert {name for name, _ in found.attributes} <= {
        "lang", "charset", "http-equiv", "content", "name", "class", "src", "alt", "colspan", "rowspan", "scope",
    }  # fmt: skip
    return found


STREAM = {"output_type": "stream", "name": "stdout"}
ERROR = {"output_type": "error", "ename": "RuntimeError", "evalue": NASTY, "traceback": ["\x1b[31m" + NASTY + "\x1b[0m"]}


def test_title_mode_phase_and_policy_head_the_page() -> None:
    text = notebook_page(notebook(), mode="rehearsal", phase="10_security_hub")
    assert "<title>10_security_hub (rehearsal)</title>" in text
    assert "default-src 'none'" in text
    assert "rehearsal" in Page(text).words


def test_papermill_s_times_and_parameters_are_shown() -> None:
    noted = {"start_time": "2026-11-23T07:46:11", "end_time": None, "duration": 3.5, "parameters": {"scope": NASTY}}
    words = page(papermill=noted).words
    assert "Started2026-11-23 07:46 UTC" in words
    assert "Duration4 s" in words
    assert f"Parameter scope{NASTY}" in words


def test_it_leads_back_to_the_page_of_all_runs() -> None:
    text = notebook_page(
        notebook(), mode="rehearsal", phase="10_security_hub", back="../../index.html#20261123T074611Z-rehearsal-7f3a"
    )
    assert '<a href="../../index.html#20261123T074611Z-rehearsal-7f3a">All runs</a>' in text


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_shown_and_do_nothing(name: str) -> None:
    found = page(
        prose(f"# Heading\n\n{name}\n\n[{name}](https://example.com) ![{name}](https://example.com/x.png)"),
        code(
            f"# {name}",
            STREAM | {"text": name},
            ERROR,
            output(text_html=f"<table><tr><td>{name}</td></tr></table>", text_plain="x"),
        ),
        code(name, output(text_plain=name), output(text_markdown=f"<img src=x onerror=alert(1)> {name}")),
    )
    assert NASTY in found.words


def test_links_and_pictures_in_prose_become_text() -> None:
    found = page(
        prose("See [the guide](https://example.com/a) and ![a picture](https://example.com/p.png), <https://example.com/b>.")
    )
    assert "See the guide (https://example.com/a) and a picture, https://example.com/b." in found.words
    assert found.tags.isdisjoint({"a", "img"})


def test_prose_keeps_tables_lists_and_headings() -> None:
    found = page(prose("## Plan\n\n- one\n- two\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n`code`"))
    assert {"h2", "ul", "li", "table", "td", "code"} <= found.tags


def test_html_outputs_are_rebuilt_from_harmless_tags() -> None:
    dirty = (
        '<style>td{background:url(https://example.com)}</style><table class="dataframe" style="background:url(x)" onload="x()">'
        '<tr><th scope="col" colspan="2">Kept</th></tr><tr><td><a href="https://example.com">linked</a></td></tr></table>'
        '<iframe src="https://example.com">frame</iframe><script>alert(1)</script><svg><script>x</script></svg>'
        '<img src="https://example.com/x.png" onerror="x()"><form action="https://example.com"><b>bold</b></form>'
    )
    assert clean_html(dirty) == (
        '<table class="dataframe"><tr><th scope="col" colspan="2">Kept</th></tr><tr><td>linked</td></tr></table><b>bold</b>'
    )


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("<b>open", "<b>open</b>"),
        ("</b>closed", "closed"),
        ("<p><b>crossed</p></b>", "<p><b>crossed</b></p>"),
        ("a &lt;b&gt; &amp; c", "a &lt;b&gt; &amp; c"),
        ("<scr<script>ipt>alert(1)</script>", "ipt&gt;alert(1)"),
        ('<b class="&quot; onclick=x">y</b>', '<b class="&quot; onclick=x">y</b>'),
        ("<script>never closed", ""),
        ("<embed src=x>after", "after"),
        ("line\u202e<br/>two", "line\\u202e<br>two"),
    ],
)
def test_broken_html_comes_out_well_formed(dirty: str, clean: str) -> None:
    assert clean_html(dirty) == clean


def test_pictures_are_kept_only_as_data() -> None:
    found = page(code("chart()", output(image_png=DOT), output(image_jpeg='x" onerror="alert(1)')))
    assert [value for name, value in found.attributes if name == "src"] == [f"data:image/png;base64,{DOT}"]


def test_widgets_and_javascript_give_way_to_their_text() -> None:
    widget = v4.new_output(  # type: ignore[no-untyped-call]  # nbformat ships no types
        "display_data",
        data={
            "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
            "application/javascript": "alert(1)",
            "text/plain": "3 of 4",
        },
    )
    words = page(code("show()", widget)).words
    assert "3 of 4" in words
    assert "alert(1)" not in words


def test_a_cell_that_never_ran_says_so_whatever_papermill_says() -> None:
    never = code("apply()", count=None)
    never.metadata["papermill"] = {"status": "completed"}
    assert page(code("plan()"), never).words.count("Not run.") == 1


def test_colours_of_the_terminal_are_taken_out() -> None:
    words = page(code("x", STREAM | {"text": "\x1b[31mred\x1b[0m\nnext"}, ERROR)).words
    assert "red\nnext" in words
    assert "\x1b" not in words
    assert "\\x1b" not in words


def test_a_notebook_file_becomes_a_page_file(tmp_path: Path) -> None:
    source = tmp_path / "notebook.ipynb"
    nbformat.write(notebook(prose("# Purpose"), code("run()")), source)  # type: ignore[no-untyped-call]  # nbformat ships no types
    target = write_notebook_html(source, tmp_path / "notebook.html", mode="live", phase="20_guardduty", more={"Run": NASTY})
    words = Page(target.read_text(encoding="utf-8")).words
    assert "20_guardduty (live)" in words
    assert f"Run{NASTY}" in words
    assert len(target.read_bytes()) < 10_000


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"nbformat": 4}'])
def test_a_file_that_is_no_notebook_is_refused_by_name(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "notebook.ipynb"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(NotebookHtmlError, match=r"notebook\.ipynb: cannot be read"):
        write_notebook_html(path, tmp_path / "notebook.html", mode="live", phase="x")
    assert not (tmp_path / "notebook.html").exists()


def test_hidden_marks_in_tables_are_shown() -> None:
    assert visible("a\u202eb") in page(code("x", output(text_html="<table><tr><td>a\u202eb</td></tr></table>"))).words
