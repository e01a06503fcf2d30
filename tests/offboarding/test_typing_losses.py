"""What is lost is typed at the screen, each in a field of its own; anything else is not taken."""

import datetime as dt

import pytest

from runbook_lib.display.controls import DecisionPanel, instruction
from runbook_lib.plan.decision import Ballot, Question

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
LOSSES = ("findings of 2 accounts", "the view of 2 accounts")


def ballot() -> Ballot:
    return Ballot(Question("Decision", "rehearsal", {}, calls=2, losses=LOSSES))


@pytest.mark.parametrize("typed", [(), LOSSES[:1], ("findings of 3 accounts", LOSSES[1])])
def test_a_yes_without_every_loss_typed_is_not_taken(typed: tuple[str, ...]) -> None:
    asked = ballot()
    problem = asked.cast(approved=True, ticket="T-1", reason="", typed="", now=NOW, lost=typed)
    assert problem.startswith("Not taken: to approve, type what is lost: ")
    assert asked.answer is None


def test_a_yes_with_every_loss_typed_holds_them_and_a_no_needs_none() -> None:
    asked = ballot()
    assert asked.cast(approved=True, ticket="T-1", reason="", typed="", now=NOW, lost=[f"  {each} " for each in LOSSES]) == ""
    assert asked.answer is not None
    assert asked.answer.loses == LOSSES
    assert ballot().cast(approved=False, ticket="", reason="not now", typed="", now=NOW) == ""


def test_the_panel_has_a_field_for_each_and_says_so() -> None:
    asked = ballot()
    panel = DecisionPanel(asked, lambda: NOW)
    assert [each.placeholder for each in panel._lost] == [f"type: {each}" for each in LOSSES]
    assert all(each in instruction("", 2, needs_ticket=False, losses=LOSSES) for each in LOSSES)
    for field, words in zip(panel._lost, LOSSES, strict=True):
        field.value = words
    panel._press(approved=True)
    assert panel.settle(0) == ""
    assert asked.answer is not None
    assert asked.answer.loses == LOSSES
