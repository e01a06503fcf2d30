"""Coverage as a picture says the same in a letter, in words and as plain text."""

import re
from dataclasses import replace

import pytest

from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cell, Count, Status
from runbook_lib.display.charts import MOST_UNITS, letter_of, pictures
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
    ("counted", "letter"),
    [
        (Count(), "-"),
        (Count(excluded=3, not_applicable=1), "-"),
        (Count(covered=2), "C"),
        (Count(covered=2, gap=1), "P"),
        (Count(gap=1), "G"),
        (Count(covered=9, unknown=1), "?"),
    ],
)
def test_one_letter_for_each_field(counted: Count, letter: str) -> None:
    assert letter_of(counted) == letter


def test_a_picture_counts_an_account_in_its_own_unit() -> None:
    cells = [
        cell("444444444444", Status.COVERED),
        cell("444444444444", Status.GAP, "us-east-2"),
        cell("555555555555", Status.UNKNOWN),
        cell("555555555555", Status.GAP, in_scope=False),
    ]
    [picture] = pictures(cells, organization(), {"guardduty": "GuardDuty"})
    assert (picture.units, picture.regions) == (("ou-a", "r-1"), ("us-east-1", "us-east-2"))
    assert [letter_of(picture.fields.get((unit, region), Count())) for unit in picture.units for region in picture.regions] == [
        "C", "G", "?", "-",
    ]  # fmt: skip
    assert re.search(r"ou-a +C 100.0 % +G 0.0 %", repr(picture))
    assert "ou-a, us-east-2: gap, 0 covered, 1 gap, 0 unknown" in picture.inside()
    assert picture.inside().count("<td") == 4


def test_many_units_are_drawn_as_those_with_most_to_do_and_one_line_for_the_others() -> None:
    units = {f"{number:012}": f"ou-{number:02}" for number in range(40)}
    accounts = {each: Account(each, "", AccountState.ACTIVE, (unit,)) for each, unit in units.items()}
    cells = [cell(each, Status.GAP if number >= 30 else Status.COVERED) for number, each in enumerate(accounts)]
    [picture] = pictures(cells, replace(organization(), accounts=accounts), {})
    assert len(picture.units) == MOST_UNITS + 1
    assert picture.units[-1] == "15 other units"
    assert {f"ou-{number}" for number in range(30, 40)} < set(picture.units)
    assert sum(each.covered for each in picture.fields.values()) == 30


def test_names_of_units_are_escaped() -> None:
    [picture] = pictures([cell("444444444444", Status.GAP)], organization(NASTY), {})
    assert "<script" not in picture.inside()


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
