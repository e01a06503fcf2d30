"""The summary of a run's phases held against their journals: a run does not say of itself what its own journal contradicts."""

from collections.abc import Iterator

from runbook_lib.base.text import counted
from runbook_lib.evidence.run.called import CALLS, NOTHING_CALLED, count
from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.run.phase_evidence import PhaseEvidence
from runbook_lib.evidence.seal.reading import Entry


def summary_faults(phase: PhaseEvidence, seal: Entry) -> Iterator[Fault]:
    """Where run.json, as it was sealed, counts other calls than the journal, or says that none were made.

    Versions that did not count them left the results of the plan where an apply was cut off: of theirs that is a note.
    """
    if phase.broken:
        return  # a fault of its own
    said = seal.result.get("phases", {}).get(phase.path.name, {})
    made, told = count(phase.lines), said.get(CALLS)
    text = f"run.json says that nothing was attempted, and the journal has {counted(made, 'call')}"
    if told is None and made and said.get("state") == NOTHING_CALLED:
        yield Fault(phase.where, Kind.EARLIER, f"{text}; its command was cut off, and the journal is what holds")
    elif told is not None and told != made:
        yield Fault(phase.where, Kind.SUMMARY, f"run.json counts {told} calls, the journal has {made}")
    elif told and said.get("state") == NOTHING_CALLED:
        yield Fault(phase.where, Kind.SUMMARY, text)
