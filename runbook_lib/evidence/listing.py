"""The list of all runs, for people: one row per run, and the rows as text. The page of them is `index_page`."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
"""The page of all runs, beside them."""


def address_of(run: str, folders: int = 2) -> str:
    """Where the page of all runs has this run, as seen from so many folders below it."""
    return f"{'../' * folders}{PAGE}#{run}"


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


def text(listed: Sequence[Row], width: int = 0) -> str:
    """The list as an aligned table; one that fits into `width` characters says beneath which columns it had no room for."""
    kept = list(range(len(COLUMNS)))
    for spare in _SPARE:
        if width and max(map(len, _aligned(listed, kept))) > width:
            kept.remove(COLUMNS.index(spare))
    lines = _aligned(listed, kept)
    if width and (over := max(map(len, lines)) - width) > 0:
        longest = max(len(row.result) for row in listed)
        lines = _aligned([replace(row, result=_cut(row.result, max(longest - over, _SHORTEST))) for row in listed], kept)
    if left_out := [name for place, name in enumerate(COLUMNS) if place not in kept]:
        lines += [f"Left out for want of room: {', '.join(left_out)}. {PAGE} beside the runs has them."]
    return "\n".join(textwrap.fill(line, width) if line.startswith("Left out") else _cut(line, width) for line in lines)


_SPARE = ("organization", "started (UTC)", "mode", "phases", "approver", "ticket", "number")
"""Columns that a narrow terminal goes without, in this order; when it began and its mode are in a run's name too."""

_SHORTEST = 9
"""Characters of a result that are always shown: "left-over"."""


def _aligned(listed: Sequence[Row], kept: Sequence[int]) -> list[str]:
    lines = [COLUMNS, *(tuple(visible(cell) for cell in row.cells) for row in listed)]
    widths = {column: max(len(line[column]) for line in lines) for column in kept}
    return ["  ".join(line[column].ljust(widths[column]) for column in kept).rstrip() for line in lines]


def _cut(line: str, width: int) -> str:
    return line if not width or len(line) <= width else f"{line[: width - 1]}…"
