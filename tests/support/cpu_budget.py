"""CPU seconds that tests take: what each folder may take stands in cpu-budget.toml, and a run that takes more fails.

    pytest --cpu          judge the run, and name the dearest tests (make test does)
    pytest --cpu-write    write what the folders that were run take, with some room, into cpu-budget.toml

`make test` does the one, and with ARGS=--cpu-write the other.

Counted are this process, its threads and its children, living and ended. Seconds of a slow or busy machine are made comparable
by a fixed piece of work that is done again and again beside the tests: the budget is in seconds of the machine on which that takes
what cpu-budget.toml says. What goes before tests (importing, collecting) is counted on its own: every worker does it.
"""

import ast
import hashlib
import json
import math
import os
import resource
import statistics
import time
import tomllib
from collections import defaultdict
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

BUDGET = Path(__file__).parents[1] / "cpu-budget.toml"
BEFORE = "importing and collecting"
"""Stands for a folder."""
EVERY, FIRST, DEAREST, SLOW = 5.0, 3, 10, 2.0
"""CPU seconds between two calibrations; how many come first; tests that are named; seconds from which a test is no quick one."""
TICKS = os.sysconf("SC_CLK_TCK")
ROOM = 1.6
"""How much more than was measured a folder may take."""
HEAD = """\
# CPU seconds that the tests of each folder may take in `make test`, and what one calibration takes there (cpu_budget.py).
# The calibration beside the tests makes up for a slow machine, not for all of a busy one: two threads on one core, and pages and
# processes that wait longer and look more often meanwhile, cost up to half as much again. So the room is more than that: a run is
# red for what doubled, not for its neighbours.
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("CPU budget")
    group.addoption("--cpu", action="store_true", help="fail when a folder's tests take more CPU seconds than cpu-budget.toml says")
    group.addoption("--cpu-write", action="store_true", help="write what the folders that were run take into cpu-budget.toml")


def register(config: pytest.Config) -> None:
    """Measure in this process what is run here, and judge where the reports of all workers arrive."""
    if config.option.cpu or config.option.cpu_write:
        config.pluginmanager.register(Meter(), "cpu-meter")
        if not hasattr(config, "workerinput"):
            config.pluginmanager.register(Judge(BUDGET, write=config.option.cpu_write), "cpu-judge")


def spent() -> float:
    """CPU seconds of this process and of all its children: those that have ended, and (where /proc tells) those that live."""
    ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in ended) + sum(map(_of_living, _children(os.getpid())))


def _children(process: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            with suppress(OSError):
                found += map(int, (thread / "children").read_text(encoding="ascii").split())
    return found


def _of_living(process: int) -> float:
    """Seconds of a living process, of its children that have ended, and of those that live."""
    try:
        after_name = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, after_name[11:15])) / TICKS + sum(map(_of_living, _children(process)))


def calibration() -> float:
    """CPU seconds of a fixed piece of work of the tests' own kind: objects, texts, syntax trees, digests."""
    begun = time.thread_time()
    rows: list[dict[str, Any]] = [{"account": f"{number:012}", "regions": [f"r-{number % 17}"] * 3} for number in range(4000)]
    for _ in range(2):
        text = json.dumps(rows, sort_keys=True)
        rows = sorted(json.loads(text), key=lambda row: hashlib.sha256(row["account"].encode()).digest())
        ast.parse("".join(f"name_{number} = [each for each in range({number})]\n" for number in range(300)))
    return time.thread_time() - begun


@dataclass(eq=False)
class Meter:
    """Gives every report the CPU seconds of its part of the test: setting up, calling, tearing down."""

    calibrations: list[float] = field(default_factory=list)
    tests: float = 0.0
    """Seconds of all tests so far, calibrations apart."""
    before: float = 0.0
    """Seconds until the first test. What comes later and is no test's is not told by the end: a child that nobody waited for took
    what it had spent with it."""
    _mark: float = 0.0
    _next: float = 0.0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        if self.tests >= self._next:
            self.before = self.before or spent()
            self.calibrations += [calibration() for _ in range(1 if self.calibrations else FIRST)]
            self._next = self.tests + EVERY
        self._mark = spent()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, Any, Any]:
        report = yield
        now = spent()
        # Of a child that nobody waited for, what it took is gone with it.
        report.cpu, self._mark = max(now - self._mark, 0.0), now
        self.tests += report.cpu
        return report

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A worker tells the process that started it."""
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["cpu"] = self.told()

    def told(self) -> dict[str, Any]:
        return {"calibrations": self.calibrations, "before": self.before}


@dataclass
class Budget:
    """What cpu-budget.toml says: seconds of one calibration, and of each folder's tests."""

    calibration: float = 0.0
    folders: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Budget":
        return cls(**tomllib.loads(path.read_text(encoding="utf-8"))) if path.exists() else cls()

    def write(self, path: Path) -> None:
        lines = [f'"{folder}" = {seconds:g}' for folder, seconds in sorted(self.folders.items())]
        path.write_text(f"{HEAD}calibration = {self.calibration:.4f}\n\n[folders]\n" + "\n".join(lines) + "\n", encoding="utf-8")


@dataclass(eq=False)
class Judge:
    """Gathers what all workers measured, and holds it against the budget."""

    path: Path
    write: bool = False
    tests: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Seconds by test, as measured."""
    calibrations: list[float] = field(default_factory=list)
    before: float = 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.tests[report.nodeid] += getattr(report, "cpu", 0.0)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Xdist's: a worker has ended."""
        self._take(getattr(node, "workeroutput", {}).get("cpu", {}))

    def _take(self, told: Mapping[str, Any]) -> None:
        self.calibrations += told.get("calibrations", ())
        self.before += told.get("before", 0.0)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        meter: Meter | None = session.config.pluginmanager.get_plugin("cpu-meter")
        if meter is not None and meter.tests:
            self._take(meter.told())
        if self.write:
            self.written()
        elif self.over() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @property
    def scale(self) -> float:
        """How many times slower this machine is now than the one of the budget."""
        said = Budget.read(self.path).calibration
        return self.calibrated / said if self.calibrations and said else 1.0

    @property
    def calibrated(self) -> float:
        """What one calibration took here, on the average, without the quarter that took least and the quarter that took most.

        Of a short run's three or four, one may have been disturbed.
        """
        ordered = sorted(self.calibrations)
        apart = max(len(ordered) // 4, int(len(ordered) > 2))
        return statistics.mean(ordered[apart : len(ordered) - apart])

    def folders(self) -> dict[str, float]:
        """Seconds by folder, on the machine of the budget."""
        found = defaultdict[str, float](float, {BEFORE: self.before})
        for test, seconds in self.tests.items():
            found[Path(test.partition("::")[0]).parent.as_posix()] += seconds
        return {folder: seconds / self.scale for folder, seconds in found.items()}

    def over(self) -> list[str]:
        """The folders that take more than they may, in sentences. What the budget does not name counts to the folder above."""
        allowed, taken = Budget.read(self.path).folders, defaultdict[str, float](float)
        for folder, seconds in self.folders().items():
            above = (each.as_posix() for each in (Path(folder), *Path(folder).parents))
            taken[next((each for each in above if each in allowed), folder)] += seconds
        return [
            f"{folder}: {seconds:.1f} CPU seconds, {allowed.get(folder, 0):g} are allowed"
            for folder, seconds in sorted(taken.items())
            if seconds > allowed.get(folder, 0) + 0.1
        ]

    def written(self) -> None:
        """What was measured, with some room, in place of what was there for these folders."""
        budget = Budget.read(self.path)
        found = {folder: float(math.ceil(round(seconds * ROOM, 3))) for folder, seconds in self.folders().items()}
        budget.calibration = budget.calibration or self.calibrated
        budget.folders |= found
        budget.write(self.path)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        seconds, scale = sum(self.tests.values()) + self.before, self.scale
        allowed = sum(Budget.read(self.path).folders.values())
        slow = sum(each / scale > SLOW for each in self.tests.values())
        terminalreporter.section("CPU")
        terminalreporter.write_line(
            f"{seconds / scale:.0f} of {allowed:g} CPU seconds ({seconds:.0f} on this machine, which is now {scale:.2f} times as "
            f"slow as the budget's), {self.before / scale:.0f} of them {BEFORE}; {slow} tests take more than {SLOW:g}. The dearest:"
        )
        for test, each in sorted(self.tests.items(), key=lambda pair: -pair[1])[:DEAREST]:
            terminalreporter.write_line(f"{each / scale:8.1f}  {test}")
        for line in [] if self.write else self.over():
            terminalreporter.write_line(f"over budget: {line}", red=True)
