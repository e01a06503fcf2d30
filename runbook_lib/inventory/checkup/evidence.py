"""Where the evidence of live runs goes: its key, its store, whether another run is open. Nothing is written."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from runbook_lib.evidence.seal.chain import ChainBroken, StoreFailed, chain_name
from runbook_lib.evidence.seal.keys import KeyProblem
from runbook_lib.evidence.seal.sealing import NotSealed
from runbook_lib.evidence.store.desk import desk_for
from runbook_lib.evidence.store.start import open_starts
from runbook_lib.inventory.checkup import Finding, Verdict
from runbook_lib.settings import Settings

AREA = "evidence"
STEP = "Nothing is applied live without it: runbook_lib/docs/evidence.md says what key and store need."


def finding(runs: Path, settings: Settings, environment: Mapping[str, str]) -> Finding:
    """Whether a live run could begin and be sealed."""
    if settings.mode != "live":
        return Finding(AREA, Verdict.PASS, "a rehearsal seals with a key of its own, on this machine")
    chain = chain_name(settings.mode, settings.organization.id)
    try:
        with ExitStack() as resources:
            desk = desk_for(runs, settings, environment, resources)
            numbers, busy = desk.store.numbers(chain), open_starts(desk.store, chain)
    except (NotSealed, StoreFailed, ChainBroken, KeyProblem) as problem:
        return Finding(AREA, Verdict.FAIL, str(problem), STEP)
    if busy:
        run = next(iter(busy))
        return Finding(
            AREA,
            Verdict.FAIL,
            f"run {run} has begun and not ended, and no other run is let in meanwhile",
            f"Wait for it, or seal it where it ran: runbook evidence seal {run}",
        )
    return Finding(AREA, Verdict.PASS, f"key and store can be read; chain {chain} has {len(numbers):,} records")
