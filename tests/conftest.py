"""Asserts in what service tests share say what they compared; in CI no browser scenario goes missing unseen."""

import os
import sys
from pathlib import Path

import pytest

pytest.register_assert_rewrite("service_cases", "service_fakes", "service_properties", "schedules")

SCENARIOS = Path(__file__).parent / "browser" / "scenarios.txt"
"""How many browser scenarios there are at least."""
_RUN: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and "tests/browser/" in report.nodeid and not report.skipped:
        _RUN.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI, when all tests were asked for: say how many browser scenarios ran, and fail when some did not.

    Workers' reports reach the process that started them, which is where they are counted.
    """
    everything = session.config.args_source is pytest.Config.ArgsSource.TESTPATHS and not session.config.option.keyword
    if os.environ.get("CI") != "true" or not everything or hasattr(session.config, "workerinput"):
        return
    least = int(SCENARIOS.read_text(encoding="utf-8"))
    sys.stdout.write(f"\nBrowser scenarios run: {len(_RUN)} of at least {least}\n")
    if len(_RUN) < least and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
