"""How many of the live resources behind the switches AWS watches, and why not the others: enabled is not watching.

Told from the delegated account in one or two reads per Region, for the coverage of the whole organization alone. The counts are
shown beside coverage and are no part of it: an instance without an agent is its owner's, and comes and goes by the hour.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.coverage import Cell, Cells, Status
from runbook_lib.coverage.resources import ASPECT, written
from runbook_lib.services.column import OPERATOR


@dataclass(frozen=True)
class Watched:
    """Live resources of one service in one Region. `why` counts the unwatched by AWS's reason, as far as it was read."""

    watched: int
    unwatched: int
    why: Mapping[str, int] = field(default_factory=dict)


def told(service: str, region: str, account: str, seen: Watched) -> Cells:
    """One row for the Region, and one for each reason."""
    rows = [("", written(seen.watched, seen.watched + seen.unwatched), "live resources that AWS watches, of those it knows")]
    rows += [
        (why, written(0, count), "live resources that are not watched for this reason") for why, count in sorted(seen.why.items())
    ]
    return tuple(
        Cell(service, region, ASPECT, frozenset({account}), Status.NOT_APPLICABLE, reason, item, observed=observed, in_scope=False)
        for item, observed, reason in rows
    )


def untold(service: str, region: str, account: str, error: CallFailed) -> Cells:
    """The row of a Region that did not tell."""
    seen = unread(error)
    return (
        Cell(
            service,
            region,
            ASPECT,
            frozenset({account}),
            Status.UNKNOWN,
            seen.reason,
            observed="not read",
            code=seen.code,
            next_step=seen.next_step,
            who=OPERATOR,
            in_scope=False,
        ),
    )
