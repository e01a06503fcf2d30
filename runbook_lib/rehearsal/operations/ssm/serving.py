"""SSM Automation with AWS's own documents; everything else of Systems Manager is moto's.

Variants (`world.variants`); the first choice is the default:
"ssm step seconds": 1 | another number
"ssm default version": 0 | by how much the default versions have moved since the catalogue was written
"""

from runbook_lib.rehearsal.operations.ssm import documents, executions
from runbook_lib.rehearsal.operations.ssm.executions import AutomationState
from runbook_lib.rehearsal.world import World


def install(world: World) -> None:
    """Let executions go on. Once per world; again is harmless."""
    state = world.of(AutomationState)
    if not state.installed:
        state.installed = True
        world.on("automation step due", executions.step_due)
        world.on("automation approval due", executions.approval_due)


__all__ = ["documents", "executions", "install"]
