"""What does the work of each procedure, made from what its plan says that it is about."""

from runbook_lib.services.departures import procedure as leaving
from runbook_lib.services.protocol import Procedure
from runbook_lib.services.response.names import DRILL


def procedure(phase: str, about: str) -> Procedure:
    """What does the work of a procedure's notebook. Raises NoSuchService, NoSuchLevel, BadDrillName."""
    if phase == DRILL:
        from runbook_lib.services.response.drill import Drill  # noqa: PLC0415 nothing else needs what it imports

        return Drill(about)
    return leaving(about)
