"""Choosing a part at the gate, without a browser: what is offered, what a press does, and what is planned for it."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from simulated import ENABLING, Simulated, simulated

from runbook_lib.display.controls import DecisionPanel
from runbook_lib.display.parts import PartChooser
from runbook_lib.notebook.question import question
from runbook_lib.phase_run.partial_plans import PartialPlans
from runbook_lib.plan import Scope
from runbook_lib.plan.decision import Ballot, Question
from runbook_lib.plan.gates import gates
from runbook_lib.runbook.choice import Choice, Offer, Turn
from runbook_lib.runbook.phases import phase_named
from runbook_lib.services.waves import Wave
from runbook_lib.settings.wave import WaveSection

PHASE = "10_security_hub"
CANARY, AUTOMATION, DELEGATED = "ou-reh1-platform1", "333333333333", "222222222222"
NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
OFFER = Offer(
    ("us-east-1", "us-east-2"), ((CANARY, 1),),
    (
        Turn(Wave("canary", 1, 2, Scope((), (), (CANARY,))), "3 calls left", open=True),
        Turn(Wave("rest", 2, 2, Scope()), "9 calls left", open=False),
    ),
)  # fmt: skip


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulated:
    there = simulated("seven", tmp_path, monkeypatch)
    there.settings = there.settings.model_copy(update={"waves": (WaveSection(name="canary", organizational_units=(CANARY,)),)})
    there.enable(ENABLING[:1])
    return there


def parts(made: Simulated, phase: str = PHASE, scope: Scope | None = None) -> PartialPlans:
    runbook = made.runbook(phase, scope)
    with runbook.access:
        return PartialPlans(runbook, runbook.observe())


def test_what_is_offered_is_what_there_is_and_the_wave_whose_turn_it_is(made: Simulated) -> None:
    offered = parts(made).offer
    assert offered is not None
    assert offered.regions == ("us-east-1", "us-east-2")
    assert (CANARY, 1) in offered.units
    assert not [unit for unit, _ in offered.units if unit.startswith("r-")]
    assert [(turn.wave.name, turn.open) for turn in offered.turns] == [("canary", True), ("rest", False)]
    assert offered.next is not None
    assert offered.next.words.startswith("Wave 1 of 2: canary (")


def test_nothing_is_offered_where_all_holds_at_once_or_a_part_was_given(made: Simulated) -> None:
    assert parts(made, ENABLING[0]).offer is None
    assert parts(made, PHASE, Scope(("us-east-1",))).offer is None


def test_a_chosen_part_has_a_plan_of_its_own_and_nothing_is_read_or_called_for_it(made: Simulated) -> None:
    here, calls = parts(made), len(made.front.log.select())
    whole = here.plan(Choice())[1]
    part, plan = here.plan(Choice(("us-east-2",), (CANARY,)))
    assert part.scope == plan.scope == Scope(("us-east-2",), (), (CANARY,))
    assert len({whole.fingerprint, plan.fingerprint, here.plan(Choice(wave="canary"))[1].fingerprint}) == 3
    assert {target for action in plan.actions for target in action.targets} <= {AUTOMATION, DELEGATED}
    assert len(made.front.log.select()) == calls
    assert made.apply(PHASE, plan, made.approve(plan)).ok
    assert made.plan(PHASE, plan.scope).steps == ()


def test_the_whole_waits_for_the_waves_before_it(made: Simulated) -> None:
    here = parts(made)
    whole, canary = here.plan(Choice())[1], here.plan(Choice(wave="canary"))[1]
    assert here.not_yet(whole).startswith("Wave 1 of 2: canary comes first (")
    assert here.not_yet(canary) == ""
    asked = question(whole, gates(whole)[0], phase_named(PHASE), made.settings, here.not_yet(whole))
    assert asked.facts["Wave"] == "Wave 2 of 2: rest (all that is left, and what reaches beyond a part)"
    ballot = Ballot(asked)
    said = ballot.cast(approved=True, ticket="", reason="", typed="", now=NOW)
    assert said.startswith("Not taken: Wave 1 of 2: canary comes first")
    assert ballot.answer is None
    assert made.apply(PHASE, canary, made.approve(canary)).ok
    assert parts(made).not_yet(whole) == ""


class Panel:
    """A decision panel with a chooser, and what was considered."""

    def __init__(self, problem: str = "", *, whole: bool = True) -> None:
        self.considered, self.problem = list[Choice](), problem
        self.ballot = Ballot(Question("Decision", "rehearsal", {}, calls=4))
        self.chooser = PartChooser(OFFER, self._consider, whole=whole)
        self.panel = DecisionPanel(self.ballot, lambda: NOW, self.chooser)
        buttons = [each for each in _all(self.panel.box) if type(each).__name__ == "Button"]
        self.buttons = {each.description: each for each in buttons}
        self.ticks = {each.description: each for each in _all(self.panel.box) if type(each).__name__ == "Tick"}

    def _consider(self, choice: Choice) -> str:
        self.considered.append(choice)
        return self.problem

    def frozen(self) -> set[str]:
        return {name for name, button in self.buttons.items() if button.disabled}


def _all(box: Any) -> list[Any]:
    return [box, *(each for child in getattr(box, "children", ()) for each in _all(child))]


TURN, LATER = "Plan Wave 1 of 2: canary (3 calls left)", "Plan Wave 2 of 2: rest (9 calls left)"


def test_nothing_is_chosen_beforehand_and_only_what_can_be_had_can_be_pressed() -> None:
    shown = Panel()
    assert not [tick for tick in shown.ticks.values() if tick.value]
    assert shown.frozen() == {LATER, "Plan the whole"}
    assert Panel(whole=False).frozen() == {LATER}


def test_what_is_decided_comes_first_and_the_buttons_last() -> None:
    shown = Panel()
    kinds = [type(each).__name__ for each in _all(shown.panel.box)]
    buttons = [each.description for each in shown.panel.box.children[-1].children]
    assert buttons == ["Reject", "Approve 4 calls"]
    assert kinds.index("HTML") < kinds.index("Tick") < kinds.index("Field"), "facts, then the part, then ticket and reason"
    assert shown.chooser.box.children[1].layout.display == "none", "parts are there on request"
    shown.buttons["Decide on a part only …"].click()
    assert shown.chooser.box.children[1].layout.display == ""


def test_ticks_are_planned_once_and_decide_nothing() -> None:
    shown = Panel()
    shown.ticks["us-east-2"].value = True
    shown.ticks[f"{CANARY} (1 account)"].value = True
    for _ in range(2):
        shown.buttons["Plan this part"].click()
    shown.buttons["Approve 4 calls"].click()
    assert shown.frozen() == set(shown.buttons)
    shown.panel.settle(0)
    assert shown.considered == [Choice(("us-east-2",), (CANARY,))]
    assert shown.ballot.answer is None


@pytest.mark.parametrize(("button", "choice"), [(TURN, Choice(wave="canary")), ("Plan the whole", Choice())])
def test_a_wave_or_the_whole_is_one_press(button: str, choice: Choice) -> None:
    shown = Panel(whole=False)
    shown.buttons[button].click()
    assert shown.panel.settle(60) == "", "a press counts a moment later"
    assert shown.considered == []
    shown.panel.settle(0)
    assert shown.considered == [choice]


def test_what_cannot_be_planned_is_said_and_can_be_chosen_anew() -> None:
    shown = Panel("Not planned: nothing to call.")
    shown.buttons["Plan this part"].click()
    assert shown.panel.settle(0) == "Not planned: tick Regions or organizational units first."
    assert shown.frozen() == {LATER, "Plan the whole"}
    shown.ticks["us-east-1"].value = True
    shown.buttons["Plan this part"].click()
    assert shown.panel.settle(0) == "Not planned: nothing to call."
    assert shown.frozen() == {LATER, "Plan the whole"}
