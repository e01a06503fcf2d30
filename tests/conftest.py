"""Asserts in what tests share say what they compared, as those in test modules do; long proofs say how much they did."""

from collections import Counter
from typing import Any

import pytest

pytest.register_assert_rewrite("service_cases", "service_fakes", "service_properties", "schedules")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What tests counted (`record_property`): kills and schedules."""
    counts = Counter[str]()
    for report in terminalreporter.stats.get("passed", ()):
        for name, count in report.user_properties:
            counts[name] += count
    if counts:
        terminalreporter.write_line("proved: " + ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())))
