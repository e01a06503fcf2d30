"""`runbook workflows`: who answers for which findings, and what is open in the register beside a settings file."""

import datetime as dt
import sys
from pathlib import Path

from runbook_lib.cli.runs import runs_folder
from runbook_lib.coverage import Status
from runbook_lib.display.register_pages import INDEX, owners_csv, pages, write_pages
from runbook_lib.phase_run.overdue import overdue
from runbook_lib.services.response.owners import Open, Row, open_points, table
from runbook_lib.settings.file import load
from runbook_lib.settings.register import read_register

LEFT = 2
"""Exit code: something is open."""


def workflows(parameters: Path, form: str, folder: Path | None, runs: str) -> int:
    """Print the table of owners and what is open. Calls nobody. 0 nothing is open, 2 something is."""
    today = dt.datetime.now(dt.UTC).date()
    settings, register = load(parameters, today), read_register(parameters)
    if settings.response is None:
        sys.stdout.write(f"{parameters} has no response: there is nobody to answer, and nothing to hold the register against.\n")
        return 0
    rows = table(settings, register)
    points = (*open_points(settings, register, today), *overdue(runs_folder(runs), settings, today))
    if form == "csv":
        sys.stdout.write(owners_csv(rows))
    else:
        sys.stdout.write("".join(f"{line}\n" for line in _lines(rows, points, len(register.active))))
    if folder is not None:
        write_pages(folder, pages(register, rows, points))
        sys.stderr.write(f"pages: {folder / INDEX}\n")
    return LEFT if points else 0


def _lines(rows: tuple[Row, ...], points: tuple[Open, ...], active: int) -> list[str]:
    width = max((len(str(row.finding_class)) for row in rows), default=0)
    owned = sum(row.owned.status is Status.COVERED for row in rows)
    return [
        *(f"{row.finding_class!s:{width}}  {row.owned.status.value:8}  {row.owned.reason}" for row in rows),
        "",
        f"{owned} of {len(rows)} finding classes have exactly one owner; {active} active workflows; {len(points)} things are open.",
        *map(str, points),
    ]
