"""The list of all runs, for people: one row per run, as text and as a page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook_lib.base import html
from runbook_lib.base.files import write_text
from runbook_lib.base.text import visible
from runbook_lib.evidence.run.folder import RunFolder, RunFolderError, RunStatus, find_runs
from runbook_lib.evidence.run.saved_notebook import not_attached
from runbook_lib.evidence.seal.linked import linked_to
from runbook_lib.evidence.seal.reading import Entry
from runbook_lib.evidence.seal.sealing import NotSealed, seal_of
from runbook_lib.evidence.seal.statement import approvals_of
from runbook_lib.runbook.phases import COVERAGE

COLUMNS = ("number", "run", "started (UTC)", "mode", "organization", "phases", "result", "coverage", "approver", "ticket")
PAGE = "index.html"


@dataclass(frozen=True)
class Row:
    """One run of the list, all texts."""

    number: str
    run: str
    started: str
    mode: str
    organization: str
    phases: str
    result: str
    coverage: str
    approver: str
    ticket: str

    @property
    def cells(self) -> tuple[str, ...]:
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)


def rows(root: Path, most: int = 0) -> list[Row]:
    """All runs below a folder, or the latest ones, oldest first. What cannot be read says so; nothing is verified here."""
    return [_row(run) for run in find_runs(root)[-most:]]


def _row(run: RunFolder) -> Row:
    try:
        record, status = run.record(), run.status
    except RunFolderError:
        return Row("", run.name, "", "", "", "", "unreadable", "", "", "")
    try:
        seal = seal_of(run)
        number = str(seal.number) if seal else "not sealed"
    except NotSealed:
        seal, number = None, "broken seal"
    approvals = [each["annotations"] for each in approvals_of(run)]
    return Row(
        number=number,
        run=run.name,
        started=str(record["started"]).replace("T", " ").removesuffix("Z"),
        mode=record["mode"].upper(),
        organization=record["organization"],
        phases=", ".join(name.partition("_")[0] for name in sorted(record["phases"])),
        result=", ".join([_result(status, seal), *_remarks(run, status, approvals)]),
        coverage=coverage_of(record["phases"]),
        approver=_listed(approvals, "approver"),
        ticket=_listed(approvals, "ticket"),
    )


def _result(status: str, seal: Entry | None) -> str:
    return f"{seal.status if seal else status}{', files withheld' if seal and seal.withheld else ''}"


def _remarks(run: RunFolder, status: str, approvals: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if any(each.get("emergency") for each in approvals):
        yield "EMERGENCY"
    if status != RunStatus.RUNNING and not_attached(run):
        yield "notebook not attached"
    try:
        held = any(each.withheld for each in linked_to(run))
    except NotSealed:
        yield "broken linked statement"
    else:
        yield from ["attached files withheld"] * held


def _listed(approvals: Sequence[Mapping[str, Any]], name: str) -> str:
    return ", ".join(dict.fromkeys(str(each.get(name, "defect")) for each in approvals))


def coverage_of(phases: Mapping[str, Mapping[str, Any]]) -> str:
    """The coverage that a run ended with: of the whole organization where it looked at that, else of its phases."""
    counted = [phases[COVERAGE.name]] if COVERAGE.name in phases else list(phases.values())
    numbers = [phase.get("results", {}) for phase in counted]
    covered = sum(each.get("covered", 0) for each in numbers)
    total = covered + sum(each.get("gap", 0) + each.get("unknown", 0) for each in numbers)
    return f"{covered}/{total} ({int(1000 * covered / total) / 10} %)" if total else ""


def text(listed: Sequence[Row]) -> str:
    """The list as an aligned table."""
    lines = [COLUMNS, *(tuple(visible(cell) for cell in row.cells) for row in listed)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def page(listed: Sequence[Row]) -> str:
    """The list as one page, newest first. The mode is in the title."""
    modes = " and ".join(sorted({row.mode for row in listed if row.mode})) or "no runs"
    note = "Made anew by every command, and no evidence itself: runbook evidence verify --all holds the runs against their seals."
    return html.page(f"Runs ({modes})", [html.paragraph(note), html.table(COLUMNS, [row.cells for row in reversed(listed)])])


def write_page(root: Path) -> Path:
    """Write the page beside the runs."""
    path = root / PAGE
    write_text(path, page(rows(root)))
    return path
