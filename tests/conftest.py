"""What holds for every test: asserts of shared modules say what they compared, and nothing is done again that shows nothing new."""

import functools
import gc
import os
import shutil
from pathlib import Path

import pytest

from runbook_lib.evidence import run_folder, versions

pytest.register_assert_rewrite("service_cases", "service_fakes", "service_properties", "schedules")
MEMORY, ENOUGH = Path("/dev/shm"), 2 * 2**30
known_versions = functools.cache(versions.versions)


def pytest_configure(config: pytest.Config) -> None:
    """Keep temporary files in memory where there is plenty: journals and seals wait for the disk at every line."""
    chosen = config.option.basetemp or "PYTEST_DEBUG_TEMPROOT" in os.environ
    if not chosen and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


def pytest_collection_finish() -> None:
    """What is imported and collected by now stays; the clients and worlds that tests make and forget need no walk through it.

    With CPython's own thresholds almost half of the time of the in-process tests goes into that.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(autouse=True)
def _versions_are_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git and the list of packages take a quarter of a second, and the tests make hundreds of runs."""
    monkeypatch.setattr(run_folder, "versions", known_versions)
