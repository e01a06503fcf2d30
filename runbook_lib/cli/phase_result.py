"""How one execution of one notebook ended, and how that is said."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook_lib.evidence.run.folder import EXIT_CODES, PhaseFolder, RunStatus
from runbook_lib.plan.estimate import Reads, span
from runbook_lib.runbook.phases import Phase


@dataclass(frozen=True)
class PhaseResult:
    """How one execution of one notebook ended."""

    phase: Phase
    folder: PhaseFolder
    status: RunStatus
    counts: Mapping[str, int]
    error: str
    planned: bool = False
    """Whether this execution had no approval and so could only plan."""
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()
    """What AWS says of the settings that holds up nothing."""
    later: tuple[str, ...] = ()
    """What this execution left to the next plan, each with its reason."""
    coming_back: tuple[str, ...] = ()
    """How what it took away comes back."""
    costs: str = ""
    """What its plan may cost, in words; empty where none was made."""
    reads: Reads = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.status]

    @property
    def words(self) -> str:
        """How it ended, with every count that is not zero, and the number of calls where it is: nothing to do is worth saying."""
        own = [(name, said) for name, said in COUNTED if not (self.planned and name in OF_APPLY)]
        counted = [f"{self.counts[name]:,} {said}" for name, said in own if self.counts.get(name)]
        if self.counts.get("actions") == 0:
            counted.insert(0, "0 calls to make")
        ended = "planned" if self.planned and self.exit_code != 1 else self.status.value
        took = f"; took {span(self.seconds)}"
        said = [
            *self.coming_back,
            *(f"left to the next plan: {each}" for each in self.later),
            *([self.error] if self.error else []),
        ]
        return "\n  ".join((f"{ended}: {', '.join(counted) or 'nothing counted'}{took}", *said))


COUNTED = (
    ("actions", "calls to make"),
    ("blockers", "blockers"),
    ("applied", "changes applied"),
    ("already so", "already so"),
    ("failed", "failed"),
    ("not attempted", "not attempted"),
    ("covered", "covered"),
    ("gap", "gaps"),
    ("unknown", "unknown"),
    ("excluded", "excluded"),
    ("not applicable", "not applicable"),
)


OF_APPLY = ("applied", "already so", "failed", "not attempted")
"""Counts that an execution which only plans finds from the wave before."""
