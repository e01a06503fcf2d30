"""`make quick` leaves out what is slow, and nothing else."""

import ast
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cpu_budget import Budget, Meter
from quick import TESTS, NotQuick, mark_slow, slow_by_name, slow_by_use

NAMED = sorted(slow_by_name())


def marked(node: str) -> bool:
    marks: list[str] = []
    item: Any = SimpleNamespace(nodeid=f"tests/{node}", path=TESTS / node.split("::", maxsplit=1)[0], add_marker=marks.append)
    mark_slow([item])
    return marks == ["slow"]


@pytest.mark.parametrize(
    ("node", "slow"),
    [
        ("browser/test_gate.py::test_anything", True),
        ("test_headless.py::TestSignals::test_anything[seven]", True),
        ("test_schedules.py::test_anything", True),
        ("test_killed.py::test_anything", True),
        ("test_plan.py::test_fingerprint_is_the_same_in_processes_with_other_hash_seeds", True),
        ("rehearsal/test_simulated_seeds.py::test_a_seed_is_the_same_in_every_process[seven]", True),
        ("test_plan.py::test_anything", False),
        ("rehearsal/test_simulated_seeds.py::test_anything[seven]", False),
    ],
)
def test_a_test_is_slow_by_what_its_file_uses_or_by_its_name(node: str, slow: bool) -> None:
    assert marked(node) == slow


@pytest.mark.parametrize("name", NAMED)
def test_what_is_named_as_slow_is_there_and_is_not_slow_anyway(name: str) -> None:
    file, _, test = name.partition("::")
    path = TESTS / file
    assert not slow_by_use(path), "slow by what it uses; take it out of slow.txt"
    assert not test or file not in NAMED, "the whole file is named"
    names = set[str]()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
    assert not test or test in names


def test_the_names_are_in_order_and_there_once() -> None:
    lines = [line for line in (TESTS / "slow.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert lines == NAMED


@pytest.mark.parametrize("line", ["from doors import served", "import lab_server", "    from doors import served"])
def test_a_new_file_that_starts_processes_is_slow(tmp_path: Path, line: str) -> None:
    file = tmp_path / "test_new.py"
    file.write_text(f'"""New."""\n\n{line}\n', encoding="utf-8")
    assert slow_by_use(file)


def test_a_quick_test_that_took_long_is_named_with_what_to_do(tmp_path: Path) -> None:
    """Seconds are those of the machine of the budget, which is twice as fast as this one."""
    budget = tmp_path / "budget.toml"
    Budget(0.1, {}).write(budget)
    judge = NotQuick(budget, calibrations=[0.2])
    judge.tests |= {"tests/test_a.py::test_b": 4.5, "tests/test_a.py::test_c": 3.9}
    assert judge.said() == ["tests/test_a.py::test_b took 2.2 CPU seconds; name it in tests/slow.txt"]


def test_where_many_together_take_more_than_a_minute_the_dearest_files_are_named(tmp_path: Path) -> None:
    judge = NotQuick(
        tmp_path / "none.toml", tests=defaultdict(float, {f"tests/test_a.py::test_{number}": 1.5 for number in range(60)})
    )
    assert judge.said() == []
    judge.tests |= {f"tests/test_b.py::test_{number}": 1.0 for number in range(20)}
    assert judge.said() == [
        "All took 110 CPU seconds, 100 is a minute of two cores; the dearest files: tests/test_a.py (90), tests/test_b.py (20)"
    ]


def test_what_measures_can_be_a_plugin_where_folders_have_conftests_of_their_own(tmp_path: Path) -> None:
    """Pytest keeps plugins in sets there."""
    assert len({Meter(), Meter(), NotQuick(tmp_path), NotQuick(tmp_path)}) == 4
