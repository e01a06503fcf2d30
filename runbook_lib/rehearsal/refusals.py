"""What is refused before a service looks at a call: a Region not enabled or without it, two designations at the same time."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from runbook_lib.rehearsal.errors import ApiError, ConnectionCut
from runbook_lib.rehearsal.identity import unrecognized
from runbook_lib.rehearsal.organization import region_enabled
from runbook_lib.rehearsal.simulated import by_name, simulated
from runbook_lib.rehearsal.world import World

DESIGNATIONS = frozenset((each.name, operation) for each in simulated() for operation in (each.designation or ())[:2])
CONCURRENT = (
    "AWS Organizations can't complete your request because it conflicts with another attempt to modify the same entity. "
    "Try again later."
)
WRAPPED = {
    "organizations": "ConcurrentModificationException",  # aws-behaviour 1, rule 10
    **{each.name: each.concurrent for each in simulated()},
}


def refuse_region(world: World, service: str, account: str, region: str) -> None:
    """A Region that is not enabled in the caller's account does not know its token (aws-behaviour 2)."""
    if service not in ("organizations", "account", "iam") and not region_enabled(world, account, region):
        raise unrecognized(service)


def refuse_absent(service: str, region: str) -> None:
    """A Region without the service has no host of its name: no connection comes about, and no answer."""
    about = by_name().get(service)
    if about is not None and not about.exists_in(region):
        raise ConnectionCut(why=f"{service} has no endpoint in {region}")


class Designation:
    """At most one call that changes Organizations may be in flight; a second one at the same time is refused."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        """How long such a call takes, in real time, beyond its own work."""
        self._busy = threading.Lock()

    @contextmanager
    def alone(self, service: str, operation: str, *, mutating: bool) -> Iterator[None]:
        """Hold the organization for one call; raises the service's form of ConcurrentModificationException."""
        if not (service == "organizations" and mutating) and (service, operation) not in DESIGNATIONS:
            yield
            return
        if not self._busy.acquire(blocking=False):
            raise ApiError(WRAPPED[service], CONCURRENT)
        try:
            if self.seconds:
                time.sleep(self.seconds)
            yield
        finally:
            self._busy.release()
