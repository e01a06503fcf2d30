"""What AWS says about what settings and scope name, before any plan: as remarks, each at its place in the file. Pure values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from runbook_lib.base.documents import LONGEST_SAID, Path, Problem, dotted, short
from runbook_lib.base.errors import RunbookError

SCOPE = "scope"
"""First step of the path of a remark about the notebook's scope, which no file holds."""


class Severity(StrEnum):
    """CONTRADICTED refuses every plan. The others are told and hold up nothing here: plans have Blockers of their own."""

    CONTRADICTED = "in conflict with AWS"
    BLOCKED = "will be blocked"
    UNCHECKED = "not checked yet"
    NOTED = "to note"


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that settings or scope name, and what AWS says about it."""

    severity: Severity
    path: Path
    value: str
    message: str

    @property
    def problem(self) -> Problem:
        """The remark as a finding about the settings file."""
        return Problem(self.path, self.message, self.value)

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {short(self.value)}: {short(self.message, LONGEST_SAID)}"


def contradictions(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """Those with which no plan is made at all."""
    return tuple(remark for remark in remarks if remark.severity is Severity.CONTRADICTED)


class PreconditionsFailed(RunbookError):
    """Settings and organization contradict each other, or an earlier phase is not applied; nothing was called. Holds all."""

    advice = "Nothing was changed. Take the steps named, then run again."

    def __init__(self, findings: Sequence[str]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(self.findings))


class Contradicted(PreconditionsFailed):
    """Settings or scope name what AWS says is not so; `remarks` has all of it."""

    def __init__(self, remarks: Sequence[Remark]) -> None:
        self.remarks = tuple(remarks)
        super().__init__([str(remark) for remark in remarks])


def refuse(remarks: Sequence[Remark]) -> None:
    """Raise Contradicted where there is any remark."""
    if remarks:
        raise Contradicted(remarks)
