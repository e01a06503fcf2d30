"""The design principles of the source document, held against what was read: no verdict is better than what shows it."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
import value_samples as samples

from runbook_lib.coverage import Cell, Status
from runbook_lib.runbook import scorecard as module
from runbook_lib.runbook.scorecard import Verdict, scorecard
from runbook_lib.services.implementations import SERVICES
from runbook_lib.settings.file import load
from runbook_lib.settings.register import Register, read_register
from runbook_lib.settings.workflow import Exercise

ROOT = Path(__file__).parents[1]
TODAY = dt.date(2026, 11, 29)
PLAIN, ALL = ROOT / "parameters" / "rehearsal.yaml", ROOT / "parameters" / "rehearsal-all.yaml"
ASPECTS = (*module.EVERYWHERE, *module.HUB, *module.ONE_REGION, *module.STANDARDS)
PASS, FAIL, UNKNOWN = Verdict.PASSED, Verdict.FAILED, Verdict.UNKNOWN
GOOD = [PASS, PASS, UNKNOWN, PASS, FAIL, FAIL, PASS]
"""Where everything is covered and nothing is managed of the response."""


def cells(**answers: Status) -> list[Cell]:
    """A cell of every aspect that shows a principle, covered unless said otherwise; of every second account one more."""
    named = {name.replace("_", "-"): status for name, status in answers.items()}
    made = (Cell("any", "us-east-1", name, frozenset({"1"}), named.get(name, Status.COVERED), "why") for name in ASPECTS)
    return [*made, Cell("any", "us-east-1", "features", frozenset({"1"}), Status.GAP, "shows none")]


def verdicts(found: list[Cell], parameters: Path = PLAIN, register: Register | None = None, **organization: str) -> list[Verdict]:
    settings = load(parameters, TODAY)
    known = replace(samples.organization(), **organization)  # type: ignore[arg-type]
    kept = scorecard(settings, known, found, register or read_register(parameters), TODAY)
    assert all(each.evidence and (each.verdict is PASS) == (not each.next_step) for each in kept)
    return [each.verdict for each in kept]


@pytest.mark.parametrize(
    ("answers", "place", "verdict"),
    [
        ({}, 0, PASS),
        ({"auto_enable": Status.GAP}, 0, FAIL),
        ({"auto_enable": Status.EXCLUDED}, 0, FAIL),
        ({"administrator": Status.GAP}, 1, FAIL),
        ({"administrator": Status.UNKNOWN}, 1, UNKNOWN),
        ({"aggregation": Status.NOT_APPLICABLE}, 3, FAIL),
        ({"standards": Status.GAP}, 6, FAIL),
        ({"evaluating": Status.UNKNOWN}, 6, UNKNOWN),
        ({"evaluating": Status.EXCLUDED}, 6, PASS),
    ],
)
def test_what_was_read_decides(answers: dict[str, Status], place: int, verdict: Verdict) -> None:
    expected = list(GOOD)
    expected[place] = verdict
    assert verdicts(cells(**answers)) == expected


def test_what_nobody_asks_for_does_not_count() -> None:
    assert verdicts([replace(each, in_scope=False) for each in cells()]) == [FAIL, FAIL, UNKNOWN, FAIL, FAIL, FAIL, FAIL]


def test_consolidated_billing_is_no_organization_to_manage_accounts_by() -> None:
    assert verdicts(cells(), feature_set="CONSOLIDATED_BILLING") == [FAIL, *GOOD[1:]]


def in_order() -> Register:
    """The samples as a team leaves them that has tried each."""
    whole = read_register(ALL)
    tried = [each.model_copy(update={"exercise": Exercise(last=TODAY)}) for each in whole.workflows]
    return replace(whole, workflows=tuple(tried))


def test_a_register_in_order_shows_that_workflows_are_documented_and_some_automated() -> None:
    assert verdicts(cells(), ALL, in_order()) == [*GOOD[:4], PASS, PASS, PASS]


def test_a_register_that_is_not_beside_the_settings_is_unknown(tmp_path: Path) -> None:
    assert verdicts(cells(), ALL, read_register(tmp_path / "none.yaml")) == [*GOOD[:4], UNKNOWN, UNKNOWN, PASS]


def test_a_register_with_something_open_or_nothing_automated_fails() -> None:
    whole = in_order()
    by_hand = tuple(each for each in whole.workflows if not any(step.document for step in each.steps))
    automated = tuple(each for each in whole.workflows if each not in by_hand)
    assert by_hand
    assert verdicts(cells(), ALL, replace(whole, workflows=by_hand))[4:6] == [FAIL, FAIL]
    assert verdicts(cells(), ALL, replace(whole, workflows=automated))[4:6] == [PASS, FAIL]


def test_the_aspects_that_show_a_principle_are_there() -> None:
    named = {each.name for service in SERVICES for each in getattr(service, "aspects", ())}
    assert set(ASPECTS) - {*module.HUB} <= named
