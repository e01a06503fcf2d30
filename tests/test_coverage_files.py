import csv
import io
import itertools
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import value_samples as samples
from hypothesis import given
from hypothesis import strategies as st

from runbook_lib.base.text import visible
from runbook_lib.coverage import Cell, Cells, Gap, Status, count
from runbook_lib.coverage import files as coverage_files
from runbook_lib.coverage.page import html_page
from runbook_lib.coverage.summary import DIMENSIONS, percent, summary
from runbook_lib.services.registry import by_name

FACTS = {"mode": "rehearsal", "phase": "90_coverage"}


def rows(cells: Cells | None = None) -> list[dict[str, str]]:
    text = "".join(coverage_files.csv_lines(samples.cells() if cells is None else cells, samples.organization()))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_csv_has_one_row_per_account_and_cell() -> None:
    everything = count(samples.cells())
    assert len(rows()) == everything.total
    for status, number in zip(Status, (everything.covered, everything.gap, everything.unknown), strict=False):
        assert sum(row["status"] == status.value for row in rows()) == number


def test_ids_keep_their_zeros_and_names_their_words() -> None:
    by_id = {row["account_id"]: row["account_name"] for row in rows()}
    assert set(by_id) == {samples.DELEGATED, *samples.MEMBERS}
    assert by_id["000000000001"] == "<script>alert(1)</script>"
    assert by_id["000000000002"] == "a|b"
    assert by_id["000000000003"] == "'=1+1"
    assert by_id["000000000004"] == "two\\nlines"


def test_no_field_of_the_csv_is_a_formula() -> None:
    values = [value for row in rows() for value in row.values() if value]
    assert all(value.lstrip()[0] not in "=+-@\t\r" for value in values)
    assert all(value.isprintable() for value in values)


def test_a_row_says_everything() -> None:
    gap = next(row for row in rows() if row["gap"] == "to do" and row["region"] == "us-east-2")
    assert gap == {
        "account_id": "000000000001", "account_name": "<script>alert(1)</script>", "ou_path": "r-abcd/ou-abcd-10000000",
        "region": "us-east-2", "service": "guardduty", "aspect": "membership", "item": "", "status": "gap", "gap": "to do",
        "reason": "'=1+1 is no member", "code": "", "observed": "", "desired": "Enabled",
        "next_step": "", "who": "", "in_scope": "yes",
    }  # fmt: skip


def test_the_csv_is_streamed() -> None:
    crowd = frozenset(f"{number:012d}" for number in range(10_000))
    cells = tuple(
        Cell("guardduty", f"made-up-{region}", f"aspect {aspect}", crowd, Status.COVERED, "on")
        for region in range(17)
        for aspect in range(9)
    )
    lines = coverage_files.csv_lines(cells, samples.organization())
    assert len(list(itertools.islice(lines, 3))) == 3


def test_the_json_is_whole_and_adds_up() -> None:
    data = json.loads(coverage_files.json_text(samples.cells(), samples.organization(), FACTS))
    assert sum(len(data["account_sets"][cell["account_set"]]) for cell in data["cells"]) == count(samples.cells()).total
    assert data["counts"]["everything"]["total"] == count(samples.cells()).total
    assert len(data["account_sets"]) == 3
    assert all(isinstance(each["id"], str) and len(each["id"]) == 12 for each in data["accounts"])
    assert [each["name"] for each in data["accounts"] if each["id"] in samples.MEMBERS] == list(samples.HOSTILE)
    assert data["facts"] == FACTS
    for by in DIMENSIONS:
        sums = data["by"][by].values()
        assert sum(each["total"] for each in sums) == count(samples.cells()).total


@given(st.permutations(samples.cells()))
def test_files_do_not_depend_on_the_order_of_cells(cells: list[Cell]) -> None:
    for form in (coverage_files.json_text, html_page):
        assert form(tuple(cells), samples.organization(), FACTS) == form(samples.cells(), samples.organization(), FACTS)
    assert coverage_files.text_table(tuple(cells), samples.organization()) == coverage_files.text_table(
        samples.cells(), samples.organization()
    )
    assert rows(tuple(cells)) == rows()


def test_two_processes_with_different_hash_seeds_write_equal_bytes(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, value_samples as s, runbook_lib.coverage.files as f\n"
        "f.write_coverage(pathlib.Path(sys.argv[1]), 'before', s.cells(), s.organization(), {'mode': 'rehearsal'})"
    )
    for seed in ("1", "2"):
        (tmp_path / seed).mkdir()
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent / "support")}
        subprocess.run([sys.executable, "-c", program, str(tmp_path / seed)], env=environment, check=True, timeout=60)
    for name in ("coverage-before.json", "coverage-before.csv", "coverage-before.html"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "1").iterdir()) == [f"coverage-before.{end}" for end in ("csv", "html", "json")]


class Page(HTMLParser):
    """Checks that tags nest, and collects what a page could run or load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in {"meta", "br", "hr", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read_page(text: str) -> Page:
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    return page


def test_the_page_runs_and_loads_nothing() -> None:
    text = html_page(samples.cells(), samples.organization(), FACTS)
    page = read_page(text)
    assert "script" not in page.tags
    assert page.attributes <= {
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "scope",
        "colspan",
        "rowspan",
        "id",
        "href",
        "style",
        "aria-hidden",
    }
    assert all(each.startswith("#") for each in re.findall(r'href="([^"]*)"', text))
    assert "url(" not in text
    assert "Content-Security-Policy" in text
    assert "default-src 'none'" in text


def test_the_page_names_everything_that_is_not_covered() -> None:
    text = "\n".join(read_page(html_page(samples.cells(), samples.organization(), FACTS)).text)
    for cell in samples.cells():
        assert (visible(cell.reason) in text) == (cell.status is not Status.COVERED)
    assert all(visible(name) in text for name in samples.HOSTILE)
    assert "AccessDenied" in text


def test_large_sets_of_accounts_are_listed_once() -> None:
    crowd = frozenset(f"{number:012d}" for number in range(5000))
    cells = tuple(
        Cell("guardduty", f"made-up-{n}", "membership", crowd, Status.GAP, f"reason {n}", gap=Gap.TO_DO) for n in range(100)
    )
    text = html_page(cells, samples.organization(), FACTS)
    assert text.count("000000004999") == 1
    assert len(text) < 500_000


def test_full_coverage_says_that_nothing_remains() -> None:
    covered = samples.cells()[:1]
    assert "Nothing: every cell is covered." in html_page(covered, samples.organization(), FACTS)
    assert "Nothing remains in scope." in coverage_files.text_table(covered, samples.organization())


def test_the_terminal_table_is_plain_text_with_sums_and_reasons() -> None:
    text = coverage_files.text_table(samples.cells(), samples.organization())
    assert all(line.isprintable() for line in text.splitlines())
    assert "unknown: guardduty features: S3, us-east-1: 4 accounts" in text
    assert "<b>no|answer</b> [AccessDenied]" in text
    assert "not asked for" not in text.split("What remains")[1]


_CELLS = st.lists(
    st.builds(
        Cell,
        service=st.sampled_from([*by_name()]),
        region=st.sampled_from(["us-east-1", "us-east-2"]),
        aspect=st.sampled_from(["a", "b"]),
        accounts=st.frozensets(st.sampled_from([*samples.MEMBERS, "999999999999"])),
        status=st.sampled_from(Status),
        reason=st.text(max_size=5),
        in_scope=st.booleans(),
    ),
    max_size=12,
).map(tuple)


@given(_CELLS)
def test_sums_add_up_for_any_cells(cells: Cells) -> None:
    for by in DIMENSIONS:
        groups = summary(cells, by, samples.organization()).values()
        assert sum(group.total for group in groups) == count(cells).total
        assert sum(group.gap for group in groups) == count(cells).gap
    assert len(rows(cells)) == count(cells).total


@pytest.mark.parametrize(("covered", "gap", "words"), [(0, 1, "0.0 %"), (1999, 1, "99.9 %"), (1, 0, "100.0 %")])
def test_percentages_never_flatter(covered: int, gap: int, words: str) -> None:
    cells = (
        Cell("a", "b", "c", frozenset(str(n) for n in range(covered)), Status.COVERED, ""),
        Cell("a", "b", "c", frozenset(str(n) for n in range(gap)), Status.GAP, ""),
    )
    assert percent(count(cells)) == words
