"""Plans and calls of every seed are what the golden files say: a change of the code's shape shows that it changes nothing else."""

from pathlib import Path

import pins
import pytest

LONG = {"fresh", "half-done", "govcloud", "region-deny"}
"""Organizations of which each part is pinned by another one as well."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.soak if name in LONG else ()) for name in pins.MADE])
def test_nothing_is_decided_or_called_otherwise(name: str, tmp_path: Path) -> None:
    found = pins.differences(name, pins.now(name, tmp_path))
    assert not found, "\n".join([f'{name} is not what it was. Each line in full: make pins ARGS="--show {name}"', *found])


def test_every_seed_has_a_golden_file_and_no_file_is_left_over() -> None:
    seeds = {path.stem for path in (pins.GOLDEN.parents[1] / "runbook_lib" / "rehearsal" / "seed_data").glob("*.yaml")}
    assert set(pins.SEEDS) == seeds
    assert {path.stem for path in pins.GOLDEN.glob("*.txt")} == set(pins.MADE)


def test_a_difference_says_where_it_stands() -> None:
    golden = (pins.GOLDEN / "seven.txt").read_text(encoding="utf-8")
    lines = golden.splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if "securityhub:CreateMembers" in line)
    assert pins.differences("seven", golden) == []
    found = pins.differences("seven", "".join(lines[:place] + lines[place + 1 :]))
    assert [
        line for line in found if line.startswith("-10_security_hub: actions: delegated 222222222222 securityhub:CreateMembers |")
    ]
