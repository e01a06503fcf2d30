"""The simulated GuardDuty. Importing it registers its operations; `listen` subscribes it to a world's events."""

from runbook_lib.rehearsal.operations.guardduty import (
    administration,
    destinations,
    detectors,
    findings,
    member_detectors,
    members,
)
from runbook_lib.rehearsal.operations.guardduty.membership import listen

__all__ = ["administration", "destinations", "detectors", "findings", "listen", "member_detectors", "members"]
