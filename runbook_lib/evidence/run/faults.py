"""What can be wrong with evidence: one Fault per finding, one line per Fault."""

from dataclasses import dataclass
from enum import StrEnum

from runbook_lib.base.documents.characters import shown

LONGEST = 2000
"""Characters of a line about a fault."""


class Kind(StrEnum):
    """The kinds of faults, as verify prints them."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"
    RENAMED = "renamed"
    LINK = "link instead of file"
    BROKEN = "broken seal"
    WRONG_KEY = "wrong key"
    WRONG_ORDER = "wrong order"
    GAP = "gap"
    OTHER_RUN = "linked to another run"
    SECOND_CHAIN = "second chain"
    CUT_OFF = "cut-off end"
    NOT_SEALED = "not sealed"
    OPEN_START = "open start"
    UNREADABLE = "cannot be judged"
    JOURNAL = "journal defect"
    APPROVAL = "approval defect"
    OTHER_USER = "another user"
    EMERGENCY = "emergency without review"
    NOT_LOCKED = "not locked"
    CADENCE = "no sealed coverage run"
    EVENT_LATE = "event late"
    EVENT_MISSING = "event missing"
    EVENT_DIFFERS = "event differs"
    OTHERS_EVENT = "event of another run"
    NOT_JOURNALED = "call not in the journal"
    FOREIGN_CHANGE = "foreign change"
    SUMMARY = "summary differs"
    NO_PROOF = "missing proof"
    WITHHELD = "withheld"
    EARLIER = "as an earlier version left it"


NOTES = frozenset({Kind.WITHHELD, Kind.EARLIER})
"""What is said beside the faults: nobody did anything wrong, and a reader has to know."""


@dataclass(frozen=True, order=True)
class Fault:
    """One finding: where (a run, a place in it or in the chain), which kind, and what was seen."""

    where: str
    kind: Kind
    text: str

    def __str__(self) -> str:
        """One line, whatever is in the names that it quotes, and not for ever."""
        said = f"{self.kind}: {self.where}: {self.text}"
        return shown(said[:LONGEST]) + ("…" if len(said) > LONGEST else "")
