"""Whether coverage was looked at, and sealed, as often as was promised."""

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator

from runbook_lib.audit.verify_chain import merged
from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.seal.archive import Archive
from runbook_lib.evidence.seal.reading import Entry
from runbook_lib.evidence.seal.statement import stamp

_GOOD = frozenset({"done", "left-over"})


def cadence_faults(
    found: Archive, every: dt.timedelta, begin: dt.datetime | None, end: dt.datetime, mode: str = ""
) -> Iterator[Fault]:
    """Stretches of time in which a chain has no sealed run that read the whole coverage. `begin` None: from its first such run."""
    for chain, numbers in sorted(merged(found).items()):
        if mode and not chain.startswith(f"{mode}/"):
            continue
        seen = sorted(_times(each for claims in numbers.values() for each in claims))
        points = [*([begin] if begin else seen[:1]), *(time for time in seen if (begin or time) <= time <= end), end]
        for one, next_ in itertools.pairwise(points):
            if next_ - one > every:
                hours = (next_ - one) / dt.timedelta(hours=1)
                yield Fault(f"chain {chain}", Kind.CADENCE, f"between {stamp(one)} and {stamp(next_)} ({hours:.0f} hours)")
        if not seen and begin is None:
            yield Fault(f"chain {chain}", Kind.CADENCE, "at no time")


def _times(entries: Iterable[Entry]) -> Iterator[dt.datetime]:
    from runbook_lib.runbook.phases import COVERAGE  # noqa: PLC0415 the engine with it; most who verify do not ask how often

    for entry in entries:
        phase = entry.result.get("phases", {}).get(COVERAGE.name, {})
        if entry.kind == "run" and phase.get("status") in _GOOD:
            yield dt.datetime.fromisoformat(entry.finished or entry.when)
