"""What holds for every test: asserts of shared modules say what they compared, and collecting garbage is no test's work."""

import gc

import pytest

pytest.register_assert_rewrite("service_cases", "service_fakes", "service_properties", "schedules")


def pytest_collection_finish() -> None:
    """What is imported and collected by now stays; the clients and worlds that tests make and forget need no walk through it.

    With CPython's own thresholds almost half of the time of the in-process tests goes into that.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
