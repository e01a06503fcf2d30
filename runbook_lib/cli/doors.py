"""The doors of settings opened before a command begins its work: who acts where, or in two lines why not."""

from runbook_lib.aws.access import Access
from runbook_lib.aws.callers import Card
from runbook_lib.base.clock import Clock
from runbook_lib.settings import Settings


def opened(settings: Settings) -> tuple[Card, ...]:
    """Who the doors lead to. Nothing else is called, and there is no run yet. Raises DoorFailed, AccessRefused.

    Nothing to open in a rehearsal: its keys come with its own simulated organization, which answers to them.
    """
    if settings.mode == "rehearsal":
        return ()
    with Access(settings, reads=frozenset(), mutations=frozenset(), run="doors", clock=Clock()) as access:
        return access.open_doors()
