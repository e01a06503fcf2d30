"""The bench on which stages are run."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from staged import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    before = threading.active_count()
    yield Bench(tmp_path / "journal.jsonl")
    assert threading.active_count() == before, "a worker was left behind"
