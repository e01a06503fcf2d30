"""Cutting what takes longer than CloudFormation's hour into several resources: here by Region, in the settings by wave.

The parts come first, each with an hour of its own; the task itself comes last, with what is left and what reaches beyond all parts.
"""

import json
from collections.abc import Sequence
from dataclasses import replace

from runbook_lib.plan import Plan
from runbook_lib.plan.estimate import estimate
from runbook_lib.stack.answer import WORK_SECONDS
from runbook_lib.stack.template import Task


def fits(plan: Plan, concurrency: int) -> bool:
    """Whether it is done before the answer is due, by AWS's live rates on a slow day."""
    return estimate(plan, concurrency, "live").to_plan_for <= WORK_SECONDS


def parts(task: Task, plan: Plan, concurrency: int) -> tuple[Task, ...]:
    """The parts that come before a task whose plan takes too long, each of as many Regions as its hour has room for; else none.

    A single Region that takes too long is a part all the same: its plan says so.
    """
    if task.part or fits(plan, concurrency):
        return ()
    groups, group = list[tuple[str, ...]](), tuple[str, ...]()
    for region in sorted({step.region for step in plan.steps}):
        if group and not fits(_in(plan, (*group, region)), concurrency):
            groups.append(group)
            group = ()
        group = (*group, region)
    groups.append(group)
    if len(groups) == 1 and len(group) == 1:
        return ()
    return tuple(replace(task, part=number, part_scope=_scope(plan, each)) for number, each in enumerate(groups, 1))


def rest(plan: Plan, done: Sequence[Plan]) -> Plan:
    """What is left of a plan when the plans of its parts are done."""
    gone = {step.id for each in done for step in each.steps}
    return replace(plan, steps=tuple(step for step in plan.steps if step.id not in gone))


def _in(plan: Plan, regions: tuple[str, ...]) -> Plan:
    return replace(plan, steps=tuple(step for step in plan.steps if step.region in regions))


def _scope(plan: Plan, regions: tuple[str, ...]) -> str:
    """The part of the plan's own scope that lies in these Regions."""
    wider = {"accounts": plan.scope.accounts, "organizational_units": plan.scope.organizational_units}
    return json.dumps({"regions": list(regions), **{name: list(each) for name, each in wider.items() if each}})
