"""The page of coverage: the number first, what is worst, what nobody watches, what ends soon; small whatever the organization."""

import datetime as dt
import re

import value_samples as samples

from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.coverage.page import Around, html_page
from runbook_lib.organization import Account, AccountState, Organization
from runbook_lib.services.registry import by_name
from runbook_lib.services.spec import GLOBAL
from runbook_lib.settings import Exclusion

FACTS = {"mode": "rehearsal", "phase": "90_coverage"}
TODAY = dt.date(2026, 11, 29)
ONE, TWO = frozenset({"000000000001"}), frozenset({"000000000001", "000000000002"})


def cell(status: Status, accounts: frozenset[str] = ONE, region: str = "us-east-1", **more: object) -> Cell:
    defaults = {"service": next(iter(by_name())), "aspect": "features", "reason": "why"}
    return Cell(region=region, accounts=accounts, status=status, **(defaults | more))  # type: ignore[arg-type]


def section(text: str, heading: str) -> str:
    return text.partition(f"<h2>{heading}</h2>")[2].partition("<h2>")[0]


def page(cells: Cells, around: Around | None = None) -> str:
    return html_page(cells, samples.organization(), FACTS, around)


def test_the_number_comes_first_and_never_flatters() -> None:
    text = page((cell(Status.COVERED, frozenset(f"{n:012}" for n in range(1999))), cell(Status.GAP)))
    assert text.index("<strong>99.9 %</strong>") < text.index("<table")
    assert "covered in scope: 1,999 of 2,000; 1 gap, 0 unknown" in text
    assert "<strong>–</strong> nothing in scope to cover" in page((cell(Status.COVERED, in_scope=False),))


def test_the_largest_gaps_are_those_with_most_cells_and_differ_by_more_than_an_item() -> None:
    cells = [cell(Status.GAP, TWO, item=f"item {n}", reason="of all", gap=Gap.TO_DO) for n in range(6)]
    cells += [cell(Status.GAP, reason=f"small {n}") for n in range(9)]
    said = section(page(tuple(cells)), "The 5 largest gaps")
    assert said.index("of all") < said.index("small 0")
    assert "features: item 0, item 1, item 2, item 3, 2 more" in said
    assert '<td class="number">12</td>' in said
    assert [f"small {n}" in said for n in range(9)] == [True] * 4 + [False] * 5
    assert "5 more below." in said


def test_what_nobody_watches_is_counted_once_for_each_account_and_region() -> None:
    cells = (
        cell(Status.COVERED), cell(Status.GAP, TWO), cell(Status.GAP, TWO, aspect="membership"),
        cell(Status.GAP, TWO, "us-west-1", in_scope=False), cell(Status.EXCLUDED, ONE, "us-west-2"),
        cell(Status.NOT_APPLICABLE, TWO, "us-west-2"), cell(Status.GAP, TWO, GLOBAL),
    )  # fmt: skip
    said = section(page(cells), "What nobody watches")
    assert "In 4 of 5 accounts × Regions" in said
    rows = [re.findall(r"<td[^>]*>(?:<span[^>]*>)?([^<]*)<", row) for row in said.split("<tr>")[2:]]
    assert rows == [
        ["us-east-1", "2", "1", "1", "0", "0"], ["us-west-1", "2", "2", "0", "0", "2"], ["us-west-2", "1", "1", "0", "1", "0"],
    ]  # fmt: skip
    assert "In each of 1 accounts × Regions something is on." in page((cell(Status.COVERED),))


def test_exclusions_that_end_within_ninety_days_are_said_with_names() -> None:
    def exclusion(days: int, **what: object) -> Exclusion:
        said = {"reason": f"<b>{days}", "owner": "platform", "expires": TODAY + dt.timedelta(days=days)} | what
        return Exclusion(**said)  # type: ignore[arg-type]

    listed = (
        exclusion(91, region="us-west-1"), exclusion(90, region="us-west-2"), exclusion(1, account="000000000002"),
        exclusion(2, organizational_unit="ou-abcd-10000000"),
    )  # fmt: skip
    said = section(page(samples.cells(), Around(exclusions=listed, today=TODAY)), "Exclusions that end within 90 days")
    assert re.findall(r"\((\d+) days\)", said) == ["1", "2", "90"]
    assert "<td>a|b (000000000002)</td>" in said
    assert "<td>ou-abcd-10000000</td>" in said
    assert "&lt;b&gt;90" in said
    assert section(page(samples.cells(), Around(today=TODAY)), "Exclusions that end within 90 days").count("None.") == 1


def test_every_gap_of_the_picture_leads_to_its_table_and_every_link_somewhere() -> None:
    text = page(samples.cells())
    ids, links = set(re.findall(r'id="([^"]+)"', text)), re.findall(r'href="#([^"]+)"', text)
    assert [each for each in links if each.startswith("left-")]
    assert set(links) <= ids
    assert len(ids) == len(re.findall(r'id="([^"]+)"', text))


def large(accounts: int = 900, regions: int = 12) -> tuple[Cells, Organization]:
    """Gaps of the worst kind: other accounts in every Region and aspect, each with reasons of its own; a long name everywhere."""
    listed = {
        f"{n:012}": Account(f"{n:012}", f"Workload of a rather long name {n}", AccountState.ACTIVE, ("r-1", f"ou-{n % 120:04}"))
        for n in range(accounts)
    }
    ids = list(listed)
    cells = tuple(
        Cell(
            service, f"made-up-region-{region:02}", f"aspect {aspect}", frozenset(ids[region + aspect :: 3]),
            (Status.GAP, Status.UNKNOWN, Status.COVERED)[aspect % 3], f"reason {region} {aspect} {'and so on ' * 8}",
            next_step="do what has to be done " * 3, who="the delegated account's administrator",
        )
        for service in by_name() for region in range(regions) for aspect in range(12)
    )  # fmt: skip
    none: Known[frozenset[str]] = Known(frozenset())
    return cells, Organization("o-x", "", "aws", "ALL", ids[0], ids[1], listed, {}, none, {})


def test_the_page_of_a_large_organization_is_small_and_says_what_it_leaves_out() -> None:
    cells, organization = large()
    text = html_page(cells, organization, FACTS, Around(csv="coverage-after.csv"))
    assert len(text.encode()) < 500_000
    assert "too many for this page: see coverage-after.csv" in text
    assert "more reasons have no room on this page: see coverage-after.csv" in text
    assert "Too long for this page: see coverage-after.csv" in text
    assert "95 other units" in text
