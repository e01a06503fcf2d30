"""A notebook's cells in this process, one after the other as papermill has them run, without the seconds that a kernel takes."""

import ast
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import loops
import pytest
from doors import ROOT, Served

from runbook_lib.base.notebook_format import nbformat
from runbook_lib.evidence.run.folder import RunFolder, find_runs
from runbook_lib.notebook import Halt


def latest(served: Served, phase: str) -> RunFolder:
    """The newest run of a phase."""
    return [run for run in find_runs(served.runs) if phase in run.record()["phases"]][-1]


@dataclass
class Executed:
    """What each cell showed, by the last call in it ("card" of `run.card()`), as far as the notebook came."""

    shown: dict[str, str] = field(default_factory=dict)
    halted: str = ""
    """What the cell said that ended it, in which case it is the last of `shown`."""


def in_process(served: Served, phase: str, more: Mapping[str, str] | None = None, /, **parameters: str) -> Executed:
    """The cells of a phase's notebook on a served organization, without papermill."""
    given = {"parameters_file": str(served.settings), **parameters}
    return executed(ROOT / "notebooks" / f"{phase}.ipynb", {**served.environment, **(more or {})}, **given)


def executed(notebook: Path, environment: Mapping[str, str], **parameters: str) -> Executed:
    """Run the code cells with these parameters. Only what a notebook says itself ends it; any other exception is the test's."""
    document = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call] # nbformat has no types
    names: dict[str, Any] = {}
    found, umask = Executed(), os.umask(0o022)
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            for cell in document.cells:
                if cell.cell_type == "code":
                    found.shown[_call(cell.source)] = repr(_run(cell.source, names))
                if "parameters" in cell.metadata.get("tags", ()):
                    names |= parameters
        except Halt as halt:
            found.halted = found.shown[_call(cell.source)] = str(halt)
        finally:
            os.umask(umask)
    return found


def _call(source: str) -> str:
    """The name of the last thing that a cell calls; empty where it calls nothing."""
    calls = [node for node in ast.walk(ast.parse(source).body[-1]) if isinstance(node, ast.Call)]
    return ast.unparse(calls[0].func).rpartition(".")[2] if calls else ""


def _run(source: str, names: dict[str, Any]) -> Any:
    """The value of a cell's last expression, if it ends with one."""
    body = ast.parse(source).body
    last = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "cell", "exec"), names)  # the project's own notebooks
    if not isinstance(last, ast.Expr):
        return None
    if isinstance(last.value, ast.Await):
        return loops.run(_awaited(eval(_expression(last.value.value), names)))  # as above
    return eval(_expression(last.value), names)  # as above


def _expression(node: ast.expr) -> Any:
    return compile(ast.Expression(node), "cell", "eval")


async def _awaited(value: Any) -> Any:
    return await value
