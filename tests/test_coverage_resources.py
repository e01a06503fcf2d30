"""Live resources behind the switches: read in a rehearsal, counted over Regions, said beside coverage and in none of its sums."""

from dataclasses import replace
from pathlib import Path

import pytest
from simulated import ENABLING, simulated

from runbook_lib.coverage import Cell, Count, Gap, Status, count
from runbook_lib.coverage.resources import ASPECT, counted, written
from runbook_lib.coverage.summary import idle_words, sentences, unseen_words
from runbook_lib.rehearsal.resources import Resource

EAST, WEST, MEMBER = "us-east-1", "us-east-2", "333333333333"


def row(region: str, observed: str, item: str = "", status: Status = Status.NOT_APPLICABLE) -> Cell:
    return Cell("guardduty", region, ASPECT, frozenset({"222222222222"}), status, "", item, observed=observed, in_scope=False)


def test_regions_are_added_up_and_the_five_largest_reasons_named() -> None:
    reasons = [row(EAST, written(0, number), f"reason {number}") for number in (1, 2, 3, 4, 5, 6)]
    found = counted([row(EAST, written(70, 95)), row(WEST, written(5, 5)), *reasons, row(WEST, written(0, 1), "reason 6")])
    assert list(found) == ["guardduty"]
    assert found["guardduty"].sentence == (
        "75 of 100 live resources are watched. 25 are not: reason 6 7, reason 5 5, reason 4 4, reason 3 3, reason 2 2, "
        "other or not read 4."
    )


def test_what_was_not_read_is_said_and_never_none() -> None:
    silent = row(WEST, "not read", status=Status.UNKNOWN)
    assert counted([silent])["guardduty"].sentence == "No live resource is known to it. Not read in us-east-2."
    assert "Not read in us-east-2." in counted([row(EAST, written(1, 1)), silent])["guardduty"].sentence
    assert counted([]) == {}


def test_on_but_not_evaluating_is_one_sentence() -> None:
    idle = Cell("securityhub", EAST, "evaluating", frozenset({"1", "2"}), Status.GAP, "", gap=Gap.NOT_EVALUATING)
    other = Cell("securityhub", WEST, "evaluating", frozenset({"2"}), Status.GAP, "", gap=Gap.NOT_EVALUATING)
    assert idle_words([idle, other]).startswith("3 gaps are 'on but not evaluating' (2 accounts, 2 Regions)")
    assert idle_words([]) == ""
    assert sentences([idle, row(EAST, written(1, 1))], {"guardduty": "GuardDuty"}) == [
        idle_words([idle]), "GuardDuty: 1 of 1 live resources is watched.",
    ]  # fmt: skip


def test_standards_that_nobody_was_asked_about_are_said_beside_the_percentage() -> None:
    """A service that evaluates in an account says nothing of which checks it makes there."""
    evaluated = Cell("securityhub", EAST, "evaluating", frozenset("1234"), Status.COVERED, "")
    standards = Cell("securityhub", EAST, "standards", frozenset({"1"}), Status.COVERED, "", "fsbp/1.0.0")
    assert unseen_words([evaluated, standards]) == (
        "Which standards are on in 3 accounts is not part of the percentage: settings name none for them, so nobody was asked."
    )
    assert unseen_words([replace(standards, accounts=evaluated.accounts), evaluated]) == ""
    assert unseen_words([standards, replace(evaluated, in_scope=False)]) == ""
    assert unseen_words([evaluated]) in sentences([evaluated], {})
    assert unseen_words([standards]) == ""


def test_the_delegated_account_tells_of_its_members_resources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = simulated("seven", tmp_path, monkeypatch)
    one.front.world.resources = (
        Resource("i-1", "EC2", MEMBER, EAST),
        Resource("i-2", "EC2", MEMBER, EAST, not_monitored="agent missing", not_scanned="UNMANAGED_EC2_INSTANCE"),
        Resource("f-1", "LAMBDA", "444444444444", WEST, not_scanned="UNSUPPORTED_RUNTIME"),
        Resource("i-3", "EC2", "999999999999", EAST),
    )
    before = one.cells()
    assert {cell.status for cell in before if cell.aspect == ASPECT} <= {Status.NOT_APPLICABLE}
    one.enable(ENABLING)
    entries = len(one.front.log.entries)
    cells = one.cells()
    reads = [e.operation for e in list(one.front.log.entries)[entries:] if "Coverage" in e.operation]
    assert max(reads.count(each) for each in reads) <= 2 * len({EAST, WEST})
    found = counted(cells)
    assert found["guardduty"].sentence == "1 of 2 live resources are watched. 1 is not: agent missing 1."
    assert (found["inspector2"].watched, found["inspector2"].known) == (1, 3)
    assert dict(found["inspector2"].why) == {"UNMANAGED_EC2_INSTANCE": 1, "UNSUPPORTED_RUNTIME": 1}
    rows = [cell for cell in cells if cell.aspect == ASPECT]
    assert count(cell for cell in rows if cell.in_scope) == Count()
    assert count(cell for cell in cells if cell.in_scope).unknown == 0
