"""`runbook simulate --cloudtrail`: what the simulated organization was asked, as CloudTrail would have exported it."""

import json
from pathlib import Path

from runbook_lib.base.files import write_text
from runbook_lib.cli.commands import NotFound


def write_trail(folder: Path, trail: Path) -> str:
    """Write the events of the server in `folder`; says how many. Raises NotFound where none is running."""
    from runbook_lib.rehearsal.environment import find  # noqa: PLC0415 the rehearsal extra is not installed on headless runners

    server = find(folder)
    if server is None:
        raise NotFound("no simulated organization is running, so there is nothing to export; start one with: runbook simulate")
    exported = server.control("GET", "cloudtrail")
    write_text(trail, json.dumps(exported) + "\n")
    return f"{trail}: {len(exported['Records'])} events"
