"""A way out, and a back-out, killed at a call, without its answers, or throttled: it goes on, and ends as it would have."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from leaving import FEW, SERVICES, Out, muted
from mortal import MOMENTS, Killed, Unreliable
from simulated import Simulated, copied, throttle
from undone import Change, Told

from runbook_lib.apply.report import Final
from runbook_lib.coverage import Gap
from runbook_lib.phase_run.undone import applied_units
from runbook_lib.plan import Plan
from runbook_lib.rehearsal.world import World
from runbook_lib.runbook import ApplyReport
from runbook_lib.runbook.phases import OFFBOARDING
from runbook_lib.services.departure import OFF
from runbook_lib.services.registry import by_name

Service = Callable[[str], Out]


def failed(report: ApplyReport) -> list[tuple[str, str, str, str]]:
    """Every call and wait that did not end well, and why."""
    steps = [each for _, stage in report.stages for each in stage.steps]
    return [
        (each.step.operation, result.account or each.step.account, result.code, result.message)
        for each in steps for result in each.results if result.final in (Final.FAILED, Final.NOT_ATTEMPTED)
    ]  # fmt: skip


def walked(out: Out, carrier: Callable[[Any], Unreliable], *, again: bool) -> Iterator[tuple[Plan, int, Unreliable]]:
    """Every level of the way out, each through such a carrier, and where it was killed once more by a process that was not."""
    out.allow(by_name()[out.service].levels, OFF)
    for level in by_name()[out.service].levels:
        plan = out.plan(level)
        if not plan.actions:
            continue
        made, called, carrying = out.simulated, len(out.simulated.mutating()), carrier(out.simulated.front)
        made.attach = carrying.attach
        report = None
        with suppress(Killed):
            report = out.apply(level, plan)
        made.attach = None
        if again:
            assert carrying.dead, (level, carrying.count)
            journal = made.journal(OFFBOARDING.name)
            report = out.apply(level, plan, applied_before=frozenset(applied_units(journal)))
        assert report is not None
        assert report.ok, (level, failed(report))
        assert not [cell for cell in out.cells(level) if cell.in_scope and cell.gap is Gap.TO_DO], level
        yield plan, len(made.mutating()) - called, carrying


@pytest.mark.parametrize("service", FEW)
def test_every_level_that_was_killed_in_flight_goes_on_and_repeats_that_call_at_most(out: Service, service: str) -> None:
    for plan, sent, carrying in walked(out(service), lambda front: Unreliable(front, 1), again=True):
        assert sent <= len(plan.actions) + carrying.count, "each call that was on its way then may be sent again, and no other"


@pytest.mark.soak
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("service", SERVICES)
def test_every_level_killed_at_every_call(everything: tuple[Simulated, World], tmp_path: Path, service: str, moment: str) -> None:
    made, world = everything
    made.front.adopt(copied(world))
    muted(made.front.world)
    plain = Out(Simulated(made.front, made.settings, tmp_path), service)
    plain.allow(by_name()[service].levels, OFF)
    for level in by_name()[service].levels:
        start, plan = copied(made.front.world), plain.plan(level)
        for number in range(1, len(plan.actions) + 1):
            made.front.adopt(copied(start))
            folder = tmp_path / f"{level}-{number}"
            folder.mkdir()
            each = Out(Simulated(made.front, plain.simulated.settings, folder), service)
            each.simulated.attach = Unreliable(made.front, number, moment).attach
            with suppress(Killed):
                each.apply(level, plan)
            each.simulated.attach = None
            units = frozenset(applied_units(each.simulated.journal(OFFBOARDING.name)))
            assert each.apply(level, plan, applied_before=units).ok, (level, number)
            assert not [cell for cell in each.cells(level) if cell.in_scope and cell.gap is Gap.TO_DO], (level, number)


@pytest.mark.parametrize("service", FEW)
def test_a_lost_answer_is_settled_by_a_read(out: Service, service: str) -> None:
    lost = sum(carrying.lost for _, _, carrying in walked(out(service), lambda front: Unreliable(front, losing=2), again=False))
    assert lost or service == "accessanalyzer"


@pytest.mark.parametrize("service", [pytest.param(each, marks=[pytest.mark.soak] * (each != SERVICES[-1])) for each in SERVICES])
def test_throttles_are_waited_for(out: Service, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leaving = out(service)
    throttle(monkeypatch, service, 5)
    assert list(walked(leaving, Unreliable, again=False))


def back_out(phases: Mapping[str, Told], phase: str, folder: Path, kill_at: int | str, moment: str) -> int:
    """Take a phase back through a carrier that dies, and once more; how many calls it has."""
    change, world = phases[phase].change, phases[phase].after
    front = change.simulated.front
    front.adopt(copied(world))
    folder.mkdir(parents=True)
    mine = Change(Simulated(front, change.simulated.settings, folder), change.run, phase)
    plan = mine.plan()
    mine.simulated.attach = Unreliable(front, kill_at, moment).attach
    with suppress(Killed):
        mine.apply(plan)
    mine.simulated.attach = None
    report = mine.apply(plan)
    assert report.ok, (phase, kill_at, failed(report))
    assert mine.plan().actions == (), (phase, kill_at)
    return len(plan.actions)


PHASES = ["00_prerequisites", *(spec.phase for spec in by_name().values()), "60_response"]


REMOVING = {
    spec.phase: spec.designation.disable_operation
    for spec in by_name().values()
    if spec.designation and spec.designation.list_operation
}
"""Phase → the call that takes its administrator away: while AWS is at it, what the administrator set cannot be read."""


@pytest.mark.parametrize("phase", PHASES)
def test_a_back_out_that_was_killed_in_flight_goes_on(phases: Mapping[str, Told], tmp_path: Path, phase: str) -> None:
    back_out(phases, phase, tmp_path / "one", REMOVING.get(phase, 2), "in flight")


@pytest.mark.soak
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("phase", PHASES)
def test_a_back_out_killed_at_every_call(phases: Mapping[str, Told], tmp_path: Path, phase: str, moment: str) -> None:
    calls = back_out(phases, phase, tmp_path / "0", 1, moment)
    for number in range(2, calls + 1):
        back_out(phases, phase, tmp_path / str(number), number, moment)
