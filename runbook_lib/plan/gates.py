"""The decisions of one phase at the screen: its stages by the account whose door they go through, one plan cut out per decision.

An approval given as a file covers a whole phase. A person decides account by account, as the procedure has it: what the
management account calls (with what has to be there before), then what the delegated account calls, and apart from that what
acts on workloads inside accounts. Each decision is about a plan of its own, cut out of the phase's plan, with a fingerprint of
its own; nothing else differs from a plan for a pipeline.
"""

from dataclasses import dataclass, replace

from runbook_lib.plan import Plan


@dataclass(frozen=True)
class Gate:
    """Stages that one decision covers."""

    name: str
    title: str
    stages: tuple[str, ...]


GATES = (
    Gate("management", "management account", ("prepare", "management")),
    Gate("delegated", "delegated account", ("delegated", "members", "ending")),
    Gate("workloads", "changes to workloads", ("workloads", "closing")),
    Gate("lowering", "lowering protection", ("lowering",)),
)


def part(plan: Plan, gate: Gate) -> Plan:
    """The plan that one decision is about: the gate's steps; population, Blockers and settings stay the whole plan's."""
    return replace(plan, steps=tuple(step for step in plan.steps if step.stage in gate.stages))


def gates(plan: Plan) -> tuple[Gate, ...]:
    """The decisions that a plan asks for, in order; waiting alone changes nothing and needs none."""
    return tuple(gate for gate in GATES if part(plan, gate).actions)
