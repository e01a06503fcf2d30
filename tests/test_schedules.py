"""Whatever a scenario does to calls and organization: once it has ended and the runbook is run again, everything is covered.

Nothing was called outside the approved plans, and every mutating request that reached the server stands in the journal once.
A failing schedule is a few words of YAML, which the report prints; `runbook rehearse --scenario FILE` replays it.
"""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from schedules import Begun, live_through, prepared, schedule
from simulated import ENABLING

LARGEST = 12


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begun]:
    with pytest.MonkeyPatch.context() as patch:
        yield prepared(tmp_path_factory.mktemp("schedules"), patch)


def holds(begun: Begun, phases: tuple[str, ...], number: int, faults: int) -> None:
    note(f"phases {', '.join(phases)}, scenario {schedule(phases, number, faults).model_dump(exclude_defaults=True)}")
    live_through(begun, phases, number, faults).check()


NUMBERS, FAULTS = st.integers(min_value=0, max_value=2**28 - 1), st.integers(min_value=1, max_value=LARGEST)
STEADY = settings(
    deadline=None,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("part", range(2))
@given(phase=st.sampled_from(ENABLING), number=NUMBERS, faults=FAULTS)
@settings(STEADY, max_examples=13, derandomize=True)
def test_a_phase_outlives_its_faults(begun: Begun, part: int, phase: str, number: int, faults: int) -> None:
    """Twenty-six schedules, in two parts that can run side by side."""
    holds(begun, (phase,), part << 28 | number, faults)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("part", range(2, 10))
@given(number=NUMBERS, faults=FAULTS)
@settings(STEADY, max_examples=125)
def test_the_whole_runbook_outlives_its_faults(begun: Begun, part: int, number: int, faults: int) -> None:
    """A thousand schedules, in eight parts."""
    holds(begun, ENABLING, part << 28 | number, faults)
