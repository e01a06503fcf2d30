"""What must hold of GuardDuty's and Inspector's plans alike; each service's tests bring random worlds and settings."""

from typing import Any

import hypothesis.strategies as st
from service_fakes import Run, SettlingWorld, in_order, take

from runbook_lib.coverage import Gap, Status
from runbook_lib.plan import Action, Direction, Wait, plain
from runbook_lib.settings import Settings


def after_the_plan_nothing_is_left(world: SettlingWorld, settings: Settings) -> None:
    """Plan, apply, plan has no Action, and AWS is working on nothing."""
    first = Run(world, settings)
    for step in in_order(first.steps):
        take(world, step)
    after = Run(world, settings)
    assert not after.actions
    assert not [cell for cell in after.cells if cell.in_scope and cell.gap is Gap.IN_PROGRESS]


def half_way_nothing_is_added(world: SettlingWorld, settings: Settings, data: Any) -> None:
    """Wherever apply stops, a new plan holds only units that the first one had."""
    first = Run(world, settings)
    ordered = in_order(first.steps)
    for step in ordered[: data.draw(st.integers(0, len(ordered)))]:
        take(world, step)
    assert Run(world, settings).units <= first.units


def every_account_is_spoken_of(made: Run, region: str) -> None:
    """No Action lowers, no account of the Region is passed over, and every gap has an Action or a Blocker."""
    assert {action.direction for action in made.actions} <= {Direction.RAISES, Direction.EQUAL}
    for account in made.population.members[region] | {made.population.delegated}:
        assert [each for each in made.said if account in _accounts(each)], account
    gaps = [cell for cell in made.cells if cell.in_scope and cell.status in (Status.GAP, Status.UNKNOWN)]
    assert all(cell.gap is Gap.IN_PROGRESS for cell in gaps) == (not made.actions and not made.blockers)
    assert all(action.reason and action.before and action.becomes and action.back_out.why for action in made.actions)


def _accounts(said: Any) -> frozenset[str]:
    if isinstance(said, Action):
        return said.affects | {said.account}
    return frozenset(said.targets) | {said.account} if isinstance(said, Wait) else frozenset(said.accounts)


def same_plan(one: Run, two: Run) -> None:
    """The same steps with the same parameters in the same order, and the same Blockers and cells."""
    assert [_written(step) for step in one.steps] == [_written(step) for step in two.steps]
    assert one.blockers == two.blockers
    assert one.cells == two.cells


def _written(step: Action | Wait) -> Any:
    return (step.id, step.after, plain(step.parameters) if isinstance(step, Action) else str(step.condition))
