"""Coverage at a glance says the same in a sign, in a shade and as plain text."""

import re
from dataclasses import replace

import pytest

from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cell, Count, Status
from runbook_lib.coverage.matrix import MOST_COLUMNS, MOST_UNITS, kind_of, matrices, sign_of
from runbook_lib.display.notes import Card, Facts, Folded, Lines, Notes
from runbook_lib.organization import Account, AccountState, Organization

NASTY = "<script>alert(1)</script>"


def organization(unit: str = "ou-a") -> Organization:
    accounts = {
        "444444444444": Account("444444444444", "four", AccountState.ACTIVE, ("r-1", unit)),
        "555555555555": Account("555555555555", "five", AccountState.ACTIVE, ("r-1",)),
    }
    none: Known[frozenset[str]] = Known(frozenset())
    return Organization("o-x", "", "aws", "ALL", "111111111111", "222222222222", accounts, {}, none, {})


def cell(account: str, status: Status, region: str = "us-east-1", **more: object) -> Cell:
    return Cell("guardduty", region, "membership", frozenset({account}), status, "", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("counted", "kind", "sign"),
    [
        (Count(), "", ""),
        (Count(excluded=3, not_applicable=1), "aside", "–"),
        (Count(covered=2), "covered", "✓"),
        (Count(covered=2, gap=1), "partly", "66"),
        (Count(covered=1, gap=999), "partly", "1"),
        (Count(covered=999, gap=1), "partly", "99"),
        (Count(gap=1), "gap", "✗"),
        (Count(covered=9, unknown=1), "unknown", "?"),
    ],
)
def test_one_sign_for_each_field(counted: Count, kind: str, sign: str) -> None:
    assert (kind_of(counted), sign_of(counted)) == (kind, sign)


def test_the_matrix_counts_an_account_in_its_own_unit_and_says_so_as_text() -> None:
    cells = [
        cell("444444444444", Status.COVERED),
        cell("444444444444", Status.GAP, "us-east-2"),
        cell("555555555555", Status.UNKNOWN),
        cell("555555555555", Status.GAP, in_scope=False),
    ]
    [matrix] = matrices(cells, organization(), {"guardduty": "GuardDuty"})
    assert (list(matrix.units), matrix.columns) == (["ou-a", "r-1"], (("guardduty", "us-east-1"), ("guardduty", "us-east-2")))
    assert [sign_of(matrix.fields.get((unit, *each), Count())) for unit in matrix.units for each in matrix.columns] == [
        "✓", "✗", "?", "",
    ]  # fmt: skip
    assert re.search(r"ou-a +✓ +✗", repr(matrix))
    table = matrix.table(lambda unit, service: f"#{unit}-{service}")
    assert re.findall(r'href="([^"]*)">([^<]*)<', table) == [("#ou-a-guardduty", "✗"), ("#r-1-guardduty", "?")]
    assert matrix.inside().count("<td") == 6


def test_many_units_are_those_with_most_to_do_and_one_row_for_the_others() -> None:
    units = {f"{number:012}": f"ou-{number:02}" for number in range(40)}
    accounts = {each: Account(each, "", AccountState.ACTIVE, (unit,)) for each, unit in units.items()}
    cells = [cell(each, Status.GAP if number >= 30 else Status.COVERED) for number, each in enumerate(accounts)]
    [matrix] = matrices(cells, replace(organization(), accounts=accounts), {})
    assert len(matrix.units) == MOST_UNITS + 1
    assert list(matrix.units.values())[-1] == "15 other units"
    assert {f"ou-{number}" for number in range(30, 40)} < set(matrix.units)
    assert sum(each.covered for each in matrix.fields.values()) == 30


def test_many_columns_begin_another_matrix_with_the_next_service() -> None:
    cells = [
        replace(cell("444444444444", Status.GAP, f"made-up-{number:02}"), service=service)
        for service in ("one", "two", "three")
        for number in range(MOST_COLUMNS // 2)
    ]
    drawn = matrices(cells, organization(), {})
    assert [list(each.services) for each in drawn] == [["one", "three"], ["two"]]
    assert [len(each.columns) for each in drawn] == [MOST_COLUMNS, MOST_COLUMNS // 2]


def test_names_of_units_are_escaped() -> None:
    [matrix] = matrices([cell("444444444444", Status.GAP)], organization(NASTY), {})
    assert "<script" not in matrix.inside()


def test_what_is_folded_is_whole_in_plain_text_and_escaped_in_html() -> None:
    notes = Notes(NASTY, Folded(NASTY, Facts(NASTY, {NASTY: NASTY}), Lines([NASTY])))
    assert "<script" not in notes._repr_html_()
    assert notes._repr_html_().count("<details>") == 1
    assert repr(notes).count(NASTY) == 6


@pytest.mark.parametrize(
    ("mode", "words"), [("live", "!!! LIVE: a real organization"), ("rehearsal", "REHEARSAL: a simulated organization")]
)
def test_a_card_says_its_mode_in_words(mode: str, words: str) -> None:
    card = Card(mode, {"Organization": "o-x"})
    assert words in card._repr_html_()
    assert words in repr(card)


def test_live_and_rehearsal_differ_without_colour() -> None:
    live, rehearsal = (re.sub(r"#[0-9a-f]{3,6}", "", Card(mode, {})._repr_html_()) for mode in ("live", "rehearsal"))
    assert "double" in live
    assert "dashed" in rehearsal
