"""The doors of settings opened before a command begins its work: who acts where, or in two lines why not."""

from runbook_lib.aws.access import Access
from runbook_lib.aws.callers import Card
from runbook_lib.base.clock import Clock
from runbook_lib.phase_run.handing_over import Taken, other_door
from runbook_lib.settings import Settings


def opened(settings: Settings, door: str = "") -> tuple[Card, ...]:
    """Who the doors lead to, or the one `door` that is this run's. Raises DoorFailed, AccessRefused, NotTaken.

    Nothing else is called, and there is no run yet. Nothing to open in a rehearsal: its keys come with its own simulated
    organization, which answers to them.
    """
    if settings.mode == "rehearsal":
        return ()
    other = other_door(settings, door, Taken())
    with Access(settings, reads=frozenset(), mutations=frozenset(), run="doors", clock=Clock(), other=other) as access:
        return access.open_doors()
