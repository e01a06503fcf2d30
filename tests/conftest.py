"""What holds for every test: asserts of shared modules say what they compared, nothing is done again that shows nothing new.

In CI no browser scenario goes missing unseen; long proofs say how much they did.
"""

import functools
import gc
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import cpu_budget
import pytest
import quick
import quick_botocore
from cpu_budget import pytest_addoption  # noqa: F401 pytest finds hooks here
from sharing import longest_first, pytest_xdist_make_scheduler  # noqa: F401 pytest finds the hook here

from runbook_lib.base import notebook_format  # noqa: F401 before any test imports nbformat or papermill by itself
from runbook_lib.cli.surroundings import leads_somewhere
from runbook_lib.evidence.run import folder as run_folder
from runbook_lib.evidence.run import versions
from runbook_lib.rehearsal.world import World

quick_botocore.install()
pytest.register_assert_rewrite("service_cases", "service_fakes", "service_properties", "schedules")
MEMORY, ENOUGH = Path("/dev/shm"), 2 * 2**30
known_versions = functools.cache(versions.versions)
SCENARIOS = Path(__file__).parent / "browser" / "scenarios.txt"
"""How many browser scenarios there are at least."""
_RUN: list[str] = []
BEFORE = pytest.StashKey[dict[str, str]]()


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


def pytest_configure(config: pytest.Config) -> None:
    """Keep temporary files in memory where there is plenty: journals and seals wait for the disk at every line.

    A shell lets what it starts in the background ignore SIGINT, and so would the commands that tests interrupt.
    """
    config.stash[BEFORE] = leading_somewhere()
    cpu_budget.register(config)
    quick.register(config)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    chosen = config.option.basetemp or "PYTEST_DEBUG_TEMPROOT" in os.environ
    if not chosen and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ENOUGH:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before tests are chosen by their marks."""
    quick.mark_slow(items)
    longest_first(items)


def pytest_collection_finish() -> None:
    """What is imported and collected by now stays; the clients and worlds that tests make and forget need no walk through it.

    With CPython's own thresholds almost half of the time of the in-process tests goes into that.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def leading_somewhere() -> dict[str, str]:
    """What in the environment tells AWS clients where to go or as whom."""
    return {name: value for name, value in os.environ.items() if leads_somewhere(name)}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    """A file that leaves AWS's variables otherwise than it found them leads other files' tests astray: here it fails itself."""
    yield
    if nextitem is None or nextitem.path != item.path:
        found, before = leading_somewhere(), item.config.stash[BEFORE]
        names = sorted({name for name, _ in found.items() ^ before.items()})
        for name in names:
            os.environ.pop(name, None)
        os.environ.update(before)
        assert not names, f"{item.path.name} leaves {', '.join(names)} otherwise than it was"


@pytest.fixture(autouse=True)
def _versions_are_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git and the list of packages take a quarter of a second, and the tests make hundreds of runs."""
    monkeypatch.setattr(run_folder, "versions", known_versions)


@pytest.fixture(scope="session")
def seven_before(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], World]:
    """The seven accounts as they are before a phase ("90_coverage": at the end), each time another copy.

    The phases before it are applied once for all tests of this process.
    """
    from simulated import ENABLING, copied, simulated

    worlds: dict[str, World] = {}

    def before(phase: str) -> World:
        if not worlds:
            with pytest.MonkeyPatch.context() as patch:
                made = simulated("seven", tmp_path_factory.mktemp("seven"), patch)
                for each in ENABLING:
                    worlds[each] = copied(made.front.world)
                    assert made.enable([each])[0].report.ok
                worlds["90_coverage"] = copied(made.front.world)
        return copied(worlds[phase])

    return before


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What tests counted (`record_property`): kills and schedules."""
    counts = Counter[str]()
    for report in terminalreporter.stats.get("passed", ()):
        for name, count in report.user_properties:
            counts[name] += count
    if counts:
        terminalreporter.write_line("proved: " + ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())))
