"""What the simulation leans on: nothing of the runbook, and of moto only four seams in one module."""

import ast
from pathlib import Path

import pytest

import runbook_lib.rehearsal

FOLDER = Path(runbook_lib.rehearsal.__file__).parent
MODULES = sorted(FOLDER.rglob("*.py"))


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(node.module or "")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_the_simulation_shares_nothing_with_the_runbook(path: Path) -> None:
    ours = {name for name in imported(path) if name.split(".")[0] == "runbook_lib"}
    shared = ("runbook_lib.rehearsal", "runbook_lib.base.documents", "runbook_lib.base.errors")  # they believe nothing about AWS
    assert {name for name in ours if not name.startswith(shared)} == set()


def test_one_module_knows_moto() -> None:
    knowing = {path.name for path in MODULES if any(name.split(".")[0] == "moto" for name in imported(path))}
    assert knowing == {"backstop.py", "moto_neighbours.py"}


def test_motos_seams_are_where_they_were_and_are_left_as_found() -> None:
    from moto import backends
    from moto.iam import models

    from runbook_lib.rehearsal.backstop import Backstop
    from runbook_lib.rehearsal.seeds import load

    before = (models.get_account_id_from, backends.list_of_moto_modules)
    world = load("seven")
    backstop = Backstop(lambda: world)
    assert models.get_account_id_from("AKIAUNKNOWN000000000") == "111111111111"
    assert "iam" in backends.list_of_moto_modules()
    backstop.close()
    assert (models.get_account_id_from, backends.list_of_moto_modules) == before
