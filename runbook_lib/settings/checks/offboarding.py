"""What the file alone shows about leaving services: a leave that has run out, levels that a service does not have, one twice."""

import datetime as dt
from collections.abc import Iterator

from runbook_lib.base.documents import Problem
from runbook_lib.services.registry import by_name, sentence, ways_out
from runbook_lib.settings.checks import Tree, at


def check_offboarding(tree: Tree, today: dt.date) -> Iterator[Problem]:
    """Every entry by itself, and against those before it."""
    seen: set[str] = set()
    for position, entry in enumerate(at(tree, "offboarding") or []):
        if not isinstance(entry, dict):
            continue
        service = entry.get("service")
        if service and service in seen:
            message = "There is an entry for this service above. Keep one, with one reason and one exit."
            yield Problem(("offboarding", position, "service"), message)
        seen.add(service or "")
        expires = entry.get("expires")
        if expires and dt.date.fromisoformat(expires) < today:
            message = f"This has expired (today is {today}). Remove it, or decide again and write a later day."
            yield Problem(("offboarding", position, "expires"), message)
        spec, levels = by_name().get(service or ""), ways_out().get(service or "", ())
        title = spec.title if spec else "The response"
        for place, level in enumerate(entry.get("levels") or ()):
            if levels and level and level not in levels:
                message = f"{title} has no such level; it has {sentence(levels)}."
                yield Problem(("offboarding", position, "levels", place), message)
