"""Attaching the saved notebook to a run at the screen that has ended, or saying exactly why not."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import Any

from runbook_lib.base.errors import RunbookError
from runbook_lib.base.own_files import MIB, FileBroken, data_of
from runbook_lib.base.project import resolve
from runbook_lib.evidence.listing import address_of
from runbook_lib.evidence.run.contents import SEAL
from runbook_lib.evidence.run.executed_cells import NAME, CellRecord, read_cells
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder, RunFolderError, find_runs
from runbook_lib.evidence.run.saved_notebook import KIND, Compared, SavedCell, attached_name, compare, not_attached
from runbook_lib.evidence.seal.linked import Addition, attach
from runbook_lib.evidence.seal.reading import Entry
from runbook_lib.evidence.seal.sealing import Desk
from runbook_lib.evidence.store.desk import desk_for
from runbook_lib.settings import Settings

LARGEST = 256 * MIB
"""Bytes of a saved notebook."""


class NotAttached(RunbookError):
    """A saved notebook was not attached; the message says why."""


def prepared(run: RunFolder, phase: PhaseFolder, given: Path | None = None) -> Addition:
    """What is attached to a sealed run for one of its phases. Raises NotAttached.

    `given` is the saved notebook where it lies elsewhere than it did when the run was opened.
    """
    record = _record(phase)
    path = given or (resolve(record.notebook) if record.notebook else None)
    if path is None:
        raise NotAttached("it is not known where the notebook was saved; name it with --notebook")
    data, at = _read(path)
    document = _document(data, path)
    compared = compare(record, _cells(document), at)
    reasons = compared.reasons
    if not reasons and not _shows(document, run.name):
        reasons = (f"nothing in it names {run.name}: its results are of another run, or were taken out",)
    if reasons:
        raise NotAttached(f"{path.name}: {'; '.join(reasons)}")
    return _addition(run, phase, record, compared, data, document, at)


def _addition(
    run: RunFolder, phase: PhaseFolder, record: CellRecord, compared: Compared, data: bytes, document: Any, at: dt.datetime
) -> Addition:
    from runbook_lib.display.notebook_page import notebook_page  # noqa: PLC0415 it takes a second, which kernels and most commands need not spend

    saved = f"{at:%Y-%m-%d %H:%M:%S} UTC"
    again = ", ".join(compared.again) or "none"
    about = {"Run": run.name, "Saved": saved, "Cells run again after the end": again}
    mode, back = str(run.record()["mode"]).upper(), address_of(run.name, folders=3)
    page = notebook_page(document, mode=mode, phase=phase.name, more=about, back=back)
    facts = {
        "phase": phase.name,
        "saved": at.isoformat(timespec="seconds"),
        "comparedWith": record.compared_with,
        "executions": len(record.executions),
        "runAgain": list(compared.again),
    }
    return Addition(KIND, attached_name(phase.name), {"notebook.ipynb": data, "notebook.html": page.encode()}, facts)


def attach_saved(run: RunFolder, desk: Desk, given: Path | None = None) -> Iterator[str]:
    """Attach what can be attached to one sealed run, and say what was done, or why not, for each phase that lacks it."""
    for phase in not_attached(run):
        try:
            made = attach(run, prepared(run, phase, given), desk)
        except NotAttached as why:
            yield f"{run.name}: saved notebook of {phase.name} not attached: {why}"
        else:
            yield attached_line(made, phase)


def attached_line(made: Entry, phase: PhaseFolder) -> str:
    """One line about what was attached, and what was withheld of it."""
    held = f"; withheld: {', '.join(sorted(made.withheld))}" if made.withheld else ""
    return f"Attached the saved notebook of {made.run}, {phase.name}, as number {made.number} of {made.chain}{held}"


def attach_found(root: Path, mode: str, organization: str, desk: Callable[[], Desk]) -> Iterator[str]:
    """Attach the saved notebooks of earlier runs of one mode and organization that are there by now.

    Says nothing of the others: the list of runs does, and `runbook evidence seal RUN` says why. The desk is made only if needed.
    """
    for run in find_runs(root):
        lacking = not_attached(run)  # asked first: most runs are no runs at the screen, and nothing more is read of them
        if not lacking or not (run.path / SEAL).exists() or not _of(run, mode, organization):
            continue
        for phase in lacking:
            try:
                ready = prepared(run, phase)
            except NotAttached:
                continue
            yield attached_line(attach(run, ready, desk()), phase)


def attached_at_opening(runs: Path, settings: Settings, environment: Mapping[str, str]) -> tuple[str, ...]:
    """What a notebook that is opened says of earlier ones: what it attached, or what kept it from that. Never raises for it."""
    with ExitStack() as resources:
        desk = lru_cache(maxsize=1)(lambda: desk_for(runs, settings, environment, resources))
        try:
            return tuple(attach_found(runs, settings.mode, settings.organization.id, desk))
        except RunbookError as problem:
            return (f"The saved notebooks of earlier runs were not attached: {problem}",)


def _of(run: RunFolder, mode: str, organization: str) -> bool:
    try:
        record = run.record()
    except RunFolderError:
        return False
    return (record["mode"], record["organization"]) == (mode, organization)


def _record(phase: PhaseFolder) -> CellRecord:
    try:
        return read_cells(phase.path / NAME)
    except (FileBroken, FileNotFoundError) as broken:
        raise NotAttached(f"{NAME}: {broken}") from None


def _read(path: Path) -> tuple[bytes, dt.datetime]:
    try:
        at = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)  # before reading: a save in between must not look older
        return data_of(path, LARGEST), at
    except FileBroken as broken:
        raise NotAttached(f"{path}: {broken}") from None
    except OSError as error:
        raise NotAttached(f"{path}: {error.strerror}; if it was renamed or moved, name it with --notebook") from None


@lru_cache(maxsize=8)  # several runs of one notebook are held against the same file
def _document(data: bytes, path: Path) -> Any:
    from runbook_lib.base.notebook_format import nbformat  # noqa: PLC0415 it takes time, which kernels and most commands need not spend

    try:
        document = nbformat.reads(data.decode(), as_version=4)  # type: ignore[no-untyped-call]  # nbformat has no types
        nbformat.validate(document)
    except (ValueError, AttributeError, KeyError, nbformat.ValidationError) as error:
        raise NotAttached(f"{path}: cannot be read as a notebook: {str(error).splitlines()[0]}") from None
    return document


def _cells(document: Any) -> list[SavedCell]:
    code = [each for each in document.cells if each.cell_type == "code"]
    return [
        SavedCell(each.get("id") or f"{number}", each.source, each.get("execution_count"))
        for number, each in enumerate(code, start=1)
    ]


def _shows(document: Any, run: str) -> bool:
    """Whether a result in the notebook names the run; the card of every opened run does."""
    return any(run in str(output) for cell in document.cells if cell.cell_type == "code" for output in cell.outputs)
