"""Which tests `make quick` leaves out, and what it says of those that ought to be.

Most of it follows from what a test file uses, so that new tests are slow without anybody's marking them: browsers, whole processes
(kernels, commands, servers) and schedules of faults. What else takes more than a CPU second is named in slow.txt or marked
`slow` where it stands. At its end `make quick` names tests that took more than two and are neither, and the dearest files where all
together took more than a minute.
"""

import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cpu_budget import BUDGET, SLOW, Judge, Meter

TESTS = Path(__file__).parents[1]
TOGETHER = 100.0
"""CPU seconds of all quick tests: with importing and collecting in each worker a minute of two cores."""
_USES = re.compile(r"^\s*(?:from|import) (?:doors|lab_server|schedules)\b", re.MULTILINE)


def slow_by_name() -> frozenset[str]:
    """The files and tests that slow.txt names."""
    lines = (TESTS / "slow.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


@cache
def slow_by_use(file: Path) -> bool:
    """Whether all tests of a file are slow, for what it drives."""
    return file.is_relative_to(TESTS / "browser") or bool(_USES.search(file.read_text(encoding="utf-8")))


def mark_slow(items: list[pytest.Item]) -> None:
    names = slow_by_name()
    for item in items:
        file = item.path.relative_to(TESTS).as_posix()
        test = f"{file}::{item.nodeid.split('::', 1)[-1].split('[')[0]}"
        if file in names or test in names or slow_by_use(item.path):
            item.add_marker("slow")


class NotQuick(Judge):
    """Gathers what the tests of all workers took, and says which were not quick; nothing fails for it."""

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        meter: Meter | None = session.config.pluginmanager.get_plugin("cpu-meter")
        if meter is not None and meter.tests:
            self._take(meter.told())

    def said(self) -> list[str]:
        took = sorted(((seconds / self.scale, test) for test, seconds in self.tests.items()), reverse=True)
        said = [f"{test} took {seconds:.1f} CPU seconds; name it in tests/slow.txt" for seconds, test in took if seconds > SLOW]
        if (total := sum(seconds for seconds, _ in took)) > TOGETHER:
            files = defaultdict[str, float](float)
            for seconds, test in took:
                files[test.partition("::")[0]] += seconds
            most = sorted(files.items(), key=lambda pair: -pair[1])[:5]
            dearest = ", ".join(f"{file} ({seconds:.0f})" for file, seconds in most)
            said.append(f"All took {total:.0f} CPU seconds, {TOGETHER:g} is a minute of two cores; the dearest files: {dearest}")
        return said

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for line in self.said():
            terminalreporter.write_line(line)


def register(config: pytest.Config) -> None:
    """Measure what is run as quick."""
    if "not slow" not in config.option.markexpr or config.pluginmanager.has_plugin("cpu-meter"):
        return
    config.pluginmanager.register(Meter(), "cpu-meter")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(NotQuick(BUDGET), "not-quick")
