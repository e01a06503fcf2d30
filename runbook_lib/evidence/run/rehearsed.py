"""In which run a phase was rehearsed, as a change board asks: the latest beside this run that applied it."""

import re
from pathlib import Path

from runbook_lib.base.moments import moment_words
from runbook_lib.evidence.run.folder import RunFolder, RunFolderError, find_runs

_DIGEST = re.compile(r'^"settings_digest": "([0-9a-f]{64})"', re.MULTILINE)
NEVER = "no run beside this one rehearsed it"


def rehearsed_words(run: RunFolder, phase: str, settings_digest: str) -> str:
    """Which rehearsal, when, how it ended, and whether it was of the same settings; a run is no rehearsal of itself."""
    for each in reversed(find_runs(run.path.parent)):
        if each.name != run.name and (said := _words(each, phase, settings_digest)):
            return said
    return NEVER


def _words(run: RunFolder, phase: str, settings_digest: str) -> str:
    """Of one run; "" where it is none, or cannot be read."""
    try:
        record = run.record()
    except RunFolderError:
        return ""
    said = record["phases"].get(phase, {})
    results = said.get("results", {})
    if record["mode"] != "rehearsal" or results.get("state") != "applied":
        return ""
    same = "the same settings" if _digest(run.path / phase / "plan.json") == settings_digest else "other settings than these"
    counts = ", ".join(f"{results[name]:,} {name}" for name in ("applied", "failed") if isinstance(results.get(name), int))
    return f"{run.name}, {moment_words(record['started'])}: {said.get('status', '')} ({counts}); of {same}"


def _digest(plan: Path) -> str:
    try:
        found = _DIGEST.search(plan.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return ""
    return found.group(1) if found else ""
