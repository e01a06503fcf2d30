import re
import subprocess
import sys
from html.parser import HTMLParser

import pandas as pd
import pytest
import value_samples as samples

from runbook_lib.base import html
from runbook_lib.base.text import visible
from runbook_lib.coverage import Cell, Count, Status, count
from runbook_lib.coverage import summary as summaries
from runbook_lib.display import outcome_tables, sections, tables
from runbook_lib.plan.cost import Costs


def test_a_plan_is_grouped_by_call_and_region_and_loses_nothing() -> None:
    frame = tables.plan_table(samples.plan())
    assert list(frame.columns) == list(tables.ACTION_COLUMNS)
    assert frame["calls"].sum() == len(samples.plan().actions)
    members = frame[frame["operation"] == "CreateMembers"]
    assert list(members["Region"]) == ["us-east-1", "us-east-2"]
    assert list(members["accounts"]) == [len(samples.MEMBERS)] * 2


def test_batches_of_one_call_are_one_line() -> None:
    batches = [samples.members_action("us-east-1", samples.MEMBERS[:5]), samples.members_action("us-east-1", samples.MEMBERS[5:])]
    frame = tables.plan_table(samples.plan(steps=batches))
    assert list(frame["calls"]) == [2]
    assert list(frame["accounts"]) == [len(samples.MEMBERS)]


def test_the_same_call_of_many_members_is_one_line() -> None:
    calls = [
        samples.action("BatchEnableStandards", {}, account=member, affects=frozenset({member}), stage="members")
        for member in samples.MEMBERS
    ]
    frame = tables.plan_table(samples.plan(steps=calls))
    assert list(frame["called as"]) == [f"{len(samples.MEMBERS)} accounts"]


def test_waits_blockers_and_what_is_left_alone() -> None:
    assert list(tables.waits_table(samples.plan())["at most"]) == ["5 min"]
    blocked = tables.blockers_table(samples.plan())
    assert list(blocked["accounts"]) == list(samples.MEMBERS)
    assert list(blocked["who"]) == [f"owner {visible(name)}" for name in samples.HOSTILE]
    assert list(tables.no_change_table(samples.plan())["accounts"]) == [1]


@pytest.mark.parametrize("by", summaries.DIMENSIONS)
def test_coverage_adds_up_by_every_dimension(by: summaries.By) -> None:
    inside = [cell for cell in samples.cells() if cell.in_scope]
    frame = tables.coverage_table(samples.cells(), samples.organization(), by)
    parts = ["covered", "gap", "unknown", "excluded", "not applicable"]
    assert (frame[parts].sum(axis=1) == frame["total"]).all()
    assert (frame.iloc[:-1][parts].sum() == frame.iloc[-1][parts]).all()
    assert frame.iloc[-1]["total"] == count(inside).total
    assert list(frame[by])[-1] == "all"


def test_coverage_is_rounded_down_so_that_a_hundred_means_all() -> None:
    assert summaries.percent(Count(covered=9999, gap=1)) == "99.9 %"
    assert summaries.percent(Count(covered=3, excluded=5)) == "100.0 %"
    assert summaries.percent(Count(excluded=5)) == "nothing to cover"


def test_scope_and_everything_are_counted_apart() -> None:
    frame = tables.totals_table(samples.cells())
    assert list(frame["cells"]) == ["in scope", "everything"]
    assert list(frame["total"]) == [count(samples.cells()).total - 1, count(samples.cells()).total]


def test_what_remains_has_every_cell_that_is_not_covered_and_the_unknown_first() -> None:
    frame = tables.remaining_table(samples.cells())
    sums = count(samples.cells())
    assert frame["cells"].sum() == sums.total - sums.covered
    assert frame["answer"].iloc[0] == "unknown"
    assert frame["answer"].iloc[-1] == "gap: not asked for (out of scope)"
    assert frame.loc[frame["answer"] == "gap: to do", "Regions"].tolist() == ["us-east-1, us-east-2"]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)


def test_a_shown_table_is_whole_and_escaped() -> None:
    shown = tables.shown(tables.blockers_table(samples.plan()), "What is <b>blocked</b>")
    parser = _Tags()
    parser.feed(shown.inside())
    assert parser.seen == {"table", "caption", "thead", "tbody", "tr", "th", "td", "span"}
    assert all(f"owner {visible(name)}" in repr(shown) for name in samples.HOSTILE)
    assert all(line.isprintable() for line in repr(shown).splitlines())


def test_a_long_reason_is_not_cut_off() -> None:
    long = pd.DataFrame({"reason": ["x" * 500] * 100})
    assert repr(tables.shown(long, "long")).count("x" * 500) == 100
    assert tables.shown(long, "long").inside().count("x" * 500) == 100


def test_an_empty_table_says_so() -> None:
    empty = tables.shown(tables.plan_table(samples.plan(steps=())), "Planned calls")
    assert repr(empty) == "Planned calls: none."
    assert empty.inside() == "<p>Planned calls: none.</p>"


def test_tables_need_neither_ipython_nor_widgets() -> None:
    program = (
        "import sys\nsys.modules['IPython'] = sys.modules['ipywidgets'] = None\n"
        "import runbook_lib.display.tables, runbook_lib.plan.cli_line, runbook_lib.base.html, runbook_lib.display.clean_html"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_calls_of_one_operation_are_told_apart_by_what_becomes_of_them() -> None:
    """However long that is: IAM Access Analyzer makes every kind of analyzer by the same call."""
    long = "an analyzer that looks at what is not used in any of the accounts"
    alike = [
        samples.action("CreateAnalyzer", {"type": kind}, becomes=f"{long}, {kind}", affects=frozenset(samples.MEMBERS))
        for kind in ("ONE", "OTHER")
    ]
    for steps, shown in ((alike, True), (alike[:1], False)):
        said = repr(sections.planned(samples.plan(steps=steps), 1, Costs()))
        titles = [line for line in said.splitlines() if "CreateAnalyzer: 1 call for " in line]
        assert len(titles) == len(steps)
        assert [long in title for title in titles] == [shown] * len(steps)


def test_the_reverse_of_a_call_is_for_whom_the_call_was_for() -> None:
    """Whoever is affected, where the call names nobody: one analyzer is for every account of the organization."""
    one = samples.action("CreateAnalyzer", {"type": "ONE"}, affects=frozenset(samples.MEMBERS))
    frame = outcome_tables.back_out_table(samples.plan(steps=[one]), lambda action: action.operation)
    assert list(frame["accounts"]) == [len(samples.MEMBERS)]


def test_regions_are_not_broken_at_their_hyphens() -> None:
    text = html.table(("Region", "Regions", "call"), [("us-east-1", "us-east-1, eu-south-1", "delete-analyzer")])
    names = re.findall(r'<span class="name">([^<]+)</span>', text)
    assert names == ["us-east-1", "us-east-1", "eu-south-1"]
    assert "<td>delete-analyzer</td>" in text


def test_a_notebook_of_a_large_organization_shows_the_last_reverse_calls_and_says_how_many_more() -> None:
    steps = tuple(samples.action(f"SwitchOn{number}", {"Own": number}) for number in range(outcome_tables.MOST_BACK_OUT + 7))
    plan = samples.plan(steps=steps)
    frame = outcome_tables.back_out_table(plan, lambda action: action.operation)
    assert list(frame["reverses"]) == [each.operation for each in reversed(plan.actions[7:])]
    assert "7 more, of the calls before these" in repr(sections.back_out(plan))
    assert "more, of the calls" not in repr(sections.back_out(samples.plan(steps=steps[:3])))


def test_a_check_of_many_accounts_says_how_many() -> None:
    many = frozenset(f"{number:012d}" for number in range(900))
    cell = Cell("organizations", "global", "AWS Config in members", many, Status.GAP, "some do not record")
    (row,) = outcome_tables.checks_table([cell])["account"]
    assert row == "900 accounts"
