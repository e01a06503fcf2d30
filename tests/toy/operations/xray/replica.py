"""X-Ray as an inventory saw it: nothing of it is written."""

from runbook_lib.rehearsal.account_sets import Part, Sets
from runbook_lib.rehearsal.world import World


class Seen(Part):
    pass


def put(world: World, seen: Seen, sets: Sets) -> None:
    """Nothing."""
