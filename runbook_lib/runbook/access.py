"""What a run may call: the reads of every service, and the changes of the one phase that it carries out."""

from collections.abc import Callable
from typing import Any

from runbook_lib.aws.access import Access
from runbook_lib.aws.other_door import OtherDoor
from runbook_lib.base.clock import Clock
from runbook_lib.organization.reads import READS
from runbook_lib.runbook.phases import Phase
from runbook_lib.services.implementations import SERVICES, service_named
from runbook_lib.services.protocol import Procedure
from runbook_lib.settings import Settings


def access_for(
    settings: Settings, phase: Phase, run: str, clock: Clock, attach: Callable[[Any], None] | None = None,
    doing: Procedure | None = None, besides: frozenset[str] = frozenset(), other: OtherDoor | None = None,
) -> Access:  # fmt: skip
    """AWS access for one phase: every service's reads (and those `besides`), this phase's mutations and nobody else's.

    `doing` is what does the work of a procedure; a phase's own service does a phase's. `other` is the door that is somebody else's.
    """
    working = doing or (service_named(phase.service) if phase.plans else None)
    reads = READS.union(*(service.reads for service in SERVICES), doing.reads if doing else (), besides)
    mutations = working.mutations if working else frozenset()
    role = doing.member_role if doing else ""
    given: dict[str, Any] = {"run": run, "clock": clock, "attach": attach, "member_role": role, "other": other}
    return Access(settings, reads=reads, mutations=mutations, **given)
