"""Whatever a scenario does to calls and organization: once it has ended and the runbook is run again, everything is covered.

Nothing was called outside the approved plans, and every mutating request that reached the server stands in the journal once.
A failing schedule is a few words of YAML, which the report prints; `runbook rehearse --scenario FILE` replays it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import twins
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from schedules import Begun, live_through, prepared, schedule
from simulated import ENABLING

from runbook_lib.rehearsal.scenario import Scenario
from runbook_lib.rehearsal.world import World
from runbook_lib.services.registry import by_name

LARGEST = 12


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, seven_before: Callable[[str], World]) -> Iterator[Begun]:
    with pytest.MonkeyPatch.context() as patch:
        yield prepared(tmp_path_factory.mktemp("schedules"), patch, seven_before)


def holds(begun: Begun, phases: tuple[str, ...], number: int, faults: int) -> None:
    scenario = schedule(phases, number, faults)
    note(f"phases {', '.join(phases)}, scenario {scenario.model_dump(exclude_defaults=True)}")
    live_through(begun, phases, scenario).check()


NUMBERS, FAULTS = st.integers(min_value=0, max_value=2**28 - 1), st.integers(min_value=1, max_value=LARGEST)
STEADY = settings(
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("part", range(2))
@given(phase=st.sampled_from(ENABLING), number=NUMBERS, faults=FAULTS)
@settings(STEADY, max_examples=5, derandomize=True)
def test_a_phase_outlives_its_faults(begun: Begun, part: int, phase: str, number: int, faults: int) -> None:
    """Ten schedules, in two parts that can run side by side; `make soak` has a thousand."""
    holds(begun, (phase,), part << 28 | number, faults)


AGAIN = [(by_name()[service].phase, *row) for service, row in twins.rows("runbook", "again")]
"""Calls whose repetition AWS does not document, with either behaviour."""
LOST = [{"kind": "reset"}, pytest.param({"kind": "error", "status": 503}, marks=pytest.mark.soak)]
"""How an answer is lost: either way the run knows as little."""


@pytest.mark.fact("UV-13-01", "UV-13-03", "UV-13-04", "UV-13-05")
@pytest.mark.parametrize("lost", LOST, ids=["no answer", "unavailable"])
@pytest.mark.parametrize(("phase", "operation", "variants"), AGAIN, ids=[" ".join(each[2].values()) for each in AGAIN])
def test_a_repeated_call_whose_answer_was_lost(
    begun: Begun, phase: str, operation: str, variants: dict[str, str], lost: dict[str, Any]
) -> None:
    """The call was carried out although its answer says otherwise; whatever AWS says to the next one is understood."""
    fault = {**lost, "effect": "after", "on": {"operation": operation}}
    said = {"name": "lost", "variants": variants, "faults": [fault, {**fault, "on": {**fault["on"], "region": "us-east-2"}}]}
    story = live_through(begun, (phase,), Scenario.model_validate(said))
    assert any(entry.fault for entry in begun.simulated.front.log.entries)
    story.check()
    assert len(story.approved) == 1, "nothing was left for a second plan"


@pytest.mark.soak
@pytest.mark.parametrize("part", range(2, 42))
@given(number=NUMBERS, faults=FAULTS)
@settings(STEADY, max_examples=25)
def test_the_whole_runbook_outlives_its_faults(begun: Begun, part: int, number: int, faults: int, record_property: Any) -> None:
    """A thousand schedules, in forty parts."""
    holds(begun, ENABLING, part << 28 | number, faults)
    record_property("schedules", 1)
