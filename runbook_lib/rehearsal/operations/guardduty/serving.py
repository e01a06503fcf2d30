"""The simulated GuardDuty. Importing it registers its operations; `listen` subscribes it to a world's events."""

from runbook_lib.rehearsal.operations.guardduty import (
    administration,
    coverage,
    destinations,
    detectors,
    findings,
    kept,
    looked_for,
    member_detectors,
    members,
)
from runbook_lib.rehearsal.operations.guardduty.membership import listen

__all__ = [
    "administration",
    "coverage",
    "destinations",
    "detectors",
    "findings",
    "kept",
    "listen",
    "looked_for",
    "member_detectors",
    "members",
]
