"""What IPython has of the user's or the site's own settings, kept out of what a notebook needs: names, the debugger, await."""

import ast
from collections.abc import Iterable, Iterator
from typing import Any, TypeGuard

OPENERS = ("open_phase", "open_stack", "open_first_live_run", "open_start")
"""The functions by which notebooks are opened."""


def settle(shell: Any, *, headless: bool) -> None:
    """Make the shell one in which our cells end as they must, whatever its configuration says.

    Headless nobody is there to debug: ipykernel never answers a failing async cell under pdb, and a pipeline would wait for ever.
    """
    shell.autoawait = True
    if headless:
        shell.call_pdb = False


def assigned_before_opening(shell: Any) -> list[str]:
    """Names that cells assigned before the one that opens the notebook: its parameters, and whatever else papermill injected.

    What IPython's start-up left behind (exec_lines, start-up files, extensions) is no cell's, and nobody's mistyped parameter.
    """
    return list(dict.fromkeys(_assigned(shell.history_manager.input_hist_parsed)))


def _assigned(cells: Iterable[str]) -> Iterator[str]:
    for source in cells:
        try:
            tree = ast.parse(source)
        except SyntaxError:
            continue  # it assigned nothing
        if any(
            isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in OPENERS for each in ast.walk(tree)
        ):
            return
        for statement in tree.body:
            if isinstance(statement, ast.Assign | ast.AnnAssign):
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                yield from (each.id for target in targets for each in ast.walk(target) if _stored(each))


def _stored(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
