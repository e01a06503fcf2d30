"""How tests are shared out over workers: file by file, the longest first."""

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

TESTS = Path(__file__).parents[1]
LONGEST = (
    "browser", "test_headless.py", "test_rehearse.py", "test_every_command.py", "notebooks",
    "test_traffic.py", "test_schedules.py", "test_killed.py",
    "test_seeds_outcomes.py", "test_cli.py", "test_known_faults.py", "test_inventory.py", "test_scope_and_limits.py",
)  # fmt: skip
"""Files and folders that take longest come first, so that no worker is left alone with one of them at the end."""
APART = ("test_killed.py", "test_seeds_outcomes.py", "test_preflight.py")
"""Files whose tests have nothing in common and may run in any worker; all others stay whole, for the sake of their fixtures."""


class ByFile(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Tests of one file go to the same worker, those of a few files to any, in the order of collection.

    Browser scenarios share a JupyterLab, and so a worker: those of the gate, which are half of all, one; the others another one.

    xdist's own marks of groups are lost on pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        if Path(file).parent.name == "browser":
            return file if Path(file).name == "test_gate.py" else "browser"
        return nodeid if Path(file).name in APART else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile | None:
    """For `--dist loadfile`; every other way is xdist's own."""
    if config.getvalue("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False
    return ByFile(config, log)


def longest_first(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.relative_to(TESTS).parts[0], len(LONGEST)))
