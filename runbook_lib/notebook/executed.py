"""The kernel's side of the record of executed cells: it hears of every cell, and keeps what stands for its source."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runbook_lib.base.project import ProjectNotFound, root, shipped
from runbook_lib.evidence.run.executed_cells import NAME, Came, CellLog, shape_digest, source_digest
from runbook_lib.evidence.run.folder import PhaseFolder
from runbook_lib.evidence.run.versions import committed


class Listener:
    """Hears of the cells of one kernel from the opening of a run to its end."""

    def __init__(self, shell: Any, folder: PhaseFolder) -> None:
        self._shell, self._log = shell, CellLog(folder.path / NAME)
        saved = session_notebook()
        compared_with, came = as_it_came(folder.name, saved)
        self._log.opened(shown(saved), compared_with, came, self._history())
        source, cell = _running(shell)
        self._log.began(self._count, cell, source_digest(source or self._source(self._count)))
        shell.events.register("pre_run_cell", self._before)
        shell.events.register("post_run_cell", self._after)

    @property
    def _count(self) -> int:
        """The count of the cell that runs now."""
        return int(self._shell.execution_count) - 1

    def _source(self, count: int) -> str:
        """A source from the kernel's history; "" where that has none."""
        kept = self._shell.history_manager.input_hist_raw
        return str(kept[count]) if count < len(kept) else ""

    def _history(self) -> dict[int, str]:
        return {count: source_digest(source) for count in range(1, self._count) if (source := self._source(count))}

    def _before(self, info: Any) -> None:
        if info.store_history:
            self._log.began(self._count, str(getattr(info, "cell_id", None) or ""), source_digest(info.raw_cell))

    def _after(self, result: Any) -> None:
        if result.info is not None and result.info.store_history and result.execution_count is not None:
            self._log.ended(int(result.execution_count), success=bool(result.success))

    def close(self) -> None:
        """The run ends in the cell that runs now."""
        self._log.close(self._count)
        for event, heard in (("pre_run_cell", self._before), ("post_run_cell", self._after)):
            if heard in self._shell.events.callbacks[event]:
                self._shell.events.unregister(event, heard)


def _running(shell: Any) -> tuple[str, str]:
    """Source of the cell that runs now, and the id that the front end gave it; "" where it is not said."""
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return str(parent.get("content", {}).get("code", "")), str((parent.get("metadata") or {}).get("cellId") or "")


def session_notebook() -> Path | None:
    """Where the notebook of this kernel is saved, as the server said when it started the kernel; None where it said nothing."""
    said = os.environ.get("JPY_SESSION_NAME", "")
    return Path(said).absolute() if said else None


def shown(path: Path | None) -> str:
    """A path as evidence names it: from the project's folder where it lies in it; "" for none."""
    if path is None:
        return ""
    try:
        return path.relative_to(root()).as_posix()
    except (ValueError, ProjectNotFound):
        return str(path)


def as_it_came(phase: str, saved: Path | None) -> tuple[str, list[Came]]:
    """The code cells of a phase's notebook before anybody changed it, and from where they are known.

    From the commit, where the project is a checkout; else from the notebook of that phase, or the opened file, as it lies there.
    """
    try:
        ours: Path | None = shipped() / "notebooks" / f"{phase}.ipynb"
    except ProjectNotFound:
        ours = None
    if ours is not None and (text := committed(ours)) is not None:
        return f"{ours.name} of the git commit", list(_cells(text))
    for path in (ours, saved):
        if path is not None and path.is_file():
            return f"{path.name} as it lay there when the run began", list(_cells(path.read_text(encoding="utf-8")))
    return "", []


def _cells(text: str) -> Iterator[Came]:
    """The code cells of a notebook of format 4. Read as JSON: nbformat takes a second to import, in every kernel."""
    try:
        code = [each for each in json.loads(text)["cells"] if each["cell_type"] == "code"]
        sources = ["".join(each["source"]) for each in code]
    except (ValueError, KeyError, TypeError):
        return
    for number, (cell, source) in enumerate(zip(code, sources, strict=True), start=1):
        if source.strip():
            shape = shape_digest(source) if "parameters" in cell.get("metadata", {}).get("tags", ()) else ""
            yield Came(cell.get("id") or f"{number}", source_digest(source), shape)
