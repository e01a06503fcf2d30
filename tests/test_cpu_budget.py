"""The CPU budget: what is counted, what it is held against, and that a run over it fails."""

from pathlib import Path

import cpu_budget
import pytest
from cpu_budget import BEFORE, Budget, Judge

pytest_plugins = ("pytester",)
CONFTEST = f"""
import sys
sys.path.append({str(Path(cpu_budget.__file__).parent)!r})
import cpu_budget
from cpu_budget import pytest_addoption

def pytest_configure(config):
    cpu_budget.register(config)
"""
BURNING = '''
import subprocess, sys, time
import pytest

BURN = "import time\\nwhile time.process_time() < 0.2: pass"
SERVE = """
import sys, time
for line in sys.stdin:
    until = time.process_time() + 0.2
    while time.process_time() < until: pass
    print("done", flush=True)
"""

def test_in_this_process():
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass

def test_in_a_child():
    subprocess.run([sys.executable, "-I", "-S", "-c", BURN], check=True)

@pytest.fixture(scope="session")
def server():
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process

@pytest.mark.parametrize("turn", [1, 2])
def test_in_a_child_that_lives_on(server, turn):
    server.stdin.write(b"go\\n")
    server.stdin.flush()
    assert server.stdout.readline() == b"done\\n"
'''
ALONE, BY_WORKERS = (), ("-n", "2", "--max-worker-restart", "0")


@pytest.fixture
def budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> Path:
    """The budget file of an inner run, whose folder "dear" burns a fifth of a second here and as much in a child."""
    path = tmp_path / "budget.toml"
    monkeypatch.setattr(cpu_budget, "BUDGET", path)
    pytester.makeconftest(CONFTEST)
    pytester.mkdir("dear").joinpath("test_dear.py").write_text(BURNING)
    return path


@pytest.mark.parametrize(
    ("allowed", "how", "ended"),
    [(0, ALONE, pytest.ExitCode.TESTS_FAILED), (1000, BY_WORKERS, pytest.ExitCode.OK)],
    ids=["over, alone", "within, by two workers"],
)
def test_children_count_and_a_folder_over_its_budget_fails_the_run(
    allowed: int, how: tuple[str, ...], ended: pytest.ExitCode, budget: Path, pytester: pytest.Pytester
) -> None:
    Budget(cpu_budget.calibration(), {BEFORE: 1000, "dear": allowed}).write(budget)
    made = pytester.inline_run("--cpu", "-p", "no:cacheprovider", *how)
    assert made.ret == ended
    reports = made.getreports("pytest_runtest_logreport")
    spent = {report.nodeid.partition("::")[2]: report.cpu for report in reports if report.when == "call"}
    lives_on = {f"test_in_a_child_that_lives_on[{turn}]" for turn in (1, 2)}
    assert spent.keys() == {"test_in_this_process", "test_in_a_child", *lives_on}
    assert min(spent.values()) > 0.15


def test_a_run_without_the_option_is_not_judged(budget: Path, pytester: pytest.Pytester) -> None:
    Budget(1, {}).write(budget)
    pytester.path.joinpath("dear", "test_dear.py").write_text("def test_nothing(): pass\n")
    assert pytester.inline_run("-p", "no:cacheprovider").ret == pytest.ExitCode.OK


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """A run on a machine that is twice as slow as the budget's; a few calibrations were disturbed."""
    path = tmp_path / "budget.toml"
    Budget(0.1, {BEFORE: 9, "a": 6, "a/b": 2}).write(path)
    made = Judge(path, calibrations=[0.9, *[0.15, 0.25] * 5, 0.01], before=10)
    made.tests |= {"a/test_x.py::test_one[x::y]": 8, "a/test_y.py::test_two": 4, "a/b/test_z.py::test_three": 3}
    return made


def test_seconds_are_the_budgets_machines(judge: Judge) -> None:
    assert judge.scale == pytest.approx(2)
    assert judge.folders() == pytest.approx({BEFORE: 5, "a": 6, "a/b": 1.5})
    assert judge.over() == []


def test_a_folder_without_a_budget_counts_to_the_one_above(judge: Judge) -> None:
    judge.tests["a/b/c/test_new.py::test_four"] = 0.8
    assert judge.over() == []
    judge.tests["a/b/c/test_new.py::test_four"] = 1.6
    assert judge.over() == ["a/b: 2.3 CPU seconds, 2 are allowed"]


def test_what_is_over_is_named_and_so_is_a_folder_without_a_budget(judge: Judge) -> None:
    judge.tests |= {"a/b/test_z.py::test_three": 4.4, "c/test_new.py::test_four": 1}
    assert judge.over() == ["a/b: 2.2 CPU seconds, 2 are allowed", "c: 0.5 CPU seconds, 0 are allowed"]


def test_writing_leaves_folders_that_were_not_run(judge: Judge) -> None:
    del judge.tests["a/b/test_z.py::test_three"]
    judge.written()
    assert Budget.read(judge.path) == Budget(0.1, {BEFORE: 8, "a": 10, "a/b": 2})
