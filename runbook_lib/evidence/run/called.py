"""What the journal of a phase says was called: the counts that its summary in run.json is made of, and is held against."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from runbook_lib.apply.journal import JournalBroken, complete_lines
from runbook_lib.plan.outcome import Verdict

JOURNAL = "journal.jsonl"
"""In the folder of a phase."""
CALLS = "calls"
"""In a phase's results: attempts that its journal announces. Versions before did not count them."""
NOTHING_CALLED = "not attempted"
"""The state of a phase that had no approval."""
OPEN = "not settled"
_FINAL = (Verdict.APPLIED, Verdict.ALREADY_SO, Verdict.FAILED)


def called(journal: Path) -> dict[str, int | str]:
    """How many calls a journal, which need not be there, announces, and where there are any what became of their units.

    By the last answer to each: a unit whose last answer was not final, or never came, is not settled. A journal that does not
    hold is said to be broken.
    """
    try:
        lines = complete_lines(journal)
    except FileNotFoundError:
        return {CALLS: 0}
    except JournalBroken as broken:
        return {"journal": str(broken).removeprefix(f"{journal.parent}/")}
    if not (calls := count(lines)):
        return {CALLS: 0}
    counts = Counter(_verdicts(lines).values())
    return {CALLS: calls, **{name: counts[name] for name in (*map(str, _FINAL), OPEN)}}


def count(lines: Iterable[Mapping[str, Any]]) -> int:
    """Attempts among the lines of a journal."""
    return sum(line["kind"] == "intent" for line in lines)


def _verdicts(lines: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    found = dict[tuple[str, str], str]()
    for line in lines:
        if line["kind"] == "intent":
            found |= {(line["unit"], target): OPEN for target in line["target_accounts"] or ("",)}
        for each in line.get("outcomes", ()):
            found[line["unit"], each["account"]] = each["verdict"] if each["verdict"] in _FINAL else OPEN
    return found
