"""The table of the protocol's rules names, for each, the test that punishes breaking it and the test that holds ours to it."""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

TESTS = Path(__file__).parents[1]
PEERS: list[dict[str, Any]] = YAML(typ="safe", pure=True).load((TESTS / "cases" / "stack-peers.yaml").read_text(encoding="utf-8"))
RULES: list[dict[str, Any]] = YAML(typ="safe", pure=True).load((TESTS / "cases" / "stack-rules.yaml").read_text(encoding="utf-8"))
PAGE = TESTS.parent / "runbook_lib" / "docs" / "stack.md"
SIMULATION = TESTS / "rehearsal" / "test_cloudformation.py"


def named_in(file: Path) -> set[str]:
    return set(re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_rule_is_held_by_tests_that_exist() -> None:
    assert len(RULES) == 21
    assert all(each.get("held") for each in RULES), "ours keeps every one"
    exist(RULES)


def test_every_fault_of_others_is_held_by_tests_that_exist() -> None:
    assert all(each.get("held") for each in PEERS), "ours does otherwise"
    assert len({each["fault"] for each in PEERS}) == len(PEERS) >= 15
    exist(PEERS)


def exist(rows: list[dict[str, Any]]) -> None:
    punishing = {name for each in rows for name in each.get("punished", ())}
    assert punishing - named_in(SIMULATION) == set()
    for each in rows:
        for named in each.get("held", ()):
            file, _, name = named.partition(".")
            assert name in named_in(TESTS / "stack" / f"{file}.py"), named


def test_the_page_has_every_rule_with_what_holds_it() -> None:
    assert table(RULES) in PAGE.read_text(encoding="utf-8"), f"write into {PAGE.name}:\n\n{table(RULES)}"


def table(rows: list[dict[str, Any]]) -> str:
    """The rules as the page has them: what breaks one, and what ours is held to it by."""
    lines = ["| | rule | breaking it is punished | ours keeps it |", "| --- | --- | --- | --- |"]
    for number, each in enumerate(rows, 1):
        cells = ("<br>".join(f"`{name}`" for name in each.get(key, ())) for key in ("punished", "held"))
        lines.append(f"| {number} | {each['rule']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def test_every_rule_but_one_is_broken_by_a_handler_and_punished() -> None:
    """An approval is ours: CloudFormation knows nothing of it."""
    assert [each["rule"] for each in RULES if not each.get("punished")] == ["an approval still binds"]
