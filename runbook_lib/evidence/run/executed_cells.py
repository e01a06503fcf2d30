"""What was run at the screen, cell by cell: digests of the sources as the kernel got them, kept in the run folder.

`<phase>/cells.jsonl` is sealed with the run. Against it the notebook that the operator saved afterwards is held before it is
attached (saved_notebook.py). No source is kept here: what was typed into a cell may be a secret.
"""

import ast
import datetime as dt
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, TypeAdapter

from runbook_lib.base.own_files import MIB, FileBroken, Moment, Text, Whole, data_of, fitting, json_of, moment

NAME = "cells.jsonl"
LARGEST = 256 * MIB


def source_digest(source: str) -> str:
    """What stands for a cell's source; line ends at its end, which a kernel's history drops, are none of it."""
    return hashlib.sha256(source.rstrip("\n").encode("utf-8", "surrogatepass")).hexdigest()


def shape_digest(source: str) -> str:
    """What stands for a parameters cell whatever its values: names and types of what it assigns. "" for any other code."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return ""
    found = []
    for each in body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name) and isinstance(each.value, ast.Constant):
            found.append([each.target.id, ast.unparse(each.annotation)])
        else:
            return ""
    return source_digest(json.dumps(found)) if found else ""


@dataclass(frozen=True)
class Came:
    """One code cell of the notebook as it came: its id, the digest of its source, and for the parameters cell that of its shape."""

    cell: str
    source: str
    shape: str = ""


@dataclass(frozen=True)
class Execution:
    """One execution of a cell. `ended` is False where the record stops first: the run was sealed in it, or the kernel was gone."""

    count: int
    cell: str
    source: str
    ended: bool = True


@dataclass(frozen=True)
class CellRecord:
    """What a run says of its cells. `before`: executions of the same kernel before the run was opened, by count."""

    notebook: str
    compared_with: str
    came: tuple[Came, ...]
    before: Mapping[int, str]
    executions: tuple[Execution, ...]
    sealed_in: int | None
    until: dt.datetime


class CellLog:
    """Writes the record while the run is open; each line is on disk before the cell goes on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open = True

    def opened(self, notebook: str, compared_with: str, came: Iterable[Came], before: Mapping[int, str]) -> None:
        cells = [[each.cell, each.source, each.shape] for each in came]
        self._write(kind="opened", notebook=notebook, compared_with=compared_with, came=cells)
        for count, source in sorted(before.items()):
            self._write(kind="before", count=count, source=source)

    def began(self, count: int, cell: str, source: str) -> None:
        self._write(kind="began", count=count, cell=cell, source=source)

    def ended(self, count: int, *, success: bool) -> None:
        self._write(kind="ended", count=count, success=success)

    def close(self, count: int | None) -> None:
        """The run ends and is sealed in the cell with that count; nothing is written any more."""
        self._write(kind="sealed", count=count)
        self._open = False

    def _write(self, **line: object) -> None:
        if not self._open:
            return
        at = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**line, "at": at}, sort_keys=True) + "\n")
            file.flush()
            os.fsync(file.fileno())


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    at: Moment


class _Opened(_Line):
    kind: Literal["opened"]
    notebook: Text
    compared_with: Text
    came: list[tuple[Text, Text, Text]]


class _Ran(_Line):
    """An execution under its count, before the run was opened or within it."""

    count: Whole
    source: Text


class _Before(_Ran):
    kind: Literal["before"]


class _Began(_Ran):
    kind: Literal["began"]
    cell: Text


class _Ended(_Line):
    kind: Literal["ended"]
    count: Whole
    success: bool


class _Sealed(_Line):
    kind: Literal["sealed"]
    count: Whole | None


_LINE: TypeAdapter[Any] = TypeAdapter(Annotated[_Opened | _Before | _Began | _Ended | _Sealed, Discriminator("kind")])


def read_cells(path: Path) -> CellRecord:
    """The record of a run. A last line that was cut off by the kernel's end is left out. Raises FileBroken, FileNotFoundError."""
    whole = data_of(path, LARGEST).split(b"\n")[:-1]
    lines = [_line(number, each) for number, each in enumerate(whole, start=1)]
    head = next((each for each in lines if isinstance(each, _Opened)), None)
    if head is None:
        raise FileBroken("does not say which notebook was opened")
    ended = {each.count for each in lines if isinstance(each, _Ended)}
    return CellRecord(
        notebook=head.notebook,
        compared_with=head.compared_with,
        came=tuple(Came(*each) for each in head.came),
        before={each.count: each.source for each in lines if isinstance(each, _Before)},
        executions=tuple(
            Execution(each.count, each.cell, each.source, each.count in ended) for each in lines if isinstance(each, _Began)
        ),
        sealed_in=next((each.count for each in lines if isinstance(each, _Sealed)), None),
        until=max(moment(each.at) for each in lines),
    )


def _line(number: int, line: bytes) -> Any:
    try:
        return fitting(_LINE, json_of(line))
    except FileBroken as broken:
        raise FileBroken(f"line {number}: {broken}") from None
