"""Whether a saved notebook shows what a run at the screen ran, and which runs still lack theirs; every cell is named."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runbook_lib.evidence.run.contents import ATTACHED, LINKED
from runbook_lib.evidence.run.executed_cells import NAME, CellRecord, Execution, shape_digest, source_digest
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder

KIND = "saved notebook"


@dataclass(frozen=True)
class SavedCell:
    """One code cell as saved: its id, its source, and the count of the execution whose result it shows."""

    cell: str
    source: str
    count: int | None


@dataclass(frozen=True)
class Compared:
    """Why a saved notebook is not what was run (nothing when it is), and cells that were run again after the run had ended."""

    reasons: tuple[str, ...]
    again: tuple[str, ...]


def attached_name(phase: str) -> str:
    """The name under which a phase's saved notebook is linked to its run."""
    return f"saved-notebook-{phase}"


def interactive(run: RunFolder) -> list[PhaseFolder]:
    """The phases of a run that were executed at the screen."""
    return [phase for phase in run.phases() if (phase.path / NAME).is_file()]


def not_attached(run: RunFolder) -> list[PhaseFolder]:
    """Phases that were executed at the screen and whose saved notebook is not attached."""
    there = run.path / ATTACHED
    return [phase for phase in interactive(run) if not (there / f"{attached_name(phase.name)}{LINKED}").exists()]


def compare(record: CellRecord, saved: Sequence[SavedCell], at: dt.datetime) -> Compared:
    """Hold a notebook's code cells, saved at `at`, against what was run and against the notebook as it came."""
    cells = [each for each in saved if each.source.strip()]
    if not record.executions:
        return Compared(("the run recorded no cell that was run",), ())
    if later := [each.cell for each in cells if _shows_later_run(record, each)]:
        return Compared((f"it was run again since, and shows a later run (cell {later[0]})",), ())
    if all(each.count is None for each in cells):
        return Compared(("no cell in it shows a result: save it after the run, with its outputs, and try again",), ())
    reasons = [*_edited(record, cells), *_results(record, cells), *_gone(record, cells)]
    if not reasons and at < record.until:
        reasons = [f"it was saved at {at:%Y-%m-%d %H:%M:%S} UTC, before the last cell of the run ended; save it, then try again"]
    last = max(each.count for each in record.executions)
    again = tuple(each.cell for each in cells if each.count is not None and each.count > last)
    return Compared(tuple(dict.fromkeys(reasons)), again)


def _shows_later_run(record: CellRecord, cell: SavedCell) -> bool:
    """Whether the cell that opened the run shows a later execution."""
    opening = record.executions[0]
    last = max(each.count for each in record.executions)
    same = cell.cell == opening.cell if opening.cell else source_digest(cell.source) == opening.source
    return same and cell.count is not None and cell.count > last


def _edited(record: CellRecord, cells: Sequence[SavedCell]) -> Iterator[str]:
    """Differences from the notebook as it came; values of parameters are none."""
    if not record.came:
        return
    came = {each.cell: each for each in record.came}
    for each in cells:
        first = came.get(each.cell)
        if first is None:
            yield f"cell {each.cell} was added: it is not in {record.compared_with}"
        elif source_digest(each.source) != first.source and (not first.shape or shape_digest(each.source) != first.shape):
            yield f"cell {each.cell} was edited: it is not as in {record.compared_with}"
    there = [each.cell for each in cells]
    for missing in (name for name in came if name not in there):
        yield f"cell {missing} was removed: {record.compared_with} has it"
    if sorted(there) == sorted(came) and there != [*came]:
        yield f"its cells are in another order than in {record.compared_with}"


def _results(record: CellRecord, cells: Sequence[SavedCell]) -> Iterator[str]:
    """What each cell shows, against what the kernel ran under that count."""
    ran = {**record.before} | {each.count: each.source for each in record.executions}
    last = max(each.count for each in record.executions)
    for each in cells:
        own, digest = _of(record, each), source_digest(each.source)
        if each.count is None:
            if any(one.ended or one.count == record.sealed_in for one in own):
                yield f"cell {each.cell} shows no result: it was saved before that cell ended, or its outputs were cleared or lost"
            elif own and own[-1].source != digest:
                yield f"cell {each.cell} was edited after it was run"
        elif each.count > last:
            if digest not in {one.source for one in own}:
                yield f"cell {each.cell} was edited after the run had ended"
        elif each.count not in ran:
            yield f"cell {each.cell} shows an execution that this kernel has not run"
        elif ran[each.count] != digest:
            yield f"cell {each.cell} was edited after it was run (execution {each.count})"
        elif own and own[-1].count > each.count:
            yield f"cell {each.cell} shows execution {each.count}, the last was {own[-1].count}; save the notebook and try again"


def _gone(record: CellRecord, cells: Sequence[SavedCell]) -> Iterator[str]:
    """Code that was run under this run and stands in no cell any more."""
    sources = {source_digest(each.source) for each in cells}
    for each in record.executions:
        if each.source not in sources:
            yield f"execution {each.count} (cell {each.cell or 'unknown'}) ran code that it does not have"


def _of(record: CellRecord, cell: SavedCell) -> list[Execution]:
    """The executions of one cell, by its id; where the front end gave no ids, by its source."""
    digest = source_digest(cell.source)
    return [each for each in record.executions if (each.cell == cell.cell if each.cell else each.source == digest)]
