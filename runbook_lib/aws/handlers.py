"""botocore's own handlers of events, without those of services that no client of a session is for.

Every client gets a copy of its session's handlers. Those for S3, RDS, mturk and the pages of botocore's documentation made up more
than half of the work of making one, and of what it keeps in memory.
"""

from collections.abc import Collection, Iterator
from typing import Any

from botocore import handlers
from botocore.hooks import EventAliaser, HierarchicalEmitter

SIGNING_IN = frozenset({"sts", "sso", "sso-oidc", "signin"})
"""The services of which botocore makes clients for itself, to get credentials."""


def register_builtin(events: HierarchicalEmitter, services: Collection[str]) -> None:
    """Register what botocore would for a session with clients of these services (botocore's names); for all where none is named."""
    # Some of their names are aliases of today's.
    named = EventAliaser(events)
    to_the_place = {handlers.REGISTER_FIRST: named.register_first, handlers.REGISTER_LAST: named.register_last}
    for name, handler, place in builtin():
        if not services or concerns(name, SIGNING_IN.union(services)):
            to_the_place.get(place, named.register)(name, handler)


def builtin() -> Iterator[tuple[str, Any, Any]]:
    """All of botocore's: the event's name, the handler, and whether it comes before or after all others (None: neither)."""
    for name, handler, *place in handlers.BUILTIN_HANDLERS:
        yield name, handler, place[0] if place else None


def concerns(event: str, services: Collection[str]) -> bool:
    """Whether an event, like "before-call.s3.DeleteObjects", may come from a client of these services."""
    kind, _, of = event.partition(".")
    return kind != "docs" and (not of or of.partition(".")[0] in services)
